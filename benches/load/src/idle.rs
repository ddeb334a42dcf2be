//! `load idle`: clients that stay and answer pings, until standard input closes or a signal ends the program.
//!
//! Measures the memory of the server per client. With `--receive` it prints deliveries per second and their latency,
//! taken from the first number in an event that reads as milliseconds since 1970: for the demo.

use std::{
    io::Read as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    client::{Work, send},
    options::Options,
    process::Processes,
    report::{Report, percentile},
    swarm::{Ramp, Swarm},
};

/// 2020 to 2100: thirteen digits that are a time and hardly anything else.
const PLAUSIBLE: std::ops::Range<u64> = 1_577_836_800_000..4_102_444_800_000;

/// What held clients get.
#[derive(Default)]
struct Held {
    /// Sent by each client when it is in, an Engine.IO packet; empty: nothing.
    hello: String,
    deliveries: u64,
    millis: Vec<u32>,
    is_timed: bool,
}

impl Work for Held {
    fn handle_packet(&mut self, _: usize, _: Instant, packet: &[u8], _: &mut Vec<u8>) -> Result<(), String> {
        self.deliveries += 1;
        if let Some(sent) = self.is_timed.then(|| stamp(packet)).flatten() {
            self.millis.push(now_millis().saturating_sub(sent) as u32);
        }
        Ok(())
    }

    fn handle_joined(&mut self, _: usize, _: Duration, out: &mut Vec<u8>) {
        if !self.hello.is_empty() {
            send(&self.hello, out);
        }
    }
}

fn now_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

/// The first run of digits that reads as milliseconds since 1970.
fn stamp(packet: &[u8]) -> Option<u64> {
    packet.split(|byte| !byte.is_ascii_digit()).filter(|digits| digits.len() == 13).find_map(|digits| {
        let time = digits.iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0'));
        PLAUSIBLE.contains(&time).then_some(time)
    })
}

/// Runs the command; prints its report itself, since it then stays.
///
/// # Errors
/// Wrong options, or a client that fails.
pub fn run(options: &mut Options) -> Result<(), String> {
    let clients = options.take("clients", 2_000_usize)?;
    let settle = Duration::from_secs_f64(options.take("settle", 2.0)?);
    let stay = Duration::from_secs_f64(options.take("seconds", 0.0)?);
    let event: String = options.take("emit", String::new())?;
    let (receive, json) = (options.take_flag("receive"), options.take_flag("json"));
    let processes = options.take_processes()?;
    let mut swarm = Swarm::new(Ramp::take(options)?).map_err(|error| error.to_string())?;
    let hello = if event.is_empty() { event } else { format!("42{event}") };
    let mut held = Held { hello, is_timed: receive, ..Held::default() };

    let (start, mut report) = (Instant::now(), Report::new("idle"));
    // What a server sets up once, with its first clients, is not theirs.
    let first = if processes.memory().is_some() { clients.div_ceil(10) } else { 0 };
    swarm.open(first, &mut held)?;
    let before = measured(&processes, &mut swarm, &mut held, settle)?;
    swarm.open(clients, &mut held)?;
    report.add("clients", clients);
    report.add("seconds", start.elapsed().as_secs_f64());
    let after = measured(&processes, &mut swarm, &mut held, settle)?;
    if let Some((before, after)) = before.zip(after) {
        let grown = after as f64 - before as f64;
        report.add("kib_per_client", grown / 1024.0 / (clients - first).max(1) as f64);
        report.add("server_mib", after as f64 / 1024.0 / 1024.0);
    }
    println!("{}", if json { report.json() } else { report.line() });
    hold(&mut swarm, &mut held, stay, receive)
}

/// The server's memory after a rest; `None` when no process is named.
fn measured(
    processes: &Processes,
    swarm: &mut Swarm,
    held: &mut Held,
    settle: Duration,
) -> Result<Option<u64>, String> {
    if processes.0.is_empty() {
        return Ok(None);
    }
    swarm.rest(settle, held)?;
    processes.memory().map(Some).ok_or_else(|| format!("the memory of {:?} cannot be read", processes.0))
}

fn hold(swarm: &mut Swarm, held: &mut Held, stay: Duration, receive: bool) -> Result<(), String> {
    let (closed, start) = (stdin_closed(), Instant::now());
    while !closed.load(Ordering::Relaxed) || start.elapsed() < stay {
        (held.deliveries, held.millis) = (0, Vec::new());
        let second = Instant::now();
        while second.elapsed() < Duration::from_secs(1) && !closed.load(Ordering::Relaxed) {
            swarm.rest(Duration::from_millis(50), held)?;
        }
        if closed.load(Ordering::Relaxed) && start.elapsed() < stay {
            swarm.rest(Duration::from_millis(950), held)?;
        }
        if receive {
            held.millis.sort_unstable();
            let [p50, p99] = [0.5, 0.99].map(|part| percentile(&held.millis, part).unwrap_or(0));
            let rate = held.deliveries as f64 / second.elapsed().as_secs_f64();
            println!("deliveries/s {rate:.0}  latency p50 {p50} ms  p99 {p99} ms");
        }
    }
    Ok(())
}

/// Set when standard input has come to its end.
fn stdin_closed() -> Arc<AtomicBool> {
    let closed = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&closed);
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        while std::io::stdin().read(&mut buffer).is_ok_and(|length| length > 0) {}
        flag.store(true, Ordering::Relaxed);
    });
    closed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_found_among_other_numbers() {
        assert_eq!(stamp(br#"2["tick",{"n":42,"price":123.5,"at":1763990000123}]"#), Some(1_763_990_000_123));
        assert_eq!(stamp(br#"2["tick",1763990000123.75]"#), Some(1_763_990_000_123));
        assert_eq!(stamp(br#"2["tick",9999999999999,12345]"#), None);
    }
}

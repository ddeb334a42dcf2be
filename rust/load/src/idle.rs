//! `load idle`: clients that stay connected and answer pings, for some seconds or until the run is cancelled.
//!
//! It measures the memory of the server per client. With `--receive` it prints deliveries per second and their latency.
//! The latency is computed from the first number in an event that looks like milliseconds since 1970. The demo uses it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::{
    Error, Watch,
    client::{Outbox, Workload, send},
    options::Options,
    process::Processes,
    ramp::Ramp,
    report::{Report, percentile},
    swarm::Swarm,
};

/// The years 2020 to 2100. A number with thirteen digits in this range is almost certainly a time.
const PLAUSIBLE: std::ops::Range<u64> = 1_577_836_800_000..4_102_444_800_000;

/// What the idle clients send and receive.
#[derive(Default)]
struct IdleClients {
    /// The Engine.IO packet that each client sends when it has joined. It may be empty.
    hello: String,
    deliveries: u64,
    millis: Vec<u32>,
    is_timed: bool,
}

impl Workload for IdleClients {
    fn handle_packet(
        &mut self,
        _: usize,
        _: Instant,
        packet: &[u8],
        _: &mut Outbox,
    ) -> Result<(), String> {
        self.deliveries += 1;
        if let Some(sent) = self.is_timed.then(|| stamp(packet)).flatten() {
            self.millis.push(now_millis().saturating_sub(sent) as u32);
        }
        Ok(())
    }

    fn handle_attachment(&mut self, _: usize, _: Instant, _: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn handle_joined(&mut self, _: usize, _: Duration, _: &[u8], out: &mut Outbox) {
        if !self.hello.is_empty() {
            send(&self.hello, out);
        }
    }
}

fn now_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

/// The first number in a packet that looks like milliseconds since 1970.
fn stamp(packet: &[u8]) -> Option<u64> {
    packet.split(|byte| !byte.is_ascii_digit()).filter(|digits| digits.len() == 13).find_map(
        |digits| {
            let time = digits.iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0'));
            PLAUSIBLE.contains(&time).then_some(time)
        },
    )
}

/// Runs the command.
///
/// # Errors
/// Wrong options, or a client that fails.
pub(crate) fn run(options: &mut Options, watch: &dyn Watch) -> Result<Report, Error> {
    let clients = options.take("clients", 2_000_usize)?;
    let settle = options.take_seconds("settle", 2.0)?;
    let stay = options.take::<f64>("seconds", f64::MAX)?;
    let event: String = options.take("emit", String::new())?;
    let receive = options.take_flag("receive");
    let processes = options.take_processes()?;
    let mut swarm = Swarm::new(Ramp::take(options)?, watch)?;
    let hello = if event.is_empty() { event } else { format!("42{event}") };
    let mut idle = IdleClients { hello, is_timed: receive, ..IdleClients::default() };

    let (start, mut report) = (Instant::now(), Report::new("idle"));
    // A tenth of the clients is opened before the first measurement, so that memory that the server allocates once does
    // not count as memory per client.
    let first = if processes.memory().is_some() { clients.div_ceil(10) } else { 0 };
    swarm.open(first, &mut idle)?;
    let before = measured(&processes, &mut swarm, &mut idle, settle)?;
    swarm.open(clients, &mut idle)?;
    report.add("clients", clients);
    report.add("seconds", start.elapsed().as_secs_f64());
    let after = measured(&processes, &mut swarm, &mut idle, settle)?;
    if let Some((before, after)) = before.zip(after) {
        let grown = after as f64 - before as f64;
        report.add("kib_per_client", grown / 1024.0 / (clients - first).max(1) as f64);
        report.add("server_mib", after as f64 / 1024.0 / 1024.0);
    }
    watch.line(&report.line());
    hold(&mut swarm, &mut idle, stay, receive)?;
    Ok(report)
}

/// The server's memory in bytes, after a rest. Returns `None` when no process was named.
fn measured(
    processes: &Processes,
    swarm: &mut Swarm<'_>,
    idle: &mut IdleClients,
    settle: Duration,
) -> Result<Option<u64>, String> {
    if processes.0.is_empty() {
        return Ok(None);
    }
    swarm.rest(settle, idle)?;
    let memory = processes.memory();
    memory.map(Some).ok_or_else(|| {
        format!("the memory of process {:?} cannot be read: is the pid right?", processes.0)
    })
}

/// Keeps the clients for `stay` seconds or until the run is cancelled. Neither is an error.
fn hold(
    swarm: &mut Swarm<'_>,
    idle: &mut IdleClients,
    stay: f64,
    receive: bool,
) -> Result<(), String> {
    let start = Instant::now();
    let is_over = |watch: &dyn Watch| watch.is_cancelled() || start.elapsed().as_secs_f64() >= stay;
    while !is_over(swarm.watch) {
        (idle.deliveries, idle.millis) = (0, Vec::new());
        let second = Instant::now();
        while second.elapsed() < Duration::from_secs(1) && !is_over(swarm.watch) {
            match swarm.rest(Duration::from_millis(50), idle) {
                Err(_) if swarm.watch.is_cancelled() => return Ok(()),
                other => other?,
            }
            swarm.watch.progress(
                "holding",
                (start.elapsed().as_secs_f64() / stay).min(1.0),
                idle.deliveries,
            );
        }
        if receive {
            idle.millis.sort_unstable();
            let [p50, p99] = [0.5, 0.99].map(|part| percentile(&idle.millis, part).unwrap_or(0));
            let rate = idle.deliveries as f64 / second.elapsed().as_secs_f64();
            swarm
                .watch
                .line(&format!("deliveries/s {rate:.0}  latency p50 {p50} ms  p99 {p99} ms"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_found_among_other_numbers() {
        assert_eq!(
            stamp(br#"2["tick",{"n":42,"price":123.5,"at":1763990000123}]"#),
            Some(1_763_990_000_123)
        );
        assert_eq!(stamp(br#"2["tick",1763990000123.75]"#), Some(1_763_990_000_123));
        assert_eq!(stamp(br#"2["tick",9999999999999,12345]"#), None);
    }
}

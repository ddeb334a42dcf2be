//! `load broadcast`: one client asks for broadcasts, all clients must get each of them once and in order.
//!
//! With `--burst 1` the next broadcast is asked for only when every client has the one before and the ack is there;
//! with `--burst K` the server emits K in a tight loop, and the next burst is asked for when all have all K.

use std::time::{Duration, Instant};

use crate::{
    client::{Work, excerpt},
    meter::Meter,
    options::Options,
    report::Report,
    swarm::{Patience, Ramp, Swarm},
};

/// What has arrived of what was asked for.
struct Fanout {
    /// The sequence number of the first message of all: the server may have served a run before.
    base: Option<u64>,
    /// Messages that each client has got.
    counts: Vec<u64>,
    /// Messages that each client is to get by the end of this request.
    goal: u64,
    received: u64,
    complete: usize,
    acked: bool,
    /// What follows the sequence number: `,"xxx"]`.
    tail: Vec<u8>,
    asked: Instant,
    each: Vec<u32>,
    last: Vec<u32>,
    one_by_one: bool,
}

impl Work for Fanout {
    fn handle_packet(&mut self, from: usize, at: Instant, packet: &[u8], _: &mut Vec<u8>) -> Result<(), String> {
        if packet.first() == Some(&b'3') && from == 0 && !self.acked {
            self.acked = true;
            return Ok(());
        }
        let seq = self.read(packet).ok_or_else(|| format!("unexpected packet {:?}", excerpt(packet)))?;
        let expected = *self.base.get_or_insert(seq) + self.counts[from];
        if seq != expected {
            return Err(format!("got message {seq} where {expected} was due: lost, doubled or out of order"));
        }
        self.counts[from] += 1;
        self.received += 1;
        if self.counts[from] > self.goal {
            return Err(format!("got message {seq}, which nobody asked for"));
        }
        if self.one_by_one {
            self.each.push((at - self.asked).as_micros() as u32);
        }
        if self.counts[from] == self.goal {
            self.complete += 1;
            if self.complete == self.counts.len() {
                self.last.push((at - self.asked).as_micros() as u32);
            }
        }
        Ok(())
    }
}

impl Fanout {
    fn new(clients: usize, size: usize, one_by_one: bool) -> Self {
        Self {
            base: None,
            counts: vec![0; clients],
            goal: 0,
            received: 0,
            complete: 0,
            acked: true,
            tail: format!(",\"{}\"]", "x".repeat(size)).into_bytes(),
            asked: Instant::now(),
            each: Vec::new(),
            last: Vec::new(),
            one_by_one,
        }
    }

    /// The sequence number of `2["b",<seq>,"xxx"]`.
    fn read(&self, packet: &[u8]) -> Option<u64> {
        let rest = packet.strip_prefix(b"2[\"b\",")?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || digits > 18 || rest[digits..] != self.tail {
            return None;
        }
        Some(rest[..digits].iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0')))
    }

    fn is_done(&self) -> bool {
        self.acked && self.complete == self.counts.len()
    }

    /// Who lacks what, when a request does not come to its end.
    fn missing(&self, cause: &str) -> String {
        let behind = self.counts.iter().enumerate().filter(|(_, count)| **count < self.goal);
        let (number, first) = (behind.clone().count(), behind.clone().next());
        match first {
            Some((client, count)) => {
                format!("{cause}; {number} clients lack messages: client {client} has {count} of {}", self.goal)
            }
            None => format!("{cause}; acked: {}", self.acked),
        }
    }
}

/// Asks for `burst` broadcasts and waits until all clients have them.
fn request(swarm: &mut Swarm, fanout: &mut Fanout, burst: u64, size: usize) -> Result<(), String> {
    fanout.goal += burst;
    fanout.complete = 0;
    fanout.acked = false;
    fanout.asked = Instant::now();
    swarm.send(0, &format!("421[\"bench:broadcast\",{burst},{size}]"))?;
    let mut patience = Patience::new(0);
    while !fanout.is_done() {
        let turned = swarm.turn(Duration::from_millis(100), fanout);
        turned.and_then(|()| patience.check(fanout.received)).map_err(|cause| fanout.missing(&cause))?;
    }
    Ok(())
}

/// Runs the command.
///
/// # Errors
/// Wrong options, a failed client, or a message that was lost, doubled or out of order.
pub fn run(options: &mut Options) -> Result<Report, String> {
    let clients = options.take("clients", 1_000_usize)?.max(1);
    let (size, burst): (usize, u64) = (options.take("size", 64)?, options.take("burst", 1_u64)?.max(1));
    let count = options.take("count", 100_u64)?.max(burst);
    let warmup: u64 = options.take("warmup", 10)?;
    let limit = Duration::from_secs_f64(options.take("seconds", 60.0)?);
    let processes = options.take_processes()?;
    let mut swarm = Swarm::new(Ramp::take(options)?).map_err(|error| error.to_string())?;
    let mut fanout = Fanout::new(clients, size, burst == 1);

    swarm.open(clients, &mut fanout)?;
    let mut left = warmup;
    while left > 0 {
        request(&mut swarm, &mut fanout, burst.min(left), size)?;
        left -= burst.min(left);
    }
    fanout.each.clear();
    fanout.last.clear();
    let mut meter = Meter::start(processes, &mut swarm, &mut fanout)?;
    let (start, mut sent) = (Instant::now(), 0);
    while sent < count && (sent == 0 || start.elapsed() < limit) {
        request(&mut swarm, &mut fanout, burst, size)?;
        sent += burst;
    }
    meter.stop(&mut swarm, &mut fanout)?;

    let mut report = Report::new("broadcast");
    report.add("clients", clients);
    report.add("size", size);
    report.add("burst", burst);
    report.add("broadcasts", sent);
    meter.add(&mut report, "deliveries", sent * clients as u64, "cpu_us_per_delivery");
    report.add_percentiles(["each_p50_ms", "each_p99_ms", "each_max_ms"], &mut fanout.each);
    report.add_percentiles(["last_p50_ms", "last_p99_ms", "last_max_ms"], &mut fanout.last);
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deliver(fanout: &mut Fanout, client: usize, packet: &str) -> Result<(), String> {
        fanout.handle_packet(client, Instant::now(), packet.as_bytes(), &mut Vec::new())
    }

    fn two_clients() -> Fanout {
        let mut fanout = Fanout::new(2, 2, true);
        fanout.goal = 2;
        fanout
    }

    #[test]
    fn each_message_once_in_order_is_complete() {
        let mut fanout = two_clients();
        for packet in [r#"2["b",7,"xx"]"#, r#"2["b",8,"xx"]"#] {
            assert_eq!(deliver(&mut fanout, 0, packet), Ok(()));
            assert!(!fanout.is_done());
            assert_eq!(deliver(&mut fanout, 1, packet), Ok(()));
        }
        assert!(fanout.is_done());
        assert_eq!((fanout.each.len(), fanout.last.len()), (4, 1));
    }

    #[test]
    fn a_hole_a_double_and_one_too_many_fail() {
        let mut fanout = two_clients();
        assert_eq!(deliver(&mut fanout, 0, r#"2["b",7,"xx"]"#), Ok(()));
        assert!(deliver(&mut fanout, 0, r#"2["b",7,"xx"]"#).is_err());
        assert!(deliver(&mut fanout, 0, r#"2["b",9,"xx"]"#).is_err());
        assert!(deliver(&mut fanout, 1, r#"2["b",8,"xx"]"#).is_err());
        fanout.goal = 1;
        assert!(deliver(&mut fanout, 0, r#"2["b",8,"xx"]"#).is_err_and(|e| e.contains("nobody")));
    }

    #[test]
    fn another_body_fails() {
        let mut fanout = two_clients();
        for packet in [r#"2["b",7,"xy"]"#, r#"2["b",7,"x"]"#, r#"2["b","xx"]"#, r#"2["c",7,"xx"]"#, "31[]"] {
            fanout.acked = true;
            assert!(deliver(&mut fanout, 0, packet).is_err(), "{packet}");
        }
    }

    #[test]
    fn who_lacks_what_is_named() {
        let mut fanout = two_clients();
        assert_eq!(deliver(&mut fanout, 0, r#"2["b",7,"xx"]"#), Ok(()));
        assert_eq!(fanout.missing("silence"), "silence; 2 clients lack messages: client 0 has 1 of 2");
    }
}

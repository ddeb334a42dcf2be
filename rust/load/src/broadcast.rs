//! `load broadcast`: one client requests broadcasts, and all clients must receive each of them once and in order.
//!
//! With `--burst K` the server emits K broadcasts in a tight loop. The next burst is requested when every client has
//! all K and the ack has arrived. With `--pace R` the client requests R broadcasts per second, whatever has arrived.
//! The last `--stalled S` clients do not read. The others must still receive everything.

use std::time::{Duration, Instant};

use crate::{
    Error, Watch,
    client::{Outbox, Workload, excerpt},
    meter::Meter,
    options::Options,
    ramp::Ramp,
    report::Report,
    swarm::Swarm,
};

/// The requested broadcasts, and what has arrived of them.
struct Fanout {
    /// The sequence number of the first message. It is not 0 when the server has served an earlier run.
    base: Option<u64>,
    /// The number of messages that each reading client has received.
    counts: Vec<u64>,
    /// The number of messages that were requested for each client.
    goal: u64,
    received: u64,
    /// The number of reading clients that have reached the goal.
    complete: usize,
    /// The number of requests without an ack.
    unacked: u64,
    /// The broadcasts since the start or the last `clear`: the time of the request, and the number of clients that
    /// have the message.
    asked: Vec<(Instant, usize)>,
    /// The number of broadcasts before them.
    cleared: u64,
    body: Body,
    /// The latencies of single deliveries, in microseconds.
    each: Vec<u32>,
    /// The latencies of the last delivery of each broadcast, in microseconds.
    last: Vec<u32>,
    is_one_by_one: bool,
}

/// The expected content of every message, without its number.
enum Body {
    /// `,"xxx"]`, which follows the number.
    Text(Vec<u8>),
    /// The number of `x` bytes in the attachment, and for each client the number of the message whose attachment is
    /// missing.
    Attachment(usize, Vec<Option<u64>>),
}

impl Workload for Fanout {
    fn handle_packet(
        &mut self,
        from: usize,
        at: Instant,
        packet: &[u8],
        _: &mut Outbox,
    ) -> Result<(), String> {
        if packet.first() == Some(&b'3') && from == 0 && self.unacked > 0 {
            self.unacked -= 1;
            return Ok(());
        }
        if from >= self.counts.len() {
            return Ok(());
        }
        let seq =
            self.read(packet).ok_or_else(|| format!("unexpected packet {:?}", excerpt(packet)))?;
        match &mut self.body {
            Body::Text(_) => self.count(from, seq, at),
            Body::Attachment(_, waiting) => match waiting[from].replace(seq) {
                Some(before) => {
                    Err(format!("got message {seq} where the attachment of {before} was due"))
                }
                None => Ok(()),
            },
        }
    }

    fn handle_attachment(
        &mut self,
        from: usize,
        at: Instant,
        attachment: &[u8],
    ) -> Result<(), String> {
        let Body::Attachment(size, waiting) = &mut self.body else {
            return Err("got an attachment".into());
        };
        if from >= self.counts.len() {
            return Ok(());
        }
        let seq = waiting[from].take().ok_or("got an attachment without its packet")?;
        if attachment.len() != *size || attachment.iter().any(|byte| *byte != b'x') {
            return Err(format!(
                "the attachment of {seq} is {} bytes: {:?}",
                attachment.len(),
                excerpt(attachment)
            ));
        }
        self.count(from, seq, at)
    }
}

impl Fanout {
    fn new(readers: usize, size: usize, is_binary: bool, is_one_by_one: bool) -> Self {
        let text = || Body::Text(format!(",\"{}\"]", "x".repeat(size)).into_bytes());
        Self {
            base: None,
            counts: vec![0; readers],
            goal: 0,
            received: 0,
            complete: readers,
            unacked: 0,
            asked: Vec::new(),
            cleared: 0,
            body: if is_binary { Body::Attachment(size, vec![None; readers]) } else { text() },
            each: Vec::new(),
            last: Vec::new(),
            is_one_by_one,
        }
    }

    /// Drops the latencies measured so far.
    fn clear(&mut self) {
        self.cleared += self.asked.len() as u64;
        self.asked.clear();
        self.each.clear();
        self.last.clear();
    }

    /// Reads the number in `2["b",<seq>,"xxx"]` or `51-["b",<seq>,{"_placeholder":true,"num":0}]`. Returns `None` for
    /// any other packet.
    fn read(&self, packet: &[u8]) -> Option<u64> {
        let head: &[u8] = match self.body {
            Body::Text(_) => b"2[\"b\",",
            Body::Attachment(..) => b"51-[\"b\",",
        };
        let rest = packet.strip_prefix(head)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_right = match &self.body {
            Body::Text(tail) => rest[digits..] == **tail,
            Body::Attachment(..) => is_placeholder(&rest[digits..]),
        };
        if digits == 0 || digits > 18 || !is_right {
            return None;
        }
        Some(rest[..digits].iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0')))
    }

    /// Counts a complete message.
    fn count(&mut self, from: usize, seq: u64, at: Instant) -> Result<(), String> {
        let expected = *self.base.get_or_insert(seq) + self.counts[from];
        if seq != expected {
            return Err(format!(
                "got message {seq} where {expected} was due: lost, doubled or out of order"
            ));
        }
        let number = self.counts[from];
        self.counts[from] += 1;
        self.received += 1;
        if self.counts[from] > self.goal {
            return Err(format!("got message {seq}, which nobody asked for"));
        }
        if self.counts[from] == self.goal {
            self.complete += 1;
        }
        let Some((asked, having)) =
            number.checked_sub(self.cleared).and_then(|n| self.asked.get_mut(n as usize))
        else {
            return Ok(());
        };
        *having += 1;
        let micros = at.saturating_duration_since(*asked).as_micros() as u32;
        if self.is_one_by_one {
            self.each.push(micros);
        }
        if *having == self.counts.len() {
            self.last.push(micros);
        }
        Ok(())
    }

    /// Requests `burst` broadcasts.
    fn ask(&mut self, swarm: &mut Swarm<'_>, burst: u64, due: Instant) -> Result<(), String> {
        self.goal += burst;
        self.complete = 0;
        self.unacked += 1;
        self.asked.extend((0..burst).map(|_| (due, 0)));
        let request = match self.body {
            Body::Text(ref tail) => format!("421[\"bench:broadcast\",{burst},{}]", tail.len() - 4),
            Body::Attachment(size, _) => {
                format!("421[\"bench:broadcast\",{burst},{size},\"binary\"]")
            }
        };
        swarm.send(0, &request)
    }

    fn is_done(&self) -> bool {
        self.unacked == 0 && self.complete == self.counts.len()
    }

    /// Waits until all clients have all requested messages.
    fn finish(&mut self, swarm: &mut Swarm<'_>) -> Result<(), String> {
        let waited = swarm.wait(self, Self::is_done, |fanout| fanout.received);
        waited.map_err(|cause| self.missing(&cause))
    }

    /// Describes which messages are missing when a run fails with `cause`.
    fn missing(&self, cause: &str) -> String {
        let behind = self.counts.iter().enumerate().filter(|(_, count)| **count < self.goal);
        let (number, first) = (behind.clone().count(), behind.clone().next());
        match first {
            _ if self.received == 0 => cause.into(),
            Some((client, count)) => {
                format!(
                    "{cause}; {number} clients lack messages: client {client} has {count} of {}",
                    self.goal
                )
            }
            None => format!("{cause}; {} requests have no ack", self.unacked),
        }
    }
}

/// Whether the packet ends with a placeholder, with its two keys in either order.
fn is_placeholder(rest: &[u8]) -> bool {
    matches!(rest, br#",{"_placeholder":true,"num":0}]"# | br#",{"num":0,"_placeholder":true}]"#)
}

/// The requests of one phase, and its time limit.
struct Plan {
    phase: &'static str,
    count: u64,
    burst: u64,
    /// Broadcasts per second. With 0, the next burst is requested when the last one has arrived.
    pace: f64,
    limit: Duration,
}

impl Plan {
    fn take(options: &mut Options) -> Result<Self, Error> {
        let burst = options.take("burst", 1_u64)?.max(1);
        let count = options.take("count", 100_u64)?.max(burst);
        let pace = options.take("pace", 0.0_f64)?.max(0.0);
        if pace > 0.0 && burst > 1 {
            return Err(Error::Usage("--pace and --burst exclude each other".into()));
        }
        Ok(Self {
            phase: "broadcasting",
            count,
            burst,
            pace,
            limit: options.take_seconds("seconds", 60.0)?,
        })
    }

    /// Requests the broadcasts and waits until they have arrived. Returns their number.
    fn run(&self, swarm: &mut Swarm<'_>, fanout: &mut Fanout) -> Result<u64, String> {
        let (start, mut sent) = (Instant::now(), 0);
        let before = fanout.received;
        while sent < self.count && (sent == 0 || start.elapsed() < self.limit) {
            let due = if self.pace > 0.0 {
                start + Duration::from_secs_f64(sent as f64 / self.pace)
            } else {
                Instant::now()
            };
            let wait = due.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                fanout.ask(swarm, self.burst, due)?;
                sent += self.burst;
                if self.pace == 0.0 {
                    fanout.finish(swarm)?;
                }
            } else {
                // The poller rounds up to milliseconds. Below one millisecond, this loop does not sleep.
                swarm.turn(Duration::from_millis(wait.as_millis().min(100) as u64), fanout)?;
            }
            let part = (sent as f64 / self.count as f64)
                .max(start.elapsed().as_secs_f64() / self.limit.as_secs_f64());
            swarm.watch.progress(self.phase, part.min(1.0), fanout.received - before);
        }
        fanout.finish(swarm)?;
        Ok(sent)
    }
}

/// Runs the command.
///
/// # Errors
/// Wrong options, a failed client, or a message that was lost, repeated or out of order.
pub(crate) fn run(options: &mut Options, watch: &dyn Watch) -> Result<Report, Error> {
    let clients = options.take("clients", 1_000_usize)?.max(1);
    let stalled = options.take("stalled", 0_usize)?.min(clients - 1);
    let (size, is_binary): (usize, bool) = (options.take("size", 64)?, options.take_flag("binary"));
    let warmup: u64 = options.take("warmup", 10)?;
    let plan = Plan::take(options)?;
    let processes = options.take_processes()?;
    let mut swarm = Swarm::new(Ramp::take(options)?, watch)?;
    let mut fanout = Fanout::new(clients - stalled, size, is_binary, plan.burst == 1);

    swarm.open(clients, &mut fanout)?;
    let warming = Plan {
        phase: "warming up",
        count: warmup,
        burst: plan.burst.min(warmup.max(1)),
        pace: 0.0,
        limit: plan.limit,
    };
    warming.run(&mut swarm, &mut fanout)?;
    swarm.stall(clients - stalled)?;
    fanout.clear();
    let mut meter = Meter::start(processes, &mut swarm, &mut fanout)?;
    let sent = plan.run(&mut swarm, &mut fanout)?;
    meter.stop(&mut swarm, &mut fanout)?;

    let mut report = Report::new("broadcast");
    report.add("clients", clients);
    if stalled > 0 {
        report.add("stalled", stalled);
    }
    report.add("size", size);
    report.add("burst", plan.burst);
    report.add("broadcasts", sent);
    meter.add(&mut report, "deliveries", sent * (clients - stalled) as u64, "cpu_us_per_delivery");
    report.add_percentiles(["each_p50_ms", "each_p99_ms", "each_max_ms"], &mut fanout.each);
    report.add_percentiles(["last_p50_ms", "last_p99_ms", "last_max_ms"], &mut fanout.last);
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deliver(fanout: &mut Fanout, client: usize, packet: &str) -> Result<(), String> {
        fanout.handle_packet(client, Instant::now(), packet.as_bytes(), &mut Outbox::default())
    }

    fn two_clients(is_binary: bool) -> Fanout {
        let mut fanout = Fanout::new(2, 2, is_binary, true);
        (fanout.goal, fanout.complete) = (2, 0);
        fanout.asked = vec![(Instant::now(), 0); 2];
        fanout
    }

    #[test]
    fn each_message_once_in_order_is_complete() {
        let mut fanout = two_clients(false);
        for packet in [r#"2["b",7,"xx"]"#, r#"2["b",8,"xx"]"#] {
            assert_eq!(deliver(&mut fanout, 0, packet), Ok(()));
            assert!(!fanout.is_done());
            assert_eq!(deliver(&mut fanout, 1, packet), Ok(()));
        }
        assert!(fanout.is_done());
        assert_eq!((fanout.each.len(), fanout.last.len()), (4, 2));
    }

    #[test]
    fn a_missing_a_repeated_and_an_extra_message_fail() {
        let mut fanout = two_clients(false);
        assert_eq!(deliver(&mut fanout, 0, r#"2["b",7,"xx"]"#), Ok(()));
        assert!(deliver(&mut fanout, 0, r#"2["b",7,"xx"]"#).is_err());
        assert!(deliver(&mut fanout, 0, r#"2["b",9,"xx"]"#).is_err());
        assert!(deliver(&mut fanout, 1, r#"2["b",8,"xx"]"#).is_err());
        fanout.goal = 1;
        assert!(deliver(&mut fanout, 0, r#"2["b",8,"xx"]"#).is_err_and(|e| e.contains("nobody")));
    }

    #[test]
    fn a_wrong_body_fails() {
        let mut fanout = two_clients(false);
        for packet in
            [r#"2["b",7,"xy"]"#, r#"2["b",7,"x"]"#, r#"2["b","xx"]"#, r#"2["c",7,"xx"]"#, "31[]"]
        {
            assert!(deliver(&mut fanout, 0, packet).is_err(), "{packet}");
        }
    }

    #[test]
    fn a_binary_message_counts_with_its_attachment() {
        let (mut fanout, now) = (two_clients(true), Instant::now());
        assert!(fanout.handle_attachment(0, now, b"xx").is_err());
        assert_eq!(deliver(&mut fanout, 0, r#"51-["b",7,{"_placeholder":true,"num":0}]"#), Ok(()));
        assert_eq!(fanout.received, 0);
        assert!(deliver(&mut fanout, 0, r#"51-["b",8,{"_placeholder":true,"num":0}]"#).is_err());
        assert!(fanout.handle_attachment(0, now, b"xx").is_ok());
        assert_eq!(deliver(&mut fanout, 1, r#"51-["b",7,{"num":0,"_placeholder":true}]"#), Ok(()));
        assert!(fanout.handle_attachment(1, now, b"xxx").is_err());
        assert_eq!(fanout.received, 1);
    }

    #[test]
    fn missing_messages_are_described() {
        let mut fanout = two_clients(false);
        assert_eq!(deliver(&mut fanout, 0, r#"2["b",7,"xx"]"#), Ok(()));
        assert_eq!(
            fanout.missing("silence"),
            "silence; 2 clients lack messages: client 0 has 1 of 2"
        );
    }
}

//! `load echo`: every client emits an event with an ack, waits for the ack, and emits the next event.
//!
//! The ack must contain the value of the event. An ack with another value, a repeated ack and an ack of another client
//! fail the run.

use std::time::{Duration, Instant};

use crate::{
    Error, Watch,
    client::{Outbox, Workload, excerpt, send},
    meter::Meter,
    options::Options,
    ramp::Ramp,
    report::Report,
    stall_timeout::NO_FIRST_ANSWER,
    swarm::Swarm,
};

/// The round trips of all clients.
struct Echo {
    /// The number of round trips that each client has begun, and the start of its last one.
    begun: Vec<(u64, Instant)>,
    /// The number of round trips of each client at the end of this phase.
    goal: u64,
    /// The number of acks that are missing.
    open: usize,
    deadline: Instant,
    done: u64,
    micros: Vec<u32>,
}

impl Workload for Echo {
    fn handle_packet(
        &mut self,
        from: usize,
        at: Instant,
        packet: &[u8],
        out: &mut Outbox,
    ) -> Result<(), String> {
        let (count, sent) = self.begun[from];
        if packet != format!("3{count}[{}]", value(from, count)).as_bytes() {
            return Err(format!("the ack of {count} is {:?}", excerpt(packet)));
        }
        self.micros.push((at - sent).as_micros() as u32);
        self.done += 1;
        self.open -= 1;
        if count < self.goal && at < self.deadline {
            let packet = self.next(from, at);
            send(&packet, out);
        }
        Ok(())
    }
}

impl Echo {
    fn next(&mut self, client: usize, now: Instant) -> String {
        let (count, _) = self.begun[client];
        self.begun[client] = (count + 1, now);
        self.open += 1;
        format!("42{}[\"bench:echo\",{}]", count + 1, value(client, count + 1))
    }

    /// Makes up to `count` further round trips with every client.
    fn run_phase(
        &mut self,
        swarm: &mut Swarm<'_>,
        count: u64,
        limit: Duration,
        hint: &'static str,
    ) -> Result<(), String> {
        let (start, total) = (Instant::now(), count * self.begun.len() as u64);
        self.deadline = start + limit;
        self.goal = self.begun.iter().map(|(begun, _)| *begun).max().unwrap_or(0) + count;
        self.done = 0;
        self.micros.clear();
        for client in 0..self.begun.len() {
            let packet = self.next(client, Instant::now());
            swarm.send(client, &packet)?;
        }
        let mut stall_timeout = swarm.stall_timeout(0, hint);
        while self.open > 0 {
            let turned = swarm.turn(Duration::from_millis(100), self);
            let moved = turned.and_then(|()| stall_timeout.check(self.done));
            moved.map_err(|cause| format!("{cause}; {} acks are due", self.open))?;
            let part = (self.done as f64 / total as f64)
                .max(start.elapsed().as_secs_f64() / limit.as_secs_f64());
            let phase = if hint.is_empty() { "echoing" } else { "warming up" };
            swarm.watch.progress(phase, part.min(1.0), self.done);
        }
        Ok(())
    }
}

/// The value that client `client` sends in round trip `count`. All values are different.
pub(crate) fn value(client: usize, count: u64) -> u64 {
    client as u64 * 1_000_000_000 + count
}

/// Runs the command.
///
/// # Errors
/// Wrong options, a failed client, or a wrong ack.
pub(crate) fn run(options: &mut Options, watch: &dyn Watch) -> Result<Report, Error> {
    let clients = options.take("clients", 50_usize)?.max(1);
    let count = options.take("count", 1_000_u64)?.max(1);
    let warmup = options.take("warmup", count.div_ceil(10).min(200))?.max(1);
    let limit = options.take_seconds("seconds", 60.0)?;
    let processes = options.take_processes()?;
    let mut swarm = Swarm::new(Ramp::take(options)?, watch)?;
    let now = Instant::now();
    let mut echo = Echo {
        begun: vec![(0, now); clients],
        goal: 0,
        open: 0,
        deadline: now,
        done: 0,
        micros: Vec::new(),
    };

    swarm.open(clients, &mut echo)?;
    echo.run_phase(&mut swarm, warmup, limit, NO_FIRST_ANSWER)?;
    let mut meter = Meter::start(processes, &mut swarm, &mut echo)?;
    echo.run_phase(&mut swarm, count, limit, "")?;
    meter.stop(&mut swarm, &mut echo)?;

    let mut report = Report::new("echo");
    report.add("clients", clients);
    meter.add(&mut report, "round_trips", echo.done, "cpu_us_per_round_trip");
    report.add_percentiles(["p50_ms", "p99_ms", "max_ms"], &mut echo.micros);
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo() -> Echo {
        let now = Instant::now();
        let begun = vec![(0, now); 2];
        Echo {
            begun,
            goal: 2,
            open: 0,
            deadline: now + Duration::from_mins(1),
            done: 0,
            micros: vec![],
        }
    }

    #[test]
    fn an_ack_starts_the_next_round_trip() {
        let (mut echo, mut out, now) = (echo(), Outbox::default(), Instant::now());
        assert_eq!(echo.next(1, now), "421[\"bench:echo\",1000000001]");
        assert_eq!(echo.handle_packet(1, now, b"31[1000000001]", &mut out), Ok(()));
        assert_eq!((echo.done, echo.open, echo.begun[1].0), (1, 1, 2));
        assert!(!out.frames.is_empty());
        out.frames.clear();
        assert_eq!(echo.handle_packet(1, now, b"32[1000000002]", &mut out), Ok(()));
        assert_eq!((echo.done, echo.open, out.frames.len()), (2, 0, 0));
    }

    #[test]
    fn a_wrong_ack_fails() {
        let now = Instant::now();
        for packet in ["31[1]", "32[1000000001]", "31[]", "2[\"b\"]"] {
            let mut echo = echo();
            echo.next(1, now);
            assert!(
                echo.handle_packet(1, now, packet.as_bytes(), &mut Outbox::default()).is_err(),
                "{packet}"
            );
        }
    }
}

//! `load mixed`: room emits, broadcasts, direct emits and acks at the same time.
//!
//! Every client is in three of a hundred rooms. Client 0 requests a burst and names the target of each emit: a room (88
//! of 100), one client (10) or all clients (2). While the server emits the burst in a tight loop, twenty clients send
//! events with an ack, 2 for every 5 emits. Because the generator chooses the targets, it knows which messages each
//! client must receive: each once, in the order of the emits.

use std::time::{Duration, Instant};

use crate::{
    Error, Watch,
    client::{Outbox, Workload, excerpt, send},
    echo::value,
    meter::Meter,
    options::Options,
    ramp::Ramp,
    report::Report,
    swarm::Swarm,
};

const ROOMS: usize = 100;
/// The number of clients that send events with an ack.
const ASKERS: usize = 20;

/// The recipients of an emit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Client(usize),
    Everybody,
    Room(usize),
}

impl Target {
    /// The target of emit number `step` of a burst.
    fn of(step: usize, clients: usize) -> Self {
        match step {
            _ if step.is_multiple_of(50) => Self::Everybody,
            _ if step % 10 == 5 => Self::Client((step / 10 * 37 + 1) % clients),
            _ => Self::Room((step * 7 + step / 100) % ROOMS),
        }
    }

    fn reaches(self, client: usize) -> bool {
        match self {
            Self::Client(one) => one == client,
            Self::Everybody => true,
            Self::Room(room) => rooms(client).contains(&room),
        }
    }
}

/// The three rooms of a client, which are all different.
fn rooms(client: usize) -> [usize; 3] {
    let step = 1 + client / ROOMS % 49;
    [client % ROOMS, (client + step) % ROOMS, (client + step + 49) % ROOMS]
}

/// The requested burst, and what has arrived of it.
struct Mixed {
    sids: Vec<String>,
    /// For each client, the numbers of the emits of a burst that it receives.
    due: Vec<Vec<u32>>,
    /// For each client, how many of them have arrived.
    got: Vec<usize>,
    /// The sequence number of the first message of the burst. It is unknown until a message has arrived.
    base: Option<u64>,
    tail: Vec<u8>,
    steps: usize,
    /// The number of clients that have received everything.
    complete: usize,
    joins_due: usize,
    is_acked: bool,
    /// For each asker, the id of its last event, and its start while the ack is missing.
    asked: Vec<(u64, Option<Instant>)>,
    /// The number of round trips that have not begun in this burst.
    asks_left: usize,
    received: u64,
    acks: u64,
    ack_micros: Vec<u32>,
}

impl Workload for Mixed {
    fn handle_joined(&mut self, from: usize, _: Duration, reply: &[u8], out: &mut Outbox) {
        let reply = String::from_utf8_lossy(reply);
        let sid = reply.split_once("\"sid\":\"").and_then(|(_, rest)| rest.split_once('"'));
        self.sids[from] = sid.map(|(sid, _)| sid.to_owned()).unwrap_or_default();
        let names: Vec<String> = rooms(from).iter().map(|room| format!("\"r{room}\"")).collect();
        send(&format!("420[\"bench:join\",[{}]]", names.join(",")), out);
        self.joins_due += 1;
    }

    fn handle_packet(
        &mut self,
        from: usize,
        at: Instant,
        packet: &[u8],
        out: &mut Outbox,
    ) -> Result<(), String> {
        match packet {
            [b'3', b'0', b'[', ..] if self.joins_due > 0 => self.joins_due -= 1,
            [b'3', b'1', b'[', ..] if from == 0 && !self.is_acked => self.is_acked = true,
            [b'3', rest @ ..] => return self.handle_ack(from, at, rest, out),
            _ => return self.handle_message(from, packet),
        }
        self.received += 1;
        Ok(())
    }
}

impl Mixed {
    fn new(clients: usize, steps: usize, size: usize) -> Self {
        let targets: Vec<Target> = (0..steps).map(|step| Target::of(step, clients)).collect();
        let due = |client| {
            (0..steps)
                .filter(|step| targets[*step].reaches(client))
                .map(|step| step as u32)
                .collect()
        };
        Self {
            sids: vec![String::new(); clients],
            due: (0..clients).map(due).collect(),
            got: vec![0; clients],
            base: None,
            tail: format!(",\"{}\"]", "x".repeat(size)).into_bytes(),
            steps,
            complete: clients,
            joins_due: 0,
            is_acked: true,
            asked: vec![(1, None); clients.min(ASKERS)],
            asks_left: 0,
            received: 0,
            acks: 0,
            ack_micros: Vec::new(),
        }
    }

    fn handle_message(&mut self, from: usize, packet: &[u8]) -> Result<(), String> {
        let seq =
            self.read(packet).ok_or_else(|| format!("unexpected packet {:?}", excerpt(packet)))?;
        let Some(step) = self.due[from].get(self.got[from]) else {
            return Err(format!("got message {seq}, which was for others or is doubled"));
        };
        let base = *self.base.get_or_insert(seq.saturating_sub(u64::from(*step)));
        let expected = base + u64::from(*step);
        if seq != expected {
            return Err(format!(
                "got message {seq} where {expected} was due: lost, doubled, misled or out of order"
            ));
        }
        self.got[from] += 1;
        self.received += 1;
        if self.got[from] == self.due[from].len() {
            self.complete += 1;
        }
        Ok(())
    }

    fn read(&self, packet: &[u8]) -> Option<u64> {
        let rest = packet.strip_prefix(b"2[\"b\",")?.strip_suffix(&*self.tail)?;
        std::str::from_utf8(rest).ok()?.parse().ok()
    }

    fn handle_ack(
        &mut self,
        from: usize,
        at: Instant,
        rest: &[u8],
        out: &mut Outbox,
    ) -> Result<(), String> {
        let unasked = || format!("got an ack that nobody waits for: {:?}", excerpt(rest));
        let (id, since) = self.asked.get_mut(from).ok_or_else(unasked)?;
        let begun = since.take().ok_or_else(unasked)?;
        if rest != format!("{id}[{}]", value(from, *id)).as_bytes() {
            return Err(format!("the ack of {id} is {:?}", excerpt(rest)));
        }
        self.ack_micros.push((at - begun).as_micros() as u32);
        self.acks += 1;
        self.received += 1;
        if let Some(packet) = self.next_ask(from, at) {
            send(&packet, out);
        }
        Ok(())
    }

    /// Begins a round trip of an asker. The ids 0 and 1 belong to the joins and the bursts.
    fn next_ask(&mut self, client: usize, now: Instant) -> Option<String> {
        self.asks_left = self.asks_left.checked_sub(1)?;
        let (id, since) = self.asked.get_mut(client)?;
        *id += 1;
        *since = Some(now);
        Some(format!("42{id}[\"bench:echo\",{}]", value(client, *id)))
    }

    /// The request for a burst.
    fn request(&self) -> String {
        let targets: Vec<String> = (0..self.steps)
            .map(|step| match Target::of(step, self.sids.len()) {
                Target::Client(one) => format!("\"{}\"", self.sids[one]),
                Target::Everybody => "\"\"".into(),
                Target::Room(room) => format!("\"r{room}\""),
            })
            .collect();
        format!("421[\"bench:mixed\",{},[{}]]", self.tail.len() - 4, targets.join(","))
    }

    fn burst(&mut self, swarm: &mut Swarm<'_>, request: &str) -> Result<(), String> {
        self.got.fill(0);
        self.complete = self.due.iter().filter(|due| due.is_empty()).count();
        self.is_acked = false;
        self.asks_left = self.steps * 2 / 5;
        swarm.send(0, request)?;
        for asker in 0..self.asked.len() {
            if let Some(packet) = self.next_ask(asker, Instant::now()) {
                swarm.send(asker, &packet)?;
            }
        }
        self.wait(swarm, |mixed| {
            let is_answered =
                mixed.asks_left == 0 && mixed.asked.iter().all(|(_, since)| since.is_none());
            mixed.is_acked && is_answered && mixed.complete == mixed.due.len()
        })?;
        self.base = self.base.map(|base| base + self.steps as u64);
        Ok(())
    }

    fn wait(
        &mut self,
        swarm: &mut Swarm<'_>,
        is_done: impl Fn(&Self) -> bool,
    ) -> Result<(), String> {
        let waited = swarm.wait(self, is_done, |mixed| mixed.received);
        waited.map_err(|cause| self.missing(&cause))
    }

    /// Describes which messages are missing when a run fails with `cause`.
    fn missing(&self, cause: &str) -> String {
        let mut behind =
            self.due.iter().zip(&self.got).enumerate().filter(|(_, (due, got))| due.len() != **got);
        match behind.next() {
            Some((client, (due, got))) if self.received > 0 => {
                let others = behind.count();
                format!(
                    "{cause}; client {client} has {got} of {} messages, {others} others lack some",
                    due.len()
                )
            }
            _ => cause.into(),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Wrong options, a failed client, or a message that was lost, repeated, out of order or sent to the wrong client.
pub(crate) fn run(options: &mut Options, watch: &dyn Watch) -> Result<Report, Error> {
    let clients = options.take("clients", 1_000_usize)?.max(1);
    let (size, steps): (usize, usize) =
        (options.take("size", 64)?, options.take("burst", 500_usize)?.max(1));
    let count = options.take("count", 10_000_u64)?;
    let warmup: u64 = options.take("warmup", 1)?;
    let limit = options.take_seconds("seconds", 60.0)?;
    let processes = options.take_processes()?;
    let mut swarm = Swarm::new(Ramp::take(options)?, watch)?;
    let mut mixed = Mixed::new(clients, steps, size);

    swarm.open(clients, &mut mixed)?;
    mixed.wait(&mut swarm, |mixed| mixed.joins_due == 0)?;
    let request = mixed.request();
    for _ in 0..warmup.div_ceil(steps as u64) {
        mixed.burst(&mut swarm, &request)?;
    }
    mixed.ack_micros.clear();
    let mut meter = Meter::start(processes, &mut swarm, &mut mixed)?;
    let (start, mut sent, acks) = (Instant::now(), 0, mixed.acks);
    while sent < count && (sent == 0 || start.elapsed() < limit) {
        mixed.burst(&mut swarm, &request)?;
        sent += steps as u64;
        let part =
            (sent as f64 / count as f64).max(start.elapsed().as_secs_f64() / limit.as_secs_f64());
        swarm.watch.progress("emitting", part.min(1.0), sent);
    }
    meter.stop(&mut swarm, &mut mixed)?;

    let each: usize = mixed.due.iter().map(Vec::len).sum();
    let deliveries = sent / steps as u64 * each as u64 + mixed.acks - acks;
    let mut report = Report::new("mixed");
    report.add("clients", clients);
    report.add("size", size);
    report.add("burst", steps);
    report.add("emits", sent);
    report.add("acks", mixed.acks - acks);
    meter.add(&mut report, "deliveries", deliveries, "cpu_us_per_delivery");
    report.add_percentiles(["ack_p50_ms", "ack_p99_ms", "ack_max_ms"], &mut mixed.ack_micros);
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deliver(mixed: &mut Mixed, client: usize, packet: &str) -> Result<(), String> {
        mixed.handle_packet(client, Instant::now(), packet.as_bytes(), &mut Outbox::default())
    }

    /// Eleven emits to two clients: one to all, nine to rooms, one to client 1, whose rooms are 1, 2 and 51.
    fn begun() -> Mixed {
        let mut mixed = Mixed::new(2, 11, 1);
        (mixed.complete, mixed.is_acked) = (0, false);
        assert_eq!(mixed.due, [vec![0], vec![0, 5]]);
        mixed
    }

    #[test]
    fn the_three_rooms_of_a_client_are_different() {
        for client in 0..20_000 {
            let [one, two, three] = rooms(client);
            assert!(one != two && two != three && one != three, "{client}");
        }
    }

    #[test]
    fn a_burst_has_targets_of_each_kind() {
        let targets: Vec<Target> = (0..100).map(|step| Target::of(step, 1_000)).collect();
        let count =
            |wanted: fn(&Target) -> bool| targets.iter().filter(|target| wanted(target)).count();
        assert_eq!(count(|target| *target == Target::Everybody), 2);
        assert_eq!(count(|target| matches!(target, Target::Client(_))), 10);
    }

    #[test]
    fn each_client_must_receive_its_messages_in_order() {
        let mut mixed = begun();
        assert_eq!(deliver(&mut mixed, 1, r#"2["b",40,"x"]"#), Ok(()));
        assert_eq!(deliver(&mut mixed, 1, r#"2["b",45,"x"]"#), Ok(()));
        assert_eq!(deliver(&mut mixed, 0, r#"2["b",40,"x"]"#), Ok(()));
        assert_eq!(mixed.complete, 2);
        assert!(
            deliver(&mut mixed, 0, r#"2["b",45,"x"]"#).is_err_and(|e| e.contains("for others"))
        );
    }

    #[test]
    fn a_missing_message_and_a_wrong_body_fail() {
        for packets in [[40, 46], [40, 40], [45, 40]] {
            let mut mixed = begun();
            let results =
                packets.map(|seq| deliver(&mut mixed, 1, &format!("2[\"b\",{seq},\"x\"]")));
            assert!(results[1].is_err(), "{packets:?}");
        }
        assert!(deliver(&mut begun(), 1, r#"2["b",40,"y"]"#).is_err());
    }

    #[test]
    fn acks_are_checked() {
        let mut mixed = begun();
        mixed.asks_left = 2;
        assert!(deliver(&mut mixed, 1, "32[1000000002]").is_err());
        assert_eq!(
            mixed.next_ask(1, Instant::now()).as_deref(),
            Some("422[\"bench:echo\",1000000002]")
        );
        assert_eq!(deliver(&mut mixed, 1, "32[1000000002]"), Ok(()));
        assert_eq!((mixed.acks, mixed.asks_left), (1, 0));
        assert!(deliver(&mut mixed, 1, "33[1]").is_err());
    }
}

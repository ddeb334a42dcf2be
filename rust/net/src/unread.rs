//! What clients have sent and the application has not taken yet, served fairly.
//!
//! The first few events of each client wait in one queue, in the order of their arrival. What a
//! client sends beyond that waits in a *lane* of its own, and the lanes share the application's time
//! by bytes (deficit round robin: Shreedhar and Varghese, 1995). So a client with little waiting
//! goes before one with much, a large event goes when its client has saved up for it, and the events
//! of one client keep their order.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::event::Event;
use crate::outbox::{KEPT, Queue};
use crate::session::NONE;

/// What each event counts for beside its bytes: about what an empty one costs the application.
const EACH: usize = 4096;
/// What a client may have in the common queue.
const FEW: usize = 8 * EACH;
/// What a lane may take when it is its turn.
const QUANTUM: usize = 16 * EACH;
/// Events of the common queue that are taken before a lane has its turn.
const IN_A_ROW: usize = 16;
/// What is taken at once: the event loop has other things to do after it.
const BATCH: usize = 128 * EACH;

/// An event, and the slot of the session it belongs to; [`NONE`] when it is no session's.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) session: u32,
    pub(crate) event: Event,
}

impl Sent {
    /// What the event counts for.
    pub(crate) fn cost(&self) -> usize {
        cost(&self.event)
    }
}

fn cost(event: &Event) -> usize {
    event.bytes() + EACH
}

/// A session: its shard and its slot there.
type Key = (u16, u32);

/// What waits of one session behind what it has in the common queue.
#[derive(Debug, Default)]
struct Lane {
    events: VecDeque<Event>,
    cost: usize,
    /// What it has saved up.
    saved: usize,
    /// Reading from the session waits until no more than this waits.
    resumes_at: Option<usize>,
}

/// The events of all shards.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    common: VecDeque<(Key, Event)>,
    /// What the session in each slot of each shard has there.
    shares: Vec<Vec<u16>>,
    lanes: FxHashMap<Key, Lane>,
    /// The lanes with events of their own, in the order of their turns.
    turns: VecDeque<Key>,
    /// Ends of shards: behind everything else.
    stopped: Vec<Event>,
    cost: usize,
    count: usize,
    /// Events that were taken from the common queue while lanes waited.
    in_a_row: usize,
    /// Sessions that can be read again, and what still waits of them.
    resumed: Vec<(Key, usize)>,
}

impl Queue<Sent> for Unread {
    type Event = Event;

    fn put(&mut self, shard: u16, Sent { session, event }: Sent) {
        let key = (shard, session);
        self.count += 1;
        if session == NONE {
            return match event {
                Event::Stopped => self.stopped.push(event),
                _ => self.common.push_back((key, event)),
            };
        }
        let cost = cost(&event);
        self.cost += cost;
        if self.lanes.is_empty() || self.lanes.get(&key).is_none_or(|lane| lane.events.is_empty()) {
            let share = self.share(key);
            if usize::from(*share) + cost <= FEW {
                *share += cost as u16;
                return self.common.push_back((key, event));
            }
            self.turns.push_back(key);
        }
        let lane = self.lanes.entry(key).or_default();
        lane.cost += cost;
        lane.events.push_back(event);
    }

    fn take(&mut self, limit: usize, batch: &mut Vec<Event>) {
        let start = batch.len();
        let (end, mut taken) = (start.saturating_add(limit), 0);
        while batch.len() < end && taken < BATCH {
            let is_turn = self.in_a_row >= IN_A_ROW && !self.turns.is_empty();
            if !is_turn && let Some((key, event)) = self.common.pop_front() {
                self.in_a_row += 1;
                taken += self.leave_common(key, &event);
                batch.push(event);
            } else if let Some(key) = self.turns.pop_front() {
                self.in_a_row = 0;
                taken += self.serve(key, end, batch);
            } else {
                batch.append(&mut self.stopped);
                break;
            }
        }
        self.count -= batch.len() - start;
        self.tidy();
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Unread {
    /// What waits of all clients.
    pub(crate) fn cost(&self) -> usize {
        self.cost
    }

    /// How many events wait.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// A lane's turn: takes what it has saved up for; returns what that counts for.
    fn serve(&mut self, key: Key, end: usize, batch: &mut Vec<Event>) -> usize {
        if *self.share(key) > 0 {
            // What it has sent before waits in the common queue.
            self.turns.push_back(key);
            return 0;
        }
        let Some(lane) = self.lanes.get_mut(&key) else { return 0 };
        lane.saved += QUANTUM;
        let mut taken = 0;
        while batch.len() < end
            && let Some(event) = lane.events.pop_front_if(|event| cost(event) <= lane.saved)
        {
            let cost = cost(&event);
            lane.saved -= cost;
            taken += cost;
            batch.push(event);
        }
        lane.cost -= taken;
        self.cost -= taken;
        if lane.events.is_empty() {
            lane.saved = 0;
        } else {
            self.turns.push_back(key);
        }
        self.let_resume(key);
        if taken == 0 && self.common.is_empty() {
            self.save_up();
        }
        taken
    }

    /// Nobody has saved up enough, or somebody has: skips the rounds in which nothing would be taken.
    fn save_up(&mut self) {
        let missing = |lane: &Lane| {
            lane.events.front().map_or(0, |event| cost(event).saturating_sub(lane.saved))
        };
        let rounds =
            self.turns.iter().filter_map(|key| self.lanes.get(key)).map(missing).min().unwrap_or(0);
        let more = (rounds.div_ceil(QUANTUM)).saturating_sub(1) * QUANTUM;
        if more > 0 {
            for key in &self.turns {
                if let Some(lane) = self.lanes.get_mut(key) {
                    lane.saved += more;
                }
            }
        }
    }

    /// An event leaves the common queue; returns what it counts for.
    fn leave_common(&mut self, key: Key, event: &Event) -> usize {
        let cost = cost(event);
        if key.1 != NONE {
            self.cost -= cost;
            *self.share(key) -= cost as u16;
            if !self.lanes.is_empty() {
                self.let_resume(key);
            }
        }
        cost
    }

    /// What a session has in the common queue.
    fn share(&mut self, (shard, slot): Key) -> &mut u16 {
        let (shard, slot) = (usize::from(shard), slot as usize);
        if self.shares.len() <= shard {
            self.shares.resize_with(shard + 1, Vec::new);
        }
        let shares = &mut self.shares[shard];
        if shares.len() <= slot {
            shares.resize(slot + 1, 0);
        }
        &mut shares[slot]
    }

    /// What waits of a session.
    fn waiting(&mut self, key: Key) -> usize {
        usize::from(*self.share(key)) + self.lanes.get(&key).map_or(0, |lane| lane.cost)
    }

    /// Notes that a session can be read again, if so little waits now; drops its lane when it is empty.
    fn let_resume(&mut self, key: Key) {
        let waiting = self.waiting(key);
        let Some(lane) = self.lanes.get_mut(&key) else { return };
        if lane.resumes_at.is_some_and(|at| waiting <= at) {
            lane.resumes_at = None;
            self.resumed.push((key, waiting));
        }
        if lane.events.is_empty() && lane.resumes_at.is_none() {
            self.lanes.remove(&key);
        }
    }

    /// What a burst needed is not kept.
    fn tidy(&mut self) {
        if self.common.is_empty() && self.common.capacity() > KEPT {
            self.common.shrink_to(KEPT);
        }
        if self.lanes.is_empty() && self.lanes.capacity() > KEPT {
            self.lanes.shrink_to(KEPT);
            self.turns.shrink_to(KEPT);
        }
    }

    /// Returns what waits of a session, `more` that is not here yet included. When that reaches
    /// `limit`, the session is among the [`Unread::resumed`] ones as soon as half of that is left.
    pub(crate) fn pause(&mut self, key: Key, more: usize, limit: usize) -> (usize, bool) {
        let waiting = self.waiting(key) + more;
        let is_paused = waiting >= limit;
        if is_paused {
            self.lanes.entry(key).or_default().resumes_at = Some(limit / 2);
        }
        (waiting, is_paused)
    }

    /// Takes the sessions of a shard that can be read again, each with what still waits of it.
    pub(crate) fn resumed(&mut self, shard: u16) -> Vec<(u32, usize)> {
        let found = self.resumed.extract_if(.., |((of, _), _)| *of == shard);
        found.map(|((_, slot), cost)| (slot, cost)).collect()
    }

    /// Whether a shard has sessions that can be read again.
    pub(crate) fn has_resumed(&self, shard: u16) -> bool {
        self.resumed.iter().any(|((of, _), _)| *of == shard)
    }

    /// What the client has sent in the events that wait in a session's lane.
    pub(crate) fn bytes(&self, key: Key) -> usize {
        self.lanes.get(&key).map_or(0, |lane| lane.events.iter().map(Event::bytes).sum())
    }

    /// Drops the data that waits in a session's lane; returns how many events that were.
    pub(crate) fn forget(&mut self, key: Key) -> usize {
        let Some(lane) = self.lanes.get_mut(&key) else { return 0 };
        let (mut dropped, mut count) = (0, 0);
        lane.events.retain(|event| {
            let is_data = event.is_data();
            dropped += usize::from(is_data) * cost(event);
            count += usize::from(is_data);
            !is_data
        });
        lane.cost -= dropped;
        if lane.events.is_empty() {
            self.turns.retain(|other| *other != key);
            self.lanes.remove(&key);
        }
        self.cost -= dropped;
        self.count -= count;
        count
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use protocol::Id;

    use super::*;
    use crate::event::Data;

    /// An event of so many bytes, with a number.
    fn event(id: u64, bytes: usize) -> Event {
        let body = vec![0; bytes].into();
        let sid = Id::from_random([0; 15]);
        Event::Event(Data { sid, id: Some(id), body, attachments: Vec::new() })
    }

    fn put(unread: &mut Unread, session: u32, id: u64, bytes: usize) {
        unread.put(0, Sent { session, event: event(id, bytes) });
    }

    fn take(unread: &mut Unread, limit: usize) -> Vec<u64> {
        let mut batch = Vec::new();
        unread.take(limit, &mut batch);
        let number = |event: Event| match event {
            Event::Event(data) => data.id.unwrap(),
            _ => u64::MAX,
        };
        batch.into_iter().map(number).collect()
    }

    #[test]
    fn a_client_with_little_goes_before_one_with_much() {
        let mut unread = Unread::default();
        for id in 0..10_000 {
            put(&mut unread, 1, id, 10);
        }
        let mut next = 0;
        for round in 0..20 {
            put(&mut unread, 2, 1_000_000 + round, 10);
            let batch = take(&mut unread, 256);
            assert!(batch.contains(&(1_000_000 + round)), "round {round}");
            for id in batch.into_iter().filter(|id| *id < 1_000_000) {
                assert_eq!(id, next);
                next += 1;
            }
        }
        assert!(next > 1000, "the other is served all the same: {next}");
    }

    #[test]
    fn large_events_are_taken_singly_and_shared_by_bytes() {
        let mut unread = Unread::default();
        for id in 0..30 {
            put(&mut unread, 1, id, 1_000_000);
            put(&mut unread, 2, 100 + id, 100_000);
        }
        let (mut large, mut small) = (0, 0);
        while small < 25 {
            let batch = take(&mut unread, 256);
            let of_first = batch.iter().filter(|id| **id < 100).count();
            assert!(of_first <= 1 && batch.len() <= 6, "{batch:?}");
            large += of_first;
            small += batch.iter().filter(|id| **id >= 100).count();
        }
        assert!((1..=3).contains(&large), "{large} beside {small}");
    }

    #[test]
    fn each_session_keeps_its_order_and_nothing_is_lost() {
        let mut unread = Unread::default();
        let mut random = 1_u64;
        let mut sent = [0_u64; 7];
        let mut seen = [0_u64; 7];
        for _ in 0..5000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let session = ((random >> 33) % 20).min(6);
            let bytes = if random >> 60 == 0 { 200_000 } else { (random >> 40) % 3000 };
            put(
                &mut unread,
                session as u32,
                session << 32 | sent[session as usize],
                bytes as usize,
            );
            sent[session as usize] += 1;
            if random >> 60 == 1 {
                note(&mut seen, take(&mut unread, (random >> 50) as usize % 40));
            }
        }
        while !unread.is_empty() {
            note(&mut seen, take(&mut unread, 256));
        }
        assert_eq!(sent, seen);
        assert_eq!((unread.cost, unread.lanes.len(), unread.turns.len()), (0, 0, 0));
    }

    #[test]
    fn a_lane_waits_for_what_its_session_has_in_the_common_queue() {
        let mut unread = Unread::default();
        for session in 2..9 {
            (0..8).for_each(|id| put(&mut unread, session, 1000 + id, 0));
        }
        (0..30).for_each(|id| put(&mut unread, 1, id, 0));
        let own = take(&mut unread, 256).into_iter().filter(|id| *id < 1000);
        assert_eq!(own.collect::<Vec<_>>(), (0..30).collect::<Vec<_>>());
    }

    fn note(seen: &mut [u64; 7], batch: Vec<u64>) {
        for id in batch {
            let session = (id >> 32) as usize;
            assert_eq!(id & 0xffff_ffff, seen[session]);
            seen[session] += 1;
        }
    }

    #[test]
    fn a_paused_session_resumes_when_half_of_it_is_taken() {
        let mut unread = Unread::default();
        for id in 0..100 {
            put(&mut unread, 1, id, 0);
        }
        assert_eq!(unread.pause((0, 1), 0, 200 * EACH), (100 * EACH, false));
        assert_eq!(unread.pause((0, 1), 0, 100 * EACH), (100 * EACH, true));
        assert_eq!(take(&mut unread, 40).len(), 40);
        assert!(!unread.has_resumed(0));
        assert_eq!(take(&mut unread, 40).len(), 40);
        assert!(unread.has_resumed(0) && !unread.has_resumed(1));
        let resumed = unread.resumed(0);
        assert!(matches!(resumed[..], [(1, left)] if left <= 50 * EACH), "{resumed:?}");
        assert!(!unread.has_resumed(0));
    }

    #[test]
    fn what_a_lane_holds_can_be_dropped_but_not_the_end() {
        let mut unread = Unread::default();
        for id in 0..100 {
            put(&mut unread, 1, id, 10);
            put(&mut unread, 2, 1000 + id, 10);
        }
        let session = Id::from_random([0; 15]);
        let closed = Event::Closed { session, reason: None, too_large: None };
        unread.put(0, Sent { session: 1, event: closed });
        unread.put(0, Sent { session: NONE, event: Event::Stopped });
        let dropped = unread.forget((0, 1));
        assert!((90..100).contains(&dropped), "{dropped}");
        let mut rest = Vec::new();
        while !unread.is_empty() {
            rest.extend(take(&mut unread, 256));
        }
        assert_eq!(rest.iter().filter(|id| **id == u64::MAX).count(), 2);
        assert_eq!(rest.iter().filter(|id| (1000..2000).contains(*id)).count(), 100);
        assert_eq!(rest.len() + dropped, 202);
        assert_eq!(*rest.last().unwrap(), u64::MAX, "the end of a shard is the last event");
        assert_eq!((unread.cost, unread.lanes.len()), (0, 0));
    }
}

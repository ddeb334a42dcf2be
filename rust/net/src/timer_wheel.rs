//! The deadlines of a shard, in a wheel of buckets.
//!
//! An entry is a hint, not a promise: whoever is named by it is asked for its real deadline when
//! the entry comes up. So a deadline that moves later costs nothing (a pong re-files no entry).
//! Each owner has at most one live entry, whose time it remembers: an entry is four bytes, as there
//! are one or two of them for every client.

use engine::Time;

/// Milliseconds per bucket, which a deadline may be late by: little beside a ping interval of 300 ms.
const TICK: u64 = 4;
/// Buckets; entries further away than a turn of the wheel stay for the next turn.
const BUCKETS: usize = 2048;

/// Who has a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Session(u32),
    Stream(u32),
}

/// An owner in four bytes: the lowest bit says which kind it is, and no memory holds 2^31 slots.
#[derive(Clone, Copy, Debug)]
struct Entry(u32);

impl From<Owner> for Entry {
    fn from(owner: Owner) -> Self {
        Self(match owner {
            Owner::Session(slot) => slot << 1,
            Owner::Stream(slot) => slot << 1 | 1,
        })
    }
}

impl Entry {
    fn owner(self) -> Owner {
        let slot = self.0 >> 1;
        if self.0 & 1 == 0 { Owner::Session(slot) } else { Owner::Stream(slot) }
    }
}

#[derive(Debug)]
pub(crate) struct TimerWheel {
    buckets: Vec<Vec<Entry>>,
    /// The bucket up to which everything has come up.
    done: u64,
    len: usize,
}

impl TimerWheel {
    pub(crate) fn new(now: Time) -> Self {
        Self { buckets: vec![Vec::new(); BUCKETS], done: now.0 / TICK, len: 0 }
    }

    pub(crate) fn insert(&mut self, at: Time, owner: Owner) {
        // An entry that is due already comes up at the next tick.
        let tick = tick(at).max(self.done + 1);
        self.buckets[tick as usize % BUCKETS].push(owner.into());
        self.len += 1;
    }

    /// Takes the owners whose entries are due at `now`; `filed` tells the time of an owner's live
    /// entry, `Time(0)` for none.
    pub(crate) fn expire(
        &mut self,
        now: Time,
        filed: impl Fn(Owner) -> Time,
        due: &mut Vec<Owner>,
    ) {
        let reached = now.0 / TICK;
        let first = (self.done + 1).max(reached.saturating_sub(BUCKETS as u64 - 1));
        for passed in first..=reached {
            let bucket = &mut self.buckets[passed as usize % BUCKETS];
            if bucket.is_empty() {
                continue;
            }
            let before = bucket.len();
            bucket.retain(|entry| {
                let (owner, at) = (entry.owner(), tick(filed(entry.owner())));
                if at <= reached {
                    due.push(owner);
                }
                // One that has moved to another bucket has an entry there.
                at > reached && at % BUCKETS as u64 == passed % BUCKETS as u64
            });
            self.len -= before - bucket.len();
            if bucket.capacity() > 2 * bucket.len() {
                bucket.shrink_to_fit();
            }
        }
        self.done = self.done.max(reached);
    }

    /// When the next entry may come up.
    pub(crate) fn next(&self) -> Option<Time> {
        if self.len == 0 {
            return None;
        }
        (self.done + 1..=self.done + BUCKETS as u64)
            .find(|tick| !self.buckets[*tick as usize % BUCKETS].is_empty())
            .map(|tick| Time(tick * TICK))
    }
}

/// The tick at which a time has come.
fn tick(at: Time) -> u64 {
    at.0.div_ceil(TICK)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slots that come up; the time of each is its slot.
    fn due(wheel: &mut TimerWheel, now: u64) -> Vec<u64> {
        let mut due = Vec::new();
        wheel.expire(Time(now), time, &mut due);
        let mut times: Vec<_> = due.into_iter().map(|owner| time(owner).0).collect();
        times.sort_unstable();
        times
    }

    fn time(owner: Owner) -> Time {
        match owner {
            Owner::Session(slot) | Owner::Stream(slot) => Time(slot.into()),
        }
    }

    #[test]
    fn nothing_comes_up_before_its_time() {
        let mut wheel = TimerWheel::new(Time(1000));
        for at in [1001_u32, 1500, 26_000, 90_000] {
            wheel.insert(Time(at.into()), Owner::Session(at));
        }
        let mut seen = Vec::new();
        for now in (1000..100_000).step_by(7) {
            for at in due(&mut wheel, now) {
                assert!(at <= now, "{at} came up at {now}");
                seen.push(at);
            }
        }
        assert_eq!(seen, [1001, 1500, 26_000, 90_000]);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn a_long_pause_misses_nothing() {
        let mut wheel = TimerWheel::new(Time(0));
        for at in (0..500).map(|n| n * 97_u32) {
            wheel.insert(Time(at.into()), Owner::Stream(at));
        }
        assert_eq!(due(&mut wheel, 1_000_000).len(), 500);
    }

    #[test]
    fn next_is_never_past_the_earliest() {
        let mut wheel = TimerWheel::new(Time(0));
        wheel.insert(Time(40_000), Owner::Stream(1));
        wheel.insert(Time(300), Owner::Stream(1));
        assert!(wheel.next().unwrap().0 < 300 + TICK);
    }
}

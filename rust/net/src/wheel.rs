//! The deadlines of a shard, in a wheel of buckets.
//!
//! An entry is a hint, not a promise: whoever is named by it is asked for its real deadline when
//! the entry comes up. So a deadline that moves later costs nothing (a pong re-files no entry),
//! and each owner has at most one live entry, whose time it remembers.

use engine::Time;

/// Milliseconds per bucket: fine enough for the 100 ms noop of an upgrade.
const TICK: u64 = 16;
/// Buckets; entries further away than a turn of the wheel stay for the next turn.
const BUCKETS: usize = 2048;

/// Who has a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Session(u32),
    Stream(u32),
}

#[derive(Debug)]
pub(crate) struct Wheel {
    buckets: Vec<Vec<(Time, Owner)>>,
    /// The bucket up to which everything has come up.
    done: u64,
    len: usize,
}

impl Wheel {
    pub(crate) fn new(now: Time) -> Self {
        Self { buckets: vec![Vec::new(); BUCKETS], done: now.0 / TICK, len: 0 }
    }

    pub(crate) fn insert(&mut self, at: Time, owner: Owner) {
        // An entry that is due already comes up at the next tick.
        let tick = at.0.div_ceil(TICK).max(self.done + 1);
        self.buckets[tick as usize % BUCKETS].push((at, owner));
        self.len += 1;
    }

    /// Takes the entries that are due at `now`.
    pub(crate) fn expire(&mut self, now: Time, due: &mut Vec<(Time, Owner)>) {
        let tick = now.0 / TICK;
        let first = (self.done + 1).max(tick.saturating_sub(BUCKETS as u64 - 1));
        for passed in first..=tick {
            let bucket = &mut self.buckets[passed as usize % BUCKETS];
            let before = bucket.len();
            bucket.retain(|entry| {
                let keep = entry.0.0.div_ceil(TICK) > tick;
                if !keep {
                    due.push(*entry);
                }
                keep
            });
            self.len -= before - bucket.len();
        }
        self.done = self.done.max(tick);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn due(wheel: &mut Wheel, now: u64) -> Vec<u64> {
        let mut due = Vec::new();
        wheel.expire(Time(now), &mut due);
        let mut times: Vec<_> = due.into_iter().map(|(at, _)| at.0).collect();
        times.sort_unstable();
        times
    }

    #[test]
    fn nothing_comes_up_before_its_time() {
        let mut wheel = Wheel::new(Time(1000));
        for at in [1001, 1500, 26_000, 90_000] {
            wheel.insert(Time(at), Owner::Session(0));
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
        let mut wheel = Wheel::new(Time(0));
        for at in 0..500 {
            wheel.insert(Time(at * 97), Owner::Stream(1));
        }
        assert_eq!(due(&mut wheel, 1_000_000).len(), 500);
    }

    #[test]
    fn next_is_never_past_the_earliest() {
        let mut wheel = Wheel::new(Time(0));
        wheel.insert(Time(40_000), Owner::Stream(1));
        wheel.insert(Time(300), Owner::Stream(1));
        assert!(wheel.next().unwrap().0 <= 316);
    }
}

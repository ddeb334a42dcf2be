//! Whether a shard's turns are many and light, which is when it is lent (see `lease`).

use engine::Time;

/// How long turns are counted before they are judged, in milliseconds.
const WINDOW: u64 = 4;
/// In a window, so many turns with something for the program are lively.
const LIVELY: u32 = 8;
/// So many events in a turn, on average, are few: two threads that take turns cost more.
const FEW: u32 = 32;
/// So many are many: two threads get more done.
const MANY: u32 = 64;
/// After a heavy turn a shard is not lent for so long, in milliseconds.
const REST: u64 = 50;

/// The turns of the last few milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    since: u64,
    turns: u32,
    events: u32,
    rests_until: u64,
}

impl Pace {
    /// Notes a turn and how many events it had for the program; whether the shard may be lent now.
    pub(crate) fn is_light(&mut self, now: Time, events: usize) -> bool {
        self.turns += u32::from(events > 0);
        self.events = self.events.saturating_add(events as u32);
        if now.0 < self.since + WINDOW {
            return false;
        }
        let is_recent = now.0 < self.since + 2 * WINDOW;
        let is_light = self.turns >= LIVELY && self.events < self.turns * FEW;
        self.begin(now);
        is_recent && is_light && now.0 >= self.rests_until
    }

    /// Notes a turn of a shard that is lent; whether it must go back.
    pub(crate) fn is_heavy(&mut self, now: Time, events: usize) -> bool {
        self.turns += u32::from(events > 0);
        self.events = self.events.saturating_add(events as u32);
        if now.0 < self.since + WINDOW {
            return false;
        }
        let is_heavy = self.events > self.turns * MANY;
        self.begin(now);
        is_heavy
    }

    /// Begins to count anew.
    pub(crate) fn begin(&mut self, now: Time) {
        (self.since, self.turns, self.events) = (now.0, 0, 0);
    }

    /// A turn had too much to do.
    pub(crate) fn rest(&mut self, now: Time) {
        self.rests_until = now.0 + REST;
        self.begin(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lively_and_light_turns_are_lent_until_they_are_heavy() {
        let mut pace = Pace::default();
        pace.begin(Time(100));
        let mut turn = |at, events| pace.is_light(Time(at), events);
        assert!(!(0..8).any(|_| turn(101, 2)));
        assert!(turn(104, 0));
        assert!(!turn(108, 0), "nothing went on");
        assert!(!(0..8).any(|_| turn(109, 40)));
        assert!(!turn(112, 0), "two threads do more");
        assert!(!(0..8).any(|_| turn(113, 1)));
        assert!(!turn(130, 0), "that was long ago");

        assert!(!(0..8).any(|_| pace.is_heavy(Time(131), 64)));
        assert!(!pace.is_heavy(Time(134), 64));
        assert!(!(0..8).any(|_| pace.is_heavy(Time(135), 65)));
        assert!(pace.is_heavy(Time(138), 65));
    }

    #[test]
    fn a_shard_that_had_too_much_rests() {
        let mut pace = Pace::default();
        pace.rest(Time(100));
        for (from, light) in [(101, false), (110, false), (146, true)] {
            pace.begin(Time(from));
            assert!(!(0..8).any(|_| pace.is_light(Time(from + 1), 1)));
            assert_eq!(pace.is_light(Time(from + 4), 1), light, "{from}");
        }
    }
}

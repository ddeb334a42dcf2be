//! Whether a shard's turns are many and light, which is when it is lent (see `lease`).

use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use engine::Time;
use nix::time::ClockId;

/// How long turns are counted before they are judged, in milliseconds.
const WINDOW: u64 = 4;
/// In a window, so many turns with something for the program are lively.
const LIVELY: u32 = 4;
/// So many events in a turn, on average, are few: two threads that take turns cost more.
const FEW: u32 = 32;
/// So many are many: two threads get more done.
const MANY: u32 = 64;
/// After a heavy turn a shard is not lent for so long, in milliseconds.
const REST: u64 = 50;
/// After a window in which the program's thread had no time left, for so long.
const LONG_REST: u64 = 1000;
/// Such a part of a window is all the time there is.
const FULL: f64 = 0.85;

/// The turns of the last few milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    since: u64,
    turns: u32,
    events: u32,
    rests_until: u64,
    /// When the window began, by the clock and by what the program's thread has computed; `None`
    /// when that is not looked at.
    spent: Option<(Instant, Duration)>,
    has_another_core: bool,
}

impl Pace {
    pub(crate) fn new() -> Self {
        let has_another_core = available_parallelism().is_ok_and(|cores| cores.get() > 1);
        Self { has_another_core, ..Self::default() }
    }

    /// Notes a turn and how many events it had for the program; whether the shard may be lent now.
    pub(crate) fn is_light(&mut self, now: Time, events: usize) -> bool {
        if !self.note(now, events) {
            return false;
        }
        let is_recent = now.0 < self.since + 2 * WINDOW;
        let is_light = self.turns >= LIVELY && self.events < self.turns * FEW;
        self.begin(now);
        is_recent && is_light && now.0 >= self.rests_until
    }

    /// Notes a turn of a shard that is lent; whether it must go back.
    ///
    /// Where there is another core it must when this thread, the program's, has hardly any time left.
    pub(crate) fn is_heavy(&mut self, now: Time, events: usize) -> bool {
        if !self.note(now, events) {
            return false;
        }
        let is_heavy = self.events > self.turns * MANY;
        self.begin(now);
        if self.has_another_core && self.is_full((Instant::now(), computed())) {
            self.rests_until = now.0 + LONG_REST;
            return true;
        }
        is_heavy
    }

    /// Notes a turn; whether a window ends with it.
    fn note(&mut self, now: Time, events: usize) -> bool {
        self.turns += u32::from(events > 0);
        self.events = self.events.saturating_add(events as u32);
        now.0 >= self.since + WINDOW
    }

    fn is_full(&mut self, now: (Instant, Duration)) -> bool {
        self.spent
            .replace(now)
            .is_some_and(|before| now.1.saturating_sub(before.1) > (now.0 - before.0).mul_f64(FULL))
    }

    /// Begins to count anew, for a thread of which nothing is known.
    pub(crate) fn restart(&mut self, now: Time) {
        self.spent = None;
        self.begin(now);
    }

    fn begin(&mut self, now: Time) {
        (self.since, self.turns, self.events) = (now.0, 0, 0);
    }

    /// A turn had too much to do.
    pub(crate) fn rest(&mut self, now: Time) {
        self.rests_until = self.rests_until.max(now.0 + REST);
        self.begin(now);
    }
}

/// What this thread has computed since it began.
fn computed() -> Duration {
    ClockId::CLOCK_THREAD_CPUTIME_ID.now().map(Duration::from).unwrap_or_default()
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

    #[test]
    fn a_thread_that_always_computes_is_full() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = |wall, cpu| (start + Duration::from_millis(wall), Duration::from_millis(cpu));
        assert!(!pace.is_full(at(0, 100)), "nothing is known yet");
        assert!(!pace.is_full(at(10, 108)));
        assert!(pace.is_full(at(20, 117)));
        pace.restart(Time(1));
        assert!(!pace.is_full(at(30, 127)), "it may be another thread");
    }
}

//! When a shard enters inline mode and leaves it, by the number and size of its turns.
//!
//! Turns are counted over windows of a few milliseconds. What inline mode is, and why, is in `inline`.

use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use engine::Time;
use nix::time::ClockId;

/// How long turns are counted before they are judged, in milliseconds.
const WINDOW: u64 = 4;
/// A window with so many turns that had events for the application is lively.
const LIVELY: u32 = 4;
/// With fewer events in a turn, on average, two threads that alternate cost more than one.
const FEW: u32 = 32;
/// With more events in a turn, two threads get more done.
const MANY: u32 = 64;
/// How long a shard stays out of inline mode after a heavy turn, in milliseconds.
const REST: u64 = 50;
/// The same after a window in which the event loop's thread had no time left.
const LONG_REST: u64 = 1000;
/// A thread that computes for this part of a window has no time left.
const FULL: f64 = 0.85;

/// The turns of the last few milliseconds.
#[derive(Debug, Default)]
pub(crate) struct InlinePolicy {
    since: u64,
    turns: u32,
    events: u32,
    rests_until: u64,
    /// When the window began, by the clock and by the CPU time of the event loop's thread; `None`
    /// when that is not known.
    spent: Option<(Instant, Duration)>,
    has_another_core: bool,
}

impl InlinePolicy {
    pub(crate) fn new() -> Self {
        let has_another_core = available_parallelism().is_ok_and(|cores| cores.get() > 1);
        Self { has_another_core, ..Self::default() }
    }

    /// Counts a turn and its events; returns whether the shard may enter inline mode now.
    pub(crate) fn is_light(&mut self, now: Time, events: usize) -> bool {
        if !self.note(now, events) {
            return false;
        }
        let is_recent = now.0 < self.since + 2 * WINDOW;
        let is_light = self.turns >= LIVELY && self.events < self.turns * FEW;
        self.begin(now);
        is_recent && is_light && now.0 >= self.rests_until
    }

    /// Counts a turn in inline mode; returns whether the shard must leave it.
    ///
    /// Where there is another core it must when this thread, the event loop's, has hardly any time left.
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

    /// Counts a turn; returns whether a window ends with it.
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

    /// Begins a window on another thread, whose CPU time is not known yet.
    pub(crate) fn restart(&mut self, now: Time) {
        self.spent = None;
        self.begin(now);
    }

    fn begin(&mut self, now: Time) {
        (self.since, self.turns, self.events) = (now.0, 0, 0);
    }

    /// Keeps the shard out of inline mode for a while: a turn had too much to do.
    pub(crate) fn rest(&mut self, now: Time) {
        self.rests_until = self.rests_until.max(now.0 + REST);
        self.begin(now);
    }
}

/// The CPU time of this thread.
fn computed() -> Duration {
    ClockId::CLOCK_THREAD_CPUTIME_ID.now().map(Duration::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_mode_begins_with_many_small_turns_and_ends_with_heavy_ones() {
        let mut pace = InlinePolicy::default();
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
        let mut pace = InlinePolicy::default();
        pace.rest(Time(100));
        for (from, light) in [(101, false), (110, false), (146, true)] {
            pace.begin(Time(from));
            assert!(!(0..8).any(|_| pace.is_light(Time(from + 1), 1)));
            assert_eq!(pace.is_light(Time(from + 4), 1), light, "{from}");
        }
    }

    #[test]
    fn a_thread_that_always_computes_is_full() {
        let (mut pace, start) = (InlinePolicy::default(), Instant::now());
        let at = |wall, cpu| (start + Duration::from_millis(wall), Duration::from_millis(cpu));
        assert!(!pace.is_full(at(0, 100)), "nothing is known yet");
        assert!(!pace.is_full(at(10, 108)));
        assert!(pace.is_full(at(20, 117)));
        pace.restart(Time(1));
        assert!(!pace.is_full(at(30, 127)), "it may be another thread");
    }
}

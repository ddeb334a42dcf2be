//! How often turns have panicked, and how long to pause then.

use std::time::Duration;

/// Turns in a row that may panic without a pause.
const FREE: u32 = 4;
/// The longest pause is 2 to this power, in milliseconds.
const LONGEST: u32 = 6;

/// How often turns have panicked lately.
#[derive(Debug, Default)]
pub(super) struct Panics {
    this_turn: bool,
    in_a_row: u32,
}

impl Panics {
    /// A step of this turn has panicked.
    pub(super) fn note(&mut self) {
        self.this_turn = true;
    }

    /// A turn ends.
    pub(super) fn end_turn(&mut self) {
        let has_panicked = std::mem::take(&mut self.this_turn);
        self.in_a_row = if has_panicked { self.in_a_row.saturating_add(1) } else { 0 };
    }

    /// How long to wait before the next turn.
    pub(super) fn pause(&self) -> Option<Duration> {
        let power = self.in_a_row.checked_sub(FREE)?.min(LONGEST);
        Some(Duration::from_millis(1 << power))
    }

    /// Whether the last turn has panicked.
    pub(super) fn is_recent(&self) -> bool {
        self.in_a_row > 0
    }
}

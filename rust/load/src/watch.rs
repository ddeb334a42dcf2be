//! The interface through which a caller observes and cancels a run.

/// Observes a run. The thread of the run calls these methods often.
pub trait Watch {
    /// Takes the progress of the run: `part` of `phase` is done (0 to 1), and `figure` is a count of its operations.
    fn progress(&self, _phase: &'static str, _part: f64, _figure: u64) {}

    /// Whether the run must end.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Takes a line of text that the run prints before its report.
    fn line(&self, _text: &str) {}
}

/// Observes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {}

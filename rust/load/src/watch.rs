//! What whoever started a run sees of it while it goes on, and how they end it.

/// Looks at a run from outside; its methods are called from the run's thread, often.
pub trait Watch {
    /// The run has done `part` (0 to 1) of `phase`, and counted `figure` things in it.
    fn progress(&self, _phase: &'static str, _part: f64, _figure: u64) {}

    /// Whether the run shall end.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// A line for people, while the run goes on.
    fn line(&self, _text: &str) {}
}

/// Nobody looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {}

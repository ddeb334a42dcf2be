//! Fails a run that makes no progress.

use std::time::{Duration, Instant};

/// The hint for a run whose first request is not answered.
pub(crate) const NO_FIRST_ANSWER: &str = ": no answer to the first request; it must handle the events that this mode sends (see fanio/bench/handlers.py)";

/// Detects that a run makes no progress. Heartbeats do not count as progress.
#[derive(Debug)]
pub(crate) struct StallTimeout {
    progress: u64,
    since: Instant,
    limit: Duration,
    /// The likely cause of a stall before any progress.
    hint: &'static str,
}

impl StallTimeout {
    /// Starts the timeout. `progress` is any number that grows with the run.
    pub(crate) fn new(progress: u64, limit: Duration, hint: &'static str) -> Self {
        Self { progress, since: Instant::now(), limit, hint }
    }

    /// Takes the current progress.
    ///
    /// # Errors
    /// The progress has not changed for longer than the limit.
    pub(crate) fn check(&mut self, progress: u64) -> Result<(), String> {
        if progress != self.progress {
            (self.progress, self.since, self.hint) = (progress, Instant::now(), "");
        }
        if self.since.elapsed() > self.limit {
            Err(format!("the server gets no further{}", self.hint))
        } else {
            Ok(())
        }
    }
}

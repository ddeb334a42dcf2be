//! A run that gets no further has failed.

use std::time::{Duration, Instant};

/// The hint for the first request of a run.
pub(crate) const NO_FIRST_ANSWER: &str = ": no answer to the first request; it must handle the events that this mode sends (see fanio/bench/handlers.py)";

/// Notices that a run gets no further; a heartbeat is no progress.
#[derive(Debug)]
pub(crate) struct StallTimeout {
    progress: u64,
    since: Instant,
    limit: Duration,
    /// What it means when nothing has come yet.
    hint: &'static str,
}

impl StallTimeout {
    /// Begins to wait for something that grows from `progress` on.
    pub(crate) fn new(progress: u64, limit: Duration, hint: &'static str) -> Self {
        Self { progress, since: Instant::now(), limit, hint }
    }

    /// Takes how far the run is: any number that grows with it.
    ///
    /// # Errors
    /// When it has not changed for too long.
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

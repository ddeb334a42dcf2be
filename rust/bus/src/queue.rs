//! What a driver has received and the node has not taken, bounded in bytes.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// What a driver reports.
#[derive(Debug)]
pub(crate) enum Report {
    /// The transport can be used, and hears all channels.
    Up,
    /// It cannot; why.
    Down(String),
    /// A message.
    Message {
        /// Where it was published.
        channel: String,
        /// What it is.
        body: Bytes,
    },
    /// So many nodes hear the channel that was to be counted.
    Counted {
        /// The request it was counted for.
        request: String,
        /// How many.
        nodes: usize,
    },
    /// So many publications were lost.
    Lost(u64),
}

/// Reports in order. Messages past the limit are dropped and counted: a bus cannot be made to wait.
#[derive(Debug)]
pub(crate) struct Reports {
    state: Mutex<State>,
    added: Notify,
    limit: usize,
}

#[derive(Debug, Default)]
struct State {
    reports: VecDeque<Report>,
    bytes: usize,
    dropped: u64,
}

impl Reports {
    pub(crate) fn new(limit: usize) -> Self {
        Self { state: Mutex::default(), added: Notify::new(), limit }
    }

    pub(crate) fn push(&self, report: Report) {
        let mut state = self.state.lock();
        if let Report::Message { body, .. } = &report {
            if state.bytes + body.len() > self.limit && state.bytes > 0 {
                state.dropped += 1;
                return;
            }
            state.bytes += body.len();
        }
        state.reports.push_back(report);
        drop(state);
        self.added.notify_one();
    }

    /// Takes all reports, as soon as there is one, and how many messages were dropped before.
    pub(crate) async fn take(&self) -> (VecDeque<Report>, u64) {
        loop {
            let added = self.added.notified();
            {
                let mut state = self.state.lock();
                if !state.reports.is_empty() {
                    state.bytes = 0;
                    return (
                        std::mem::take(&mut state.reports),
                        std::mem::take(&mut state.dropped),
                    );
                }
            }
            added.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(len: usize) -> Report {
        Report::Message { channel: "c".into(), body: vec![0; len].into() }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_does_not_fit_is_dropped_and_counted() {
        let reports = Reports::new(10);
        // One that is larger than the limit is taken all the same, when it is alone.
        reports.push(message(11));
        reports.push(message(1));
        reports.push(Report::Up);
        let (taken, dropped) = reports.take().await;
        assert_eq!((taken.len(), dropped), (2, 1));
        reports.push(message(1));
        assert_eq!(reports.take().await.1, 0);
    }
}

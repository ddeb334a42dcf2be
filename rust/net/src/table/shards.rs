//! All shards of the server, as one of them sees them: it sends them commands and reads their gauges.

use std::sync::Arc;

use crate::command::Command;
use crate::counters::{Counter, Counters};
use crate::inbox::Inbox;

#[derive(Debug)]
pub(crate) struct AllShards {
    own: u16,
    inboxes: Arc<[Arc<Inbox>]>,
    counters: Arc<[Arc<Counters>]>,
}

impl AllShards {
    pub(crate) fn new(
        own: u16,
        inboxes: Arc<[Arc<Inbox>]>,
        counters: Arc<[Arc<Counters>]>,
    ) -> Self {
        Self { own, inboxes, counters }
    }

    /// The number of the shard that this belongs to.
    pub(crate) fn own(&self) -> u16 {
        self.own
    }

    /// The counters of the shard that this belongs to.
    pub(crate) fn own_counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters[usize::from(self.own)])
    }

    pub(crate) fn count(&self) -> usize {
        self.inboxes.len()
    }

    pub(crate) fn push(&self, shard: u16, command: Command) {
        if let Some(inbox) = self.inboxes.get(usize::from(shard)) {
            inbox.push(command);
        }
    }

    /// Has every shard take a turn soon.
    pub(crate) fn nudge_all(&self) {
        self.inboxes.iter().for_each(|inbox| inbox.nudge());
    }

    /// The sum of a gauge over all shards, as they have set it last.
    pub(crate) fn total(&self, gauge: Counter) -> u64 {
        self.counters.iter().map(|counters| counters.value(gauge)).sum()
    }
}

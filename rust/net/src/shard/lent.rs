//! What a shard does differently while it is lent.

use std::os::fd::AsRawFd;
use std::time::Duration;

use crate::counters::Counter;
use crate::event::Event;
use crate::session::NONE;
use crate::shard::Shard;
use crate::shard::lease::Lendable;
use crate::unread::Sent;

/// Recipients that a turn on the program's thread sends to; a fan-out to more is for the shard's own.
const LENT_RECIPIENTS: usize = 128;

impl Lendable for Shard {
    fn begin_loan(&mut self) {
        self.is_lent = true;
        self.pace.restart(self.now());
        self.table.counters.add(Counter::Loans);
        // What was pushed since the last turn is waited for by nobody else.
        if self.inbox.sleep(None).is_some() {
            self.inbox.rouse();
        }
    }

    fn announcement(&self) -> Box<dyn FnOnce()> {
        // The poller's descriptor is readable when a turn has something to do.
        let (outbox, shard, fd) = (self.outbox.clone(), self.table.number(), self.poll.as_raw_fd());
        let event = Event::Lent { shard, fd };
        let mut batch = vec![Sent { session: NONE, event }];
        Box::new(move || outbox.publish(shard, &mut batch))
    }

    fn take_lent_turn(&mut self, with_streams: bool) -> bool {
        if with_streams {
            self.poll(Some(Duration::ZERO));
        }
        self.inbox.awake();
        self.take_turn();
        if self.inbox.sleep(None).is_some() {
            self.inbox.rouse();
        }
        if self.is_demanding() {
            self.pace.rest(self.table.now);
            return false;
        }
        !self.pace.is_heavy(self.table.now, self.published)
    }

    fn end_loan(&mut self) {
        self.is_lent = false;
        self.pace.restart(self.now());
    }
}

impl Shard {
    /// Whether a fan-out has reached more than a turn on the program's thread may.
    pub(super) fn is_reaching_many(&self) -> bool {
        self.reached >= LENT_RECIPIENTS
    }

    /// Whether there is more to do than the program's thread should.
    pub(super) fn is_demanding(&self) -> bool {
        self.table.is_stopping()
            || self.panics.is_recent()
            || self.has_work()
            || self.is_reaching_many()
    }
}

//! What a shard does differently in inline mode: its turns are short, and it leaves the mode when it has
//! much to do. How the shard changes threads is in `inline`.

use std::os::fd::AsRawFd;
use std::time::Duration;

use crate::counters::Counter;
use crate::event::Event;
use crate::session::NONE;
use crate::shard::Shard;
use crate::shard::inline::InlineShard;
use crate::unread::Sent;

/// Recipients that a turn on the program's thread sends to; a fan-out to more is for the shard's own.
const INLINE_RECIPIENTS: usize = 128;

impl InlineShard for Shard {
    fn begin_inline(&mut self) {
        self.is_inline = true;
        self.inline_policy.restart(self.now());
        self.table.counters.add(Counter::InlinePeriods);
        // What was pushed since the last turn is waited for by nobody else.
        if self.inbox.sleep(None).is_some() {
            self.inbox.rouse();
        }
    }

    fn announcement(&self) -> Box<dyn FnOnce()> {
        // The poller's descriptor is readable when a turn has something to do.
        let (outbox, shard, fd) = (self.outbox.clone(), self.table.number(), self.poll.as_raw_fd());
        let event = Event::Inline { shard, fd };
        let mut batch = vec![Sent { session: NONE, event }];
        Box::new(move || outbox.publish(shard, &mut batch))
    }

    fn take_inline_turn(&mut self, with_streams: bool) -> bool {
        if with_streams {
            self.poll(Some(Duration::ZERO));
        }
        self.inbox.awake();
        self.take_turn();
        if self.inbox.sleep(None).is_some() {
            self.inbox.rouse();
        }
        if self.is_demanding() {
            self.inline_policy.rest(self.table.now);
            return false;
        }
        !self.inline_policy.is_heavy(self.table.now, self.published)
    }

    fn end_inline(&mut self) {
        self.is_inline = false;
        self.inline_policy.restart(self.now());
    }
}

impl Shard {
    /// Whether a fan-out has reached more than a turn on the program's thread may.
    pub(super) fn is_reaching_many(&self) -> bool {
        self.reached >= INLINE_RECIPIENTS
    }

    /// Whether there is more to do than the program's thread should.
    pub(super) fn is_demanding(&self) -> bool {
        self.table.is_stopping()
            || self.panics.is_recent()
            || self.has_work()
            || self.is_reaching_many()
    }
}

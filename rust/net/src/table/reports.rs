//! The events of a shard on their way to the application.
//!
//! Only this file puts events into the outbox. They are collected here for the length of a turn.
//! Events of a session count as unread until the application has taken them; how many may be unread
//! before the session is not read any more is decided in `throttle`.

use std::sync::Arc;

use crate::event::Event;
use crate::outbox::Outbox;
use crate::session::NONE;
use crate::unread::{Sent, Unread};

#[derive(Debug)]
pub(crate) struct Reports {
    shard: u16,
    outbox: Arc<Outbox<Sent, Unread>>,
    /// The events of this turn.
    pending: Vec<Sent>,
    /// The cost of all unread events of all shards, when this shard looked last.
    cost_before: usize,
    /// The cost of what this shard has added since.
    cost_since: usize,
}

impl Reports {
    pub(crate) fn new(shard: u16, outbox: Arc<Outbox<Sent, Unread>>) -> Self {
        Self { shard, outbox, pending: Vec::new(), cost_before: 0, cost_since: 0 }
    }

    /// Adds an event of a session; returns its cost.
    pub(crate) fn publish(&mut self, session: u32, event: Event) -> usize {
        let sent = Sent { session, event };
        let cost = sent.cost();
        self.cost_since += cost;
        self.pending.push(sent);
        cost
    }

    /// Adds an event that belongs to no session.
    pub(crate) fn tell(&mut self, event: Event) {
        self.pending.push(Sent { session: NONE, event });
    }

    /// Puts the events of the turn into the outbox; returns how many. `is_inline` is for the event
    /// loop's thread, which takes them next and needs no wake.
    pub(crate) fn send(&mut self, is_inline: bool) -> usize {
        let count = self.pending.len();
        if is_inline {
            self.outbox.publish_quietly(self.shard, &mut self.pending);
        } else {
            self.outbox.publish(self.shard, &mut self.pending);
        }
        if count > 0 {
            self.cost_before = self.outbox.queue().cost();
            self.cost_since = 0;
        }
        count
    }

    /// The cost of all unread events of all shards, as far as this shard knows.
    pub(crate) fn total_cost(&self) -> usize {
        self.cost_before + self.cost_since
    }

    /// How many events wait in the outbox.
    pub(crate) fn unread_events(&self) -> usize {
        self.outbox.queue().len()
    }

    // --- the unread events of one session --------------------------------------------------------

    /// The cost of a session's unread events, and whether that reaches `limit`. If so, the session is
    /// among the [`Reports::resumed`] ones as soon as half of it is left.
    pub(crate) fn pause(&mut self, session: u32, limit: usize) -> (usize, bool) {
        let pending = self.pending.iter().filter(|sent| sent.session == session);
        let pending = pending.map(Sent::cost).sum();
        self.outbox.queue().pause((self.shard, session), pending, limit)
    }

    /// The bytes that a client has sent in unread events.
    pub(crate) fn unread_bytes(&self, session: u32) -> usize {
        let pending = self.pending.iter().filter(|sent| sent.session == session);
        let pending: usize = pending.map(|sent| sent.event.bytes()).sum();
        pending + self.outbox.queue().bytes((self.shard, session))
    }

    /// Drops the unread events of a session that carry data; returns how many.
    pub(crate) fn drop_data(&mut self, session: u32) -> usize {
        let before = self.pending.len();
        self.pending.retain(|sent| sent.session != session || !sent.event.is_data());
        before - self.pending.len() + self.outbox.queue().forget((self.shard, session))
    }

    /// Takes the sessions that can be read again, each with the cost of its unread events.
    pub(crate) fn resumed(&self) -> Vec<(u32, usize)> {
        self.outbox.queue().resumed(self.shard)
    }

    pub(crate) fn has_resumed(&self) -> bool {
        self.outbox.queue().has_resumed(self.shard)
    }
}

//! Reading that waits for the program: its events are counted until it has taken them.
//!
//! A session with too many of them, or one that the program has paused, is not read: what its client
//! sends waits in the kernel, and then with the client.

use crate::counters::Counter;
use crate::event::Event;
use crate::socket::stream::Role;
use crate::table::Table;

impl Table {
    /// Queues an event for the program and counts it against its session.
    pub(crate) fn publish(&mut self, slot: u32, event: Event) {
        self.published += 1;
        let bytes = event.bytes();
        self.events.push(event);
        let taken = self.outbox.taken(self.shard);
        if let Some(session) = self.sessions.entry_mut(slot) {
            if taken >= session.last_event {
                (session.unread, session.unread_bytes) = (0, 0);
            }
            session.unread += 1;
            session.unread_bytes = session.unread_bytes.saturating_add(bytes as u32);
            session.last_event = self.published;
        }
    }

    /// Queues an event that no client has caused by sending something.
    pub(crate) fn tell(&mut self, event: Event) {
        self.published += 1;
        self.events.push(event);
    }

    /// Whether reading from the session has to wait for the program.
    pub(crate) fn is_throttled(&self, slot: u32) -> bool {
        self.sessions.entry(slot).is_some_and(|session| {
            let much = session.unread >= self.options.max_unread
                || session.unread_bytes >= self.options.max_unread_bytes;
            session.paused || (much && self.outbox.taken(self.shard) < session.last_event)
        })
    }

    /// Whether reading from the stream has to wait for the program; not when it is gone.
    pub(crate) fn waits_for_program(&mut self, slot: u32) -> bool {
        let session = self.streams.get(slot as usize).and_then(|stream| match &stream.role {
            Role::WebSocket { session, .. } => Some(*session),
            Role::Http(http) => http.carries().map(|(session, _)| session),
            Role::Closing { .. } => None,
        });
        session.is_some_and(|session| self.is_throttled(session)) || self.waits_for_log(slot)
    }

    /// Stops reading until the program has taken the session's events.
    pub(crate) fn throttle(&mut self, slot: u32) {
        if let Some(stream) = self.streams.get_mut(slot as usize)
            && !stream.paused
        {
            stream.paused = true;
            self.throttled.push(slot);
            self.counters.add(Counter::ReadPauses);
        }
    }

    /// Lets streams read again whose session's events the program has taken.
    pub(crate) fn resume(&mut self) {
        for slot in std::mem::take(&mut self.throttled) {
            if self.waits_for_program(slot) {
                self.throttled.push(slot);
            } else if let Some(stream) = self.streams.get_mut(slot as usize) {
                stream.paused = false;
                self.ready.push(slot);
            }
        }
    }

    /// Whether the program has taken what a stream waits for.
    pub(crate) fn can_resume(&mut self) -> bool {
        (0..self.throttled.len()).any(|index| !self.waits_for_program(self.throttled[index]))
    }
}

//! Reading that waits for the application.
//!
//! What clients send waits for the application (`unread`), and is counted there. A session with too
//! much of it, or one that the application has paused, is not read: what its client sends waits in
//! the kernel, and then with the client. When all clients together have too much waiting, the limit
//! for each is low, so that those with little are still read. A client that goes while it is not read
//! is noticed, and what waits of it is dropped.

use engine::Reason;

use crate::awaited::Awaits;
use crate::counters::Counter;
use crate::socket::stream::Role;
use crate::table::Table;

/// What one client may have waiting while all together have too much.
const SHARE: usize = 64 * 1024;
/// A client that has gone with less than this waiting is read to the end, in bytes that it has sent.
const LOST: usize = 256 * 1024;

impl Table {
    /// Whether reading from the session has to wait for the application.
    pub(crate) fn is_throttled(&mut self, slot: u32) -> bool {
        let limit = self.unread_limit();
        let Some(session) = self.sessions.get_mut(slot) else {
            return false;
        };
        if session.paused || session.throttled {
            return true;
        }
        if (session.unread as usize) < limit {
            return false;
        }
        let (waiting, throttled) = self.reports.pause(slot, limit);
        session.unread = u32::try_from(waiting).unwrap_or(u32::MAX);
        session.throttled = throttled;
        throttled
    }

    /// What one client may have waiting now.
    fn unread_limit(&self) -> usize {
        if self.reports.total_cost() > self.options.max_total_unread_bytes {
            SHARE.min(self.options.max_unread_bytes)
        } else {
            self.options.max_unread_bytes
        }
    }

    /// The session that a stream carries.
    fn session_on(&self, slot: u32) -> Option<u32> {
        match &self.streams.get(slot)?.role {
            Role::WebSocket { session, .. } => Some(*session),
            Role::Http(http) => http.carries().map(|(session, _)| session),
            Role::Closing { .. } => None,
        }
    }

    /// Whether reading from the stream has to wait for the application; not when it is gone.
    fn waits_for_application(&mut self, slot: u32) -> bool {
        let session = self.session_on(slot);
        session.is_some_and(|session| self.is_throttled(session)) || self.waits_for_log(slot)
    }

    /// Whether a session is throttled although its client has sent more.
    pub(crate) fn has_unread_input(&self, slot: u32) -> bool {
        let Some(session) = self.sessions.get(slot).filter(|session| session.throttled) else {
            return false;
        };
        [session.stream, session.post].into_iter().any(|slot| {
            let stream = self.streams.get(slot);
            stream.is_some_and(|stream| stream.readable || !stream.input.is_empty())
        })
    }

    /// Stops reading until the application has taken the session's events.
    pub(crate) fn throttle(&mut self, slot: u32) {
        if let Some(stream) = self.streams.get_mut(slot)
            && !stream.paused
        {
            stream.paused = true;
            self.reading.add_paused(slot);
            self.counters.add(Counter::ReadPauses);
        }
        self.drop_what_is_lost(slot);
    }

    /// Ends a session whose client has gone while it was not read, and drops what waits of it.
    pub(crate) fn drop_what_is_lost(&mut self, slot: u32) {
        let has_gone = self.streams.get(slot).is_some_and(|stream| stream.hung_up);
        let Some(session) = self.session_on(slot).filter(|_| has_gone) else {
            return;
        };
        let entry = self.sessions.get(session).filter(|entry| !entry.ended);
        if !entry.is_some_and(|entry| entry.throttled) || self.reports.unread_bytes(session) < LOST
        {
            return;
        }
        let dropped = self.reports.drop_data(session);
        self.counters.add_many(Counter::DroppedUnread, dropped as u64);
        self.step.close_later(session, Reason::TransportClose);
    }

    /// Lets streams read again whose session's events the application has taken.
    pub(crate) fn resume(&mut self) {
        if !self.reading.has_paused() {
            return;
        }
        let resumed = self.reports.resumed();
        for (slot, unread) in resumed {
            if let Some(session) = self.sessions.get_mut(slot) {
                (session.throttled, session.unread) = (false, unread as u32);
            }
        }
        for slot in self.reading.take_paused() {
            if self.waits_for_application(slot) {
                self.reading.add_paused(slot);
            } else if let Some(stream) = self.streams.get_mut(slot) {
                stream.paused = false;
                self.streams.read_soon(slot);
            }
        }
    }

    /// What reading waits for.
    pub(crate) fn awaits(&self) -> Awaits {
        match (self.reading.has_paused(), self.access_log.is_full()) {
            (false, _) => Awaits::Nothing,
            (true, true) => Awaits::AnyEvent,
            (true, false) => Awaits::Sessions,
        }
    }

    /// Whether what reading waits for has happened already.
    pub(crate) fn can_resume(&self, awaits: Awaits) -> bool {
        match awaits {
            Awaits::Nothing => false,
            Awaits::Sessions => self.reports.has_resumed(),
            Awaits::AnyEvent => !self.access_log.is_full(),
        }
    }
}

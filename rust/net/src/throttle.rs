//! Reading that waits for the application.
//!
//! What clients send waits for the application (`unread`), and is counted there. A session with too
//! much of it, or one that the application has paused, is not read: what its client sends waits in
//! the kernel, and then with the client. When all clients together have too much waiting, the limit
//! for each is low, so that those with little are still read. A client that goes while it is not read
//! is noticed, and what waits of it is dropped.

use std::sync::atomic::{AtomicU8, Ordering};

use engine::Reason;

use crate::counters::Counter;
use crate::event::Event;
use crate::outbox::Outbox;
use crate::session::NONE;
use crate::socket::stream::Role;
use crate::table::Table;
use crate::unread::{Sent, Unread};

/// What one client may have waiting while all together have too much.
const SHARE: usize = 64 * 1024;
/// A client that has gone with less than this waiting is read to the end, in bytes that it has sent.
const LOST: usize = 256 * 1024;
/// What is handled of one stream before others have their turn, in bytes.
const VISIT: usize = 128 * 1024;
/// What a message counts for in it, beside its bytes.
const MESSAGE: usize = 128;

/// What must be taken for a shard to read on from a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Awaits {
    #[default]
    Nothing,
    /// Events of sessions that are not read ([`Unread::resumed`]).
    Sessions,
    /// Lines of the access log, or the same.
    AnyEvent,
}

/// What a shard says of it to the application's thread.
#[derive(Debug, Default)]
pub(crate) struct Awaited(AtomicU8);

impl Awaited {
    /// Says it.
    pub(crate) fn say(&self, awaits: Awaits) {
        self.0.store(awaits as u8, Ordering::SeqCst);
    }

    /// Whether the shard is to look again after an event was taken.
    pub(crate) fn is_met(&self, unread: &Outbox<Sent, Unread>, shard: u16) -> bool {
        match self.0.load(Ordering::SeqCst) {
            0 => false,
            1 => unread.queue().has_resumed(shard),
            _ => true,
        }
    }
}

/// What a shard knows of the reading from its streams.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Streams that are not read until the application has done something.
    paused: Vec<u32>,
    /// What all shards had published and the application had not taken when this shard last looked.
    elsewhere: usize,
    /// What it has published since.
    published: usize,
    /// What was handled of the stream that is read now.
    visit: usize,
}

impl Reading {
    /// Forgets which streams are paused, to make the list anew.
    pub(crate) fn forget_paused(&mut self) {
        self.paused.clear();
    }

    /// Adds a stream to the list.
    pub(crate) fn add_paused(&mut self, slot: u32) {
        self.paused.push(slot);
    }
}

impl Table {
    /// Reading from another stream begins.
    pub(crate) fn begin_visit(&mut self) {
        self.reading.visit = 0;
        self.pongs.clear();
    }

    /// Counts a message of the stream that is read.
    pub(crate) fn count_message(&mut self, bytes: usize) {
        self.reading.visit += bytes + MESSAGE;
    }

    /// Whether so much of the stream was handled that others have their turn.
    pub(crate) fn is_others_turn(&self) -> bool {
        self.reading.visit >= VISIT
    }

    /// Queues an event of a session for the application.
    pub(crate) fn publish(&mut self, session: u32, event: Event) {
        let sent = Sent { session, event };
        let cost = sent.cost();
        self.reading.published += cost;
        self.events.push(sent);
        if let Some(session) = self.sessions.entry_mut(session) {
            session.unread = session.unread.saturating_add(cost as u32);
        }
    }

    /// Queues an event that is no session's.
    pub(crate) fn tell(&mut self, event: Event) {
        self.events.push(Sent { session: NONE, event });
    }

    /// Whether reading from the session has to wait for the application.
    pub(crate) fn is_throttled(&mut self, slot: u32) -> bool {
        let limit = self.unread_limit();
        let Some(session) = self.sessions.entry_mut(slot) else {
            return false;
        };
        if session.paused || session.throttled {
            return true;
        }
        if (session.unread as usize) < limit {
            return false;
        }
        let events = self.events.iter().filter(|sent| sent.session == slot);
        let pending = events.map(Sent::cost).sum();
        let (waiting, throttled) = self.outbox.queue().pause((self.shard, slot), pending, limit);
        session.unread = u32::try_from(waiting).unwrap_or(u32::MAX);
        session.throttled = throttled;
        throttled
    }

    /// What one client may have waiting now.
    fn unread_limit(&self) -> usize {
        let all = self.reading.elsewhere + self.reading.published;
        if all > self.options.max_total_unread_bytes {
            SHARE.min(self.options.max_unread_bytes)
        } else {
            self.options.max_unread_bytes
        }
    }

    /// The session that a stream carries.
    fn session_on(&self, slot: u32) -> Option<u32> {
        match &self.streams.get(slot as usize)?.role {
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
        let Some(session) = self.sessions.entry(slot).filter(|session| session.throttled) else {
            return false;
        };
        [session.stream, session.post].into_iter().any(|slot| {
            let stream = self.streams.get(slot as usize);
            stream.is_some_and(|stream| stream.readable || !stream.input.is_empty())
        })
    }

    /// Stops reading until the application has taken the session's events.
    pub(crate) fn throttle(&mut self, slot: u32) {
        if let Some(stream) = self.streams.get_mut(slot as usize)
            && !stream.paused
        {
            stream.paused = true;
            self.reading.paused.push(slot);
            self.counters.add(Counter::ReadPauses);
        }
        self.drop_what_is_lost(slot);
    }

    /// Ends a session whose client has gone while it was not read, and drops what waits of it.
    pub(crate) fn drop_what_is_lost(&mut self, slot: u32) {
        let has_gone = self.streams.get(slot as usize).is_some_and(|stream| stream.hung_up);
        let Some(session) = self.session_on(slot).filter(|_| has_gone) else {
            return;
        };
        let entry = self.sessions.entry(session).filter(|entry| !entry.ended);
        if !entry.is_some_and(|entry| entry.throttled) || self.unread_bytes(session) < LOST {
            return;
        }
        let before = self.events.len();
        self.events.retain(|sent| sent.session != session || !sent.event.is_data());
        let dropped =
            before - self.events.len() + self.outbox.queue().forget((self.shard, session));
        self.counters.add_many(Counter::DroppedUnread, dropped as u64);
        self.doomed.push((session, Reason::TransportClose));
    }

    /// What a client has sent in the events that wait.
    fn unread_bytes(&self, session: u32) -> usize {
        let pending = self.events.iter().filter(|sent| sent.session == session);
        let pending: usize = pending.map(|sent| sent.event.bytes()).sum();
        pending + self.outbox.queue().bytes((self.shard, session))
    }

    /// Lets streams read again whose session's events the application has taken.
    pub(crate) fn resume(&mut self) {
        if self.reading.paused.is_empty() {
            return;
        }
        let resumed = self.outbox.queue().resumed(self.shard);
        for (slot, unread) in resumed {
            if let Some(session) = self.sessions.entry_mut(slot) {
                (session.throttled, session.unread) = (false, unread as u32);
            }
        }
        for slot in std::mem::take(&mut self.reading.paused) {
            if self.waits_for_application(slot) {
                self.reading.paused.push(slot);
            } else if let Some(stream) = self.streams.get_mut(slot as usize) {
                stream.paused = false;
                self.ready.push(slot);
            }
        }
    }

    /// All events of the shard are in the outbox.
    pub(crate) fn note_published(&mut self) {
        self.reading.elsewhere = self.outbox.queue().cost();
        self.reading.published = 0;
    }

    /// What reading waits for.
    pub(crate) fn awaits(&self) -> Awaits {
        match (self.reading.paused.is_empty(), self.journal.is_full()) {
            (true, _) => Awaits::Nothing,
            (false, true) => Awaits::AnyEvent,
            (false, false) => Awaits::Sessions,
        }
    }

    /// Whether what reading waits for has happened already.
    pub(crate) fn can_resume(&self, awaits: Awaits) -> bool {
        match awaits {
            Awaits::Nothing => false,
            Awaits::Sessions => self.outbox.queue().has_resumed(self.shard),
            Awaits::AnyEvent => !self.journal.is_full(),
        }
    }
}

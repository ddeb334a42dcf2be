//! How much waits for one client: when the program should wait before it sends more, and what it is
//! told when that client is closed as slow.

use std::time::Duration;

use engine::{Time, Transport};
use protocol::Id;
use rooms::Addr;

use crate::event::{Event, Slow};
use crate::session::{NONE, Session};
use crate::socket::stream::{Role, Stream};
use crate::table::Table;

/// The program may go on when less than this part of the high-water mark waits.
const LOW: usize = 4;

impl Session {
    /// When what waits for a poll has waited for too long, or the client has not polled for so long;
    /// packets of ours do not count.
    pub(crate) fn queue_due(&self, write_timeout: Duration) -> Option<Time> {
        let queue = self.queue.as_ref().filter(|queue| queue.packets() > 0)?;
        Some(queue.taken().plus(write_timeout).min(queue.due()))
    }

    /// Closes its eyes to what has waited for too long, as the client is reading an answer.
    pub(crate) fn excuse(&mut self, now: Time) {
        if let Some(queue) = &mut self.queue {
            queue.touch(now);
        }
    }
}

impl Table {
    /// Bytes that wait for a session.
    fn level(&self, session: &Session) -> usize {
        match session.engine.transport() {
            Transport::Polling => session.queue.as_ref().map_or(0, |queue| queue.bytes()),
            Transport::WebSocket => self.streams.get(session.stream).map_or(0, Stream::waiting),
        }
    }

    /// Tells the program when more than the high-water mark waits for a session, and when little
    /// does again.
    pub(crate) fn note_level(&mut self, slot: u32) {
        let Some(session) = self.sessions.get(slot).filter(|session| !session.ended) else {
            return;
        };
        let (level, mark) = (self.level(session), self.options.mark());
        // Where all clients have much, each may have less.
        let low = if self.is_tight() { 0 } else { mark / LOW };
        let is_full = level > if session.full { low } else { mark };
        if is_full == session.full {
            return;
        }
        let session_id = session.id;
        if let Some(session) = self.sessions.get_mut(slot) {
            session.full = is_full;
        }
        self.reports.tell(if is_full {
            Event::Full { session: session_id }
        } else {
            Event::Drained { session: session_id }
        });
    }

    fn is_tight(&self) -> bool {
        let share = self.options.max_total_queue_bytes / self.shards.count();
        self.queued_memory.bytes() > share / 2
    }

    /// The program waits until little waits for a session.
    pub(crate) fn watch_level(&mut self, addr: Addr, session: Id) {
        match self.sessions.at(addr) {
            None => self.reports.tell(Event::Drained { session }),
            Some(session) => {
                session.full = true;
                self.note_level(addr.slot);
            }
        }
    }

    /// The kernel has taken something of a stream.
    pub(crate) fn note_taken(&mut self, stream: u32) {
        let role = self.streams.get(stream).map(|stream| &stream.role);
        if let Some(Role::WebSocket { session, probe: false, .. }) = role {
            let session = *session;
            if self.sessions.get(session).is_some_and(|session| session.full) {
                self.note_level(session);
            }
        }
    }

    /// A poll is answered; its client may have to read for long.
    pub(crate) fn note_answer(&mut self, session: u32, slot: u32) {
        let clock = self.queued_memory.clock();
        let Some(stream) = self.streams.get_mut(slot) else {
            return;
        };
        let waiting = stream.waiting();
        if let (Role::Http(http), 1..) = (&mut stream.role, waiting) {
            http.taken_by = clock.latest(clock.taken_by(clock.now, waiting));
            if let Some(session) = self.sessions.get_mut(session) {
                session.answer = slot;
            }
        }
    }

    /// Whether the client still reads the answer to its last poll, within its time.
    pub(crate) fn reads_answer(&self, slot: u32) -> bool {
        let answer = self.sessions.get(slot).map_or(NONE, |session| session.answer);
        self.streams.get(answer).is_some_and(|stream| match &stream.role {
            Role::Http(http) => stream.waiting() > 0 && self.now < http.taken_by,
            _ => false,
        })
    }

    /// Whether the client is taking something, behind which a ping waits.
    pub(crate) fn is_taking(&self, slot: u32) -> bool {
        let Some(session) = self.sessions.get(slot) else {
            return false;
        };
        match session.engine.transport() {
            Transport::Polling => self.reads_answer(slot),
            Transport::WebSocket => self.level(session) > 0,
        }
    }

    /// Tells the program of a client that is closed as slow.
    pub(crate) fn tell_slow(&mut self, slot: u32) {
        let Some(session) = self.sessions.get(slot).filter(|session| !session.ended) else {
            return;
        };
        let stream = self.streams.get(session.stream).and_then(Stream::backlog);
        let backlogs = [
            stream.map(|queue| (queue.bytes(), queue.packets(), queue.oldest(), queue.taken())),
            session
                .queue
                .as_ref()
                .map(|queue| (queue.bytes(), queue.packets(), queue.oldest(), queue.taken())),
        ];
        let (mut bytes, mut packets) = session.held();
        let (mut oldest, mut taken) = (self.now, self.now);
        for (size, count, since, last) in backlogs.into_iter().flatten() {
            (bytes, packets) = (bytes + size, packets + count);
            (oldest, taken) = (oldest.min(since), taken.min(last));
        }
        let ago = |time: Time| Duration::from_millis(self.now.0.saturating_sub(time.0));
        let session = session.id;
        let slow = Slow { session, bytes, packets, age: ago(oldest), idle: ago(taken) };
        self.reports.tell(Event::Slow(Box::new(slow)));
    }
}

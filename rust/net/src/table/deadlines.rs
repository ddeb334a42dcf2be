//! The deadlines of streams and sessions: filed in the wheel, and met.
//!
//! The wheel holds a place, not a deadline: when it comes up, its owner is asked for the real one.

use std::time::Duration;

use engine::{Reason, Time};

use crate::socket::stream::Role;
use crate::table::Table;
use crate::timer_wheel::Owner;

/// When a client that still reads an answer is looked at again, in milliseconds.
const AGAIN: u64 = 250;
/// How late a deadline is met at most while the shard has time, in milliseconds: a tick of the wheel,
/// or two ticks of inline mode.
const LATE: u64 = 20;

impl Table {
    pub(crate) fn file_session(&mut self, slot: u32) {
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        let due = if session.ended {
            Some(session.lingers)
        } else {
            // One that has passed already is looked at again when the client has had time to read.
            let queue = session
                .queue_due(self.options.write_timeout)
                .map(|due| due.max(Time(self.now.0 + AGAIN)));
            session.engine.poll_timeout().into_iter().chain(queue).min()
        };
        if let Some(due) = due.filter(|due| due.0 > 0)
            && (session.filed == Time(0) || due < session.filed)
        {
            session.filed = due;
            self.timer_wheel.insert(due, Owner::Session(slot));
        }
    }

    pub(crate) fn file_stream(&mut self, slot: u32) {
        let Some(stream) = self.streams.get_mut(slot) else {
            return;
        };
        if stream.deadline.0 > 0 && (stream.filed == Time(0) || stream.deadline < stream.filed) {
            stream.filed = stream.deadline;
            self.timer_wheel.insert(stream.deadline, Owner::Stream(slot));
        }
    }

    /// Gives a stream so much time from now on, or all it wants.
    pub(crate) fn set_deadline(&mut self, slot: u32, after: Option<Duration>) {
        let now = self.now;
        if let Some(stream) = self.streams.get_mut(slot) {
            stream.deadline = Time(after.map_or(0, |after| now.0 + after.as_millis() as u64));
        }
        self.file_stream(slot);
    }

    /// When the next deadline may come, for the poller.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.timer_wheel.next()
    }

    /// Takes the owners of the wheel's entries that are due.
    pub(crate) fn collect_due(&mut self, due: &mut Vec<Owner>) {
        let (sessions, streams) = (&self.sessions, &self.streams);
        let filed = |owner| match owner {
            Owner::Session(slot) => sessions.get(slot).map(|session| session.filed),
            Owner::Stream(slot) => streams.get(slot).map(|stream| stream.filed),
        };
        self.timer_wheel.expire(self.now, |owner| filed(owner).unwrap_or_default(), due);
    }

    /// An entry of the wheel has come up: asks its owner for the real deadline.
    pub(crate) fn expire(&mut self, owner: Owner) {
        match owner {
            Owner::Session(slot) => self.expire_session(slot),
            Owner::Stream(slot) => self.expire_stream(slot),
        }
    }

    /// Meets a session's deadline that has just passed, for a request which comes after it.
    ///
    /// One that passed longer ago waits for its turn: when the shard was held up, an answer that the
    /// client sent in time is still to be read.
    pub(crate) fn meet_deadline(&mut self, slot: u32) {
        let session = self.sessions.get(slot).filter(|session| !session.ended);
        let due = session.and_then(|session| session.engine.poll_timeout());
        if due.is_some_and(|due| due <= self.now && due.0 + LATE >= self.now.0) {
            self.expire_session(slot);
        }
    }

    fn expire_session(&mut self, slot: u32) {
        let write_timeout = self.options.write_timeout;
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        // A second entry for the same tick: this one is dealt with.
        if session.filed > self.now {
            return;
        }
        session.filed = Time(0);
        if session.ended {
            if session.lingers.0 > 0 && session.lingers <= self.now {
                session.lingers = Time(0);
                self.step.free_later(slot);
            }
        } else if session.queue_due(write_timeout).is_some_and(|due| due <= self.now) {
            self.expire_queue(slot);
        } else {
            self.expire_timers(slot);
        }
        self.file_session(slot);
    }

    /// A client has not polled for too long, unless it still reads the answer to its last poll.
    fn expire_queue(&mut self, slot: u32) {
        if !self.reads_answer(slot) {
            return self.close_session(slot, Reason::SlowClient);
        }
        if let Some(session) = self.sessions.get_mut(slot) {
            session.excuse(self.now);
        }
        self.expire_timers(slot);
    }

    /// The deadlines of the session machine.
    fn expire_timers(&mut self, slot: u32) {
        let is_taking = self.is_taking(slot);
        let is_unread = self.has_unread_input(slot);
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        if is_taking || is_unread {
            // The ping is behind what the client is taking, and whether that takes too long is judged
            // by the limits of what waits; or the pong is behind what is not read.
            session.engine.postpone_pong(&self.options.engine, self.now);
        }
        if session.engine.poll_timeout().is_some_and(|due| due <= self.now) {
            session.engine.handle_timeout(&self.options.engine, self.now, self.step.actions());
            self.perform(slot);
        }
    }

    fn expire_stream(&mut self, slot: u32) {
        let Some(stream) = self.streams.get_mut(slot) else {
            return;
        };
        if stream.filed > self.now {
            return;
        }
        stream.filed = Time(0);
        if stream.deadline.0 == 0 || stream.deadline > self.now {
            return self.file_stream(slot);
        }
        match stream.role {
            Role::Http(_) => self.time_out_request(slot),
            Role::Closing { .. } => drop(self.remove_stream(slot)),
            Role::WebSocket { .. } => self.expire_backlog(slot),
        }
    }
}

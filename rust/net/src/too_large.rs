//! Messages larger than `max_http_buffer_size`: the application hears of them, and no client hangs.
//!
//! A WebSocket is closed with 1009. A polling client is answered 413, as by Node's server, and may go
//! on: by another POST. A client that only polls after a 413 is made to come back, by a session that
//! is gone: python-socketio's sends nothing any more then, not even the pong that the next ping asks
//! for, and would stay connected and mute until that is late.

use std::fmt;

use engine::Reason;

use crate::event::Event;
use crate::session::{NONE, Session};
use crate::table::Table;

/// What was too large, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// In bytes; `None` when it was refused before its size was known.
    pub size: Option<u64>,
    /// The limit it has passed.
    pub limit: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.size {
            Some(size) => write!(f, "message too large: {size} bytes")?,
            None => write!(f, "message too large")?,
        }
        write!(f, ", the limit is {} bytes (max_http_buffer_size)", self.limit)
    }
}

impl Table {
    /// A session has sent what is too large: tells the application, now and when the session ends.
    pub(crate) fn note_large(&mut self, slot: u32, size: Option<u64>) {
        let Some(session) = self.sessions.get(slot).filter(|entry| !entry.ended) else {
            return;
        };
        let (session, limit) = (session.id, self.options.engine.max_payload);
        let detail = TooLarge { size, limit };
        self.sessions.set_too_large(slot, detail);
        self.publish(slot, Event::TooLarge { session, detail });
    }

    /// The same for a POST; its session ends now if a GET waits.
    pub(crate) fn note_large_body(&mut self, slot: u32, size: Option<u64>) {
        self.note_large(slot, size);
        if self.sessions.get(slot).is_some_and(|session| session.poll != NONE) {
            self.close_session(slot, Reason::TransportError);
        }
    }

    /// Whether a session has sent nothing since its POST was too large.
    pub(crate) fn is_mute(&self, slot: u32) -> bool {
        let is_live = |session: &Session| !session.ended;
        self.sessions.too_large(slot).is_some() && self.sessions.get(slot).is_some_and(is_live)
    }

    /// A session goes on after a POST that was too large.
    pub(crate) fn forgive_large(&mut self, slot: u32) {
        self.sessions.forgive_too_large(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_known() {
        let known = TooLarge { size: Some(1500), limit: 1000 };
        let text = "message too large: 1500 bytes, the limit is 1000 bytes (max_http_buffer_size)";
        assert_eq!(known.to_string(), text);
        let unknown = TooLarge { size: None, limit: 1000 };
        assert_eq!(unknown.to_string(), text.replace(": 1500 bytes", ""));
    }
}

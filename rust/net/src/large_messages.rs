//! Messages larger than `max_http_buffer_size`: the application hears of them, and no client hangs.
//!
//! A WebSocket is closed with 1009. A polling client is answered 413, as by Node's server, and may go
//! on by another POST. A client that only polls after a 413 gets an answer that makes it connect anew:
//! python-socketio's client sends nothing any more after a 413, not even the pong that the next ping
//! asks for, and would stay connected and mute until that pong is late.

use engine::Reason;

use crate::event::Event;
use crate::session::{NONE, Session};
use crate::table::Table;
use crate::too_large::TooLarge;

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

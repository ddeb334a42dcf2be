//! Makes access log entries: when a request is answered, and when a WebSocket begins or ends.
//!
//! The limit for entries is in `access_log.rs`.

use protocol::http1::Request;

use crate::event::Event;
use crate::http::access_log::PendingEntry;
use crate::socket::stream::Role;
use crate::table::Table;

impl Table {
    /// Whether the next request of a stream has to wait because the access log is full.
    pub(crate) fn waits_for_log(&mut self, slot: u32) -> bool {
        self.access_log.is_full()
            && self.http(slot).is_some_and(|http| http.is_idle() && http.is_logged())
    }

    /// Keeps the head of a request for its log entry, which is made with the answer.
    pub(crate) fn keep_for_log(&mut self, slot: u32, request: &Request<'_>, head: &[u8]) {
        let Some(http) = self.http(slot).filter(|http| http.is_logged()) else { return };
        let websocket = request.has_token("upgrade", "websocket");
        let log = http.config.log;
        if if websocket { log.websockets } else { log.requests } {
            http.log_entry = Some(PendingEntry::new(head, websocket));
        }
    }

    /// Reports the request that was just answered.
    pub(crate) fn log_answer(&mut self, slot: u32, status: u16) {
        let Some(http) = self.http(slot) else { return };
        let Some(entry) = http.log_entry.take() else {
            return;
        };
        let peer = http.peer.clone();
        let answered = self.access_log.answered(entry, peer, status);
        self.reports.tell(Event::Answered(Box::new(answered)));
    }

    /// Reports a WebSocket that begins, and marks the stream if its end is to be reported too.
    pub(crate) fn log_websocket(&mut self, slot: u32) {
        self.log_answer(slot, 101);
        if let Some(stream) = self.streams.get_mut(slot)
            && let Role::Http(http) = &stream.role
        {
            stream.is_end_logged = http.config.log.ends;
        }
    }
}

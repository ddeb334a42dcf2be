//! When lines of the access log are made: at the answer to a request, at the end of a WebSocket.

use protocol::http1::Request;

use crate::event::Event;
use crate::http::journal::Noted;
use crate::socket::stream::Role;
use crate::table::Table;

impl Table {
    /// Whether the next request of a stream has to wait until the program has taken lines.
    pub(crate) fn waits_for_log(&mut self, slot: u32) -> bool {
        self.journal.is_full()
            && self.http(slot).is_some_and(|http| http.is_idle() && http.is_logged())
    }

    /// Keeps what is told of a request once it is answered.
    pub(crate) fn note_request(&mut self, slot: u32, request: &Request<'_>, head: &[u8]) {
        let Some(http) = self.http(slot).filter(|http| http.is_logged()) else { return };
        let websocket = request.has_token("upgrade", "websocket");
        let log = http.site.log;
        if if websocket { log.websockets } else { log.requests } {
            http.noted = Some(Noted::new(head, websocket));
        }
    }

    /// Tells of the request that was answered just now.
    pub(crate) fn tell_answer(&mut self, slot: u32, status: u16) {
        let Some(http) = self.http(slot) else { return };
        let Some(noted) = http.noted.take() else {
            return;
        };
        let peer = http.peer.clone();
        let answered = self.journal.answered(noted, peer, status);
        self.reports.tell(Event::Answered(Box::new(answered)));
    }

    /// Tells of a WebSocket that begins, and notes whether its end is to be told.
    pub(crate) fn tell_websocket(&mut self, slot: u32) {
        self.tell_answer(slot, 101);
        if let Some(stream) = self.streams.get_mut(slot)
            && let Role::Http(http) = &stream.role
        {
            stream.end_is_told = http.site.log.ends;
        }
    }
}

//! What the program writes into an access log: requests that were answered, `WebSockets` that
//! ended.
//!
//! Only for streams of a server that would write one (`Site::log`). The lines that the program has not
//! taken are bounded: past that new requests wait, as they do for a server that writes its log itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::http1::Request;

use crate::event::{Event, Peer};
use crate::socket::stream::Role;
use crate::table::Table;

/// Bytes of request heads that may wait for the program, of each shard.
const MAX_WAITING: usize = 4 << 20;

/// Which lines the server in front would write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Of requests that were answered.
    pub requests: bool,
    /// Of handshakes of `WebSockets` that were answered.
    pub websockets: bool,
    /// Of `WebSockets` that ended.
    pub ends: bool,
}

/// A request that was answered.
#[derive(Debug)]
pub struct Answered {
    /// The raw bytes of the request head.
    pub head: Box<[u8]>,
    /// Who sent it.
    pub peer: Peer,
    /// The response's status.
    pub status: u16,
    /// Whether it was a WebSocket's handshake.
    pub websocket: bool,
    _place: Place,
}

/// The request under way on a stream.
#[derive(Debug)]
pub(crate) struct Noted {
    head: Box<[u8]>,
    websocket: bool,
}

/// The lines of a shard that the program has not taken.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    waiting: Arc<AtomicUsize>,
}

impl Journal {
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= MAX_WAITING
    }

    fn place(&self, bytes: usize) -> Place {
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
        Place { bytes, waiting: Arc::clone(&self.waiting) }
    }
}

/// What a line takes of the bound, until the program has taken it.
#[derive(Debug)]
struct Place {
    bytes: usize,
    waiting: Arc<AtomicUsize>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

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
            http.noted = Some(Noted { head: head.into(), websocket });
        }
    }

    /// Tells of the request that was answered just now.
    pub(crate) fn tell_answer(&mut self, slot: u32, status: u16) {
        let Some(http) = self.http(slot) else { return };
        let Some(Noted { head, websocket }) = http.noted.take() else {
            return;
        };
        let peer = http.peer.clone();
        let place = self.journal.place(head.len());
        let answered = Answered { head, peer, status, websocket, _place: place };
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

    /// Tells of a WebSocket that has ended.
    pub(crate) fn tell_end(&mut self) {
        self.reports.tell(Event::Ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_until_they_are_taken() {
        let journal = Journal::default();
        let (first, second) = (journal.place(MAX_WAITING - 1), journal.place(1));
        assert!(journal.is_full());
        drop(second);
        assert!(!journal.is_full());
        drop(first);
        assert_eq!(journal.waiting.load(Ordering::Relaxed), 0);
    }
}

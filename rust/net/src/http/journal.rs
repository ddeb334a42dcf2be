//! What the program writes into an access log: requests that were answered, `WebSockets` that
//! ended.
//!
//! Only for streams of a server that would write one (`Site::log`). The lines that the program has not
//! taken are bounded: past that new requests wait, as they do for a server that writes its log itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::peer::Peer;

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

impl Noted {
    pub(crate) fn new(head: &[u8], websocket: bool) -> Self {
        Self { head: head.into(), websocket }
    }
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

    /// The line of a request that was answered; it counts until the application has taken it.
    pub(crate) fn answered(&self, noted: Noted, peer: Peer, status: u16) -> Answered {
        let Noted { head, websocket } = noted;
        let place = self.place(head.len());
        Answered { head, peer, status, websocket, _place: place }
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

//! The access log entries of a shard: requests that were answered, and `WebSockets` that ended.
//!
//! The application writes the log. Entries are made only for listeners of a server that writes an
//! access log (`ListenerConfig::log`). This file limits the bytes of entries that the application has
//! not taken yet; above the limit, new requests wait. `logging.rs` makes the entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::peer::Peer;

/// The limit for the request heads that the application has not taken, in bytes for each shard.
const MAX_WAITING: usize = 4 << 20;

/// Which access log entries a listener makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessLogMode {
    /// For requests that were answered.
    pub requests: bool,
    /// For `WebSocket` handshakes that were answered.
    pub websockets: bool,
    /// For `WebSockets` that ended.
    pub ends: bool,
}

/// A request that was answered.
#[derive(Debug)]
pub struct Answered {
    /// The raw bytes of the request head.
    pub head: Box<[u8]>,
    /// The peer that sent it.
    pub peer: Peer,
    /// The response's status.
    pub status: u16,
    /// Whether it was a WebSocket's handshake.
    pub websocket: bool,
    _share: Share,
}

/// The log entry of a request that is not answered yet.
#[derive(Debug)]
pub(crate) struct PendingEntry {
    head: Box<[u8]>,
    websocket: bool,
}

impl PendingEntry {
    pub(crate) fn new(head: &[u8], websocket: bool) -> Self {
        Self { head: head.into(), websocket }
    }
}

/// Counts the entries of a shard that the application has not taken.
#[derive(Debug, Default)]
pub(crate) struct AccessLog {
    waiting: Arc<AtomicUsize>,
}

impl AccessLog {
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= MAX_WAITING
    }

    /// Makes the entry of a request that was answered. It counts until the application drops it.
    pub(crate) fn answered(&self, entry: PendingEntry, peer: Peer, status: u16) -> Answered {
        let PendingEntry { head, websocket } = entry;
        let share = self.share(head.len());
        Answered { head, peer, status, websocket, _share: share }
    }

    fn share(&self, bytes: usize) -> Share {
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
        Share { bytes, waiting: Arc::clone(&self.waiting) }
    }
}

/// One entry's share of the limit. It is given back when the application drops the entry.
#[derive(Debug)]
struct Share {
    bytes: usize,
    waiting: Arc<AtomicUsize>,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_count_until_they_are_dropped() {
        let log = AccessLog::default();
        let (first, second) = (log.share(MAX_WAITING - 1), log.share(1));
        assert!(log.is_full());
        drop(second);
        assert!(!log.is_full());
        drop(first);
        assert_eq!(log.waiting.load(Ordering::Relaxed), 0);
    }
}

//! Decides when a caller that sends to one client should wait: because of that client's backlog, or
//! because of the memory that the backlogs of all clients take.
//!
//! Nothing here blocks. The caller gets the decision in [`crate::Sent`].

use std::sync::atomic::Ordering;

use net::Command;
use rooms::{Addr, Registry};

use crate::start::Router;

/// Packets up to this many bytes never wait for memory, so that clients that read are not delayed by
/// clients that do not.
const LARGE: usize = 64 * 1024;

impl Router {
    /// Whether a packet of this size for one client should wait: it is large, and the backlogs of all
    /// clients together are over half of their limit.
    pub(crate) fn has_no_memory_for(&self, bytes: usize, net: &net::Server) -> bool {
        bytes > LARGE && net.waiting_bytes() > self.memory_mark.load(Ordering::Relaxed)
    }

    /// Whether a large packet for one client would be answered with `Sent::crowded`.
    pub fn is_crowded(&self) -> bool {
        self.net().is_ok_and(|net| self.has_no_memory_for(usize::MAX, &net))
    }

    /// Counts the bytes that were pushed for one session. Above the high-water mark, it asks the shard
    /// to report when the backlog is small again (`Inbound::Drained`).
    pub(crate) fn count_sent(
        &self,
        registry: &mut Registry,
        net: &net::Server,
        addr: Addr,
        bytes: usize,
    ) {
        if registry.count_sent(addr, bytes, self.high_water_mark.load(Ordering::Relaxed))
            && let Some(session) = registry.session_at(addr)
        {
            net.push_quietly(addr.shard, Command::Watch { addr, session });
        }
    }
}

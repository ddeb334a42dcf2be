//! When who sends to one client should wait for it.

use std::sync::atomic::Ordering;

use net::Command;
use rooms::{Addr, Registry};

use crate::start::Router;

/// What is smaller never waits for memory: a client that reads must not wait for those that do not.
const LARGE: usize = 64 * 1024;

impl Router {
    /// Whether something for one client should not be sent yet, as it is large and half of what may
    /// wait for all clients waits already.
    pub(crate) fn has_no_memory_for(&self, bytes: usize, net: &net::Server) -> bool {
        bytes > LARGE && net.waiting_bytes() > self.crowd_mark.load(Ordering::Relaxed)
    }

    /// Whether `Sent::crowded` would hold for something large.
    pub fn is_crowded(&self) -> bool {
        self.net().is_ok_and(|net| self.has_no_memory_for(usize::MAX, &net))
    }

    /// Counts what was pushed for one session. When that is much, its shard says behind it when little
    /// waits (`Inbound::Drained`).
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

//! When who sends to one client should wait for it.

use std::sync::atomic::Ordering;

use net::Command;
use rooms::{Addr, Registry};

use crate::start::Router;

impl Router {
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

//! One wake for all that the loop's thread pushes in one iteration of its loop.
//!
//! Waking a shard for each push would make its thread and the loop's take turns. So the loop's
//! thread announces that it will call `flush` soon, and pushes without a wake until it does.
//! Other threads wake the shards at once.

use crate::sync::{AtomicU8, AtomicU64, Command, Ordering, Server, this_thread};

/// The loop's thread will call `flush`.
const ANNOUNCED: u8 = 1;
/// Something was pushed without a wake.
const PUSHED: u8 = 2;

/// Which thread defers its flush, and whether one is due.
#[derive(Debug, Default)]
pub(crate) struct DeferredFlush {
    /// Its number, or 0.
    loop_thread: AtomicU64,
    /// [`ANNOUNCED`] and [`PUSHED`].
    state: AtomicU8,
}

impl DeferredFlush {
    /// Makes this thread the one that defers, or none.
    pub(crate) fn begin(&self, defer: bool) {
        self.loop_thread.store(if defer { this_thread() } else { 0 }, Ordering::Relaxed);
        // A loop that was closed will not call `flush`.
        self.state.store(0, Ordering::Relaxed);
    }

    fn is_loop_thread(&self) -> bool {
        self.loop_thread.load(Ordering::Relaxed) == this_thread()
    }

    /// Announces a flush, if this is the loop's thread.
    pub(crate) fn announce(&self) {
        if self.is_loop_thread() {
            self.state.fetch_or(ANNOUNCED, Ordering::Relaxed);
        }
    }

    /// The flush has come; returns whether anything was pushed without a wake.
    pub(crate) fn end(&self) -> bool {
        self.state.swap(0, Ordering::Relaxed) & PUSHED > 0
    }

    /// Wakes the shards for what was pushed quietly, or leaves it to the flush; returns whether the
    /// caller must see to one.
    pub(crate) fn wake(&self, net: &Server) -> bool {
        if self.is_loop_thread() {
            let before = self.state.fetch_or(ANNOUNCED | PUSHED, Ordering::Relaxed);
            return before & ANNOUNCED == 0;
        }
        net.wake();
        false
    }

    /// Pushes a command, and wakes its shard unless that is lent and a flush was announced.
    pub(crate) fn push(&self, net: &Server, shard: u16, command: Command) {
        let is_announced = self.state.load(Ordering::Relaxed) & ANNOUNCED > 0;
        if is_announced && net.is_lent(shard) && self.is_loop_thread() {
            self.state.fetch_or(PUSHED, Ordering::Relaxed);
            net.push_quietly(shard, command);
        } else {
            net.push(shard, command);
        }
    }
}

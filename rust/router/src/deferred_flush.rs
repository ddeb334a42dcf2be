//! The deferred flush: one wake of the shards for everything that one event loop iteration sends.
//!
//! A wake for each push would switch between the event loop's thread and the shard's thread each
//! time. So the event loop's thread announces that it will call `flush` soon, and pushes without a
//! wake until then. Other threads wake the shards at once. `tests/threads.rs` models this file with
//! loom.

use crate::sync::{AtomicU8, AtomicU64, Command, Ordering, Server, this_thread};

/// The event loop's thread will call `flush`.
const ANNOUNCED: u8 = 1;
/// A command was pushed without a wake.
const PUSHED: u8 = 2;

/// The thread that defers its flush, and whether a flush is due.
#[derive(Debug, Default)]
pub(crate) struct DeferredFlush {
    /// The number of the event loop's thread, or 0.
    loop_thread: AtomicU64,
    /// Bits: [`ANNOUNCED`] and [`PUSHED`].
    state: AtomicU8,
}

impl DeferredFlush {
    /// Makes this thread the one that defers its flushes; with `defer` false, no thread does.
    pub(crate) fn begin(&self, defer: bool) {
        self.loop_thread.store(if defer { this_thread() } else { 0 }, Ordering::Relaxed);
        // An event loop that was closed before its flush will not call it any more.
        self.state.store(0, Ordering::Relaxed);
    }

    fn is_loop_thread(&self) -> bool {
        self.loop_thread.load(Ordering::Relaxed) == this_thread()
    }

    /// Announces a flush, if this is the event loop's thread.
    pub(crate) fn announce(&self) {
        if self.is_loop_thread() {
            self.state.fetch_or(ANNOUNCED, Ordering::Relaxed);
        }
    }

    /// Begins the announced flush; returns whether anything was pushed without a wake.
    pub(crate) fn end(&self) -> bool {
        self.state.swap(0, Ordering::Relaxed) & PUSHED > 0
    }

    /// Wakes the shards after a push without a wake, or leaves that to the flush. Returns whether the
    /// caller must schedule a flush.
    pub(crate) fn wake(&self, net: &Server) -> bool {
        if self.is_loop_thread() {
            let before = self.state.fetch_or(ANNOUNCED | PUSHED, Ordering::Relaxed);
            return before & ANNOUNCED == 0;
        }
        net.wake();
        false
    }

    /// Pushes a command and wakes its shard. For a shard in inline mode, an announced flush does the
    /// wake.
    pub(crate) fn push(&self, net: &Server, shard: u16, command: Command) {
        let is_announced = self.state.load(Ordering::Relaxed) & ANNOUNCED > 0;
        if is_announced && net.is_inline(shard) && self.is_loop_thread() {
            self.state.fetch_or(PUSHED, Ordering::Relaxed);
            net.push_quietly(shard, command);
        } else {
            net.push(shard, command);
        }
    }
}

//! One wake for all that is pushed in a turn of the loop.
//!
//! Waking a shard for each push would make its thread and the loop's take turns. So the loop's
//! thread, *home*, promises to call `flush` soon, and pushes without a wake until it does.

use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, ThreadId};

use net::{Command, Server};
use parking_lot::Mutex;

/// Home will call `flush`.
const PROMISED: u8 = 1;
/// Something was pushed without a wake.
const PUSHED: u8 = 2;

/// Who has promised to flush, and what for.
#[derive(Default)]
pub(crate) struct Promise {
    home: Mutex<Option<ThreadId>>,
    /// [`PROMISED`] and [`PUSHED`].
    state: AtomicU8,
}

impl Promise {
    /// Makes this thread home if it is to `defer`, and none if not.
    pub(crate) fn begin(&self, defer: bool) {
        *self.home.lock() = defer.then(|| thread::current().id());
        // A loop that was closed does not keep its promise.
        self.state.store(0, Ordering::Relaxed);
    }

    fn is_home(&self) -> bool {
        *self.home.lock() == Some(thread::current().id())
    }

    /// Promises a flush, if this is home.
    pub(crate) fn give(&self) {
        if self.is_home() {
            self.state.fetch_or(PROMISED, Ordering::Relaxed);
        }
    }

    /// Keeps the promise; returns whether anything was pushed without a wake.
    pub(crate) fn keep(&self) -> bool {
        self.state.swap(0, Ordering::Relaxed) & PUSHED > 0
    }

    /// Wakes the shards for what was pushed quietly, or leaves it to the flush; returns whether one
    /// is still to be called for.
    pub(crate) fn wake(&self, net: &Server) -> bool {
        if self.is_home() {
            let before = self.state.fetch_or(PROMISED | PUSHED, Ordering::Relaxed);
            return before & PROMISED == 0;
        }
        net.wake();
        false
    }

    /// Pushes a command, and wakes its shard unless that is lent and a flush is promised.
    pub(crate) fn push(&self, net: &Server, shard: u16, command: Command) {
        let is_promised = self.state.load(Ordering::Relaxed) & PROMISED > 0;
        if is_promised && net.is_lent(shard) && self.is_home() {
            self.state.fetch_or(PUSHED, Ordering::Relaxed);
            net.push_quietly(shard, command);
        } else {
            net.push(shard, command);
        }
    }
}

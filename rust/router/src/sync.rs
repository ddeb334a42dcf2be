//! The types that `deferred_flush.rs` uses. `tests/threads.rs` compiles that file with loom's atomics
//! and stand-ins for `net` instead of these.

pub(crate) use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

pub(crate) use net::{Command, Server};

/// The number of this thread, which no other thread of this process ever has. Every emit calls this,
/// and `std::thread::current().id()` takes ten times as long.
pub(crate) fn this_thread() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    thread_local!(static NUMBER: u64 = LAST.fetch_add(1, Ordering::Relaxed) + 1);
    NUMBER.with(|number| *number)
}

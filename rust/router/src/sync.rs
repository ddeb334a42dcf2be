//! What `deferred_flush.rs` stands on, under one name: `tests/threads.rs` compiles it with loom's in their place.

pub(crate) use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

pub(crate) use net::{Command, Server};

/// A number that no other thread of this process has or had: every emit asks, and `ThreadId` costs
/// ten times as much.
pub(crate) fn this_thread() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    thread_local!(static NUMBER: u64 = LAST.fetch_add(1, Ordering::Relaxed) + 1);
    NUMBER.with(|number| *number)
}

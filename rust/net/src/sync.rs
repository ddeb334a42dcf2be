//! What threads share, under one name: `tests/threads.rs` compiles the files that use it with loom's in their place.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

pub(crate) use mio::Waker;
pub(crate) use parking_lot::{Condvar, Mutex};

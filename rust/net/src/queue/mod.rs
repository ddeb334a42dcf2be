//! What waits for clients that are slower than the program, and its limits.

pub(crate) mod deliver;
pub(crate) mod entry;
pub(crate) mod level;
pub(crate) mod queued_memory;
pub(crate) mod send_batch;
pub(crate) mod slow;
pub(crate) mod waiting;

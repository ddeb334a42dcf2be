//! What the application must take before a shard reads from its paused streams.
//!
//! A shard writes it at the end of a turn. The event loop's thread reads it when it has taken events, so
//! that it wakes a shard only when that has something to read again.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::outbox::Outbox;
use crate::unread::{Sent, Unread};

/// What must be taken for a shard to read on from a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Awaits {
    #[default]
    Nothing,
    /// Events of sessions that are not read ([`Unread::resumed`]).
    Sessions,
    /// Lines of the access log, or the same.
    AnyEvent,
}

/// What a shard says of it to the application's thread.
#[derive(Debug, Default)]
pub(crate) struct Awaited(AtomicU8);

impl Awaited {
    /// Says it.
    pub(crate) fn say(&self, awaits: Awaits) {
        self.0.store(awaits as u8, Ordering::SeqCst);
    }

    /// Whether the shard is to look again after an event was taken.
    pub(crate) fn is_met(&self, unread: &Outbox<Sent, Unread>, shard: u16) -> bool {
        match self.0.load(Ordering::SeqCst) {
            0 => false,
            1 => unread.queue().has_resumed(shard),
            _ => true,
        }
    }
}

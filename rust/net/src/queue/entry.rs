//! One thing that waits for a client, and the memory that it takes.

use bytes::Bytes;
use engine::Time;
use rooms::{Frame, Key};

/// What a queue itself needs for an entry, in bytes.
pub(crate) const SLOT: usize = size_of::<Option<Entry<Bytes>>>();

/// Something that can wait.
pub(crate) trait Item {
    /// The data it keeps alive.
    fn data(&self) -> &Bytes;
}

impl Item for Bytes {
    fn data(&self) -> &Bytes {
        self
    }
}

impl Item for Frame {
    fn data(&self) -> &Bytes {
        self.payload()
    }
}

/// One item with what is known about it.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) item: T,
    /// Bytes it keeps alive.
    pub(crate) pinned: u32,
    /// How many packets of the program's it holds.
    pub(crate) packets: u32,
    pub(crate) key: Option<Key>,
    /// When it was queued.
    pub(super) since: Time,
    /// When it has waited for too long.
    pub(super) due: Time,
}

impl<T> Entry<T> {
    /// An entry that keeps so many bytes alive and holds so many packets.
    pub(crate) fn new(item: T, pinned: usize, packets: u32, key: Option<Key>) -> Self {
        let (since, due) = (Time(0), Time(0));
        Self { item, pinned: pinned as u32, packets, key, since, due }
    }

    pub(super) fn size(&self) -> usize {
        self.pinned as usize + SLOT
    }
}

//! The streams of a shard, and which of them have input to read.
//!
//! Only this file registers streams with the poller and removes them. The reading and writing of one
//! stream is in `socket::stream`, the closing in `close`.

use mio::{Interest, Registry, Token};
use slab::Slab;

use crate::socket::stream::Stream;

#[derive(Debug)]
pub(crate) struct Streams {
    slab: Slab<Stream>,
    registry: Registry,
    /// Streams to read in the next turn.
    ready: Vec<u32>,
    /// The generation of the newest stream.
    generation: u32,
}

impl Streams {
    pub(crate) fn new(registry: Registry) -> Self {
        Self { slab: Slab::new(), registry, ready: Vec::new(), generation: 0 }
    }

    /// The generation of a stream that is to be inserted.
    pub(crate) fn next_generation(&mut self) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        self.generation
    }

    /// Adds a stream, and reads it in the next turn; `None` when the poller does not take it.
    pub(crate) fn insert(&mut self, mut stream: Stream) -> Option<u32> {
        if self.slab.len() == self.slab.capacity() {
            self.slab.reserve_exact((self.slab.len() / 4).max(8));
        }
        let entry = self.slab.vacant_entry();
        let slot = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.registry.register(stream.io.source(), Token(slot), interest).ok()?;
        // Edge-triggered: input that has come before may not be reported.
        stream.readable = true;
        entry.insert(stream);
        self.ready.push(slot as u32);
        Some(slot as u32)
    }

    /// Takes a stream out of the poller and out of here.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Stream> {
        let mut stream = self.slab.try_remove(slot as usize)?;
        // The descriptor may be broken; closing it deregisters it too.
        let _ = self.registry.deregister(stream.io.source());
        Some(stream)
    }

    /// Takes a stream out and leaves the poller alone, as closing the descriptor deregisters it.
    pub(crate) fn tear_out(&mut self, slot: u32) -> Option<Stream> {
        self.slab.try_remove(slot as usize)
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<&Stream> {
        self.slab.get(slot as usize)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Stream> {
        self.slab.get_mut(slot as usize)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Stream)> {
        self.slab.iter().map(|(slot, stream)| (slot as u32, stream))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Stream)> {
        self.slab.iter_mut().map(|(slot, stream)| (slot as u32, stream))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    // --- streams to read -------------------------------------------------------------------------

    /// Has a stream read in the next turn, or later in this one.
    #[inline]
    pub(crate) fn read_soon(&mut self, slot: u32) {
        self.ready.push(slot);
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Takes the list of streams to read.
    pub(crate) fn take_ready(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.ready)
    }

    /// Puts those that were not read back to the front of the list.
    pub(crate) fn put_back(&mut self, rest: impl Iterator<Item = u32>) {
        self.ready.splice(..0, rest);
    }
}

//! From an id to a slot, without a second copy of the id.
//!
//! The ids are random and made by the server, so nobody can choose them to collide. Memory grows by
//! a quarter, not by as much again: there is an entry for every client.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use protocol::Id;
use rustc_hash::FxBuildHasher;
use slab::Slab;

/// An entry that is found by its id.
pub trait Named {
    /// The id; it never changes.
    fn id(&self) -> &Id;
}

/// Entries with stable slots, found by their ids.
#[derive(Debug)]
pub struct Index<T> {
    entries: Slab<T>,
    slots: HashTable<u32>,
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        let (entries, slots) = (Slab::new(), HashTable::new());
        Self { entries, slots }
    }
}

impl<T: Named> Index<T> {
    /// Adds an entry; returns its slot.
    pub fn insert(&mut self, entry: T) -> u32 {
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact((self.entries.len() / 4).max(8));
        }
        let hash = hash(entry.id());
        let slot = self.entries.insert(entry) as u32;
        let entries = &self.entries;
        let rehash = |slot: &u32| entries.get(*slot as usize).map_or(0, |entry| hash_of(entry));
        self.slots.insert_unique(hash, slot, rehash);
        slot
    }

    /// Takes an entry out.
    pub fn remove(&mut self, slot: u32) -> Option<T> {
        let entry = self.entries.try_remove(slot as usize)?;
        let found = self.slots.find_entry(hash_of(&entry), |other| *other == slot);
        if let Ok(found) = found {
            found.remove();
        }
        Some(entry)
    }

    /// Where the entry with this id is.
    pub fn slot(&self, id: &Id) -> Option<u32> {
        let is_it = |slot: &u32| self.entry(*slot).is_some_and(|entry| entry.id() == id);
        self.slots.find(hash(id), is_it).copied()
    }

    /// The entry in a slot.
    pub fn entry(&self, slot: u32) -> Option<&T> {
        self.entries.get(slot as usize)
    }

    /// The entry in a slot.
    pub fn entry_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.entries.get_mut(slot as usize)
    }

    /// The entry with this id, and its slot.
    pub fn find(&self, id: &Id) -> Option<(u32, &T)> {
        let slot = self.slot(id)?;
        Some((slot, self.entry(slot)?))
    }

    /// The entry with this id.
    pub fn find_mut(&mut self, id: &Id) -> Option<&mut T> {
        let slot = self.slot(id)?;
        self.entry_mut(slot)
    }

    /// All entries, with their slots.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.entries.iter().map(|(slot, entry)| (slot as u32, entry))
    }

    /// All entries, with their slots.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        self.entries.iter_mut().map(|(slot, entry)| (slot as u32, entry))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of the entries and the table, without what the entries own.
    #[cfg(test)]
    pub(crate) fn footprint(&self) -> usize {
        // A slab keeps a niche or a word for its list of free slots.
        self.entries.capacity() * size_of::<T>().next_multiple_of(align_of::<T>())
            + self.slots.allocation_size()
    }
}

fn hash(id: &Id) -> u64 {
    FxBuildHasher.hash_one(id)
}

fn hash_of(entry: &impl Named) -> u64 {
    hash(entry.id())
}

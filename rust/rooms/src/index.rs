//! A map from ids to entries with stable slots. It stores each id only once, in the entry.
//!
//! The server chooses the ids at random, so peers cannot cause hash collisions. The memory grows by a
//! quarter at a time, because there is an entry for every client.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use protocol::Id;
use rustc_hash::FxBuildHasher;
use slab::Slab;

/// An entry of an [`Index`].
pub trait Named {
    /// The id. It must never change.
    fn id(&self) -> &Id;
}

/// A map from ids to entries with stable slots.
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
    /// Adds an entry and returns its slot.
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

    /// Removes the entry in a slot.
    pub fn remove(&mut self, slot: u32) -> Option<T> {
        let entry = self.entries.try_remove(slot as usize)?;
        let found = self.slots.find_entry(hash_of(&entry), |other| *other == slot);
        if let Ok(found) = found {
            found.remove();
        }
        Some(entry)
    }

    /// The slot of the entry with this id.
    pub fn slot(&self, id: &Id) -> Option<u32> {
        let is_it = |slot: &u32| self.entry(*slot).is_some_and(|entry| entry.id() == id);
        self.slots.find(hash(id), is_it).copied()
    }

    /// The entry in a slot.
    pub fn entry(&self, slot: u32) -> Option<&T> {
        self.entries.get(slot as usize)
    }

    /// The entry in a slot. Its id must not be changed.
    pub fn entry_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.entries.get_mut(slot as usize)
    }

    /// The slot and the entry with this id.
    pub fn find(&self, id: &Id) -> Option<(u32, &T)> {
        let slot = self.slot(id)?;
        Some((slot, self.entry(slot)?))
    }

    /// The entry with this id. The id must not be changed.
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

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The size of the entries and the table in bytes, without memory that the entries own.
    #[cfg(test)]
    pub(crate) fn footprint(&self) -> usize {
        // The slab needs at most one more word for an entry, for its list of free slots.
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

//! The pending broadcasts, in generations.
//!
//! The walk delivers the oldest generation, and new broadcasts go into the youngest. Within a
//! generation, broadcasts with the same target share a list. This file owns the lists and the sequence
//! numbers. `fanout.rs` stores what each connection has received.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use slab::Slab;
use smallvec::SmallVec;

use crate::frame::Frame;
use crate::members::{Members, RoomId};
use crate::pending::{Entry, Pending, Target};

/// A generation with more bytes than this takes no further broadcasts, so that clients have time to read
/// between two generations.
const MAX_GENERATION: usize = 256 * 1024;

/// Broadcasts that are delivered in one walk.
#[derive(Debug, Default)]
pub(crate) struct Generation {
    /// The keys of the lists, one for each target.
    pub(crate) targets: Vec<u32>,
    bytes: usize,
    /// The number of the last broadcast.
    pub(crate) last: u64,
}

/// All pending broadcasts.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The number of the last broadcast.
    pub(crate) seq: u64,
    pub(crate) table: Slab<Pending>,
    generations: VecDeque<Generation>,
    /// The lists of the youngest generation. The excepted connections of a target are stored in the
    /// entries and not in this key.
    open: FxHashMap<Target, u32>,
    bytes: usize,
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.generations.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn oldest(&self) -> Option<&Generation> {
        self.generations.front()
    }

    /// Appends a broadcast. `is_walked` means that the walk of the oldest generation has begun.
    pub(crate) fn push(
        &mut self,
        members: &mut Members,
        mut target: Target,
        frame: Frame,
        is_walked: bool,
    ) {
        // Sorting gives one key for a set of rooms in any order. A room that is empty now is omitted,
        // because a connection that joins it later is not a recipient.
        let rooms = canonical(members, &mut target.rooms);
        let except_rooms = canonical(members, &mut target.except_rooms);
        if rooms.is_empty() {
            return;
        }
        let mut except = std::mem::take(&mut target.except);
        except.sort_unstable();
        let size = frame.wire().len();
        self.seq += 1;
        let (seq, generation) = (self.seq, self.youngest(is_walked));
        generation.bytes += size;
        generation.last = seq;
        self.bytes += size;
        let key = match self.open.get(&target) {
            Some(key) => *key,
            None => self.insert(members, target, Pending::new(rooms, except_rooms)),
        };
        let freed = self.table[key as usize].push(Entry { seq, frame, except });
        if let Some(generation) = self.generations.back_mut() {
            generation.bytes -= freed;
        }
        self.bytes -= freed;
    }

    /// Drops all broadcasts. The numbers continue.
    pub(crate) fn clear(&mut self) {
        *self = Self { seq: self.seq, ..Self::default() };
    }

    /// The generation that takes new broadcasts.
    fn youngest(&mut self, is_walked: bool) -> &mut Generation {
        let is_walked = is_walked && self.generations.len() == 1;
        let youngest = self.generations.back();
        if is_walked || youngest.is_none_or(|young| young.bytes >= MAX_GENERATION) {
            self.open.clear();
            self.generations.push_back(Generation::default());
        }
        let youngest = self.generations.len() - 1;
        &mut self.generations[youngest]
    }

    fn insert(&mut self, members: &mut Members, target: Target, list: Pending) -> u32 {
        let key = self.table.vacant_key() as u32;
        list.rooms.iter().for_each(|room| members.add_pending(*room, key));
        list.except_rooms.iter().for_each(|room| members.retain_slot(*room));
        self.table.insert(list);
        self.open.insert(target, key);
        if let Some(generation) = self.generations.back_mut() {
            generation.targets.push(key);
        }
        key
    }

    /// Prepares the oldest generation for its walk: joins the lists and sorts them by their number of
    /// members. In this order, connections with the same merge are visited in a row.
    pub(crate) fn begin(&mut self, members: &Members) {
        let Some(generation) = self.generations.front_mut() else {
            return;
        };
        let table = &mut self.table;
        generation.targets.iter().for_each(|key| table[*key as usize].join());
        if generation.targets.len() > 1 {
            let size = |key: &u32| -> usize {
                let rooms = table[*key as usize].rooms.iter();
                rooms.map(|room| members.members_of(*room).len()).sum()
            };
            generation.targets.sort_by_cached_key(size);
        }
    }

    /// Drops the oldest generation after its walk.
    pub(crate) fn end(&mut self, members: &mut Members) {
        let Some(generation) = self.generations.pop_front() else {
            return;
        };
        if self.generations.is_empty() {
            self.open.clear();
        }
        self.bytes -= generation.bytes;
        for key in generation.targets {
            let list = self.table.remove(key as usize);
            list.rooms.iter().for_each(|room| members.remove_pending(*room, key));
            list.except_rooms.iter().for_each(|room| members.release_slot(*room));
        }
    }
}

/// Sorts rooms and removes repeated and empty ones. Returns the slots of the rest.
fn canonical(members: &Members, rooms: &mut SmallVec<[RoomId; 1]>) -> SmallVec<[u32; 1]> {
    if rooms.len() > 1 {
        rooms.sort_unstable();
        rooms.dedup();
    }
    let mut slots = SmallVec::new();
    rooms.retain(|room| {
        let slot = members.slot(*room);
        slots.extend(slot);
        slot.is_some()
    });
    slots
}

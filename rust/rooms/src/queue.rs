//! The broadcasts that wait, in generations.
//!
//! The oldest generation is being walked and takes no more; the youngest takes what comes. Within
//! a generation, broadcasts with the same target share a list. This file knows lists and numbers;
//! who has got what is the business of `fanout.rs`.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use slab::Slab;
use smallvec::SmallVec;

use crate::frame::Frame;
use crate::members::{Members, RoomId};
use crate::pending::{Entry, Pending, Target};

/// A generation with more bytes than this takes no more, so that clients get time to read.
const GENERATION: usize = 256 * 1024;

/// Targets whose broadcasts are walked together.
#[derive(Debug, Default)]
pub(crate) struct Generation {
    /// Keys of the lists.
    pub(crate) targets: Vec<u32>,
    bytes: usize,
    /// The number of its last broadcast.
    pub(crate) last: u64,
}

/// All that waits.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The number of the last broadcast.
    pub(crate) seq: u64,
    pub(crate) table: Slab<Pending>,
    generations: VecDeque<Generation>,
    /// The lists of the youngest generation. The connections of a target are no part of its key:
    /// they are excepted entry by entry.
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

    /// Appends a broadcast. `is_walked` says that the oldest generation takes no more.
    pub(crate) fn push(
        &mut self,
        members: &mut Members,
        mut target: Target,
        frame: Frame,
        is_walked: bool,
    ) {
        // One key for one set of rooms, whatever the order they were named in. A room that is
        // empty now has no part in it, even if somebody joins it before the walk.
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

    /// Drops everything; numbers go on.
    pub(crate) fn clear(&mut self) {
        *self = Self { seq: self.seq, ..Self::default() };
    }

    /// The generation that takes what comes.
    fn youngest(&mut self, is_walked: bool) -> &mut Generation {
        let is_walked = is_walked && self.generations.len() == 1;
        let youngest = self.generations.back();
        if is_walked || youngest.is_none_or(|young| young.bytes >= GENERATION) {
            self.open.clear();
            self.generations.push_back(Generation::default());
        }
        let youngest = self.generations.len() - 1;
        &mut self.generations[youngest]
    }

    fn insert(&mut self, members: &mut Members, target: Target, list: Pending) -> u32 {
        let key = self.table.vacant_key() as u32;
        list.rooms.iter().for_each(|room| members.wait(*room, key));
        list.except_rooms.iter().for_each(|room| members.hold(*room));
        self.table.insert(list);
        self.open.insert(target, key);
        if let Some(generation) = self.generations.back_mut() {
            generation.targets.push(key);
        }
        key
    }

    /// Makes the oldest generation ready for its walk: joins its lists, and puts those with few
    /// members first, so that members of the same rooms come in a row.
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

    /// Drops the oldest generation: everybody has got it.
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
            list.rooms.iter().for_each(|room| members.done(*room, key));
            list.except_rooms.iter().for_each(|room| members.release(*room));
        }
    }
}

/// Sorts rooms and drops those that are empty or named twice; returns their slots.
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

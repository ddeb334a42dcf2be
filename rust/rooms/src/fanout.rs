//! The turn of a shard: what is pending, for whom, in which order.
//!
//! Every broadcast gets a number and waits in the list of its target set. `upto` of a connection is
//! the number of the last broadcast it has got, or was not meant to get. That is all there is to
//! order: a direct packet first *catches the connection up* (gives it what is pending for it, and
//! the packet, in one run), a change of membership does too, and the walk over a target's members
//! gives each of them what is behind its `upto`.
//!
//! Broadcasts wait in generations. The oldest is being walked, in slices; the youngest takes what
//! comes. In a generation with one target its frames are joined once for all its members. With
//! several, a member gets its own merge, in order, of slices of what is joined.

use std::collections::VecDeque;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use slab::Slab;
use smallvec::SmallVec;

use crate::frame::Frame;
use crate::members::{ConnId, Cursor, Members, RoomId};
use crate::pending::{Entry, Frames, Pending, Run, Target};

/// A generation with more bytes than this takes no more, so that clients get time to read.
const GENERATION: usize = 256 * 1024;

/// Where deliveries go.
pub trait Outlet {
    /// Takes the next packets of a connection. Must not call back into the [`Fanout`].
    fn deliver(&mut self, conn: ConnId, run: &Run<'_>);
}

#[derive(Clone, Copy, Debug, Default)]
struct Conn {
    upto: u64,
    /// Equal to the walk's number when the connection is excepted from its target.
    excepted: u64,
}

/// Targets whose broadcasts are walked together.
#[derive(Debug, Default)]
struct Generation {
    targets: Vec<u32>,
    bytes: usize,
    /// The number of its last broadcast.
    last: u64,
}

/// The place of the walk in the oldest generation.
#[derive(Debug, Default)]
struct Walk {
    /// Which target of the generation.
    target: usize,
    /// Which room of the target.
    room: usize,
    cursor: Cursor,
    /// Different for each target that is walked.
    number: u64,
}

/// The pending broadcasts of a shard, and its rooms.
#[derive(Debug, Default)]
pub struct Fanout {
    members: Members,
    conns: Vec<Conn>,
    seq: u64,
    table: Slab<Pending>,
    generations: VecDeque<Generation>,
    /// The targets of the youngest generation.
    open: FxHashMap<Target, u32>,
    walk: Option<Walk>,
    walks: u64,
    bytes: usize,
    picks: Vec<Pick>,
    frames: Vec<Frame>,
    buffers: Vec<Bytes>,
}

/// An entry that a connection gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pick {
    seq: u64,
    target: u32,
    entry: u32,
}

impl Fanout {
    /// Without rooms and broadcasts.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new connection: nothing that is pending is meant for it.
    pub fn open(&mut self, conn: ConnId) {
        if self.conns.len() <= conn.0 as usize {
            self.conns.resize_with(conn.0 as usize + 1, Conn::default);
        }
        self.conns[conn.0 as usize] = Conn { upto: self.seq, excepted: 0 };
    }

    /// Notes a broadcast; it is delivered by [`Fanout::work`].
    pub fn emit(&mut self, mut target: Target, frame: Frame) {
        // One key for one set of rooms, whatever the order they were named in. A room that is
        // empty now has no part in it, even if it comes to be before the walk.
        target.rooms.retain(|room| self.members.slot(*room).is_some());
        target.rooms.sort_unstable();
        target.rooms.dedup();
        let rooms: SmallVec<[u32; 1]> =
            target.rooms.iter().filter_map(|room| self.members.slot(*room)).collect();
        if rooms.is_empty() {
            return;
        }
        self.seal();
        self.seq += 1;
        let size = frame.wire().len();
        let key = self.open.get(&target).copied();
        let key = key.unwrap_or_else(|| self.insert(target, rooms));
        self.table[key as usize].entries.push(Entry { seq: self.seq, frame });
        self.bytes += size;
        if let Some(generation) = self.generations.back_mut() {
            generation.bytes += size;
            generation.last = self.seq;
        }
    }

    /// Makes sure that the youngest generation may take a broadcast.
    fn seal(&mut self) {
        let walked = self.walk.is_some() && self.generations.len() == 1;
        let full = self.generations.back().is_none_or(|young| young.bytes >= GENERATION);
        if walked || full {
            self.open.clear();
            self.generations.push_back(Generation::default());
        }
    }

    fn insert(&mut self, target: Target, rooms: SmallVec<[u32; 1]>) -> u32 {
        let pending = Pending::new(target.clone(), rooms.clone());
        let key = self.table.insert(pending) as u32;
        for room in rooms {
            self.members.rooms[room as usize].pending.push(key);
        }
        self.open.insert(target, key);
        if let Some(generation) = self.generations.back_mut() {
            generation.targets.push(key);
        }
        key
    }

    /// Gives a connection what is pending for it and this frame, in one run.
    pub fn direct(&mut self, conn: ConnId, frame: &Frame, out: &mut impl Outlet) {
        self.pick(conn, u64::MAX);
        if self.picks.is_empty() {
            let buffers = std::slice::from_ref(frame.wire());
            let frames = Frames::Picked(std::slice::from_ref(frame));
            return out.deliver(conn, &Run { buffers, frames });
        }
        self.merge();
        self.buffers.push(frame.wire().clone());
        self.frames.push(frame.clone());
        self.deliver_merged(conn, out);
    }

    /// Gives a connection what is pending for it.
    pub fn catch_up(&mut self, conn: ConnId, out: &mut impl Outlet) {
        self.pick(conn, u64::MAX);
        if !self.picks.is_empty() {
            self.merge();
            self.deliver_merged(conn, out);
        }
    }

    /// Puts a connection into a room of a group.
    pub fn join(&mut self, conn: ConnId, room: RoomId, group: RoomId, out: &mut impl Outlet) {
        self.catch_up(conn, out);
        self.members.join(conn, room, group);
    }

    /// Takes a connection out of a room.
    pub fn leave(&mut self, conn: ConnId, room: RoomId, out: &mut impl Outlet) {
        self.catch_up(conn, out);
        self.members.leave_at(conn, room, self.walk.as_mut().map(|walk| &mut walk.cursor));
    }

    /// Takes a connection out of all rooms of a group.
    pub fn leave_group(&mut self, conn: ConnId, group: RoomId, out: &mut impl Outlet) {
        self.catch_up(conn, out);
        self.members.leave_group_at(conn, group, self.walk.as_mut().map(|walk| &mut walk.cursor));
    }

    /// Takes everybody out of a room.
    pub fn close_room(&mut self, room: RoomId, out: &mut impl Outlet) {
        let members: Vec<_> = self.members.members(room).collect();
        for conn in members {
            self.leave(conn, room, out);
        }
    }

    /// A connection is gone: forgets it; nothing is delivered.
    pub fn close(&mut self, conn: ConnId) {
        self.members.remove_at(conn, self.walk.as_mut().map(|walk| &mut walk.cursor));
    }

    /// Whether nothing is pending.
    pub fn is_idle(&self) -> bool {
        self.generations.is_empty()
    }

    /// Bytes of the frames that are pending.
    pub fn pending_bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a connection is in a room.
    pub fn is_member(&self, conn: ConnId, room: RoomId) -> bool {
        self.members.is_member(conn, room)
    }

    /// How many are in a room.
    pub fn room_len(&self, room: RoomId) -> usize {
        self.members.len(room)
    }

    /// Goes on with the walk for about so many recipients; true while more is pending.
    pub fn work(&mut self, out: &mut impl Outlet, recipients: usize) -> bool {
        let mut left = recipients;
        while left > 0 {
            let Some(generation) = self.generations.front() else {
                return false;
            };
            let (last, single) = (generation.last, generation.targets.len() == 1);
            let target = self.walk.as_ref().map_or(0, |walk| walk.target);
            let Some(key) = generation.targets.get(target).copied() else {
                self.end_generation();
                continue;
            };
            if self.walk.is_none() {
                self.begin_generation();
            }
            if self.walk.as_ref().is_none_or(|walk| walk.number == 0) {
                self.begin_target(target, key);
            }
            left -= self.walk_room(key, last, single, left, out).min(left);
        }
        !self.is_idle()
    }

    /// Nothing is added to the oldest generation any more: joins its frames.
    fn begin_generation(&mut self) {
        for key in self.generations.front().map_or(&[][..], |oldest| &oldest.targets) {
            self.table[*key as usize].join();
        }
    }

    /// Starts the walk of a target: marks who is excepted.
    fn begin_target(&mut self, target: usize, key: u32) {
        self.walks += 1;
        let number = self.walks;
        let pending = &self.table[key as usize];
        let cursor = Cursor { room: pending.rooms[0], at: 0 };
        self.walk = Some(Walk { target, room: 0, cursor, number });
        for conn in &pending.target.except {
            if let Some(conn) = self.conns.get_mut(conn.0 as usize) {
                conn.excepted = number;
            }
        }
        for room in &pending.target.except_rooms {
            for conn in self.members.members(*room) {
                self.conns[conn.0 as usize].excepted = number;
            }
        }
    }

    /// Walks on in the present room; returns how many members were looked at, at least one.
    fn walk_room(
        &mut self,
        key: u32,
        last: u64,
        single: bool,
        limit: usize,
        out: &mut impl Outlet,
    ) -> usize {
        let Some(walk) = &mut self.walk else { return 1 };
        let room = walk.cursor.room;
        for seen in 0..limit {
            let Some(walk) = &mut self.walk else {
                return seen.max(1);
            };
            let Some(conn) = self.members.member_at(room, walk.cursor.at) else {
                self.next_room(key);
                return seen.max(1);
            };
            walk.cursor.at += 1;
            let number = walk.number;
            let state = &mut self.conns[conn.0 as usize];
            if state.upto >= last || state.excepted == number {
                continue;
            }
            if single {
                let upto = std::mem::replace(&mut state.upto, last);
                self.deliver_joined(conn, key, upto, out);
            } else {
                self.pick(conn, last);
                if !self.picks.is_empty() {
                    self.merge();
                    self.deliver_merged(conn, out);
                }
            }
        }
        limit
    }

    fn next_room(&mut self, key: u32) {
        let rooms = &self.table[key as usize].rooms;
        let Some(walk) = &mut self.walk else { return };
        walk.room += 1;
        if let Some(room) = rooms.get(walk.room) {
            walk.cursor = Cursor { room: *room, at: 0 }
        } else {
            let target = walk.target + 1;
            *walk = Walk { target, ..Walk::default() };
        }
    }

    fn end_generation(&mut self) {
        self.walk = None;
        let Some(generation) = self.generations.pop_front() else {
            return;
        };
        if self.generations.is_empty() {
            self.open.clear();
        }
        self.bytes -= generation.bytes;
        for key in generation.targets {
            let pending = self.table.remove(key as usize);
            for room in pending.rooms {
                self.members.rooms[room as usize].pending.retain(|other| *other != key);
                self.members.free_if_empty(room);
            }
        }
    }

    /// The common case: the whole of what is joined, or its tail.
    fn deliver_joined(&mut self, conn: ConnId, key: u32, upto: u64, out: &mut impl Outlet) {
        let pending = &self.table[key as usize];
        let from = pending.first_after(upto);
        let entries = &pending.entries[from..];
        if from == 0 {
            let run = Run { buffers: pending.buffers(), frames: Frames::Entries(entries) };
            return out.deliver(conn, &run);
        }
        self.buffers.clear();
        pending.slices(from, pending.entries.len(), &mut self.buffers);
        out.deliver(conn, &Run { buffers: &self.buffers, frames: Frames::Entries(entries) });
        self.buffers.clear();
    }

    /// Collects, in order, what is pending for a connection up to `last`, and notes that it has it.
    fn pick(&mut self, conn: ConnId, last: u64) {
        self.picks.clear();
        let Some(state) = self.conns.get_mut(conn.0 as usize) else {
            return;
        };
        let upto = std::mem::replace(&mut state.upto, last.min(self.seq));
        if upto >= self.seq || self.table.is_empty() {
            return;
        }
        let mut keys = self.targets_of(conn);
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let pending = &self.table[key as usize];
            if self.is_excepted(conn, &pending.target) {
                continue;
            }
            let from = pending.first_after(upto);
            for (entry, item) in pending.entries.iter().enumerate().skip(from) {
                if item.seq <= last {
                    self.picks.push(Pick { seq: item.seq, target: key, entry: entry as u32 });
                }
            }
        }
        self.picks.sort_unstable();
    }

    /// The pending targets that have a room of the connection, maybe more than once.
    fn targets_of(&self, conn: ConnId) -> SmallVec<[u32; 8]> {
        if self.members.seat_count(conn) <= self.table.len() * 4 {
            let slots = self.members.slots_of(conn);
            return slots.flat_map(|s| self.members.rooms[s as usize].pending.clone()).collect();
        }
        let meant = |pending: &Pending| pending.rooms.iter().any(|r| self.members.is_in(conn, *r));
        self.table.iter().filter(|(_, p)| meant(p)).map(|(key, _)| key as u32).collect()
    }

    fn is_excepted(&self, conn: ConnId, target: &Target) -> bool {
        target.except.contains(&conn)
            || target.except_rooms.iter().any(|room| self.members.is_member(conn, *room))
    }

    /// Turns the picks into buffers and frames; neighbours of one target share a slice.
    fn merge(&mut self) {
        self.buffers.clear();
        self.frames.clear();
        let mut at = 0;
        while at < self.picks.len() {
            let first = self.picks[at];
            let run = self.picks[at..]
                .iter()
                .zip(first.entry..)
                .take_while(|(pick, entry)| pick.target == first.target && pick.entry == *entry)
                .count();
            let pending = &self.table[first.target as usize];
            let (from, to) = (first.entry as usize, first.entry as usize + run);
            if run > 1 && pending.is_joined(to) {
                pending.slices(from, to, &mut self.buffers);
            } else {
                let wires = pending.entries[from..to].iter().map(|entry| entry.frame.wire());
                self.buffers.extend(wires.cloned());
            }
            self.frames.extend(pending.entries[from..to].iter().map(|entry| entry.frame.clone()));
            at += run;
        }
    }

    fn deliver_merged(&mut self, conn: ConnId, out: &mut impl Outlet) {
        let run = Run { buffers: &self.buffers, frames: Frames::Picked(&self.frames) };
        out.deliver(conn, &run);
        self.buffers.clear();
        self.frames.clear();
    }
}

//! Who is in which room: dense arrays with back pointers, both ways.
//!
//! A room is an array of members, a connection a list of seats; each points at the other's entry,
//! so joining and leaving are O(1) however many there are. A room belongs to a *group*, which is
//! the room of everybody in its namespace; leaving a namespace is leaving a group.

use hashbrown::HashMap;
use rustc_hash::{FxBuildHasher, FxHashMap};
use slab::Slab;
use smallvec::SmallVec;

/// A room. Given out by the [`crate::Registry`], never twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(pub u64);

/// A connection: the slot number of its session in its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u32);

/// Connections with more seats than this find them by an index.
const LINEAR: usize = 32;

#[derive(Debug)]
struct Room {
    id: RoomId,
    group: RoomId,
    members: Vec<Member>,
    /// The pending lists that are for this room.
    pending: SmallVec<[u32; 2]>,
    /// How many pending lists need this slot.
    held: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) conn: u32,
    /// Which of the connection's seats this is.
    seat: u32,
}

#[derive(Clone, Copy, Debug)]
struct Seat {
    room: u32,
    /// Which of the room's members this is.
    member: u32,
}

#[derive(Debug, Default)]
struct Seats {
    list: SmallVec<[Seat; 2]>,
    /// Room slot to position in `list`, for those with many.
    index: Option<Box<HashMap<u32, u32, FxBuildHasher>>>,
}

/// The rooms and their members.
#[derive(Debug, Default)]
pub struct Members {
    by_id: FxHashMap<RoomId, u32>,
    rooms: Slab<Room>,
    seats: Vec<Seats>,
}

/// A place in a room's array that a walk has reached. Removals keep the members before it before
/// it, and those behind it behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) room: u32,
    pub(crate) at: usize,
}

impl Members {
    /// Puts a connection into a room; false when it is there already.
    pub fn join(&mut self, conn: ConnId, room: RoomId, group: RoomId) -> bool {
        let slot = self.slot_or_insert(room, group);
        if self.position(conn, slot).is_some() {
            return false;
        }
        let at = conn.0 as usize;
        if self.seats.len() <= at {
            let more = at + 1 - self.seats.len();
            reserve(&mut self.seats, more);
            self.seats.resize_with(at + 1, Seats::default);
        }
        let seats = &mut self.seats[at];
        let members = &mut self.rooms[slot as usize].members;
        reserve(members, 1);
        members.push(Member { conn: conn.0, seat: seats.list.len() as u32 });
        seats.push(Seat { room: slot, member: members.len() as u32 - 1 });
        true
    }

    fn slot_or_insert(&mut self, id: RoomId, group: RoomId) -> u32 {
        let rooms = &mut self.rooms;
        *self.by_id.entry(id).or_insert_with(|| {
            let (members, pending) = (Vec::new(), SmallVec::new());
            let room = Room { id, group, members, pending, held: 0 };
            rooms.insert(room) as u32
        })
    }

    /// Takes a connection out of a room; false when it is not there.
    pub fn leave(&mut self, conn: ConnId, room: RoomId) -> bool {
        self.leave_at(conn, room, None)
    }

    pub(crate) fn leave_at(
        &mut self,
        conn: ConnId,
        room: RoomId,
        cursor: Option<&mut Cursor>,
    ) -> bool {
        let position = self.slot(room).and_then(|slot| self.position(conn, slot));
        if let Some(position) = position {
            self.unseat(conn, position, cursor);
        }
        position.is_some()
    }

    pub(crate) fn leave_group_at(
        &mut self,
        conn: ConnId,
        group: RoomId,
        mut cursor: Option<&mut Cursor>,
    ) {
        let mut position = 0;
        while let Some(seat) = self.seat(conn, position) {
            if self.rooms[seat.room as usize].group == group {
                self.unseat(conn, position, cursor.as_deref_mut());
            } else {
                position += 1;
            }
        }
    }

    /// Takes a connection out of every room.
    pub fn remove(&mut self, conn: ConnId) {
        self.remove_at(conn, None);
    }

    pub(crate) fn remove_at(&mut self, conn: ConnId, mut cursor: Option<&mut Cursor>) {
        while self.seat(conn, 0).is_some() {
            self.unseat(conn, 0, cursor.as_deref_mut());
        }
        if let Some(seats) = self.seats.get_mut(conn.0 as usize) {
            *seats = Seats::default();
        }
    }

    fn seat(&self, conn: ConnId, position: usize) -> Option<Seat> {
        self.seats.get(conn.0 as usize)?.list.get(position).copied()
    }

    /// Ends one seat of a connection: both arrays fill the hole with their last entry.
    fn unseat(&mut self, conn: ConnId, position: usize, cursor: Option<&mut Cursor>) {
        let seats = &mut self.seats[conn.0 as usize];
        let seat = seats.swap_remove(position);
        if let Some(moved) = seats.list.get(position).copied() {
            self.rooms[moved.room as usize].members[moved.member as usize].seat = position as u32;
        }
        let mut hole = seat.member as usize;
        if let Some(cursor) = cursor
            && cursor.room == seat.room
            && hole < cursor.at
        {
            // The last visited member fills the hole, the last of all follows it.
            cursor.at -= 1;
            self.move_member(seat.room, cursor.at, hole);
            hole = cursor.at;
        }
        let last = self.rooms[seat.room as usize].members.len() - 1;
        self.move_member(seat.room, last, hole);
        let members = &mut self.rooms[seat.room as usize].members;
        members.pop();
        if members.capacity() > 4 * members.len().max(16) {
            members.shrink_to(2 * members.len());
        }
        self.free_if_empty(seat.room);
    }

    fn move_member(&mut self, room: u32, from: usize, to: usize) {
        if from == to {
            return;
        }
        let members = &mut self.rooms[room as usize].members;
        let member = members[from];
        members[to] = member;
        self.seats[member.conn as usize].list[member.seat as usize].member = to as u32;
    }

    /// Keeps the slot of a room, even when all leave, until it is released.
    pub(crate) fn hold(&mut self, slot: u32) {
        self.rooms[slot as usize].held += 1;
    }

    pub(crate) fn release(&mut self, slot: u32) {
        self.rooms[slot as usize].held -= 1;
        self.free_if_empty(slot);
    }

    /// A list waits for the members of a room.
    pub(crate) fn wait(&mut self, slot: u32, key: u32) {
        self.hold(slot);
        self.rooms[slot as usize].pending.push(key);
    }

    /// The list does not wait any more.
    pub(crate) fn done(&mut self, slot: u32, key: u32) {
        let room = &mut self.rooms[slot as usize];
        room.pending.retain(|other| *other != key);
        if room.pending.is_empty() {
            room.pending = SmallVec::new();
        }
        self.release(slot);
    }

    /// The lists that wait for the members of a room.
    pub(crate) fn pending_of(&self, slot: u32) -> &[u32] {
        &self.rooms[slot as usize].pending
    }

    fn free_if_empty(&mut self, slot: u32) {
        let room = &self.rooms[slot as usize];
        if room.members.is_empty() && room.held == 0 {
            self.by_id.remove(&room.id);
            self.rooms.remove(slot as usize);
        }
    }

    /// No list waits any more.
    pub(crate) fn forget_pending(&mut self) {
        for (_, room) in &mut self.rooms {
            (room.pending, room.held) = (SmallVec::new(), 0);
        }
        let empty = self.rooms.iter().filter(|(_, room)| room.members.is_empty());
        let empty: Vec<_> = empty.map(|(slot, _)| slot as u32).collect();
        for slot in empty {
            self.free_if_empty(slot);
        }
    }

    pub(crate) fn slot(&self, room: RoomId) -> Option<u32> {
        self.by_id.get(&room).copied()
    }

    /// Which of the connection's seats is in the room.
    fn position(&self, conn: ConnId, slot: u32) -> Option<usize> {
        let seats = self.seats.get(conn.0 as usize)?;
        match &seats.index {
            Some(index) => index.get(&slot).map(|position| *position as usize),
            None => seats.list.iter().position(|seat| seat.room == slot),
        }
    }

    pub(crate) fn is_in(&self, conn: ConnId, slot: u32) -> bool {
        self.position(conn, slot).is_some()
    }

    /// The room slots of a connection.
    pub(crate) fn slots_of(&self, conn: ConnId) -> impl Iterator<Item = u32> + '_ {
        let list = self.seats.get(conn.0 as usize).map(|seats| seats.list.as_slice());
        list.unwrap_or_default().iter().map(|seat| seat.room)
    }

    pub(crate) fn seat_count(&self, conn: ConnId) -> usize {
        self.seats.get(conn.0 as usize).map_or(0, |seats| seats.list.len())
    }

    pub(crate) fn members_of(&self, slot: u32) -> &[Member] {
        self.rooms.get(slot as usize).map_or(&[], |room| &room.members)
    }

    /// The rooms of a connection.
    pub fn rooms_of(&self, conn: ConnId) -> impl Iterator<Item = RoomId> + '_ {
        self.slots_of(conn).map(|slot| self.rooms[slot as usize].id)
    }

    /// The members of a room.
    pub fn members(&self, room: RoomId) -> impl Iterator<Item = ConnId> + '_ {
        let members = self.slot(room).map(|slot| self.rooms[slot as usize].members.as_slice());
        members.unwrap_or_default().iter().map(|member| ConnId(member.conn))
    }

    /// Whether a connection is in a room.
    pub fn is_member(&self, conn: ConnId, room: RoomId) -> bool {
        self.slot(room).is_some_and(|slot| self.is_in(conn, slot))
    }

    /// How many are in a room.
    pub fn len(&self, room: RoomId) -> usize {
        self.slot(room).map_or(0, |slot| self.rooms[slot as usize].members.len())
    }

    /// Bytes of the arrays, without the rooms themselves and what few connections add.
    #[cfg(test)]
    pub(crate) fn footprint(&self) -> usize {
        let rooms = self.rooms.iter().map(|(_, room)| room.members.capacity());
        self.seats.capacity() * size_of::<Seats>() + rooms.sum::<usize>() * size_of::<Member>()
    }

    /// Whether there are no rooms.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

/// Makes room for more, with a quarter in reserve, not as much again: this is memory of every idle
/// connection.
fn reserve<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more.max(list.len() / 4).max(2));
    }
}

impl Seats {
    fn push(&mut self, seat: Seat) {
        if let Some(index) = &mut self.index {
            index.insert(seat.room, self.list.len() as u32);
        }
        self.list.push(seat);
        if self.index.is_none() && self.list.len() > LINEAR {
            let positions = self.list.iter().enumerate().map(|(at, seat)| (seat.room, at as u32));
            self.index = Some(Box::new(positions.collect()));
        }
    }

    fn swap_remove(&mut self, position: usize) -> Seat {
        let seat = self.list.swap_remove(position);
        if let Some(index) = &mut self.index {
            index.remove(&seat.room);
            if let Some(moved) = self.list.get(position) {
                index.insert(moved.room, position as u32);
            }
        }
        if self.list.len() <= LINEAR / 2 {
            self.index = None;
        }
        seat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: RoomId = RoomId(1);

    fn of(members: &Members, room: u64) -> Vec<u32> {
        let mut conns: Vec<_> = members.members(RoomId(room)).map(|conn| conn.0).collect();
        conns.sort_unstable();
        conns
    }

    #[test]
    fn joins_and_leaves_are_seen_from_both_sides() {
        let mut members = Members::default();
        for conn in 0..5 {
            assert!(members.join(ConnId(conn), GROUP, GROUP));
            assert!(members.join(ConnId(conn), RoomId(2), GROUP));
        }
        assert!(!members.join(ConnId(3), RoomId(2), GROUP));
        assert!(members.leave(ConnId(1), RoomId(2)));
        assert!(!members.leave(ConnId(1), RoomId(2)));
        assert_eq!(of(&members, 2), [0, 2, 3, 4]);
        members.remove(ConnId(4));
        assert_eq!((of(&members, 1), of(&members, 2)), (vec![0, 1, 2, 3], vec![0, 2, 3]));
        members.leave_group_at(ConnId(0), GROUP, None);
        assert_eq!(members.rooms_of(ConnId(0)).count(), 0);
        for conn in 1..4 {
            members.remove(ConnId(conn));
        }
        assert!(members.is_empty());
    }

    #[test]
    fn many_rooms_of_one_connection_are_indexed() {
        let mut members = Members::default();
        for room in 0..1000 {
            members.join(ConnId(7), RoomId(room), GROUP);
        }
        for room in (0..1000).step_by(2) {
            assert!(members.leave(ConnId(7), RoomId(room)));
        }
        for room in 0..1000 {
            assert_eq!(members.is_member(ConnId(7), RoomId(room)), room % 2 == 1);
        }
    }

    #[test]
    fn a_removal_keeps_both_sides_of_a_cursor() {
        for gone in 0..6 {
            let mut members = Members::default();
            for conn in 0..6 {
                members.join(ConnId(conn), GROUP, GROUP);
            }
            let mut cursor = Cursor { room: members.slot(GROUP).unwrap(), at: 3 };
            members.leave_at(ConnId(gone), GROUP, Some(&mut cursor));
            let rest: Vec<_> = members.members(GROUP).map(|conn| conn.0).collect();
            let (mut before, mut behind) = (rest[..cursor.at].to_vec(), rest[cursor.at..].to_vec());
            before.sort_unstable();
            behind.sort_unstable();
            assert_eq!(before, (0..3).filter(|conn| *conn != gone).collect::<Vec<_>>());
            assert_eq!(behind, (3..6).filter(|conn| *conn != gone).collect::<Vec<_>>());
        }
    }
}

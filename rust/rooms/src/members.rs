//! The members of rooms, and the rooms of connections.
//!
//! A room has an array of members, and a connection has a list of memberships. Each entry stores the
//! position of its counterpart, so joining and leaving take constant time. Every room belongs to a
//! *group*: the room of all connections of its namespace. Leaving a namespace means leaving the group.

use hashbrown::HashMap;
use rustc_hash::{FxBuildHasher, FxHashMap};
use slab::Slab;
use smallvec::SmallVec;

/// The id of a room. The [`crate::Registry`] assigns it and never reuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(pub u64);

/// The id of a connection: the slot of its session in its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u32);

/// A connection with more memberships than this has an index of them.
const MAX_LINEAR: usize = 32;

#[derive(Debug)]
struct Room {
    id: RoomId,
    group: RoomId,
    members: Vec<Member>,
    /// The keys of the pending lists for this room.
    pending: SmallVec<[u32; 2]>,
    /// The number of pending lists that refer to this slot.
    references: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) conn: u32,
    /// The position in the connection's list of memberships.
    membership: u32,
}

#[derive(Clone, Copy, Debug)]
struct Membership {
    room: u32,
    /// The position in the room's array of members.
    member: u32,
}

#[derive(Debug, Default)]
struct Memberships {
    list: SmallVec<[Membership; 2]>,
    /// A map from room slots to positions in `list`, for long lists.
    index: Option<Box<HashMap<u32, u32, FxBuildHasher>>>,
}

/// All rooms of a shard or of the registry, with their members.
#[derive(Debug, Default)]
pub struct Members {
    by_id: FxHashMap<RoomId, u32>,
    rooms: Slab<Room>,
    memberships: Vec<Memberships>,
}

/// The position of a walk in a room's array. A removal does not move a member across the position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) room: u32,
    pub(crate) at: usize,
}

impl Members {
    /// Adds a connection to a room. Returns false when it is a member already.
    pub fn join(&mut self, conn: ConnId, room: RoomId, group: RoomId) -> bool {
        let slot = self.slot_or_insert(room, group);
        if self.position(conn, slot).is_some() {
            return false;
        }
        let at = conn.0 as usize;
        if self.memberships.len() <= at {
            let more = at + 1 - self.memberships.len();
            reserve(&mut self.memberships, more);
            self.memberships.resize_with(at + 1, Memberships::default);
        }
        let memberships = &mut self.memberships[at];
        let members = &mut self.rooms[slot as usize].members;
        reserve(members, 1);
        members.push(Member { conn: conn.0, membership: memberships.list.len() as u32 });
        memberships.push(Membership { room: slot, member: members.len() as u32 - 1 });
        true
    }

    fn slot_or_insert(&mut self, id: RoomId, group: RoomId) -> u32 {
        let rooms = &mut self.rooms;
        *self.by_id.entry(id).or_insert_with(|| {
            let (members, pending) = (Vec::new(), SmallVec::new());
            let room = Room { id, group, members, pending, references: 0 };
            rooms.insert(room) as u32
        })
    }

    /// Removes a connection from a room. Returns false when it is not a member.
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
            self.remove_membership(conn, position, cursor);
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
        while let Some(membership) = self.membership(conn, position) {
            if self.rooms[membership.room as usize].group == group {
                self.remove_membership(conn, position, cursor.as_deref_mut());
            } else {
                position += 1;
            }
        }
    }

    /// Removes a connection from all rooms.
    pub fn remove(&mut self, conn: ConnId) {
        self.remove_at(conn, None);
    }

    pub(crate) fn remove_at(&mut self, conn: ConnId, mut cursor: Option<&mut Cursor>) {
        while self.membership(conn, 0).is_some() {
            self.remove_membership(conn, 0, cursor.as_deref_mut());
        }
        if let Some(memberships) = self.memberships.get_mut(conn.0 as usize) {
            *memberships = Memberships::default();
        }
    }

    fn membership(&self, conn: ConnId, position: usize) -> Option<Membership> {
        self.memberships.get(conn.0 as usize)?.list.get(position).copied()
    }

    /// Removes one membership of a connection. In both arrays, the last entry fills the gap.
    fn remove_membership(&mut self, conn: ConnId, position: usize, cursor: Option<&mut Cursor>) {
        let memberships = &mut self.memberships[conn.0 as usize];
        let membership = memberships.swap_remove(position);
        if let Some(moved) = memberships.list.get(position).copied() {
            self.rooms[moved.room as usize].members[moved.member as usize].membership =
                position as u32;
        }
        let mut hole = membership.member as usize;
        if let Some(cursor) = cursor
            && cursor.room == membership.room
            && hole < cursor.at
        {
            // The last visited member fills the gap, and the last member takes the place of that one.
            cursor.at -= 1;
            self.move_member(membership.room, cursor.at, hole);
            hole = cursor.at;
        }
        let last = self.rooms[membership.room as usize].members.len() - 1;
        self.move_member(membership.room, last, hole);
        let members = &mut self.rooms[membership.room as usize].members;
        members.pop();
        if members.capacity() > 4 * members.len().max(16) {
            members.shrink_to(2 * members.len());
        }
        self.free_if_empty(membership.room);
    }

    fn move_member(&mut self, room: u32, from: usize, to: usize) {
        if from == to {
            return;
        }
        let members = &mut self.rooms[room as usize].members;
        let member = members[from];
        members[to] = member;
        self.memberships[member.conn as usize].list[member.membership as usize].member = to as u32;
    }

    /// Keeps the slot of a room until `release_slot`, even without members.
    pub(crate) fn retain_slot(&mut self, slot: u32) {
        self.rooms[slot as usize].references += 1;
    }

    pub(crate) fn release_slot(&mut self, slot: u32) {
        self.rooms[slot as usize].references -= 1;
        self.free_if_empty(slot);
    }

    /// Adds a pending list for the members of a room.
    pub(crate) fn add_pending(&mut self, slot: u32, key: u32) {
        self.retain_slot(slot);
        self.rooms[slot as usize].pending.push(key);
    }

    /// Removes a pending list.
    pub(crate) fn remove_pending(&mut self, slot: u32, key: u32) {
        let room = &mut self.rooms[slot as usize];
        room.pending.retain(|other| *other != key);
        if room.pending.is_empty() {
            room.pending = SmallVec::new();
        }
        self.release_slot(slot);
    }

    /// The keys of the pending lists for the members of a room.
    pub(crate) fn pending_of(&self, slot: u32) -> &[u32] {
        &self.rooms[slot as usize].pending
    }

    fn free_if_empty(&mut self, slot: u32) {
        let room = &self.rooms[slot as usize];
        if room.members.is_empty() && room.references == 0 {
            self.by_id.remove(&room.id);
            self.rooms.remove(slot as usize);
        }
    }

    /// Removes all pending lists from all rooms.
    pub(crate) fn forget_pending(&mut self) {
        for (_, room) in &mut self.rooms {
            (room.pending, room.references) = (SmallVec::new(), 0);
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

    /// The position of the room in the connection's list of memberships.
    fn position(&self, conn: ConnId, slot: u32) -> Option<usize> {
        let memberships = self.memberships.get(conn.0 as usize)?;
        match &memberships.index {
            Some(index) => index.get(&slot).map(|position| *position as usize),
            None => memberships.list.iter().position(|membership| membership.room == slot),
        }
    }

    pub(crate) fn is_in(&self, conn: ConnId, slot: u32) -> bool {
        self.position(conn, slot).is_some()
    }

    /// The slots of a connection's rooms.
    pub(crate) fn slots_of(&self, conn: ConnId) -> impl Iterator<Item = u32> + '_ {
        let list =
            self.memberships.get(conn.0 as usize).map(|memberships| memberships.list.as_slice());
        list.unwrap_or_default().iter().map(|membership| membership.room)
    }

    pub(crate) fn room_count(&self, conn: ConnId) -> usize {
        self.memberships.get(conn.0 as usize).map_or(0, |memberships| memberships.list.len())
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

    /// The number of members of a room.
    pub fn len(&self, room: RoomId) -> usize {
        self.slot(room).map_or(0, |slot| self.rooms[slot as usize].members.len())
    }

    /// The size of the arrays in bytes, without the rooms and the indexes.
    #[cfg(test)]
    pub(crate) fn footprint(&self) -> usize {
        let rooms = self.rooms.iter().map(|(_, room)| room.members.capacity());
        self.memberships.capacity() * size_of::<Memberships>()
            + rooms.sum::<usize>() * size_of::<Member>()
    }

    /// Whether there are no rooms.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

/// Reserves space for `more` entries. The reserve is a quarter, not half, because this is memory of every
/// idle connection.
fn reserve<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more.max(list.len() / 4).max(2));
    }
}

impl Memberships {
    fn push(&mut self, membership: Membership) {
        if let Some(index) = &mut self.index {
            index.insert(membership.room, self.list.len() as u32);
        }
        self.list.push(membership);
        if self.index.is_none() && self.list.len() > MAX_LINEAR {
            let positions =
                self.list.iter().enumerate().map(|(at, membership)| (membership.room, at as u32));
            self.index = Some(Box::new(positions.collect()));
        }
    }

    fn swap_remove(&mut self, position: usize) -> Membership {
        let membership = self.list.swap_remove(position);
        if let Some(index) = &mut self.index {
            index.remove(&membership.room);
            if let Some(moved) = self.list.get(position) {
                index.insert(moved.room, position as u32);
            }
        }
        if self.list.len() <= MAX_LINEAR / 2 {
            self.index = None;
        }
        membership
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: RoomId = RoomId(1);

    fn sorted_members(members: &Members, room: u64) -> Vec<u32> {
        let mut conns: Vec<_> = members.members(RoomId(room)).map(|conn| conn.0).collect();
        conns.sort_unstable();
        conns
    }

    #[test]
    fn joins_and_leaves_change_both_sides() {
        let mut members = Members::default();
        for conn in 0..5 {
            assert!(members.join(ConnId(conn), GROUP, GROUP));
            assert!(members.join(ConnId(conn), RoomId(2), GROUP));
        }
        assert!(!members.join(ConnId(3), RoomId(2), GROUP));
        assert!(members.leave(ConnId(1), RoomId(2)));
        assert!(!members.leave(ConnId(1), RoomId(2)));
        assert_eq!(sorted_members(&members, 2), [0, 2, 3, 4]);
        members.remove(ConnId(4));
        assert_eq!(sorted_members(&members, 1), [0, 1, 2, 3]);
        assert_eq!(sorted_members(&members, 2), [0, 2, 3]);
        members.leave_group_at(ConnId(0), GROUP, None);
        assert_eq!(members.rooms_of(ConnId(0)).count(), 0);
        for conn in 1..4 {
            members.remove(ConnId(conn));
        }
        assert!(members.is_empty());
    }

    #[test]
    fn a_connection_with_many_rooms_can_leave_each() {
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
    fn a_removal_moves_no_member_across_a_cursor() {
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

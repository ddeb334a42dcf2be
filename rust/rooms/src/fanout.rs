//! The turn of a shard: what is pending, for whom, in which order.
//!
//! Every broadcast gets a number and waits in the list of its target. `upto` of a connection is the
//! number of the last broadcast it has got, or was not meant to get. That is all there is to order:
//! a direct packet first *catches the connection up* (gives it what is pending for it, and the
//! packet, in one run), a change of membership does too, and the walk over the targets' members
//! (`walk.rs`) gives each of them what is behind its `upto`.

use bytes::Bytes;

use crate::frame::Frame;
use crate::members::{ConnId, Members, RoomId};
use crate::merge::Merge;
use crate::pending::{Pending, Target};
use crate::queue::Queue;
use crate::run::{Frames, Outlet, Run, Tally};
use crate::walk::{Pass, Walk};

/// A delivery is worth so many looks at a member that gets nothing.
const LOOKS: usize = 16;

#[derive(Clone, Copy, Debug, Default)]
struct Conn {
    upto: u64,
    /// What the walk noted when it met the connection, see [`Walk`].
    mark: u64,
}

/// A member that does not get the whole of one list: it has some of it, or gets some of others.
struct Part {
    conn: ConnId,
    upto: u64,
    is_mixed: bool,
}

/// The pending broadcasts of a shard, and its rooms.
#[derive(Debug, Default)]
pub struct Fanout {
    members: Members,
    conns: Vec<Conn>,
    queue: Queue,
    walk: Option<Walk>,
    /// The highest mark that was used.
    marks: u64,
    merge: Merge,
    /// Scratch space for slices.
    slices: Vec<Bytes>,
}

impl Fanout {
    /// Without rooms and broadcasts.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new connection: nothing that is pending is meant for it.
    pub fn open(&mut self, conn: ConnId) {
        self.close(conn);
        let at = conn.0 as usize;
        if self.conns.len() <= at {
            // A quarter in reserve, not as much again: this is memory of every idle connection.
            if self.conns.capacity() <= at {
                self.conns.reserve_exact((at + 1 - self.conns.len()).max(at / 4));
            }
            self.conns.resize(at + 1, Conn::default());
        }
        self.conns[at] = Conn { upto: self.queue.seq, mark: 0 };
    }

    /// Notes a broadcast; it is delivered by [`Fanout::work`].
    pub fn emit(&mut self, target: Target, frame: Frame) {
        self.queue.push(&mut self.members, target, frame, self.walk.is_some());
    }

    /// Gives a connection what is pending for it and this frame, in one run.
    pub fn direct(&mut self, conn: ConnId, frame: &Frame, out: &mut impl Outlet) {
        let pending = self.collect(conn).then(|| self.merge.run(&self.queue.table));
        out.deliver(conn, &Run { last: Some(frame), ..pending.unwrap_or(Run::of(frame)) });
    }

    /// Gives a connection what is pending for it.
    pub fn catch_up(&mut self, conn: ConnId, out: &mut impl Outlet) {
        if self.collect(conn) {
            out.deliver(conn, &self.merge.run(&self.queue.table));
        }
    }

    /// Collects all that is pending for a connection, and notes that it has it.
    fn collect(&mut self, conn: ConnId) -> bool {
        let Some(state) = self.conns.get_mut(conn.0 as usize) else {
            return false;
        };
        let last = self.queue.seq;
        let upto = std::mem::replace(&mut state.upto, last);
        if upto >= last || self.queue.is_empty() {
            return false;
        }
        self.merge.collect(&self.members, &mut self.queue.table, conn, (upto, last))
    }

    /// Puts a connection into a room of a group. It must have been opened.
    pub fn join(&mut self, conn: ConnId, room: RoomId, group: RoomId, out: &mut impl Outlet) {
        self.catch_up(conn, out);
        self.members.join(conn, room, group);
    }

    /// Takes a connection out of a room.
    pub fn leave(&mut self, conn: ConnId, room: RoomId, out: &mut impl Outlet) {
        self.catch_up(conn, out);
        let cursor = self.walk.as_mut().map(|walk| &mut walk.cursor);
        self.members.leave_at(conn, room, cursor);
    }

    /// Takes a connection out of all rooms of a group.
    pub fn leave_group(&mut self, conn: ConnId, group: RoomId, out: &mut impl Outlet) {
        self.catch_up(conn, out);
        let cursor = self.walk.as_mut().map(|walk| &mut walk.cursor);
        self.members.leave_group_at(conn, group, cursor);
    }

    /// Takes everybody out of a room.
    pub fn close_room(&mut self, room: RoomId, out: &mut impl Outlet) {
        let members: Vec<_> = self.members.members(room).collect();
        for conn in members {
            self.leave(conn, room, out);
        }
    }

    /// A connection is gone: forgets it everywhere. Returns what was pending for it, which nobody
    /// gets any more.
    pub fn close(&mut self, conn: ConnId) -> Tally {
        let pending = self.collect(conn).then(|| self.merge.run(&self.queue.table).tally());
        let cursor = self.walk.as_mut().map(|walk| &mut walk.cursor);
        self.members.remove_at(conn, cursor);
        pending.unwrap_or_default()
    }

    /// Whether nothing is pending.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes of the frames that are pending.
    pub fn pending_bytes(&self) -> usize {
        self.queue.bytes()
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
    ///
    /// Any other method may be called between two calls.
    pub fn work(&mut self, out: &mut impl Outlet, recipients: usize) -> bool {
        let mut left = recipients.saturating_mul(LOOKS);
        while left > 0 {
            let Some(generation) = self.queue.oldest() else {
                return false;
            };
            let targets = generation.targets.len();
            let Some(walk) = &mut self.walk else {
                self.begin(targets);
                continue;
            };
            let Some(key) = generation.targets.get(walk.target) else {
                self.end();
                continue;
            };
            let (key, last) = (*key as usize, generation.last);
            let Some(room) = walk.room(&self.queue.table[key]) else {
                walk.next_pass(targets);
                left -= 1;
                continue;
            };
            left = match walk.pass {
                Pass::Deliver => self.deliver(key, room, last, left, out),
                Pass::Count | Pass::Except => self.mark(room, last, left),
            };
        }
        !self.is_idle()
    }

    fn begin(&mut self, targets: usize) {
        self.queue.begin(&self.members);
        let walk = Walk::new(targets, &mut self.marks);
        for key in self.queue.oldest().map_or(&[][..], |oldest| &oldest.targets) {
            let list = &self.queue.table[*key as usize];
            let entries = if list.has_excepts { list.entries.as_slice() } else { &[] };
            for conn in entries.iter().flat_map(|entry| &entry.except) {
                // It gets a merge of its own, made of what it is not excepted from.
                if let Some(state) = self.conns.get_mut(conn.0 as usize) {
                    state.mark = walk.mixed;
                }
            }
        }
        self.walk = Some(walk);
    }

    fn end(&mut self) {
        self.walk = None;
        self.merge.clear();
        self.queue.end(&mut self.members);
    }

    /// Drops the oldest broadcasts: who has not got them yet does not get them.
    pub fn abandon(&mut self) {
        self.end();
    }

    /// Drops all that is pending, whatever state it is in.
    pub fn abandon_all(&mut self) {
        self.walk = None;
        self.merge = Merge::default();
        self.queue.clear();
        self.members.forget_pending();
    }

    /// Walks on in a room without delivering; returns how many looks are left.
    fn mark(&mut self, room: u32, last: u64, looks: usize) -> usize {
        let Some(walk) = &mut self.walk else {
            return looks;
        };
        let members = self.members.members_of(room).get(walk.cursor.at..).unwrap_or_default();
        let now = &members[..members.len().min(looks)];
        for member in now {
            let Some(state) = self.conns.get_mut(member.conn as usize) else {
                continue;
            };
            if walk.pass == Pass::Count {
                state.mark = walk.counted(state.mark);
            } else if walk.is_only_here(state.mark) {
                state.upto = state.upto.max(last);
            }
        }
        walk.cursor.at += now.len();
        if now.len() == members.len() {
            walk.next_room();
        }
        (looks - now.len()).saturating_sub(1)
    }

    /// Walks on in a room and delivers; returns how many looks are left.
    fn deliver(
        &mut self,
        key: usize,
        room: u32,
        limit: u64,
        mut looks: usize,
        out: &mut impl Outlet,
    ) -> usize {
        while let Some(part) = self.deliver_whole(key, room, limit, &mut looks, out) {
            let table = &mut self.queue.table;
            if !part.is_mixed {
                deliver_tail(&table[key], part.conn, part.upto, &mut self.slices, out);
            } else if self.merge.collect(&self.members, table, part.conn, (part.upto, limit)) {
                out.deliver(part.conn, &self.merge.run(table));
            }
        }
        looks
    }

    /// Gives members the whole of one list, which is the common case and a tight loop, up to one
    /// that gets something else; `None` when the room or the looks are at an end.
    fn deliver_whole(
        &mut self,
        key: usize,
        room: u32,
        limit: u64,
        looks: &mut usize,
        out: &mut impl Outlet,
    ) -> Option<Part> {
        let walk = self.walk.as_mut()?;
        let list = &self.queue.table[key];
        let first = list.entries.first().map_or(0, |entry| entry.seq);
        let frames = Frames::Entries(&list.entries);
        let (buffers, tally) = (list.buffers(), list.tally());
        let deflated = Some(&list.deflated);
        let whole = Run { buffers, frames, deflated, last: None, tally, is_cut: false };
        let members = self.members.members_of(room);
        while *looks > 0 {
            let Some(member) = members.get(walk.cursor.at) else {
                walk.next_room();
                *looks -= 1;
                return None;
            };
            walk.cursor.at += 1;
            let conn = ConnId(member.conn);
            let state = self.conns.get_mut(conn.0 as usize).filter(|state| state.upto < limit);
            let Some(state) = state else {
                *looks -= 1;
                continue;
            };
            *looks = looks.saturating_sub(LOOKS);
            let upto = std::mem::replace(&mut state.upto, limit);
            let is_mixed = state.mark == walk.mixed;
            if is_mixed || upto >= first {
                return Some(Part { conn, upto, is_mixed });
            }
            out.deliver(conn, &whole);
        }
        None
    }
}

/// A connection that was caught up gets the rest of a list.
fn deliver_tail(
    list: &Pending,
    conn: ConnId,
    upto: u64,
    slices: &mut Vec<Bytes>,
    out: &mut impl Outlet,
) {
    let from = list.first_after(upto);
    let entries = &list.entries[from..];
    if !entries.is_empty() {
        slices.clear();
        let is_cut = list.slices(from, list.entries.len(), slices);
        let tally = list.tally_of(from, list.entries.len());
        let frames = Frames::Entries(entries);
        let run = Run { buffers: slices, frames, deflated: None, last: None, tally, is_cut };
        out.deliver(conn, &run);
        slices.clear();
    }
}

#[cfg(test)]
mod tests {
    use smallvec::{SmallVec, smallvec};

    use super::*;

    struct Nowhere;

    impl Outlet for Nowhere {
        fn deliver(&mut self, _: ConnId, _: &Run<'_>) {}
    }

    #[derive(Default)]
    struct Counting(usize);

    impl Outlet for Counting {
        fn deliver(&mut self, _: ConnId, run: &Run<'_>) {
            self.0 += run.tally().packets as usize;
        }
    }

    #[test]
    fn what_was_abandoned_is_gone_and_the_next_broadcast_is_not() {
        for abandon in [Fanout::abandon, Fanout::abandon_all] {
            let (mut fanout, mut out) = (Fanout::new(), Counting::default());
            for conn in 0..10 {
                fanout.open(ConnId(conn));
                fanout.join(ConnId(conn), RoomId(1), RoomId(0), &mut out);
            }
            let (except, except_rooms) = (SmallVec::new(), SmallVec::new());
            let target = Target { rooms: smallvec![RoomId(1)], except, except_rooms };
            fanout.emit(target.clone(), Frame::new(b"42[1]", &[]));
            fanout.work(&mut out, 3);
            assert_eq!(out.0, 3);
            abandon(&mut fanout);
            assert!(fanout.is_idle() && fanout.pending_bytes() == 0);
            fanout.emit(target, Frame::new(b"42[2]", &[]));
            while fanout.work(&mut out, 3) {}
            assert_eq!(out.0, 13);
            for conn in 0..10 {
                fanout.close(ConnId(conn));
            }
            assert_eq!(fanout.room_len(RoomId(1)), 0);
        }
    }

    #[test]
    fn an_idle_connection_takes_few_bytes() {
        let (mut fanout, count, all) = (Fanout::new(), 10_000, RoomId(0));
        for conn in 0..count {
            fanout.open(ConnId(conn));
            fanout.join(ConnId(conn), all, all, &mut Nowhere);
            fanout.join(ConnId(conn), RoomId(1 + u64::from(conn) % 100), all, &mut Nowhere);
        }
        let conns = fanout.conns.capacity() * size_of::<Conn>();
        let bytes = (conns + fanout.members.footprint()) / count as usize;
        assert!(bytes <= 100, "{bytes} bytes");
    }
}

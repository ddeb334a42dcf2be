//! The fan-out of a shard: the pending broadcasts, and their delivery in order.
//!
//! Every broadcast gets a sequence number and waits in the list of its target. `upto` of a connection
//! is the number of the last broadcast that it has received or was not a recipient of. This number
//! alone keeps the order. A direct packet first *catches the connection up*: the connection receives
//! its pending broadcasts and the packet in one run. Joining and leaving a room do the same. The walk
//! over the members of the targets (`walk.rs`) gives each member the broadcasts after its `upto`.
//!
//! This file does no I/O: an [`Outlet`] takes the runs.

use bytes::Bytes;

use crate::frame::Frame;
use crate::members::{ConnId, Members, RoomId};
use crate::merge::Merge;
use crate::pending::{Pending, Target};
use crate::queue::Queue;
use crate::run::{Frames, Outlet, Run, Tally};
use crate::walk::{Pass, Walk};

/// A delivery counts as much as this many visits of members that receive nothing.
const VISITS_PER_DELIVERY: usize = 16;

#[derive(Clone, Copy, Debug, Default)]
struct Conn {
    upto: u64,
    /// The mark that the walk has set when it visited the connection, see [`Walk`].
    mark: u64,
}

/// A member that does not receive exactly one whole list: it has a part of the list already, or it
/// receives other lists too.
struct PartialRecipient {
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
    /// Creates a fan-out without connections.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a connection. It receives no broadcast that is pending already.
    pub fn open(&mut self, conn: ConnId) {
        self.close(conn);
        let at = conn.0 as usize;
        if self.conns.len() <= at {
            // The reserve is a quarter, not half: this is memory of every idle connection.
            if self.conns.capacity() <= at {
                self.conns.reserve_exact((at + 1 - self.conns.len()).max(at / 4));
            }
            self.conns.resize(at + 1, Conn::default());
        }
        self.conns[at] = Conn { upto: self.queue.seq, mark: 0 };
    }

    /// Queues a broadcast. [`Fanout::work`] delivers it.
    pub fn emit(&mut self, target: Target, frame: Frame) {
        self.queue.push(&mut self.members, target, frame, self.walk.is_some());
    }

    /// Delivers the pending broadcasts of a connection, followed by `frame`, in one run.
    pub fn direct(&mut self, conn: ConnId, frame: &Frame, out: &mut impl Outlet) {
        let pending = self.collect(conn).then(|| self.merge.run(&self.queue.table));
        out.deliver(conn, &Run { last: Some(frame), ..pending.unwrap_or(Run::of(frame)) });
    }

    /// Delivers the pending broadcasts of a connection.
    pub fn catch_up(&mut self, conn: ConnId, out: &mut impl Outlet) {
        if self.collect(conn) {
            out.deliver(conn, &self.merge.run(&self.queue.table));
        }
    }

    /// Collects the pending broadcasts of a connection in `merge` and marks them as delivered. Returns
    /// false when there are none.
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

    /// Adds a connection to a room, which belongs to a group. The connection must be open.
    pub fn join(&mut self, conn: ConnId, room: RoomId, group: RoomId, out: &mut impl Outlet) {
        self.catch_up(conn, out);
        self.members.join(conn, room, group);
    }

    /// Removes a connection from a room.
    pub fn leave(&mut self, conn: ConnId, room: RoomId, out: &mut impl Outlet) {
        self.catch_up(conn, out);
        let cursor = self.walk.as_mut().map(|walk| &mut walk.cursor);
        self.members.leave_at(conn, room, cursor);
    }

    /// Removes a connection from all rooms of a group.
    pub fn leave_group(&mut self, conn: ConnId, group: RoomId, out: &mut impl Outlet) {
        self.catch_up(conn, out);
        let cursor = self.walk.as_mut().map(|walk| &mut walk.cursor);
        self.members.leave_group_at(conn, group, cursor);
    }

    /// Removes all members from a room.
    pub fn close_room(&mut self, room: RoomId, out: &mut impl Outlet) {
        let members: Vec<_> = self.members.members(room).collect();
        for conn in members {
            self.leave(conn, room, out);
        }
    }

    /// Removes a connection. Returns the counts of its pending broadcasts, which are not delivered.
    pub fn close(&mut self, conn: ConnId) -> Tally {
        let pending = self.collect(conn).then(|| self.merge.run(&self.queue.table).tally());
        let cursor = self.walk.as_mut().map(|walk| &mut walk.cursor);
        self.members.remove_at(conn, cursor);
        pending.unwrap_or_default()
    }

    /// Whether no broadcast is pending.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// The size of the pending frames, in bytes.
    pub fn pending_bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Whether a connection is in a room.
    pub fn is_member(&self, conn: ConnId, room: RoomId) -> bool {
        self.members.is_member(conn, room)
    }

    /// The number of members of a room.
    pub fn room_len(&self, room: RoomId) -> usize {
        self.members.len(room)
    }

    /// Continues the delivery for about `recipients` connections. Returns whether more is pending.
    ///
    /// Any other method may be called between two calls.
    pub fn work(&mut self, out: &mut impl Outlet, recipients: usize) -> bool {
        let mut left = recipients.saturating_mul(VISITS_PER_DELIVERY);
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
                // The connection receives a merge of its own, without the entries that except it.
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

    /// Drops the oldest generation of broadcasts, although some recipients have not received it.
    pub fn abandon(&mut self) {
        self.end();
    }

    /// Drops all pending broadcasts. It works even after a panic has left them inconsistent.
    pub fn abandon_all(&mut self) {
        self.walk = None;
        self.merge = Merge::default();
        self.queue.clear();
        self.members.forget_pending();
    }

    /// Continues the walk in a room without delivering. Returns how many of the `visits` are left.
    fn mark(&mut self, room: u32, last: u64, visits: usize) -> usize {
        let Some(walk) = &mut self.walk else {
            return visits;
        };
        let members = self.members.members_of(room).get(walk.cursor.at..).unwrap_or_default();
        let now = &members[..members.len().min(visits)];
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
        (visits - now.len()).saturating_sub(1)
    }

    /// Continues the walk in a room and delivers. Returns how many of the `visits` are left.
    fn deliver(
        &mut self,
        key: usize,
        room: u32,
        limit: u64,
        mut visits: usize,
        out: &mut impl Outlet,
    ) -> usize {
        while let Some(part) = self.deliver_whole(key, room, limit, &mut visits, out) {
            let table = &mut self.queue.table;
            if !part.is_mixed {
                deliver_tail(&table[key], part.conn, part.upto, &mut self.slices, out);
            } else if self.merge.collect(&self.members, table, part.conn, (part.upto, limit)) {
                out.deliver(part.conn, &self.merge.run(table));
            }
        }
        visits
    }

    /// Delivers a whole list to members. This is the common case and a tight loop. It stops at a
    /// member that receives something else and returns it. Returns `None` when the room or the visits
    /// are exhausted.
    fn deliver_whole(
        &mut self,
        key: usize,
        room: u32,
        limit: u64,
        visits: &mut usize,
        out: &mut impl Outlet,
    ) -> Option<PartialRecipient> {
        let walk = self.walk.as_mut()?;
        let list = &self.queue.table[key];
        let first = list.entries.first().map_or(0, |entry| entry.seq);
        let frames = Frames::Entries(&list.entries);
        let (buffers, tally) = (list.buffers(), list.tally());
        let deflated = Some(&list.deflated);
        let whole = Run { buffers, frames, deflated, last: None, tally, is_cut: false };
        let members = self.members.members_of(room);
        while *visits > 0 {
            let Some(member) = members.get(walk.cursor.at) else {
                walk.next_room();
                *visits -= 1;
                return None;
            };
            walk.cursor.at += 1;
            let conn = ConnId(member.conn);
            let state = self.conns.get_mut(conn.0 as usize).filter(|state| state.upto < limit);
            let Some(state) = state else {
                *visits -= 1;
                continue;
            };
            *visits = visits.saturating_sub(VISITS_PER_DELIVERY);
            let upto = std::mem::replace(&mut state.upto, limit);
            let is_mixed = state.mark == walk.mixed;
            if is_mixed || upto >= first {
                return Some(PartialRecipient { conn, upto, is_mixed });
            }
            out.deliver(conn, &whole);
        }
        None
    }
}

/// Delivers the rest of a list to a connection that was caught up before.
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
    fn abandoned_broadcasts_are_dropped_and_later_ones_are_delivered() {
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

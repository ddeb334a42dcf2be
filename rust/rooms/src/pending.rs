//! What waits for one set of recipients, and how it is joined.
//!
//! Entries are only ever appended; one that a newer one with its key replaces stays as an empty
//! one, so that numbers and positions keep their order. They are joined in segments of at most 64 KiB, each entry once,
//! and a segment keeps where its frames end, so that a tail or a part of it needs no copy. Single
//! connections may be excepted from an entry: broadcasts "to all but the sender" by many senders
//! still share one list, and with it what is joined.

use std::cell::OnceCell;

use bytes::{Bytes, BytesMut};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::flags::Key;
use crate::frame::Frame;
use crate::members::{ConnId, Members, RoomId};
use crate::run::{Deflated, Tally};

/// Frames of one target are joined into buffers of at most this many bytes.
pub(crate) const JOINED: usize = 64 * 1024;

/// So few frames are not joined for a single connection.
const FEW: usize = 16;

/// Who a broadcast is for: the union of rooms, each connection once, without those excepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// In any of these.
    pub rooms: SmallVec<[RoomId; 1]>,
    /// But not these.
    pub except: SmallVec<[ConnId; 1]>,
    /// And not in any of these.
    pub except_rooms: SmallVec<[RoomId; 1]>,
}

/// One frame with its place in the order of everything that was emitted.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) frame: Frame,
    /// Who does not get it, sorted.
    pub(crate) except: SmallVec<[ConnId; 1]>,
}

impl Entry {
    pub(crate) fn excepts(&self, conn: ConnId) -> bool {
        !self.except.is_empty() && self.except.binary_search(&conn).is_ok()
    }

    /// Whether a newer one has replaced it.
    pub(crate) fn is_replaced(&self) -> bool {
        self.frame.wire().is_empty()
    }
}

/// The frames that wait for one target.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The slots of the target's rooms.
    pub(crate) rooms: SmallVec<[u32; 1]>,
    /// The slots of the rooms whose members get nothing.
    pub(crate) except_rooms: SmallVec<[u32; 1]>,
    pub(crate) entries: Vec<Entry>,
    /// Whether an entry excepts anybody.
    pub(crate) has_excepts: bool,
    /// Whether an entry may be left out for a slow client.
    has_flags: bool,
    /// The latest entry with each key.
    keys: FxHashMap<Key, usize>,
    /// How many entries were replaced.
    replaced: u32,
    segments: Vec<Segment>,
    /// The buffers of all segments.
    buffers: Vec<Bytes>,
    /// All entries for those who agreed to compression; made when nothing is appended any more.
    pub(crate) deflated: OnceCell<Deflated>,
}

/// Several frames in one buffer.
#[derive(Debug)]
struct Segment {
    /// Which entry is its first.
    first: usize,
    /// Where each frame ends.
    ends: Vec<u32>,
}

impl Pending {
    pub(crate) fn new(rooms: SmallVec<[u32; 1]>, except_rooms: SmallVec<[u32; 1]>) -> Self {
        Self {
            rooms,
            except_rooms,
            entries: Vec::new(),
            has_excepts: false,
            has_flags: false,
            keys: FxHashMap::default(),
            replaced: 0,
            segments: Vec::new(),
            buffers: Vec::new(),
            deflated: OnceCell::new(),
        }
    }

    /// Appends an entry; its number is higher than those before it. Returns the bytes of the one
    /// it replaces.
    pub(crate) fn push(&mut self, entry: Entry) -> usize {
        self.has_excepts |= !entry.except.is_empty();
        self.has_flags |= entry.frame.flags().may_be_dropped();
        let key = entry.frame.flags().conflate.clone();
        let freed = key.map_or(0, |key| self.replace(key, &entry));
        self.entries.push(entry);
        freed
    }

    /// Empties the entry with the same key, if the same connections get it and it is not part of
    /// a joined buffer.
    fn replace(&mut self, key: Key, by: &Entry) -> usize {
        let joined = self.joined();
        let Some(at) = self.keys.insert(key, self.entries.len()) else {
            return 0;
        };
        match self.entries.get_mut(at) {
            Some(old) if at >= joined && old.except == by.except => {
                self.replaced += 1;
                std::mem::replace(&mut old.frame, Frame::empty()).wire().len()
            }
            _ => 0,
        }
    }

    /// What is in all entries.
    pub(crate) fn tally(&self) -> Tally {
        let packets = self.entries.len() as u32 - self.replaced;
        Tally { packets, conflated: self.replaced, may_be_dropped: self.has_flags }
    }

    /// What is in some entries.
    pub(crate) fn tally_of(&self, from: usize, to: usize) -> Tally {
        let entries = &self.entries[from..to];
        let replaced = entries.iter().filter(|entry| self.replaced > 0 && entry.is_replaced());
        let conflated = replaced.count() as u32;
        let packets = entries.len() as u32 - conflated;
        Tally { packets, conflated, may_be_dropped: self.has_flags }
    }

    /// Whether the connection is in a room whose members get nothing.
    pub(crate) fn excepts(&self, members: &Members, conn: ConnId) -> bool {
        let mut rooms = self.except_rooms.iter();
        rooms.any(|room| members.is_in(conn, *room))
    }

    /// The first entry with a number above `seq`.
    pub(crate) fn first_after(&self, seq: u64) -> usize {
        match (self.entries.first(), self.entries.last()) {
            (Some(first), _) if first.seq > seq => 0,
            (_, Some(last)) if last.seq <= seq => self.entries.len(),
            _ => self.entries.partition_point(|entry| entry.seq <= seq),
        }
    }

    /// How many entries are joined, from the first on.
    fn joined(&self) -> usize {
        let last = self.segments.last();
        last.map_or(0, |last| last.first + last.ends.len())
    }

    /// Joins all entries that are not joined yet.
    pub(crate) fn join(&mut self) {
        loop {
            let first = self.joined();
            let count = self.fitting(first);
            if count == 0 {
                return;
            }
            self.join_segment(first, count);
        }
    }

    /// Joins the entries for a single connection, when there are so many that others will gain by
    /// it too. Segments grow with what is joined already, so that there are never many.
    pub(crate) fn join_for_one(&mut self) {
        let joined = self.joined();
        if self.entries.len() - joined >= FEW.max(joined / 2) {
            self.join();
        }
    }

    /// How many entries from `first` on fit into one segment.
    fn fitting(&self, first: usize) -> usize {
        let mut size = 0;
        let fits = |entry: &&Entry| {
            size += entry.frame.wire().len();
            size <= JOINED
        };
        let count = self.entries[first..].iter().take_while(fits).count();
        // A frame that is larger is a segment of its own.
        count.max(1).min(self.entries.len() - first)
    }

    fn join_segment(&mut self, first: usize, count: usize) {
        let entries = &self.entries[first..first + count];
        let mut ends = Vec::with_capacity(count);
        let mut end = 0;
        for entry in entries {
            end += entry.frame.wire().len();
            ends.push(end as u32);
        }
        let buffer = if let [entry] = entries {
            entry.frame.wire().clone()
        } else {
            concat(entries.iter().map(|entry| entry.frame.wire()), end)
        };
        self.segments.push(Segment { first, ends });
        self.buffers.push(buffer);
    }

    /// The buffers of all entries that are joined.
    pub(crate) fn buffers(&self) -> &[Bytes] {
        &self.buffers
    }

    /// Appends the buffers of some entries, sharing what is joined. Returns whether one is a part
    /// of a larger buffer, which it keeps alive.
    pub(crate) fn slices(&self, from: usize, to: usize, out: &mut Vec<Bytes>) -> bool {
        let mut is_part = false;
        for (segment, buffer) in self.segments.iter().zip(&self.buffers) {
            let end = segment.first + segment.ends.len();
            let (from, to) = (from.max(segment.first), to.min(end));
            if from < to {
                let slice = segment.slice(buffer, from, to);
                is_part |= slice.len() < buffer.len();
                out.push(slice);
            }
        }
        let single = self.entries[from.max(self.joined()).min(to)..to].iter();
        let single = single.filter(|entry| !entry.is_replaced());
        out.extend(single.map(|entry| entry.frame.wire().clone()));
        is_part
    }
}

impl Segment {
    fn slice(&self, buffer: &Bytes, from: usize, to: usize) -> Bytes {
        let (from, to) = (from - self.first, to - self.first);
        let start = if from == 0 { 0 } else { self.ends[from - 1] };
        buffer.slice(start as usize..self.ends[to - 1] as usize)
    }
}

/// One buffer of several, `len` bytes together.
pub(crate) fn concat<'b>(parts: impl Iterator<Item = &'b Bytes>, len: usize) -> Bytes {
    let mut bytes = BytesMut::with_capacity(len);
    parts.for_each(|part| bytes.extend_from_slice(part));
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pending frames of these sizes, numbered from 1.
    fn pending(sizes: &[usize]) -> Pending {
        let mut pending = Pending::new(SmallVec::new(), SmallVec::new());
        for (size, seq) in sizes.iter().zip(1..) {
            let frame = Frame::new(&vec![b'4'; *size], &[]);
            pending.push(Entry { seq, frame, except: SmallVec::new() });
        }
        pending
    }

    fn lens(pending: &Pending, from: usize, to: usize) -> Vec<usize> {
        let mut buffers = Vec::new();
        pending.slices(from, to, &mut buffers);
        buffers.iter().map(Bytes::len).collect()
    }

    #[test]
    fn one_frame_is_not_copied() {
        let mut pending = pending(&[10]);
        pending.join();
        let wire = pending.entries[0].frame.wire();
        assert_eq!(pending.buffers()[0].as_ptr(), wire.as_ptr());
    }

    #[test]
    fn joined_buffers_are_bounded() {
        let mut pending = pending(&[30_000, 30_000, 30_000, 100_000, 3, 3]);
        pending.join();
        let buffers: Vec<_> = pending.buffers().iter().map(Bytes::len).collect();
        assert_eq!(buffers, [60_008, 30_004, 100_010, 10]);
    }

    #[test]
    fn a_part_of_what_is_joined_is_not_copied() {
        let mut pending = pending(&[8, 8, 8, 8]);
        pending.join();
        assert_eq!(lens(&pending, 1, 3), [20]);
        let mut tail = Vec::new();
        pending.slices(2, 4, &mut tail);
        assert_eq!(tail[0].as_ptr(), pending.buffers()[0][20..].as_ptr());
    }

    #[test]
    fn a_single_connection_joins_many_but_not_few() {
        let mut few = pending(&[8; FEW - 1]);
        few.join_for_one();
        assert_eq!(lens(&few, 0, FEW - 1), [10; FEW - 1]);
        let mut many = pending(&[8; FEW]);
        many.join_for_one();
        assert_eq!(lens(&many, 0, FEW), [10 * FEW]);
        assert_eq!(lens(&many, 3, FEW), [10 * (FEW - 3)]);
    }

    #[test]
    fn what_is_behind_a_number_is_found() {
        let pending = pending(&[1, 1, 1]);
        let found: Vec<_> = (0..5).map(|seq| pending.first_after(seq)).collect();
        assert_eq!(found, [0, 1, 2, 3, 3]);
    }
}

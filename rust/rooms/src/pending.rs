//! The pending frames of one set of recipients, and their joined buffers.
//!
//! Entries are only appended. An entry that is replaced by a newer one with the same key stays as an
//! empty entry, so positions do not change. The frames are joined in segments of at most 64 KiB, each
//! frame once. A segment stores where its frames end, so a part of it can be sent without a copy. An
//! entry may except single connections: broadcasts "to all but the sender" of many senders therefore
//! share one list and its joined buffers.

use std::cell::OnceCell;

use bytes::{Bytes, BytesMut};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::flags::Key;
use crate::frame::Frame;
use crate::members::{ConnId, Members, RoomId};
use crate::run::{Deflated, Tally};

/// The maximum size of a joined buffer, in bytes.
pub(crate) const MAX_JOINED: usize = 64 * 1024;

/// Fewer frames than this are not joined for a single connection.
const MIN_JOINED_FRAMES: usize = 16;

/// The recipients of a broadcast: the members of any of the rooms, each once, without the exceptions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The rooms whose members receive the broadcast.
    pub rooms: SmallVec<[RoomId; 1]>,
    /// Connections that do not receive it.
    pub except: SmallVec<[ConnId; 1]>,
    /// Rooms whose members do not receive it.
    pub except_rooms: SmallVec<[RoomId; 1]>,
}

/// One frame with its sequence number.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) frame: Frame,
    /// The connections that do not receive the frame, sorted.
    pub(crate) except: SmallVec<[ConnId; 1]>,
}

impl Entry {
    pub(crate) fn excepts(&self, conn: ConnId) -> bool {
        !self.except.is_empty() && self.except.binary_search(&conn).is_ok()
    }

    /// Whether a newer entry has replaced this one.
    pub(crate) fn is_replaced(&self) -> bool {
        self.frame.wire().is_empty()
    }
}

/// The list of pending frames of one target.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The slots of the target's rooms.
    pub(crate) rooms: SmallVec<[u32; 1]>,
    /// The slots of the target's excepted rooms.
    pub(crate) except_rooms: SmallVec<[u32; 1]>,
    pub(crate) entries: Vec<Entry>,
    /// Whether an entry excepts a connection.
    pub(crate) has_excepts: bool,
    /// Whether an entry may be omitted for a slow client.
    has_flags: bool,
    /// The position of the latest entry with each key.
    keys: FxHashMap<Key, usize>,
    /// The number of entries that were replaced.
    replaced: u32,
    segments: Vec<Segment>,
    /// The buffers of all segments.
    buffers: Vec<Bytes>,
    /// The compressed form of all entries. It is created after the last entry was appended.
    pub(crate) deflated: OnceCell<Deflated>,
}

/// Several frames in one buffer.
#[derive(Debug)]
struct Segment {
    /// The position of the first entry.
    first: usize,
    /// The end of each frame in the buffer.
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

    /// Appends an entry, whose number must be the highest. Returns the size of the entry that it
    /// replaces, in bytes.
    pub(crate) fn push(&mut self, entry: Entry) -> usize {
        self.has_excepts |= !entry.except.is_empty();
        self.has_flags |= entry.frame.flags().may_be_dropped();
        let key = entry.frame.flags().conflate.clone();
        let freed = key.map_or(0, |key| self.replace(key, &entry));
        self.entries.push(entry);
        freed
    }

    /// Empties the entry with the same key, if it has the same recipients and is not in a joined buffer.
    /// Returns its size in bytes.
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

    /// The counts of all entries.
    pub(crate) fn tally(&self) -> Tally {
        let packets = self.entries.len() as u32 - self.replaced;
        Tally { packets, conflated: self.replaced, may_be_dropped: self.has_flags }
    }

    /// The counts of the entries from position `from` to `to`.
    pub(crate) fn tally_of(&self, from: usize, to: usize) -> Tally {
        let entries = &self.entries[from..to];
        let replaced = entries.iter().filter(|entry| self.replaced > 0 && entry.is_replaced());
        let conflated = replaced.count() as u32;
        let packets = entries.len() as u32 - conflated;
        Tally { packets, conflated, may_be_dropped: self.has_flags }
    }

    /// Whether the connection is in an excepted room.
    pub(crate) fn excepts(&self, members: &Members, conn: ConnId) -> bool {
        let mut rooms = self.except_rooms.iter();
        rooms.any(|room| members.is_in(conn, *room))
    }

    /// The position of the first entry with a number above `seq`.
    pub(crate) fn first_after(&self, seq: u64) -> usize {
        match (self.entries.first(), self.entries.last()) {
            (Some(first), _) if first.seq > seq => 0,
            (_, Some(last)) if last.seq <= seq => self.entries.len(),
            _ => self.entries.partition_point(|entry| entry.seq <= seq),
        }
    }

    /// The number of joined entries. They are the first ones of the list.
    fn joined(&self) -> usize {
        let last = self.segments.last();
        last.map_or(0, |last| last.first + last.ends.len())
    }

    /// Joins the entries that are not joined yet.
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

    /// Joins the entries for a single connection if there are many. The required number grows with the
    /// joined entries, so that the list does not get many small segments.
    pub(crate) fn join_for_one(&mut self) {
        let joined = self.joined();
        if self.entries.len() - joined >= MIN_JOINED_FRAMES.max(joined / 2) {
            self.join();
        }
    }

    /// The number of entries from `first` on that fit into one segment.
    fn fitting(&self, first: usize) -> usize {
        let mut size = 0;
        let fits = |entry: &&Entry| {
            size += entry.frame.wire().len();
            size <= MAX_JOINED
        };
        let count = self.entries[first..].iter().take_while(fits).count();
        // A larger frame is a segment of its own.
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

    /// The buffers of the joined entries.
    pub(crate) fn buffers(&self) -> &[Bytes] {
        &self.buffers
    }

    /// Appends the buffers of the entries from position `from` to `to`, as slices of joined buffers where
    /// possible. Returns whether a slice keeps a larger buffer in memory.
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

/// Joins buffers with a total size of `len` bytes.
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
    fn a_part_of_a_joined_buffer_is_not_copied() {
        let mut pending = pending(&[8, 8, 8, 8]);
        pending.join();
        assert_eq!(lens(&pending, 1, 3), [20]);
        let mut tail = Vec::new();
        pending.slices(2, 4, &mut tail);
        assert_eq!(tail[0].as_ptr(), pending.buffers()[0][20..].as_ptr());
    }

    #[test]
    fn many_frames_but_not_few_are_joined_for_a_single_connection() {
        const MANY: usize = MIN_JOINED_FRAMES;
        let mut few = pending(&[8; MANY - 1]);
        few.join_for_one();
        assert_eq!(lens(&few, 0, MANY - 1), [10; MANY - 1]);
        let mut many = pending(&[8; MANY]);
        many.join_for_one();
        assert_eq!(lens(&many, 0, MANY), [10 * MANY]);
        assert_eq!(lens(&many, 3, MANY), [10 * (MANY - 3)]);
    }

    #[test]
    fn the_first_entry_after_a_number_is_found() {
        let pending = pending(&[1, 1, 1]);
        let found: Vec<_> = (0..5).map(|seq| pending.first_after(seq)).collect();
        assert_eq!(found, [0, 1, 2, 3, 3]);
    }
}

//! What waits for one set of recipients, and how it is joined.

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use crate::frame::Frame;
use crate::members::{ConnId, RoomId};

/// Frames of one target are joined into buffers of at most this many bytes.
const JOINED: usize = 64 * 1024;

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
}

/// The frames that wait for one target.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) target: Target,
    /// The slots of the target's rooms.
    pub(crate) rooms: SmallVec<[u32; 1]>,
    pub(crate) entries: Vec<Entry>,
    /// Made when the first connection gets some of it after the last frame was added.
    joined: Vec<Segment>,
    /// The buffers of all segments.
    buffers: Vec<Bytes>,
    joined_entries: usize,
}

/// Several frames in one buffer.
#[derive(Debug)]
struct Segment {
    bytes: Bytes,
    first: usize,
    /// Where each frame ends.
    ends: Vec<u32>,
}

impl Pending {
    pub(crate) fn new(target: Target, rooms: SmallVec<[u32; 1]>) -> Self {
        let (joined, buffers) = (Vec::new(), Vec::new());
        Self { target, rooms, entries: Vec::new(), joined, buffers, joined_entries: 0 }
    }

    /// The first entry that a connection which has got everything up to `upto` has not got.
    pub(crate) fn first_after(&self, upto: u64) -> usize {
        match self.entries.first() {
            Some(first) if first.seq <= upto => {
                self.entries.partition_point(|entry| entry.seq <= upto)
            }
            _ => 0,
        }
    }

    /// Whether the entries before `to` are joined.
    pub(crate) fn is_joined(&self, to: usize) -> bool {
        to <= self.joined_entries
    }

    /// Joins the entries; call it before the buffers are asked for.
    pub(crate) fn join(&mut self) {
        if self.joined_entries == self.entries.len() {
            return;
        }
        self.joined.clear();
        let mut first = 0;
        while first < self.entries.len() {
            let segment = self.segment(first);
            first += segment.ends.len();
            self.joined.push(segment);
        }
        self.buffers = self.joined.iter().map(|segment| segment.bytes.clone()).collect();
        self.joined_entries = self.entries.len();
    }

    fn segment(&self, first: usize) -> Segment {
        let (mut size, mut count) = (0, 0);
        for entry in &self.entries[first..] {
            let len = entry.frame.wire().len();
            if count > 0 && size + len > JOINED {
                break;
            }
            size += len;
            count += 1;
        }
        if count == 1 {
            let bytes = self.entries[first].frame.wire().clone();
            let ends = vec![bytes.len() as u32];
            return Segment { bytes, first, ends };
        }
        let mut bytes = BytesMut::with_capacity(size);
        let mut ends = Vec::with_capacity(count);
        for entry in &self.entries[first..first + count] {
            bytes.extend_from_slice(entry.frame.wire());
            ends.push(bytes.len() as u32);
        }
        Segment { bytes: bytes.freeze(), first, ends }
    }

    /// The buffers of all entries.
    pub(crate) fn buffers(&self) -> &[Bytes] {
        &self.buffers
    }

    /// Appends the buffers of some entries, sharing what is joined.
    pub(crate) fn slices(&self, from: usize, to: usize, out: &mut Vec<Bytes>) {
        for segment in &self.joined {
            let end = segment.first + segment.ends.len();
            let (from, to) = (from.max(segment.first), to.min(end));
            if from < to {
                out.push(segment.slice(from - segment.first, to - segment.first));
            }
        }
    }
}

impl Segment {
    fn slice(&self, from: usize, to: usize) -> Bytes {
        if from == 0 && to == self.ends.len() {
            return self.bytes.clone();
        }
        let start = if from == 0 { 0 } else { self.ends[from - 1] as usize };
        self.bytes.slice(start..self.ends[to - 1] as usize)
    }
}

/// Packets for one connection, in order.
#[derive(Debug)]
pub struct Run<'a> {
    pub(crate) buffers: &'a [Bytes],
    pub(crate) frames: Frames<'a>,
}

#[derive(Debug)]
pub(crate) enum Frames<'a> {
    Entries(&'a [Entry]),
    Picked(&'a [Frame]),
}

impl Run<'_> {
    /// What to write to a WebSocket, joined where that saves sends.
    pub fn buffers(&self) -> impl Iterator<Item = &Bytes> {
        self.buffers.iter()
    }

    /// The single packets.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        let (entries, picked): (&[Entry], &[Frame]) = match &self.frames {
            Frames::Entries(entries) => (entries, &[]),
            Frames::Picked(frames) => (&[], frames),
        };
        entries.iter().map(|entry| &entry.frame).chain(picked)
    }

    /// Bytes for a WebSocket.
    pub fn bytes(&self) -> usize {
        self.buffers.iter().map(Bytes::len).sum()
    }
}

//! What a connection is given at once: packets in order, as buffers and one by one.
//!
//! A run borrows what waits; it is made for every recipient, so it owns nothing and costs nothing.

use std::cell::OnceCell;

use bytes::Bytes;
use protocol::websocket::{Deflate, Deflater};
use slab::Slab;
use smallvec::SmallVec;

use crate::frame::Frame;
use crate::members::ConnId;
use crate::merge::Stretch;
use crate::pending::{Entry, JOINED, Pending, concat};

/// Where deliveries go.
pub trait Outlet {
    /// Takes the next packets of a connection: called at most once for each catching up. Must not
    /// call back into the [`crate::Fanout`].
    fn deliver(&mut self, conn: ConnId, run: &Run<'_>);
}

/// Packets for one connection, in order.
#[derive(Debug)]
pub struct Run<'a> {
    pub(crate) buffers: &'a [Bytes],
    pub(crate) frames: Frames<'a>,
    /// The compressed forms of the frames, joined, where others get the same frames.
    pub(crate) deflated: Option<&'a OnceCell<Deflated>>,
    /// A packet for this connection alone, behind the others.
    pub(crate) last: Option<&'a Frame>,
    /// What the others are, in numbers.
    pub(crate) tally: Tally,
    /// Whether a buffer may be a part of a larger one.
    pub(crate) is_cut: bool,
}

/// What is in a run, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many packets.
    pub packets: u32,
    /// How many were replaced by others while they waited, and are left out.
    pub conflated: u32,
    /// Whether there may be packets that a slow client need not get.
    pub may_be_dropped: bool,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.conflated += other.conflated;
        self.may_be_dropped |= other.may_be_dropped;
    }
}

/// Compressed frames, joined once for all who get them.
#[derive(Debug)]
pub(crate) struct Deflated {
    buffers: Vec<Bytes>,
    /// The bytes of the longest message in them.
    longest: usize,
}

#[derive(Debug)]
pub(crate) enum Frames<'a> {
    /// Neighbours in one list.
    Entries(&'a [Entry]),
    /// Stretches of several lists.
    Stretches(&'a [Stretch], &'a Slab<Pending>),
}

impl<'a> Run<'a> {
    /// Nothing but one packet.
    pub(crate) fn of(last: &'a Frame) -> Self {
        Run {
            buffers: &[],
            frames: Frames::Entries(&[]),
            deflated: None,
            last: Some(last),
            tally: Tally::default(),
            is_cut: false,
        }
    }

    /// What to write to a WebSocket, joined where that saves sends.
    pub fn buffers(&self) -> impl Iterator<Item = &Bytes> + Clone {
        self.buffers.iter().chain(self.last.map(Frame::wire))
    }

    /// What to write to a WebSocket that agreed to compression: messages of at least `threshold`
    /// bytes are compressed, unless its window is too small for them.
    pub fn deflated(
        &self,
        agreed: Deflate,
        threshold: usize,
        deflater: &mut Deflater,
    ) -> SmallVec<[Bytes; 2]> {
        let mut full = |frame: &Frame| frame.deflated(threshold, deflater).clone();
        let shared = self.deflated.map(|cell| {
            cell.get_or_init(|| {
                let longest = self.waiting().map(Frame::longest).max().unwrap_or_default();
                Deflated { buffers: join(self.waiting().map(&mut full)), longest }
            })
        });
        let mut own = |frame: &Frame| {
            if agreed.fits(frame.longest()) { full(frame) } else { frame.wire().clone() }
        };
        let mut buffers = match shared {
            Some(shared) if agreed.fits(shared.longest) => shared.buffers.iter().cloned().collect(),
            _ => SmallVec::from_vec(join(self.waiting().map(&mut own))),
        };
        buffers.extend(self.last.map(own));
        buffers
    }

    /// The single packets.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.waiting().chain(self.last)
    }

    /// The single packets but the last.
    fn waiting(&self) -> impl Iterator<Item = &Frame> {
        let (entries, stretches) = match self.frames {
            Frames::Entries(entries) => (entries, None),
            Frames::Stretches(stretches, table) => (&[][..], Some((stretches, table))),
        };
        let others = stretches.into_iter().flat_map(|(stretches, table)| {
            let entries = |stretch: &Stretch| stretch.entries(table);
            stretches.iter().flat_map(entries)
        });
        let entries = entries.iter().chain(others).filter(|entry| !entry.is_replaced());
        entries.map(|entry| &entry.frame)
    }

    /// What is in it.
    pub fn tally(&self) -> Tally {
        let mut tally = self.tally;
        if let Some(last) = self.last {
            let may_be_dropped = last.flags().may_be_dropped();
            tally.add(Tally { packets: 1, conflated: 0, may_be_dropped });
        }
        tally
    }

    /// Whether the last packet is for this connection alone.
    pub fn has_own(&self) -> bool {
        self.last.is_some()
    }

    /// Whether a buffer may be a part of a joined one, which it keeps alive as long as it lives.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Bytes for a WebSocket.
    pub fn bytes(&self) -> usize {
        self.buffers().map(Bytes::len).sum()
    }
}

/// Joins neighbours as far as a joined buffer may reach; a single one is not copied.
fn join(parts: impl Iterator<Item = Bytes>) -> Vec<Bytes> {
    let (mut joined, mut group, mut len) = (Vec::new(), SmallVec::<[Bytes; 16]>::new(), 0);
    let mut close = |group: &mut SmallVec<[Bytes; 16]>, len: usize| match group.len() {
        0 | 1 => joined.extend(group.drain(..)),
        _ => {
            joined.push(concat(group.iter(), len));
            group.clear();
        }
    };
    for part in parts {
        if len + part.len() > JOINED {
            close(&mut group, len);
            len = 0;
        }
        len += part.len();
        group.push(part);
    }
    close(&mut group, len);
    joined
}

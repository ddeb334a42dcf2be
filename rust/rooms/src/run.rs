//! The packets that a connection receives at once, in order: as joined buffers and as single frames.
//!
//! A run is created for every recipient, so it only borrows from the pending lists.

use std::cell::OnceCell;

use bytes::Bytes;
use protocol::websocket::{Deflate, Deflater};
use slab::Slab;
use smallvec::SmallVec;

use crate::frame::Frame;
use crate::members::ConnId;
use crate::merge::Stretch;
use crate::pending::{Entry, MAX_JOINED, Pending, concat};

/// The receiver of all deliveries.
pub trait Outlet {
    /// Takes the next packets of a connection. It must not call the [`crate::Fanout`].
    fn deliver(&mut self, conn: ConnId, run: &Run<'_>);
}

/// Packets for one connection, in order.
#[derive(Debug)]
pub struct Run<'a> {
    pub(crate) buffers: &'a [Bytes],
    pub(crate) frames: Frames<'a>,
    /// The compressed form of the frames, if other connections receive the same frames.
    pub(crate) deflated: Option<&'a OnceCell<Deflated>>,
    /// A packet for this connection only, after the others.
    pub(crate) last: Option<&'a Frame>,
    /// The counts of the packets without `last`.
    pub(crate) tally: Tally,
    /// Whether a buffer may be a slice of a larger one.
    pub(crate) is_cut: bool,
}

/// The counts of the packets in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of packets.
    pub packets: u32,
    /// The number of packets that are missing because newer ones have replaced them.
    pub conflated: u32,
    /// Whether the run may contain packets that may be omitted for a slow client.
    pub may_be_dropped: bool,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.conflated += other.conflated;
        self.may_be_dropped |= other.may_be_dropped;
    }
}

/// Compressed and joined frames, which all recipients share.
#[derive(Debug)]
pub(crate) struct Deflated {
    buffers: Vec<Bytes>,
    /// The uncompressed size of the longest message, in bytes.
    longest: usize,
}

#[derive(Debug)]
pub(crate) enum Frames<'a> {
    /// Neighbouring entries of one list.
    Entries(&'a [Entry]),
    /// Stretches of several lists.
    Stretches(&'a [Stretch], &'a Slab<Pending>),
}

impl<'a> Run<'a> {
    /// A run of one packet.
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

    /// The WebSocket frames, joined where possible.
    pub fn buffers(&self) -> impl Iterator<Item = &Bytes> + Clone {
        self.buffers.iter().chain(self.last.map(Frame::wire))
    }

    /// The WebSocket frames for a connection with compression. Messages of at least `threshold` bytes are
    /// compressed, unless they are too long for the connection's window.
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

    /// The frames of the single packets.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.waiting().chain(self.last)
    }

    /// The frames of all packets except `last`.
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

    /// The counts of all packets.
    pub fn tally(&self) -> Tally {
        let mut tally = self.tally;
        if let Some(last) = self.last {
            let may_be_dropped = last.flags().may_be_dropped();
            tally.add(Tally { packets: 1, conflated: 0, may_be_dropped });
        }
        tally
    }

    /// Whether the last packet is for this connection only.
    pub fn has_own(&self) -> bool {
        self.last.is_some()
    }

    /// Whether a buffer may be a slice of a larger one, which it keeps in memory.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The size of the WebSocket frames, in bytes.
    pub fn bytes(&self) -> usize {
        self.buffers().map(Bytes::len).sum()
    }
}

/// Joins neighbouring buffers up to [`MAX_JOINED`] bytes. A buffer without a partner is not copied.
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
        if len + part.len() > MAX_JOINED {
            close(&mut group, len);
            len = 0;
        }
        len += part.len();
        group.push(part);
    }
    close(&mut group, len);
    joined
}

//! What a connection is given at once: packets in order, as buffers and one by one.
//!
//! A run borrows what waits; it is made for every recipient, so it owns nothing and costs nothing.

use bytes::Bytes;
use slab::Slab;

use crate::frame::Frame;
use crate::members::ConnId;
use crate::merge::Stretch;
use crate::pending::{Entry, Pending};

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

#[derive(Debug)]
pub(crate) enum Frames<'a> {
    /// Neighbours in one list.
    Entries(&'a [Entry]),
    /// Stretches of several lists.
    Stretches(&'a [Stretch], &'a Slab<Pending>),
}

impl Run<'_> {
    /// What to write to a WebSocket, joined where that saves sends.
    pub fn buffers(&self) -> impl Iterator<Item = &Bytes> {
        self.buffers.iter().chain(self.last.map(Frame::wire))
    }

    /// The single packets.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        let (entries, stretches) = match self.frames {
            Frames::Entries(entries) => (entries, None),
            Frames::Stretches(stretches, table) => (&[][..], Some((stretches, table))),
        };
        let others = stretches.into_iter().flat_map(|(stretches, table)| {
            let entries = |stretch: &Stretch| stretch.entries(table);
            stretches.iter().flat_map(entries)
        });
        let entries = entries.iter().chain(others).filter(|entry| !entry.is_replaced());
        entries.map(|entry| &entry.frame).chain(self.last)
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

    /// Whether a buffer may be a part of a joined one, which it keeps alive as long as it lives.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Bytes for a WebSocket.
    pub fn bytes(&self) -> usize {
        self.buffers().map(Bytes::len).sum()
    }
}

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
        let entries = entries.iter().chain(others);
        entries.map(|entry| &entry.frame).chain(self.last)
    }

    /// Bytes for a WebSocket.
    pub fn bytes(&self) -> usize {
        self.buffers().map(Bytes::len).sum()
    }
}

//! What a connection is given at once: packets in order, as buffers and one by one.
//!
//! A run borrows what waits; it is made for every recipient, so it owns nothing and costs nothing.

use bytes::Bytes;
use slab::Slab;

use crate::frame::Frame;
use crate::members::ConnId;
use crate::merge::Pick;
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
}

#[derive(Debug)]
pub(crate) enum Frames<'a> {
    /// Neighbours in the list of one target.
    Entries(&'a [Entry]),
    /// Chosen from several lists, and a frame behind them.
    Picked { picks: &'a [Pick], table: &'a Slab<Pending>, last: Option<&'a Frame> },
}

impl Run<'_> {
    /// What to write to a WebSocket, joined where that saves sends.
    pub fn buffers(&self) -> impl Iterator<Item = &Bytes> {
        self.buffers.iter()
    }

    /// The single packets.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        let (entries, picked, last) = match self.frames {
            Frames::Entries(entries) => (entries, None, None),
            Frames::Picked { picks, table, last } => (&[][..], Some((picks, table)), last),
        };
        let picked = picked.into_iter().flat_map(|(picks, table)| {
            let entry = |pick: &Pick| table.get(pick.key as usize)?.entries.get(pick.entry());
            picks.iter().filter_map(entry)
        });
        let entries = entries.iter().chain(picked);
        entries.map(|entry| &entry.frame).chain(last)
    }

    /// Bytes for a WebSocket.
    pub fn bytes(&self) -> usize {
        self.buffers.iter().map(Bytes::len).sum()
    }
}

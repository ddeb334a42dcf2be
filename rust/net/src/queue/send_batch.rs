//! What is known about the packets in the buffers that are sent.
//!
//! Buffers are written as they are; only when the kernel does not take all of them are the packets
//! looked at one by one, and what a slow client need not get is left out.

use bytes::Bytes;
use protocol::websocket::{Deflate, Deflater};
use rooms::{Flags, Frame, Run};

use crate::queue::entry::Entry;

/// What the buffers hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SendBatch<'c> {
    /// Nothing of the program's: responses, pings, handshakes.
    Own,
    /// What the fan-out gives to one client.
    Run(&'c Run<'c>),
    /// What waited for a polling client that has a WebSocket now.
    Moved(&'c [Entry<Frame>]),
}

/// What of a batch is meant for one client alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    None,
    Last,
    All,
}

impl Own {
    /// Whether the part at a place is, of so many.
    pub(crate) fn is(self, place: usize, count: usize) -> bool {
        self == Self::All || (self == Self::Last && place + 1 == count)
    }
}

/// What became of the packets that were sent or queued.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    /// Bytes the kernel took.
    pub(crate) bytes: usize,
    /// Packets the kernel took to their end.
    pub(crate) packets: u32,
    /// Packets left out because the client has a backlog.
    pub(crate) volatile: u32,
    /// Packets replaced by newer ones.
    pub(crate) conflated: u32,
    /// Whether something waits now.
    pub(crate) waits: bool,
}

impl SendBatch<'_> {
    /// How many packets of the program's there are.
    pub(crate) fn packets(&self) -> u32 {
        match self {
            Self::Own => 0,
            Self::Run(run) => run.tally().packets,
            Self::Moved(entries) => entries.iter().map(|entry| entry.packets).sum(),
        }
    }

    /// Whether each packet must be looked at before it is queued.
    pub(crate) fn may_be_dropped(&self) -> bool {
        match self {
            Self::Own => false,
            Self::Run(run) => run.tally().may_be_dropped,
            Self::Moved(_) => true,
        }
    }

    /// Whether the last buffer and packet are meant for this client alone; all of them when they are
    /// given to it anew.
    pub(crate) fn own(&self) -> Own {
        match self {
            Self::Run(run) if !run.has_own() => Own::None,
            Self::Run(_) => Own::Last,
            Self::Own | Self::Moved(_) => Own::All,
        }
    }

    /// Whether a buffer may be a part of a larger one.
    pub(crate) fn is_cut(&self) -> bool {
        matches!(self, Self::Run(run) if run.is_cut())
    }

    /// Goes through the packets in order: each with how many it counts for.
    pub(crate) fn for_each(&self, mut see: impl FnMut(&Frame, u32)) {
        match self {
            Self::Own => {}
            Self::Run(run) => run.frames().for_each(|frame| see(frame, 1)),
            Self::Moved(entries) => {
                entries.iter().for_each(|entry| see(&entry.item, entry.packets));
            }
        }
    }
}

/// The form of a frame that a stream gets.
pub(crate) type Form<'f> = &'f mut dyn FnMut(&Frame) -> Bytes;

/// A frame as a WebSocket gets it that has agreed to this about compression.
pub(crate) fn form(
    frame: &Frame,
    agreed: Option<Deflate>,
    threshold: usize,
    deflater: &mut Deflater,
) -> Bytes {
    match agreed {
        Some(agreed) if agreed.fits(frame.longest()) => frame.deflated(threshold, deflater).clone(),
        _ => plain(frame),
    }
}

/// The form without compression.
pub(crate) fn plain(frame: &Frame) -> Bytes {
    frame.wire().clone()
}

/// An entry for one packet.
pub(crate) fn entry(form: Bytes, packets: u32, flags: &Flags) -> Entry<Bytes> {
    let pinned = form.len();
    Entry::new(form, pinned, packets, flags.conflate.clone())
}

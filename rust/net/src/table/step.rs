//! One step of a turn: which connection it is about, and what is left to do at its end.
//!
//! A step may find that a session must be closed while it is in the middle of a broadcast, or that a
//! socket has left its rooms while the rooms are walked. It notes that here, and `Shard::settle` does
//! it when the step is over, so that a delivery never re-enters the fan-out.

use engine::{Action, Reason};
use rooms::{Addr, ConnId, RoomId};

use crate::timer_wheel::Owner;

/// What a step is about: it is dropped when the step panics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Concern {
    /// No connection; a command is gone when it is applied.
    #[default]
    Nothing,
    /// A stream, and the session it carries.
    Stream(u32),
    /// The session in a slot.
    Session(u32),
    /// The session at an address, if it is still there.
    At(Addr),
    /// The broadcasts that are being walked.
    Broadcasts,
}

impl From<Owner> for Concern {
    fn from(owner: Owner) -> Self {
        match owner {
            Owner::Session(slot) => Self::Session(slot),
            Owner::Stream(slot) => Self::Stream(slot),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Step {
    concern: Concern,
    /// What a session machine has asked for; empty between two of its inputs.
    actions: Vec<Action>,
    /// Sessions that were opened.
    opened: Vec<ConnId>,
    /// Sockets that have left a namespace by themselves, with the room of all its sockets.
    left: Vec<(ConnId, RoomId)>,
    /// Sessions to close.
    doomed: Vec<(u32, Reason)>,
    /// Sessions that have ended, whose slots are to be freed.
    ended: Vec<u32>,
}

impl Step {
    // --- what the step is about ------------------------------------------------------------------

    /// Sets what the step is about; returns what it was about before.
    pub(crate) fn set_concern(&mut self, concern: Concern) -> Concern {
        std::mem::replace(&mut self.concern, concern)
    }

    // --- what a session machine asks for ---------------------------------------------------------

    /// Where a session machine puts its actions; `Table::perform` does them next.
    pub(crate) fn actions(&mut self) -> &mut Vec<Action> {
        &mut self.actions
    }

    // --- what is done at the end -----------------------------------------------------------------

    /// Notes that a session was opened.
    pub(crate) fn note_opened(&mut self, conn: ConnId) {
        self.opened.push(conn);
    }

    /// Notes that a socket has left a namespace; `all` is the room of all sockets there.
    pub(crate) fn note_left(&mut self, conn: ConnId, all: RoomId) {
        self.left.push((conn, all));
    }

    /// Closes a session at the end of the step.
    pub(crate) fn close_later(&mut self, slot: u32, reason: Reason) {
        self.doomed.push((slot, reason));
    }

    /// Frees the slot of an ended session at the end of the step.
    pub(crate) fn free_later(&mut self, slot: u32) {
        self.ended.push(slot);
    }

    /// How many slots are to be freed.
    pub(crate) fn count_to_free(&self) -> usize {
        self.ended.len()
    }

    // Each of these makes the session the concern of what follows.

    pub(crate) fn next_opened(&mut self) -> Option<ConnId> {
        let conn = self.opened.pop()?;
        self.concern = Concern::Session(conn.0);
        Some(conn)
    }

    pub(crate) fn next_left(&mut self) -> Option<(ConnId, RoomId)> {
        let (conn, all) = self.left.pop()?;
        self.concern = Concern::Session(conn.0);
        Some((conn, all))
    }

    pub(crate) fn next_to_close(&mut self) -> Option<(u32, Reason)> {
        let (slot, reason) = self.doomed.pop()?;
        self.concern = Concern::Session(slot);
        Some((slot, reason))
    }

    pub(crate) fn next_to_free(&mut self) -> Option<u32> {
        let slot = self.ended.pop()?;
        self.concern = Concern::Session(slot);
        Some(slot)
    }
}

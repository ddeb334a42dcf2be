//! The walk over the members of the oldest generation's targets.
//!
//! ```text
//! pass 1  Count: every room of every target       only when there are several targets
//! pass 2  for each target  Except: its excepted rooms, then Deliver: its rooms
//! ```
//!
//! The first pass marks each member with its target, or as *mixed* when it is in more than one;
//! who is mixed gets its own merge in the second. A walk stops anywhere and goes on later. What
//! changes meanwhile does not harm it: who joins or leaves is caught up first, which puts it
//! beyond the generation, and a removal moves nobody from behind the cursor to before it.

use crate::members::Cursor;
use crate::pending::Pending;

/// What a walk does with the members it meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    Count,
    Except,
    Deliver,
}

/// A place in the walk.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) pass: Pass,
    /// Which target of the generation.
    pub(crate) target: usize,
    /// Which of the target's rooms of this pass.
    room: usize,
    pub(crate) cursor: Cursor,
    /// The mark of the first target; the others follow. No mark of an earlier walk is as high.
    base: u64,
    /// The mark of members of more than one target.
    pub(crate) mixed: u64,
}

impl Walk {
    pub(crate) fn new(targets: usize, marks: &mut u64) -> Self {
        let base = *marks + 1;
        let mixed = base + targets as u64;
        *marks = mixed;
        let pass = if targets > 1 { Pass::Count } else { Pass::Except };
        let (target, room, cursor) = (0, 0, Cursor::default());
        Self { pass, target, room, cursor, base, mixed }
    }

    /// The room to walk now; `None` when the target has no more for this pass.
    pub(crate) fn room(&mut self, list: &Pending) -> Option<u32> {
        let rooms = if self.pass == Pass::Except { &list.except_rooms } else { &list.rooms };
        let room = *rooms.get(self.room)?;
        self.cursor.room = room;
        Some(room)
    }

    /// The present room is done.
    pub(crate) fn next_room(&mut self) {
        self.room += 1;
        self.cursor.at = 0;
    }

    /// The present pass has no more rooms in this target; there are so many targets.
    pub(crate) fn next_pass(&mut self, targets: usize) {
        (self.room, self.cursor.at) = (0, 0);
        match self.pass {
            Pass::Count if self.target + 1 == targets => {
                (self.pass, self.target) = (Pass::Except, 0);
            }
            Pass::Count => self.target += 1,
            Pass::Except => self.pass = Pass::Deliver,
            Pass::Deliver => (self.pass, self.target) = (Pass::Except, self.target + 1),
        }
    }

    /// The mark of a member of the present target that had `mark`.
    pub(crate) fn counted(&self, mark: u64) -> u64 {
        let own = self.base + self.target as u64;
        if mark < self.base || mark == own { own } else { self.mixed }
    }

    /// Whether who has this mark gets nothing in this generation when the present target excepts
    /// it: it is in no other target. Who is mixed is looked at when its merge is made.
    pub(crate) fn is_only_here(&self, mark: u64) -> bool {
        let is_single = self.mixed == self.base + 1;
        is_single || mark == self.base + self.target as u64
    }
}

//! The walk over the members of the targets of the oldest generation.
//!
//! ```text
//! pass 1  Count: every room of every target       only when there are several targets
//! pass 2  for each target  Except: its excepted rooms, then Deliver: its rooms
//! ```
//!
//! The first pass marks each member with its target, or as *mixed* if it belongs to several targets.
//! In the second pass, a mixed member receives a merge of its lists.
//!
//! A walk can be interrupted at any member. Changes of the rooms in the meantime are safe: a connection
//! that joins or leaves is caught up first, and then receives nothing from this generation. A removal
//! does not move a member across the cursor.

use crate::members::Cursor;
use crate::pending::Pending;

/// What the walk does with the members that it visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    Count,
    Except,
    Deliver,
}

/// The position of a walk.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) pass: Pass,
    /// The index of the target in the generation.
    pub(crate) target: usize,
    /// The index of the room among the target's rooms of this pass.
    room: usize,
    pub(crate) cursor: Cursor,
    /// The mark of the first target. The next targets have the next numbers. All marks of earlier walks
    /// are lower.
    base: u64,
    /// The mark of members of several targets.
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

    /// The current room. Returns `None` when the target has no further room for this pass.
    pub(crate) fn room(&mut self, list: &Pending) -> Option<u32> {
        let rooms = if self.pass == Pass::Except { &list.except_rooms } else { &list.rooms };
        let room = *rooms.get(self.room)?;
        self.cursor.room = room;
        Some(room)
    }

    /// Moves to the next room of the target.
    pub(crate) fn next_room(&mut self) {
        self.room += 1;
        self.cursor.at = 0;
    }

    /// Moves to the next pass or target. `targets` is the number of targets.
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

    /// The new mark of a member of the current target. `mark` is its old one.
    pub(crate) fn counted(&self, mark: u64) -> u64 {
        let own = self.base + self.target as u64;
        if mark < self.base || mark == own { own } else { self.mixed }
    }

    /// Whether a member with this mark belongs to no other target. If the current target excepts such a
    /// member, it receives nothing in this generation. The merge handles mixed members.
    pub(crate) fn is_only_here(&self, mark: u64) -> bool {
        let is_single = self.mixed == self.base + 1;
        is_single || mark == self.base + self.target as u64
    }
}

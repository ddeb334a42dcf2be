//! What one connection gets of several lists, in order.
//!
//! Each list gives a *cut*: the entries behind the connection's place and not behind the limit.
//! Connections with the same cuts get the same packets, and the walk meets many of them in a row,
//! so the last merge is kept, and joined once it is used again.

use bytes::Bytes;
use slab::Slab;

use crate::members::{ConnId, Members};
use crate::pending::{JOINED, Pending, concat};

/// A merge of fewer buffers than this is not joined: one gathering write costs no more.
const WORTH_JOINING: usize = 4;

/// The entries of one list, by their positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    key: u32,
    from: u32,
    to: u32,
}

/// An entry that a connection gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pick {
    seq: u64,
    pub(crate) key: u32,
    entry: u32,
}

impl Pick {
    pub(crate) fn entry(&self) -> usize {
        self.entry as usize
    }
}

/// The last merge that was made.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    pub(crate) picks: Vec<Pick>,
    pub(crate) buffers: Vec<Bytes>,
    /// What it was made of; empty when it fits nobody else.
    cuts: Vec<Cut>,
    is_joined: bool,
    keys: Vec<u32>,
    wanted: Vec<Cut>,
}

impl Merge {
    /// Forgets what it holds: the lists it points into are going away.
    pub(crate) fn clear(&mut self) {
        self.picks.clear();
        self.buffers.clear();
        self.cuts.clear();
    }

    /// Collects what is numbered above `upto` and up to `last` for a connection; false if nothing.
    pub(crate) fn collect(
        &mut self,
        members: &Members,
        table: &mut Slab<Pending>,
        conn: ConnId,
        (upto, last): (u64, u64),
    ) -> bool {
        self.find_keys(members, table, conn);
        let is_exact = self.find_cuts(members, table, conn, upto, last);
        if self.wanted.is_empty() {
            return false;
        }
        if !is_exact && self.wanted == self.cuts {
            self.join();
            return true;
        }
        self.pick(table, conn, is_exact);
        self.fill(table);
        self.cuts.clear();
        if !is_exact {
            self.cuts.extend_from_slice(&self.wanted);
        }
        !self.picks.is_empty()
    }

    /// The lists that have a room of the connection.
    fn find_keys(&mut self, members: &Members, table: &Slab<Pending>, conn: ConnId) {
        self.keys.clear();
        if members.seat_count(conn) <= table.len().saturating_mul(4) {
            for slot in members.slots_of(conn) {
                self.keys.extend_from_slice(members.pending_of(slot));
            }
            self.keys.sort_unstable();
            self.keys.dedup();
            return;
        }
        let is_meant = |list: &Pending| list.rooms.iter().any(|room| members.is_in(conn, *room));
        let lists = table.iter().filter(|(_, list)| is_meant(list));
        self.keys.extend(lists.map(|(key, _)| key as u32));
    }

    /// Cuts the lists; true if the connection is excepted from some entry.
    fn find_cuts(
        &mut self,
        members: &Members,
        table: &Slab<Pending>,
        conn: ConnId,
        upto: u64,
        limit: u64,
    ) -> bool {
        self.wanted.clear();
        let mut is_exact = false;
        for key in &self.keys {
            let list = &table[*key as usize];
            let (from, to) = (list.first_after(upto), list.first_after(limit));
            if from >= to || list.excepts(members, conn) {
                continue;
            }
            let entries = &list.entries[from..to];
            is_exact |= list.has_excepts && entries.iter().any(|entry| entry.excepts(conn));
            let (key, from, to) = (*key, from as u32, to as u32);
            self.wanted.push(Cut { key, from, to });
        }
        is_exact
    }

    fn pick(&mut self, table: &mut Slab<Pending>, conn: ConnId, is_exact: bool) {
        self.picks.clear();
        for cut in &self.wanted {
            let list = &mut table[cut.key as usize];
            list.join_for_one();
            let entries = &list.entries[cut.from as usize..cut.to as usize];
            let entries = entries.iter().zip(cut.from..);
            let entries = entries.filter(|(entry, _)| !(is_exact && entry.excepts(conn)));
            self.picks.extend(entries.map(|(entry, at)| Pick {
                seq: entry.seq,
                key: cut.key,
                entry: at,
            }));
        }
        if self.wanted.len() > 1 {
            self.picks.sort_unstable();
        }
    }

    /// Turns the picks into buffers; neighbours of one list share a slice of what is joined.
    fn fill(&mut self, table: &Slab<Pending>) {
        self.is_joined = false;
        self.buffers.clear();
        let follows = |a: &Pick, b: &Pick| a.key == b.key && a.entry + 1 == b.entry;
        for run in self.picks.chunk_by(follows) {
            let (from, to) = (run[0].entry(), run[0].entry() + run.len());
            table[run[0].key as usize].slices(from, to, &mut self.buffers);
        }
    }

    fn join(&mut self) {
        if self.is_joined || self.buffers.len() < WORTH_JOINING {
            return;
        }
        self.is_joined = true;
        let mut joined = Vec::new();
        let mut rest = self.buffers.as_slice();
        while !rest.is_empty() {
            let mut len = 0;
            let fits = |buffer: &&Bytes| {
                len + buffer.len() <= JOINED && {
                    len += buffer.len();
                    true
                }
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (now, later) = rest.split_at(count);
            joined.push(match now {
                [buffer] => buffer.clone(),
                several => concat(several.iter(), len),
            });
            rest = later;
        }
        self.buffers = joined;
    }
}

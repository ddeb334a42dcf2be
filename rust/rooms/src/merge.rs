//! Merges several pending lists for one connection, ordered by sequence number.
//!
//! Each list contributes a *cut*: its entries after the connection's last number, up to the limit. The
//! cuts are merged in *stretches* of neighbouring entries, so the cost depends on how often the lists
//! alternate and not on their length. Connections with the same cuts receive the same packets, and a
//! walk visits many such connections in a row. The last merge is therefore kept. When it is used a
//! second time, its buffers are joined.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bytes::Bytes;
use slab::Slab;

use crate::members::{ConnId, Members};
use crate::pending::{Entry, MAX_JOINED, Pending, concat};
use crate::run::{Deflated, Frames, Run, Tally};

/// Fewer buffers than this are not joined, because one vectored write of them costs no more.
const MIN_JOINED_BUFFERS: usize = 4;

/// Neighbouring entries of one list, by their positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    key: u32,
    from: u32,
    to: u32,
}

impl Stretch {
    pub(crate) fn entries<'t>(&self, table: &'t Slab<Pending>) -> &'t [Entry] {
        let list = table.get(self.key as usize);
        let entries = list.and_then(|list| list.entries.get(self.from as usize..self.to as usize));
        entries.unwrap_or_default()
    }
}

/// The next entry of a cut. The order of the fields makes it sort by sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    seq: u64,
    /// The index of the cut.
    cut: usize,
    /// The position in the list.
    at: u32,
}

/// The last merge, and scratch space.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    stretches: Vec<Stretch>,
    buffers: Vec<Bytes>,
    /// The cuts of the last merge. They are empty when no other connection can use the merge.
    cuts: Vec<Stretch>,
    is_joined: bool,
    is_cut: bool,
    tally: Tally,
    deflated: OnceCell<Deflated>,
    keys: Vec<u32>,
    wanted: Vec<Stretch>,
    heads: BinaryHeap<Reverse<Head>>,
}

impl Merge {
    /// Drops the last merge. This is necessary before a list is removed.
    pub(crate) fn clear(&mut self) {
        self.stretches.clear();
        self.buffers.clear();
        self.cuts.clear();
        self.deflated.take();
    }

    /// The last merge as a run.
    pub(crate) fn run<'r>(&'r self, table: &'r Slab<Pending>) -> Run<'r> {
        let frames = Frames::Stretches(&self.stretches, table);
        let (tally, is_cut, deflated) = (self.tally, self.is_cut, Some(&self.deflated));
        Run { buffers: &self.buffers, frames, deflated, last: None, tally, is_cut }
    }

    /// Merges the entries for a connection with numbers above `upto` and up to `last`. Returns false when
    /// there are none.
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
            self.join_buffers();
            return true;
        }
        for cut in &self.wanted {
            table[cut.key as usize].join_for_one();
        }
        self.stretches.clear();
        self.interleave(table);
        if is_exact {
            self.remove_excepted(table, conn);
        }
        self.collect_buffers(table);
        self.cuts.clear();
        if !is_exact {
            self.cuts.extend_from_slice(&self.wanted);
        }
        !self.stretches.is_empty()
    }

    /// Finds the lists whose target contains a room of the connection.
    fn find_keys(&mut self, members: &Members, table: &Slab<Pending>, conn: ConnId) {
        self.keys.clear();
        // The shorter way: over the connection's rooms, or over all lists.
        if members.room_count(conn) <= table.len().saturating_mul(4) {
            for slot in members.slots_of(conn) {
                self.keys.extend_from_slice(members.pending_of(slot));
            }
            self.keys.sort_unstable();
            self.keys.dedup();
            return;
        }
        let is_target = |list: &Pending| list.rooms.iter().any(|room| members.is_in(conn, *room));
        let lists = table.iter().filter(|(_, list)| is_target(list));
        self.keys.extend(lists.map(|(key, _)| key as u32));
    }

    /// Computes the cut of each list. Returns whether an entry excepts the connection.
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
            self.wanted.push(Stretch { key, from, to });
        }
        is_exact
    }

    /// Merges the cuts by sequence number.
    fn interleave(&mut self, table: &Slab<Pending>) {
        if let [cut] = self.wanted[..] {
            self.stretches.push(cut);
            return;
        }
        let seq = |cut: &Stretch| cut.entries(table).first().map_or(u64::MAX, |entry| entry.seq);
        let heads = self.wanted.iter().enumerate();
        let heads = heads.map(|(at, cut)| Head { seq: seq(cut), cut: at, at: cut.from });
        self.heads.extend(heads.map(Reverse));
        while let Some(Reverse(head)) = self.heads.pop() {
            let cut = self.wanted[head.cut];
            let rest = Stretch { from: head.at, ..cut };
            let entries = rest.entries(table);
            let next = self.heads.peek().map_or(u64::MAX, |Reverse(next)| next.seq);
            let count = entries.partition_point(|entry| entry.seq < next);
            let to = head.at + count as u32;
            self.stretches.push(Stretch { to, ..rest });
            if let Some(entry) = entries.get(count) {
                let head = Head { seq: entry.seq, at: to, ..head };
                self.heads.push(Reverse(head));
            }
        }
    }

    /// Removes the entries that except the connection.
    fn remove_excepted(&mut self, table: &Slab<Pending>, conn: ConnId) {
        let whole = std::mem::take(&mut self.stretches);
        for stretch in whole {
            let mut from = stretch.from;
            let kept = stretch.entries(table).split(|entry| entry.excepts(conn));
            for part in kept {
                let to = from + part.len() as u32;
                if from < to {
                    self.stretches.push(Stretch { from, to, ..stretch });
                }
                from = to + 1;
            }
        }
    }

    /// Collects the buffers of the stretches: slices of joined buffers, or single frames.
    fn collect_buffers(&mut self, table: &Slab<Pending>) {
        self.is_joined = false;
        self.is_cut = false;
        self.tally = Tally::default();
        self.deflated.take();
        self.buffers.clear();
        for stretch in &self.stretches {
            let (from, to) = (stretch.from as usize, stretch.to as usize);
            let list = &table[stretch.key as usize];
            self.is_cut |= list.slices(from, to, &mut self.buffers);
            self.tally.add(list.tally_of(from, to));
        }
    }

    /// Joins the buffers, because a second connection receives the same merge.
    fn join_buffers(&mut self) {
        if self.is_joined || self.buffers.len() < MIN_JOINED_BUFFERS {
            return;
        }
        self.is_joined = true;
        let mut is_cut = false;
        let mut joined = Vec::new();
        let mut rest = self.buffers.as_slice();
        while !rest.is_empty() {
            let mut len = 0;
            let fits = |buffer: &&Bytes| {
                len + buffer.len() <= MAX_JOINED && {
                    len += buffer.len();
                    true
                }
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (now, later) = rest.split_at(count);
            joined.push(match now {
                [buffer] => {
                    is_cut = self.is_cut;
                    buffer.clone()
                }
                several => concat(several.iter(), len),
            });
            rest = later;
        }
        self.is_cut = is_cut;
        self.buffers = joined;
    }
}

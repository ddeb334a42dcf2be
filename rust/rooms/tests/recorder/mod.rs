//! An outlet that notes what each connection has got, for the tests of this folder.

use std::collections::BTreeMap;

use bytes::Bytes;
use rooms::{ConnId, Frame, Outlet, Run};

/// No joined buffer is larger.
const JOINED: usize = 64 * 1024;

/// What one connection has got since it was opened.
#[derive(Debug, Default)]
pub(crate) struct Got {
    pub(crate) texts: Vec<String>,
    pub(crate) wire: Vec<u8>,
    /// The buffers of each run.
    pub(crate) runs: Vec<Vec<Bytes>>,
    /// How many packets were replaced by others.
    pub(crate) conflated: u32,
}

/// Keeps connections that had the same number apart.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) got: BTreeMap<(u32, usize), Got>,
    opened: BTreeMap<u32, usize>,
}

impl Recorder {
    /// A new connection has taken this number; says how many have had it before.
    pub(crate) fn open(&mut self, conn: u32) -> usize {
        let opened = self.opened.entry(conn).or_default();
        *opened += 1;
        *opened
    }

    /// The one that has the number now.
    pub(crate) fn key(&self, conn: u32) -> (u32, usize) {
        (conn, self.opened.get(&conn).copied().unwrap_or_default())
    }
}

impl Outlet for Recorder {
    fn deliver(&mut self, conn: ConnId, run: &Run<'_>) {
        let got = self.got.entry(self.key(conn.0)).or_default();
        let frames: Vec<_> = run.frames().collect();
        assert!(!frames.is_empty(), "a run has packets");
        let text = |frame: &&Frame| String::from_utf8_lossy(frame.payload()).into_owned();
        got.texts.extend(frames.iter().map(text));
        let before = got.wire.len();
        run.buffers().for_each(|buffer| got.wire.extend_from_slice(buffer));
        assert_eq!(run.bytes(), got.wire.len() - before);
        let tally = run.tally();
        assert_eq!(tally.packets as usize, frames.len());
        let is_flagged = frames.iter().any(|frame| frame.flags().may_be_dropped());
        assert!(tally.may_be_dropped || !is_flagged);
        got.conflated += tally.conflated;
        let is_single = |buffer: &Bytes| frames.iter().any(|frame| frame.wire() == buffer);
        assert!(run.buffers().all(|buffer| buffer.len() <= JOINED || is_single(buffer)));
        got.runs.push(run.buffers().cloned().collect());
    }
}

//! An outlet that records what each connection receives, for the tests in this folder.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use bytes::Bytes;
use protocol::http1::parse_request;
use protocol::websocket::{Decoder, Deflate, Deflater, Inflater, WireMessage};
use rooms::{ConnId, Frame, Outlet, Run};

/// The maximum size of a joined buffer, in bytes.
const MAX_JOINED: usize = 64 * 1024;

/// What one connection has received since it was opened.
#[derive(Debug, Default)]
pub(crate) struct Got {
    pub(crate) texts: Vec<String>,
    pub(crate) wire: Vec<u8>,
    /// The buffers of each run.
    pub(crate) runs: Vec<Vec<Bytes>>,
    /// The number of packets that were replaced.
    pub(crate) conflated: u32,
}

/// Records deliveries. It distinguishes connections that used the same number.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) got: BTreeMap<(u32, usize), Got>,
    opened: BTreeMap<u32, usize>,
    deflater: Option<Deflater>,
    inflater: Inflater,
    agreed: Option<[Deflate; 2]>,
}

impl Recorder {
    /// Starts a new connection with this number. Returns how often the number was used.
    pub(crate) fn open(&mut self, conn: u32) -> usize {
        let opened = self.opened.entry(conn).or_default();
        *opened += 1;
        *opened
    }

    /// The key in `got` of the current connection with this number.
    #[allow(dead_code, reason = "not every test file uses it")]
    pub(crate) fn key(&self, conn: u32) -> (u32, usize) {
        (conn, self.opened.get(&conn).copied().unwrap_or_default())
    }
}

impl Outlet for Recorder {
    fn deliver(&mut self, conn: ConnId, run: &Run<'_>) {
        let deflater = self.deflater.get_or_insert_with(|| Deflater::new(1));
        let windows = self.agreed.get_or_insert_with(|| [agreed(8), agreed(15)]);
        let key = (conn.0, self.opened.get(&conn.0).copied().unwrap_or_default());
        let got = self.got.entry(key).or_default();
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
        assert!(run.buffers().all(|buffer| buffer.len() <= MAX_JOINED || is_single(buffer)));
        got.runs.push(run.buffers().cloned().collect());
        // Decompression is slow in a debug build.
        if run.bytes() > 10_000 {
            return;
        }
        let plain = messages(&got.wire[before..], &mut self.inflater);
        let window = windows[conn.0 as usize % 2];
        let deflated = run.deflated(window, THRESHOLD, deflater);
        assert!(deflated.iter().all(|buffer| buffer.len() <= MAX_JOINED || is_single(buffer)));
        assert_eq!(messages(&deflated.concat(), &mut self.inflater), plain);
    }
}

/// The size in bytes from which messages are compressed.
pub(crate) const THRESHOLD: usize = 8;

/// The negotiated compression of a client with a window of `bits` bits.
pub(crate) fn agreed(bits: u8) -> Deflate {
    let offer = format!("permessage-deflate; server_max_window_bits={bits}");
    let head = format!("GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Extensions: {offer}\r\n\r\n");
    let request = parse_request(head.as_bytes()).ok().flatten();
    request.and_then(|(request, _)| Deflate::negotiate(&request)).map(|found| found.0).unwrap()
}

/// The debug form of all messages in `wire`, decompressed.
pub(crate) fn messages(wire: &[u8], inflater: &mut Inflater) -> Vec<String> {
    let mut decoder = Decoder::client().deflate(true);
    let (mut input, mut at, mut found) = (wire.to_vec(), 0, Vec::new());
    while at < input.len() {
        let (used, message) = decoder.decode(&mut input[at..], 1 << 20).unwrap();
        assert_ne!(used, 0, "whole frames");
        at += used;
        found.push(match message.unwrap() {
            WireMessage::Deflated { is_text, data } => {
                format!("{:?}", inflater.inflate(is_text, data, 1 << 20).unwrap())
            }
            message => format!("{message:?}"),
        });
    }
    found
}

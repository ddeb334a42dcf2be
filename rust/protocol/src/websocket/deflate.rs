//! `permessage-deflate` (RFC 7692), always without context takeover.
//!
//! Each message is compressed on its own. All recipients of a broadcast can therefore share one
//! compressed form, and no connection keeps a window. The flate2 crate does raw DEFLATE. This file
//! adds the negotiation, the four bytes that are omitted on the wire (section 7.2), and the limits.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::error::DecodeError;
use crate::http1::Request;
use crate::websocket::WireMessage;

const NAME: &str = "permessage-deflate";
/// The bytes at the end of a flush, which are omitted on the wire.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// The tail and an empty last block. The inflater reads exactly to its end only when the message
/// was complete.
const END: [u8; 9] = [0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff];
/// A larger output buffer is freed before the next message, in bytes.
const MAX_KEPT: usize = 64 * 1024;
/// The largest window of DEFLATE, in bits.
const MAX_WINDOW: u8 = 15;

/// The negotiated parameters of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflate {
    window: u8,
}

impl Deflate {
    /// Accepts the first valid offer of a request. Returns the negotiated parameters and the value
    /// of `Sec-WebSocket-Extensions` for the response.
    ///
    /// An offer with a parameter that is unknown, repeated or out of range is declined. A header
    /// that is not UTF-8 declines all offers.
    pub fn negotiate(request: &Request<'_>) -> Option<(Self, String)> {
        let named =
            |(name, _): &(&str, &[u8])| name.eq_ignore_ascii_case("sec-websocket-extensions");
        let mut offers = Vec::new();
        for (_, value) in request.headers().filter(named) {
            let value = std::str::from_utf8(value).ok()?;
            offers.extend(value.split(',').map(str::trim).filter(|offer| !offer.is_empty()));
        }
        offers.into_iter().find_map(answer)
    }

    /// Whether a message of `len` bytes may be sent compressed. References reach back at most to the
    /// beginning of the message, so a message that is not longer than the window is safe.
    pub fn fits(self, len: usize) -> bool {
        self.window == MAX_WINDOW || len <= 1 << self.window
    }
}

/// The answer to an offer, or `None` to decline it.
fn answer(offer: &str) -> Option<(Deflate, String)> {
    let parameters = parameters(offer)?;
    let mut agreed = Deflate { window: MAX_WINDOW };
    let mut answer = format!("{NAME}; server_no_context_takeover; client_no_context_takeover");
    for (name, value) in parameters {
        match (name, value) {
            ("server_no_context_takeover" | "client_no_context_takeover", None) => {}
            ("client_max_window_bits", bits) => drop(window_bits(bits.unwrap_or("15"))?),
            ("server_max_window_bits", Some(bits)) => {
                agreed.window = window_bits(bits)?;
                answer.push_str("; server_max_window_bits=");
                answer.push_str(bits);
            }
            _ => return None,
        }
    }
    Some((agreed, answer))
}

/// The parameters of `permessage-deflate`. Returns `None` for another extension and for a repeated
/// parameter.
pub(super) fn parameters(extension: &str) -> Option<Vec<(&str, Option<&str>)>> {
    let mut parts = extension.split(';').map(str::trim);
    if parts.next() != Some(NAME) {
        return None;
    }
    let mut found: Vec<(&str, Option<&str>)> = Vec::new();
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(unquoted(value.trim_start()))),
            None => (part, None),
        };
        if found.iter().any(|(known, _)| *known == name) {
            return None;
        }
        found.push((name, value));
    }
    Some(found)
}

fn unquoted(value: &str) -> &str {
    let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    inner.unwrap_or(value)
}

/// Reads a number from 8 to 15 without leading zeros.
pub(super) fn window_bits(text: &str) -> Option<u8> {
    match text {
        "8" | "9" => text.parse().ok(),
        _ => text.parse().ok().filter(|bits| text.len() == 2 && (10..=MAX_WINDOW).contains(bits)),
    }
}

/// Compresses one message after another. It allocates 256 KiB when it is first used.
#[derive(Debug)]
pub struct Deflater {
    level: Compression,
    state: Option<Compress>,
    count: u64,
}

impl Deflater {
    /// `level` is a level of zlib, from 0 to 9.
    pub fn new(level: u32) -> Self {
        Self { level: Compression::new(level.min(9)), state: None, count: 0 }
    }

    /// Appends the compressed form of a message. Returns false and appends nothing when it is not
    /// smaller than the message.
    pub fn deflate(&mut self, message: &[u8], out: &mut Vec<u8>) -> bool {
        self.count += 1;
        let state = self.state.get_or_insert_with(|| Compress::new(self.level, false));
        state.reset();
        let start = out.len();
        // The output stops when this space is full, because it is then no smaller than the message.
        out.reserve(message.len() + TAIL.len());
        let mut used = 0;
        while used < message.len() {
            let before = state.total_in();
            let rest = message.get(used..).unwrap_or_default();
            let result = state.compress_vec(rest, out, FlushCompress::Sync);
            let taken = (state.total_in() - before) as usize;
            used += taken;
            if result.is_err() || taken == 0 {
                break;
            }
        }
        let len = out.len() - start;
        let is_whole = used == message.len() && out.ends_with(&TAIL);
        let is_smaller = is_whole && len < message.len() + TAIL.len();
        out.truncate(if is_smaller { out.len() - TAIL.len() } else { start });
        is_smaller
    }

    /// The number of messages since the last call.
    pub fn take_count(&mut self) -> u64 {
        std::mem::take(&mut self.count)
    }
}

/// Decompresses one message after another into a buffer of its own.
#[derive(Debug)]
pub struct Inflater {
    state: Option<Decompress>,
    out: Vec<u8>,
}

impl Default for Inflater {
    fn default() -> Self {
        Self::new()
    }
}

impl Inflater {
    /// Allocates nothing until it is first used.
    pub fn new() -> Self {
        Self { state: None, out: Vec::new() }
    }

    /// Decompresses a message of at most `max` bytes.
    ///
    /// # Errors
    /// The message is larger than `max`, is not a sequence of whole DEFLATE blocks, or is text that
    /// is not UTF-8.
    pub fn inflate(
        &mut self,
        is_text: bool,
        data: &[u8],
        max: usize,
    ) -> Result<WireMessage<'_>, DecodeError> {
        self.out.clear();
        self.out.shrink_to(MAX_KEPT);
        let state = self.state.get_or_insert_with(|| Decompress::new(false));
        state.reset(false);
        let mut input = Input { data, end: &END };
        loop {
            let ended = step(state, &mut input, &mut self.out, max)?;
            match (ended, input.is_empty(), input.is_at_end()) {
                // The peer marked a block as its last, but more may follow (section 7.2.3.4).
                (true, false, false) => state.reset(false),
                (true, ..) => break,
                (false, true, _) => return Err(DecodeError::BadDeflate),
                (false, ..) => {}
            }
        }
        if !is_text {
            return Ok(WireMessage::Binary(&self.out));
        }
        let text = simdutf8::basic::from_utf8(&self.out).map_err(|_| DecodeError::BadUtf8)?;
        Ok(WireMessage::Text(text))
    }
}

/// The rest of a message, and the rest of [`END`], which follows it.
struct Input<'i> {
    data: &'i [u8],
    end: &'i [u8],
}

impl Input<'_> {
    fn is_empty(&self) -> bool {
        self.data.is_empty() && self.end.is_empty()
    }

    /// Whether the message was read to its end, and nothing of [`END`] yet.
    fn is_at_end(&self) -> bool {
        self.data.is_empty() && self.end.len() == END.len()
    }
}

/// Decompresses a piece of the input. Returns true at the end of a block that is marked as the last.
fn step(
    state: &mut Decompress,
    input: &mut Input<'_>,
    out: &mut Vec<u8>,
    max: usize,
) -> Result<bool, DecodeError> {
    // One byte more than allowed, so that a message that is too large can be recognized.
    let room = max.saturating_add(1).saturating_sub(out.len());
    out.reserve_exact(room.min(out.len().max(4 * input.data.len()).max(1024)));
    let piece = if input.data.is_empty() { &mut input.end } else { &mut input.data };
    let (taken, given) = (state.total_in(), state.total_out());
    let status = state
        .decompress_vec(piece, out, FlushDecompress::Sync)
        .map_err(|_| DecodeError::BadDeflate)?;
    let taken = (state.total_in() - taken) as usize;
    *piece = piece.get(taken..).unwrap_or_default();
    if out.len() > max {
        return Err(DecodeError::MessageTooLarge);
    }
    let is_stuck = taken == 0 && state.total_out() == given;
    match status {
        Status::StreamEnd => Ok(true),
        Status::Ok | Status::BufError if !is_stuck => Ok(false),
        Status::Ok | Status::BufError => Err(DecodeError::BadDeflate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::parse_request;

    fn negotiated(headers: &[&str]) -> Option<String> {
        let lines = headers.iter().map(|value| format!("Sec-WebSocket-Extensions: {value}\r\n"));
        let head =
            format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", lines.collect::<Vec<_>>().concat());
        let (request, _) = parse_request(head.as_bytes()).unwrap().unwrap();
        Deflate::negotiate(&request).map(|(_, answer)| answer)
    }

    const ANSWER: &str =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

    #[test]
    fn valid_offers_are_accepted_without_context_takeover() {
        for offer in [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate;client_max_window_bits=9;server_no_context_takeover",
            "permessage-deflate; client_no_context_takeover; client_max_window_bits=\"15\"",
            "x-other; y=z, permessage-deflate",
            "permessage-deflate; nonsense, permessage-deflate",
        ] {
            assert_eq!(negotiated(&[offer]).as_deref(), Some(ANSWER), "{offer}");
        }
        assert_eq!(negotiated(&["x", "permessage-deflate"]).as_deref(), Some(ANSWER));
    }

    #[test]
    fn the_requested_server_window_is_confirmed() {
        for bits in 8..=15 {
            let found =
                negotiated(&[&format!("permessage-deflate; server_max_window_bits={bits}")]);
            assert_eq!(found, Some(format!("{ANSWER}; server_max_window_bits={bits}")));
        }
    }

    #[test]
    fn invalid_offers_are_declined() {
        for offer in [
            "",
            "permessage-bzip2",
            "permessage-deflate;",
            "permessage-deflate; unknown",
            "permessage-deflate; client_max_window_bits; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=08",
            "permessage-deflate; server_max_window_bits=+9",
            "permessage-deflate; server_max_window_bits=\"1",
            "permessage-deflate; client_max_window_bits=",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits=16",
        ] {
            assert_eq!(negotiated(&[offer]), None, "{offer}");
        }
        assert_eq!(negotiated(&[]), None);
    }

    #[test]
    fn a_message_longer_than_the_window_does_not_fit() {
        let agreed = |window| Deflate { window };
        assert!(agreed(8).fits(256) && !agreed(8).fits(257));
        assert!(agreed(12).fits(4096) && !agreed(12).fits(4097));
        assert!(agreed(15).fits(1 << 20));
    }

    fn inflated(data: &[u8], max: usize) -> Result<Vec<u8>, DecodeError> {
        match Inflater::new().inflate(false, data, max)? {
            WireMessage::Binary(data) => Ok(data.to_vec()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_examples_of_the_rfc_are_decompressed() {
        for (data, expected) in [
            // One block; an uncompressed block; a last block with an empty one after it; two blocks.
            (&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..], &b"Hello"[..]),
            (&[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00], b"Hello"),
            (&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00], b"Hello"),
            (
                &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
                b"Hello",
            ),
            (&[0x00], b""),
            // A last block with nothing after it, which Node's `ws` accepts too.
            (&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], b"Hello"),
        ] {
            assert_eq!(inflated(data, 5).as_deref(), Ok(expected), "{data:02x?}");
        }
    }

    #[test]
    fn invalid_deflate_is_refused() {
        let mut long = Vec::new();
        assert!(Deflater::new(6).deflate(&[7; 5000], &mut long));
        for data in [
            &b""[..],
            b"\xff\xff\xff",
            b"\x06\x00",
            b"\xf2\x48\xcd",
            b"\xf3\x48\xcd\xc9\xc9\x07\x00\xff",
            &long[..long.len() / 2],
        ] {
            assert_eq!(inflated(data, 10_000), Err(DecodeError::BadDeflate), "{data:02x?}");
        }
        assert_eq!(inflated(&long, 4999), Err(DecodeError::MessageTooLarge));
        assert_eq!(inflated(&long, 5000).map(|data| data.len()), Ok(5000));
        let text = Inflater::new().inflate(true, b"\x00\x01\x00\xfe\xff\xff\x00", 9).err();
        assert_eq!(text, Some(DecodeError::BadUtf8));
    }

    #[test]
    fn a_zip_bomb_is_refused_within_bounded_memory() {
        let mut bomb = Vec::new();
        assert!(Deflater::new(9).deflate(&vec![0; 5 << 20], &mut bomb));
        let mut inflater = Inflater::new();
        assert_eq!(inflater.inflate(false, &bomb, 1 << 20), Err(DecodeError::MessageTooLarge));
        assert!(inflater.out.capacity() <= 3 << 20, "{}", inflater.out.capacity());
        assert_eq!(
            inflater.inflate(true, b"\xf2\x48\xcd\xc9\xc9\x07\x00", 9),
            Ok(WireMessage::Text("Hello"))
        );
        assert!(inflater.out.capacity() <= MAX_KEPT);
    }

    #[test]
    fn a_message_that_does_not_shrink_is_not_appended() {
        let mut deflater = Deflater::new(6);
        let mut out = b"before".to_vec();
        for message in [&b""[..], b"a", b"\x93\x04\xa7\xee\x51\x2c\xd8\x76\x0b\xbf\x39\xe2"] {
            assert!(!deflater.deflate(message, &mut out));
            assert_eq!(out, b"before");
        }
        assert!(deflater.deflate(&[b'x'; 100], &mut out));
        assert!(out.len() < 20);
        assert_eq!(deflater.take_count(), 4);
    }
}

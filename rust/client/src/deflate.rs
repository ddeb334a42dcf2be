//! Compression of WebSocket messages.
//!
//! All connections of the thread share one compressor for each level and one decompressor. They can
//! do so because each message is compressed on its own. The `protocol` crate negotiates.

use std::cell::RefCell;
use std::collections::BTreeMap;

use protocol::DecodeError;
use protocol::websocket::{Deflater, Inflater, WireMessage};

use crate::options::PerMessageDeflate;

thread_local! {
    /// The key is the level. The second part of the value is the output buffer.
    static DEFLATERS: RefCell<BTreeMap<u32, (Deflater, Vec<u8>)>> = const { RefCell::new(BTreeMap::new()) };
    static INFLATER: RefCell<Inflater> = RefCell::new(Inflater::new());
}

/// A larger output buffer is freed before the next message, in bytes.
const MAX_KEPT: usize = 64 * 1024;

/// Compresses a message and passes the result to `take`. Returns false, without a call of `take`,
/// when the message is shorter than the threshold or does not become smaller.
pub(crate) fn compress(
    options: PerMessageDeflate,
    message: &[u8],
    take: impl FnOnce(&[u8]),
) -> bool {
    if message.len() < options.threshold {
        return false;
    }
    DEFLATERS.with_borrow_mut(|deflaters| {
        let (deflater, out) = deflaters
            .entry(options.level)
            .or_insert_with(|| (Deflater::new(options.level), Vec::new()));
        out.clear();
        out.shrink_to(MAX_KEPT);
        let is_smaller = deflater.deflate(message, out);
        if is_smaller {
            take(out);
        }
        is_smaller
    })
}

/// Decompresses a message of at most `max` bytes and passes it to `take`.
pub(crate) fn decompress(
    is_text: bool,
    data: &[u8],
    max: usize,
    take: impl FnOnce(&WireMessage<'_>),
) -> Result<(), DecodeError> {
    INFLATER.with_borrow_mut(|inflater| {
        inflater.inflate(is_text, data, max).map(|message| take(&message))
    })
}

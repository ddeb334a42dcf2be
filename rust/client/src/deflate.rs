//! Compression of messages: what does it is shared by all connections of the thread, as each message
//! is compressed by itself.

use std::cell::RefCell;
use std::collections::BTreeMap;

use protocol::DecodeError;
use protocol::websocket::{Deflater, Inflater, WireMessage};

use crate::options::PerMessageDeflate;

thread_local! {
    /// By level.
    static DEFLATERS: RefCell<BTreeMap<u32, (Deflater, Vec<u8>)>> = const { RefCell::new(BTreeMap::new()) };
    static INFLATER: RefCell<Inflater> = RefCell::new(Inflater::new());
}

/// A buffer that has grown beyond this is not kept.
const KEPT: usize = 64 * 1024;

/// Hands over the compressed form of a message, if it is long enough and gets smaller; says whether it
/// did.
pub(crate) fn compress(how: PerMessageDeflate, message: &[u8], take: impl FnOnce(&[u8])) -> bool {
    if message.len() < how.threshold {
        return false;
    }
    DEFLATERS.with_borrow_mut(|deflaters| {
        let (deflater, out) =
            deflaters.entry(how.level).or_insert_with(|| (Deflater::new(how.level), Vec::new()));
        out.clear();
        out.shrink_to(KEPT);
        let is_smaller = deflater.deflate(message, out);
        if is_smaller {
            take(out);
        }
        is_smaller
    })
}

/// Hands over a compressed message as it was, at most `max` bytes.
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

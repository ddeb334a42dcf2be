//! Decompresses messages without context takeover, which the generator negotiates (RFC 7692 section 7.2.2).
//!
//! It keeps the last message. A server that compresses a broadcast once sends the same bytes to all clients, and
//! decompressing them each time would make the generator slower than the server.

use flate2::{Decompress, FlushDecompress, Status};

/// The maximum size of a message in bytes. No measured server sends larger ones.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;
/// The bytes that are omitted on the wire.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The decompressor of all clients of a run.
#[derive(Debug)]
pub(crate) struct Inflate {
    state: Decompress,
    packed: Vec<u8>,
    plain: Vec<u8>,
}

impl Inflate {
    pub(crate) fn new() -> Self {
        Self { state: Decompress::new(false), packed: Vec::new(), plain: Vec::new() }
    }

    /// Returns the decompressed form of `payload`.
    ///
    /// # Errors
    /// The payload is invalid, incomplete or too large.
    pub(crate) fn message(&mut self, payload: &[u8]) -> Result<&[u8], String> {
        if self.packed.strip_suffix(&TAIL) != Some(payload) {
            self.packed.clear();
            self.packed.extend_from_slice(payload);
            self.packed.extend_from_slice(&TAIL);
            if let Err(error) = self.inflate() {
                self.packed.clear();
                return Err(error);
            }
        }
        Ok(&self.plain)
    }

    fn inflate(&mut self) -> Result<(), String> {
        self.state.reset(false);
        self.plain.clear();
        loop {
            let used = self.state.total_in() as usize;
            self.plain.reserve(4096.max(self.packed.len() * 4));
            let packed = self.packed.get(used..).unwrap_or_default();
            let status = self.state.decompress_vec(packed, &mut self.plain, FlushDecompress::Sync);
            let status = status
                .map_err(|error| format!("the server sent a broken compressed message: {error}"))?;
            if self.plain.len() > MAX_MESSAGE {
                return Err("the server sent a compressed message over 16 MiB".into());
            }
            let all_read = self.state.total_in() as usize == self.packed.len();
            if status == Status::StreamEnd || (all_read && self.plain.len() < self.plain.capacity())
            {
                return Ok(());
            }
            if status == Status::BufError && self.plain.len() < self.plain.capacity() {
                return Err("the server sent an incomplete compressed message".into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    fn deflate(message: &[u8]) -> Vec<u8> {
        let mut packed = Vec::with_capacity(message.len() + 64);
        let mut state = Compress::new(Compression::default(), false);
        state.compress_vec(message, &mut packed, FlushCompress::Sync).unwrap();
        packed.truncate(packed.len() - TAIL.len());
        packed
    }

    #[test]
    fn repeated_and_different_messages_are_decompressed() {
        let mut inflate = Inflate::new();
        for text in ["a", "a", "", &"x".repeat(100_000), "b"] {
            assert_eq!(inflate.message(&deflate(text.as_bytes())), Ok(text.as_bytes()));
        }
    }

    #[test]
    fn invalid_bytes_are_refused() {
        let mut inflate = Inflate::new();
        for _ in 0..2 {
            assert!(inflate.message(&[0xff, 0xff, 0xff]).is_err());
        }
        assert_eq!(inflate.message(&deflate(b"good")), Ok(&b"good"[..]));
    }
}

//! One packet, encoded once for each wire.
//!
//! The WebSocket form holds the text frame and the frames of all attachments in one buffer, so a
//! packet is one send whatever it carries. The polling form shares that buffer when there is
//! nothing binary in it, and is made at most once otherwise.

use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use protocol::engineio::SEPARATOR;
use protocol::websocket::{Opcode, encode_header};

/// A packet that many may share.
#[derive(Clone, Debug)]
pub struct Frame(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    wire: Bytes,
    /// Where each part's payload stands in `wire`: the text first, then the attachments.
    text: (u32, u32),
    attachments: Box<[(u32, u32)]>,
    payload: OnceLock<Bytes>,
}

impl Frame {
    /// Encodes the text of an Engine.IO packet, with its type digit, and its attachments.
    pub fn new(text: &[u8], attachments: &[Bytes]) -> Self {
        let binary: usize = attachments.iter().map(|data| data.len() + 10).sum();
        let mut wire = Vec::with_capacity(text.len() + 10 + binary);
        let text = append(Opcode::Text, text, &mut wire);
        let attachments =
            attachments.iter().map(|data| append(Opcode::Binary, data, &mut wire)).collect();
        let inner = Inner { wire: wire.into(), text, attachments, payload: OnceLock::new() };
        Self(Arc::new(inner))
    }

    /// What a WebSocket gets.
    pub fn wire(&self) -> &Bytes {
        &self.0.wire
    }

    /// What a polling payload gets: records joined by the separator.
    pub fn payload(&self) -> &Bytes {
        self.0.payload.get_or_init(|| self.0.encode_payload())
    }

    /// How many Engine.IO packets these are.
    pub fn packets(&self) -> usize {
        1 + self.0.attachments.len()
    }
}

impl Inner {
    fn encode_payload(&self) -> Bytes {
        let part = |(start, end): (u32, u32)| self.wire.slice(start as usize..end as usize);
        if self.attachments.is_empty() {
            return part(self.text);
        }
        let mut payload = part(self.text).to_vec();
        for range in &self.attachments {
            payload.extend_from_slice(&[SEPARATOR, b'b']);
            payload.extend_from_slice(STANDARD.encode(part(*range)).as_bytes());
        }
        payload.into()
    }
}

fn append(opcode: Opcode, data: &[u8], wire: &mut Vec<u8>) -> (u32, u32) {
    encode_header(opcode, data.len(), wire);
    let start = wire.len();
    wire.extend_from_slice(data);
    (start as u32, wire.len() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_packet_is_one_buffer_for_both_wires() {
        let frame = Frame::new(b"42[\"a\"]", &[]);
        assert_eq!(&frame.wire()[..], b"\x81\x0742[\"a\"]");
        assert_eq!(&frame.payload()[..], b"42[\"a\"]");
        assert_eq!(frame.payload().as_ptr(), frame.wire()[2..].as_ptr());
        assert_eq!(frame.packets(), 1);
    }

    #[test]
    fn attachments_follow_their_packet() {
        let frame = Frame::new(b"451-[]", &[Bytes::from_static(b"\x00\xff")]);
        assert_eq!(&frame.wire()[..], b"\x81\x06451-[]\x82\x02\x00\xff");
        assert_eq!(&frame.payload()[..], b"451-[]\x1ebAP8=");
        assert_eq!(frame.packets(), 2);
    }
}

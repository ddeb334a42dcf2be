//! One packet, or several messages that belong together, encoded once for each wire.
//!
//! The WebSocket form holds the text frame and the frames of all attachments in one buffer, so a
//! packet is one send whatever it carries. The polling form shares that buffer when there is
//! nothing binary in it, and is made at most once otherwise. So is the compressed form, for
//! those who agreed to it.

use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use protocol::engineio::SEPARATOR;
use protocol::websocket::{Deflater, Opcode, encode_deflated_header, encode_header, header_len};

use smallvec::SmallVec;

use crate::flags::Flags;

/// A packet that many may share.
#[derive(Clone, Debug)]
pub struct Frame(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    wire: Bytes,
    first: Part,
    others: Box<[Part]>,
    payload: OnceLock<Bytes>,
    deflated: OnceLock<Bytes>,
    flags: Flags,
}

/// Where the payload of one message stands in `wire`.
#[derive(Clone, Copy, Debug)]
struct Part {
    start: u32,
    end: u32,
    binary: bool,
}

/// One message of Engine.IO, which knows nothing of packets.
#[derive(Clone, Copy, Debug)]
pub enum OutgoingMessage<'m> {
    /// Text.
    Text(&'m str),
    /// Bytes.
    Binary(&'m [u8]),
}

impl OutgoingMessage<'_> {
    /// How many bytes it has.
    pub fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(data) => data.len(),
        }
    }
}

impl Frame {
    /// Encodes the text of an Engine.IO packet, with its type digit, and its attachments.
    pub fn new(text: &[u8], attachments: &[Bytes]) -> Self {
        Self::with_flags(text, attachments, Flags::default())
    }

    /// The same, with what the program says about the packet.
    pub fn with_flags(text: &[u8], attachments: &[Bytes], flags: Flags) -> Self {
        let attachments: SmallVec<[&[u8]; 2]> = attachments.iter().map(|data| &**data).collect();
        Self::from_pieces(&[text], &attachments, flags)
    }

    /// The same, of a text in pieces; everything is copied once.
    pub fn from_pieces(text: &[&[u8]], attachments: &[&[u8]], flags: Flags) -> Self {
        let frame = |len: usize| header_len(len) + len;
        let text_len = frame(text.iter().map(|piece| piece.len()).sum());
        // To the byte: room to spare would have to be noted in memory of its own.
        let len = text_len + attachments.iter().map(|data| frame(data.len())).sum::<usize>();
        let mut wire = Vec::with_capacity(len);
        let first = append(Opcode::Text, text, &mut wire);
        let others =
            attachments.iter().map(|data| append(Opcode::Binary, &[data], &mut wire)).collect();
        Self::made(wire, first, others, flags)
    }

    /// Encodes one binary message.
    pub fn binary(data: &[u8], flags: Flags) -> Self {
        let mut wire = Vec::with_capacity(header_len(data.len()) + data.len());
        let first = append(Opcode::Binary, &[data], &mut wire);
        Self::made(wire, first, Box::default(), flags)
    }

    /// Encodes messages as they are; `None` when there are none.
    pub fn messages(messages: &[OutgoingMessage<'_>], flags: Flags) -> Option<Self> {
        let mut wire = Vec::new();
        let mut parts = messages.iter().map(|message| match message {
            OutgoingMessage::Text(text) => {
                append(Opcode::Text, &[b"4", text.as_bytes()], &mut wire)
            }
            OutgoingMessage::Binary(data) => append(Opcode::Binary, &[data], &mut wire),
        });
        let first = parts.next()?;
        let others = parts.collect();
        Some(Self::made(wire, first, others, flags))
    }

    /// What is left of a packet that was replaced: no bytes on any wire.
    pub(crate) fn empty() -> Self {
        let nothing = Part { start: 0, end: 0, binary: false };
        Self::made(Vec::new(), nothing, Box::default(), Flags::default())
    }

    fn made(wire: Vec<u8>, first: Part, others: Box<[Part]>, flags: Flags) -> Self {
        let (wire, payload, deflated) = (wire.into(), OnceLock::new(), OnceLock::new());
        Self(Arc::new(Inner { wire, first, others, payload, deflated, flags }))
    }

    /// What a WebSocket gets.
    pub fn wire(&self) -> &Bytes {
        &self.0.wire
    }

    /// What a polling payload gets: records joined by the separator.
    pub fn payload(&self) -> &Bytes {
        self.0.payload.get_or_init(|| self.0.encode_payload())
    }

    /// What a WebSocket with compression gets: messages of at least `threshold` bytes are
    /// compressed, once for everybody, where that makes them smaller.
    pub fn deflated(&self, threshold: usize, deflater: &mut Deflater) -> &Bytes {
        if !self.0.flags.compress || self.longest() < threshold {
            return &self.0.wire;
        }
        self.0.deflated.get_or_init(|| self.0.deflate(threshold, deflater))
    }

    /// The bytes of the longest message in it.
    pub fn longest(&self) -> usize {
        self.0.parts().map(|part| (part.end - part.start) as usize).max().unwrap_or_default()
    }

    /// Whether the two are one packet, not only equal.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// In how many places it is held.
    pub fn owners(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// What the program says about the packet.
    pub fn flags(&self) -> &Flags {
        &self.0.flags
    }

    /// How many Engine.IO packets these are.
    pub fn packets(&self) -> usize {
        1 + self.0.others.len()
    }
}

impl Inner {
    fn parts(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(&self.first).chain(&self.others)
    }

    fn deflate(&self, threshold: usize, deflater: &mut Deflater) -> Bytes {
        let (mut wire, mut small) = (Vec::new(), Vec::new());
        for part in self.parts() {
            let opcode = if part.binary { Opcode::Binary } else { Opcode::Text };
            let message = &self.wire[part.start as usize..part.end as usize];
            small.clear();
            if message.len() >= threshold && deflater.deflate(message, &mut small) {
                encode_deflated_header(opcode, small.len(), &mut wire);
                wire.extend_from_slice(&small);
            } else {
                append(opcode, &[message], &mut wire);
            }
        }
        wire.into()
    }

    fn encode_payload(&self) -> Bytes {
        let part = |part: &Part| self.wire.slice(part.start as usize..part.end as usize);
        if self.others.is_empty() && !self.first.binary {
            return part(&self.first);
        }
        let mut payload = Vec::new();
        for one in self.parts() {
            if !payload.is_empty() {
                payload.push(SEPARATOR);
            }
            if one.binary {
                payload.push(b'b');
                payload.extend_from_slice(STANDARD.encode(part(one)).as_bytes());
            } else {
                payload.extend_from_slice(&part(one));
            }
        }
        payload.into()
    }
}

fn append(opcode: Opcode, pieces: &[&[u8]], wire: &mut Vec<u8>) -> Part {
    encode_header(opcode, pieces.iter().map(|piece| piece.len()).sum(), wire);
    let start = wire.len() as u32;
    for piece in pieces {
        wire.extend_from_slice(piece);
    }
    Part { start, end: wire.len() as u32, binary: opcode == Opcode::Binary }
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
    fn messages_are_what_they_are() {
        let frame = Frame::messages(&[OutgoingMessage::Text("a")], Flags::default()).unwrap();
        assert_eq!((&frame.wire()[..], &frame.payload()[..]), (&b"\x81\x024a"[..], &b"4a"[..]));
        let frame = Frame::messages(
            &[OutgoingMessage::Binary(b"\xff"), OutgoingMessage::Text("")],
            Flags::default(),
        )
        .unwrap();
        assert_eq!(&frame.wire()[..], b"\x82\x01\xff\x81\x014");
        assert_eq!((&frame.payload()[..], frame.packets()), (&b"b/w==\x1e4"[..], 2));
        assert!(Frame::messages(&[], Flags::default()).is_none());
    }

    #[test]
    fn attachments_follow_their_packet() {
        let frame = Frame::new(b"451-[]", &[Bytes::from_static(b"\x00\xff")]);
        assert_eq!(&frame.wire()[..], b"\x81\x06451-[]\x82\x02\x00\xff");
        assert_eq!(&frame.payload()[..], b"451-[]\x1ebAP8=");
        assert_eq!(frame.packets(), 2);
    }
}

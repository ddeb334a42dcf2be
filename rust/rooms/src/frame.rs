//! A packet, or several messages that belong together, encoded once for all recipients.
//!
//! The WebSocket form has the frames of the text and of all attachments in one buffer, so each packet
//! needs one send. The polling form shares this buffer if the packet is a single text. Otherwise it is
//! encoded when it is first needed, and so is the compressed form.

use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use protocol::engineio::SEPARATOR;
use protocol::websocket::{Deflater, Opcode, encode_deflated_header, encode_header, header_len};

use smallvec::SmallVec;

use crate::flags::Flags;

/// An encoded packet, which all its recipients share.
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

/// The range of one message's payload in `wire`.
#[derive(Clone, Copy, Debug)]
struct Part {
    start: u32,
    end: u32,
    is_binary: bool,
}

/// An Engine.IO message to be sent without the Socket.IO layer.
#[derive(Clone, Copy, Debug)]
pub enum OutgoingMessage<'m> {
    /// A text message, without the type digit of Engine.IO.
    Text(&'m str),
    /// A binary message.
    Binary(&'m [u8]),
}

impl OutgoingMessage<'_> {
    /// The size in bytes.
    pub fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(data) => data.len(),
        }
    }
}

impl Frame {
    /// Encodes a packet. `text` is the text of the Engine.IO packet, with its type digit.
    pub fn new(text: &[u8], attachments: &[Bytes]) -> Self {
        Self::with_flags(text, attachments, Flags::default())
    }

    /// Like [`Frame::new`], with delivery options.
    pub fn with_flags(text: &[u8], attachments: &[Bytes], flags: Flags) -> Self {
        let attachments: SmallVec<[&[u8]; 2]> = attachments.iter().map(|data| &**data).collect();
        Self::from_pieces(&[text], &attachments, flags)
    }

    /// Like [`Frame::with_flags`], with a text in several pieces. All bytes are copied once.
    pub fn from_pieces(text: &[&[u8]], attachments: &[&[u8]], flags: Flags) -> Self {
        let frame = |len: usize| header_len(len) + len;
        let text_len = frame(text.iter().map(|piece| piece.len()).sum());
        // The capacity is exact: `Bytes` needs an extra allocation for a vector with spare capacity.
        let len = text_len + attachments.iter().map(|data| frame(data.len())).sum::<usize>();
        let mut wire = Vec::with_capacity(len);
        let first = append(Opcode::Text, text, &mut wire);
        let others =
            attachments.iter().map(|data| append(Opcode::Binary, &[data], &mut wire)).collect();
        Self::from_wire(wire, first, others, flags)
    }

    /// Encodes one binary message.
    pub fn binary(data: &[u8], flags: Flags) -> Self {
        let mut wire = Vec::with_capacity(header_len(data.len()) + data.len());
        let first = append(Opcode::Binary, &[data], &mut wire);
        Self::from_wire(wire, first, Box::default(), flags)
    }

    /// Encodes messages of Engine.IO. Returns `None` when the list is empty.
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
        Some(Self::from_wire(wire, first, others, flags))
    }

    /// A frame without bytes. It takes the place of a packet that was replaced.
    pub(crate) fn empty() -> Self {
        let nothing = Part { start: 0, end: 0, is_binary: false };
        Self::from_wire(Vec::new(), nothing, Box::default(), Flags::default())
    }

    fn from_wire(wire: Vec<u8>, first: Part, others: Box<[Part]>, flags: Flags) -> Self {
        let (wire, payload, deflated) = (wire.into(), OnceLock::new(), OnceLock::new());
        Self(Arc::new(Inner { wire, first, others, payload, deflated, flags }))
    }

    /// The WebSocket frames.
    pub fn wire(&self) -> &Bytes {
        &self.0.wire
    }

    /// The records of a polling payload, joined by the separator.
    pub fn payload(&self) -> &Bytes {
        self.0.payload.get_or_init(|| self.0.encode_payload())
    }

    /// The WebSocket frames for connections with compression. Messages of at least `threshold` bytes are
    /// compressed if that makes them smaller. This happens once for all recipients.
    pub fn deflated(&self, threshold: usize, deflater: &mut Deflater) -> &Bytes {
        if !self.0.flags.compress || self.longest() < threshold {
            return &self.0.wire;
        }
        self.0.deflated.get_or_init(|| self.0.deflate(threshold, deflater))
    }

    /// The size of the longest message, in bytes.
    pub fn longest(&self) -> usize {
        self.0.parts().map(|part| (part.end - part.start) as usize).max().unwrap_or_default()
    }

    /// Whether both are handles of the same packet. Equal content is not enough.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The number of handles of this packet.
    pub fn owners(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// The delivery options.
    pub fn flags(&self) -> &Flags {
        &self.0.flags
    }

    /// The number of Engine.IO packets.
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
            let opcode = if part.is_binary { Opcode::Binary } else { Opcode::Text };
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
        if self.others.is_empty() && !self.first.is_binary {
            return part(&self.first);
        }
        let mut payload = Vec::new();
        for one in self.parts() {
            if !payload.is_empty() {
                payload.push(SEPARATOR);
            }
            if one.is_binary {
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
    Part { start, end: wire.len() as u32, is_binary: opcode == Opcode::Binary }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_transports_share_the_buffer_of_a_text_packet() {
        let frame = Frame::new(b"42[\"a\"]", &[]);
        assert_eq!(&frame.wire()[..], b"\x81\x0742[\"a\"]");
        assert_eq!(&frame.payload()[..], b"42[\"a\"]");
        assert_eq!(frame.payload().as_ptr(), frame.wire()[2..].as_ptr());
        assert_eq!(frame.packets(), 1);
    }

    #[test]
    fn messages_are_encoded_for_both_transports() {
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
    fn attachments_are_encoded_after_their_packet() {
        let frame = Frame::new(b"451-[]", &[Bytes::from_static(b"\x00\xff")]);
        assert_eq!(&frame.wire()[..], b"\x81\x06451-[]\x82\x02\x00\xff");
        assert_eq!(&frame.payload()[..], b"451-[]\x1ebAP8=");
        assert_eq!(frame.packets(), 2);
    }
}

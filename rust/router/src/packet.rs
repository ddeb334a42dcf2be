//! Encodes a packet of the application as one frame, which all recipients share.

use engine::Parser;
use protocol::msgpack;
use protocol::socketio::{PacketType, message_head};
use rooms::{Flags, Frame, OutgoingMessage};
use smallvec::SmallVec;

/// An Engine.IO noop: replaces a packet that the application's parser encoded as zero messages.
const NOOP: &[u8] = b"6";

/// The content of a packet.
#[derive(Clone, Debug)]
pub enum Payload<'a> {
    /// Data that the parser has encoded; the packet's header is added here.
    Data(&'a [u8]),
    /// The messages of a packet that the application has encoded as a whole.
    Messages(SmallVec<[OutgoingMessage<'a>; 1]>),
}

impl Payload<'_> {
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Data(data) => data.len(),
            Self::Messages(list) => list.iter().map(OutgoingMessage::size).sum(),
        }
    }
}

/// The fields of a packet's header.
pub(crate) struct Header<'a> {
    pub(crate) kind: PacketType,
    pub(crate) namespace: &'a str,
    pub(crate) id: Option<u64>,
}

/// Encodes a packet. `attachments` is used for JSON only: msgpack has binary data inline.
pub(crate) fn encode(
    parser: Parser,
    header: &Header<'_>,
    payload: &Payload<'_>,
    attachments: &[&[u8]],
    flags: Flags,
) -> Frame {
    let Header { kind, namespace, id } = *header;
    match payload {
        Payload::Messages(list) => Frame::messages(list, flags.clone())
            .unwrap_or_else(|| Frame::with_flags(NOOP, &[], flags)),
        Payload::Data(data) if parser == Parser::Msgpack => {
            let mut message = Vec::with_capacity(data.len() + namespace.len() + 32);
            msgpack::encode(kind, namespace, id, data, &mut message);
            Frame::binary(&message, flags)
        }
        Payload::Data(data) => {
            let head = message_head(kind, attachments.len(), namespace, id);
            Frame::from_pieces(&[&head, data], attachments, flags)
        }
    }
}

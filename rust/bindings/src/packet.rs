//! What the program sends, as one frame: a packet, the header around data that Python has encoded;
//! or messages that it has encoded itself.

use bytes::Bytes;
use client::Outgoing;
use engine::Parser;
use protocol::msgpack;
use protocol::socketio::{Packet, PacketType};
use pyo3::FromPyObject;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use rooms::{Flags, Frame};
use smallvec::SmallVec;

/// Stands for a packet that the program has encoded as no message at all.
const NOOP: &[u8] = b"6";

/// What a packet carries: data in the parser's form, or the messages of a packet that the program
/// has encoded as a whole.
#[derive(FromPyObject)]
pub(crate) enum Payload {
    Data(PyBackedBytes),
    Messages(Vec<Message>),
}

/// A packet of the server's; only text has attachments.
pub(crate) fn frame(
    parser: Parser,
    kind: PacketType,
    namespace: &str,
    id: Option<u64>,
    payload: Option<&Payload>,
    attachments: &[PyBackedBytes],
    flags: Flags,
) -> Frame {
    let data: &[u8] = match payload {
        None => b"",
        Some(Payload::Data(data)) => data,
        Some(Payload::Messages(list)) => {
            return messages(list, flags.clone())
                .unwrap_or_else(|| Frame::with_flags(NOOP, &[], flags));
        }
    };
    if parser == Parser::Msgpack {
        let mut message = Vec::with_capacity(data.len() + namespace.len() + 32);
        msgpack::encode(kind, namespace, id, data, &mut message);
        return Frame::binary(&message, flags);
    }
    text_frame(kind, namespace, id, data, attachments, flags)
}

/// Binary kinds follow from the attachments.
fn text_frame(
    kind: PacketType,
    namespace: &str,
    id: Option<u64>,
    json: &[u8],
    attachments: &[PyBackedBytes],
    flags: Flags,
) -> Frame {
    let attachments: SmallVec<[&[u8]; 2]> = attachments.iter().map(|data| &**data).collect();
    let head = head(kind, attachments.len(), namespace, id);
    Frame::from_pieces(&[&head, json], &attachments, flags)
}

/// What stands in front of a packet's JSON.
fn head(kind: PacketType, attachments: usize, namespace: &str, id: Option<u64>) -> Vec<u8> {
    let kind = match (kind, attachments) {
        (kind, 0) => kind,
        (PacketType::Event, _) => PacketType::BinaryEvent,
        (PacketType::Ack, _) => PacketType::BinaryAck,
        (kind, _) => kind,
    };
    let packet = Packet { kind, attachments: attachments as u32, namespace, id, data: "" };
    let mut head = Vec::with_capacity(namespace.len() + 16);
    head.push(b'4');
    packet.encode_header(&mut head);
    head
}

/// A packet of a client's, as the messages that carry it.
pub(crate) fn messages_of(
    parser: Parser,
    kind: PacketType,
    namespace: &str,
    id: Option<u64>,
    data: &[u8],
    attachments: &[PyBackedBytes],
) -> Vec<Outgoing> {
    if parser == Parser::Msgpack {
        let mut message = Vec::with_capacity(data.len() + namespace.len() + 32);
        msgpack::encode(kind, namespace, id, data, &mut message);
        return vec![Outgoing::Binary(message.into())];
    }
    let mut text = head(kind, attachments.len(), namespace, id);
    text.extend_from_slice(data);
    let blobs = attachments.iter().map(|data| Outgoing::Binary(Bytes::copy_from_slice(data)));
    std::iter::once(Outgoing::Text(text.into())).chain(blobs).collect()
}

/// A message of the program's own: `str` or `bytes`.
#[derive(FromPyObject)]
pub(crate) enum Message {
    Text(PyBackedStr),
    Binary(PyBackedBytes),
}

/// Messages as they are; `None` when there are none.
pub(crate) fn messages(messages: &[Message], flags: Flags) -> Option<Frame> {
    let parts: Vec<_> = messages
        .iter()
        .map(|message| match message {
            Message::Text(text) => rooms::Message::Text(text),
            Message::Binary(data) => rooms::Message::Binary(data),
        })
        .collect();
    Frame::messages(&parts, flags)
}

/// A message of a client's own parser.
pub(crate) fn outgoing(message: &Message) -> Outgoing {
    match message {
        Message::Text(text) => Outgoing::Text(Bytes::from([b"4", text.as_bytes()].concat())),
        Message::Binary(data) => Outgoing::Binary(Bytes::copy_from_slice(data)),
    }
}

//! Takes packets from Python: data for the core to encode, or messages that the application encoded.

use bytes::Bytes;
use client::Outgoing;
use engine::Parser;
use protocol::msgpack;
use protocol::socketio::{PacketType, message_head};
use pyo3::FromPyObject;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};

/// The content of a packet: data that the parser has encoded, or the messages of a packet that the
/// application has encoded as a whole.
#[derive(FromPyObject)]
pub(crate) enum Payload {
    Data(PyBackedBytes),
    Messages(Vec<Message>),
}

impl<'a> From<&'a Payload> for router::Payload<'a> {
    fn from(payload: &'a Payload) -> Self {
        match payload {
            Payload::Data(data) => Self::Data(data),
            Payload::Messages(list) => Self::Messages(list.iter().map(Into::into).collect()),
        }
    }
}

/// A message that the application has encoded: `str` or `bytes`.
#[derive(FromPyObject)]
pub(crate) enum Message {
    Text(PyBackedStr),
    Binary(PyBackedBytes),
}

impl<'a> From<&'a Message> for router::OutgoingMessage<'a> {
    fn from(message: &'a Message) -> Self {
        match message {
            Message::Text(text) => Self::Text(text),
            Message::Binary(data) => Self::Binary(data),
        }
    }
}

/// Encodes a packet of a client as the messages that carry it.
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
    let text = [&message_head(kind, attachments.len(), namespace, id)[..], data].concat();
    let blobs = attachments.iter().map(|data| Outgoing::Binary(Bytes::copy_from_slice(data)));
    std::iter::once(Outgoing::Text(text.into())).chain(blobs).collect()
}

/// Converts a message that the parser of a client's application has encoded.
pub(crate) fn outgoing(message: &Message) -> Outgoing {
    match message {
        Message::Text(text) => Outgoing::Text(Bytes::from([b"4", text.as_bytes()].concat())),
        Message::Binary(data) => Outgoing::Binary(Bytes::copy_from_slice(data)),
    }
}

//! What the program sends, as one frame: a packet, the header in front of its JSON; or messages that
//! it has encoded itself.

use bytes::Bytes;
use protocol::socketio::{Packet, PacketType};
use pyo3::FromPyObject;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use rooms::{Flags, Frame};

/// A packet of the server's; binary kinds follow from the attachments.
pub(crate) fn frame(
    kind: PacketType,
    namespace: &str,
    id: Option<u64>,
    json: &[u8],
    attachments: Option<Vec<PyBackedBytes>>,
) -> Frame {
    frame_with_flags(kind, namespace, id, json, attachments, Flags::default())
}

/// The same, with what the program says about the packet.
pub(crate) fn frame_with_flags(
    kind: PacketType,
    namespace: &str,
    id: Option<u64>,
    json: &[u8],
    attachments: Option<Vec<PyBackedBytes>>,
    flags: Flags,
) -> Frame {
    let attachments: Vec<Bytes> =
        attachments.unwrap_or_default().iter().map(|data| Bytes::copy_from_slice(data)).collect();
    let kind = match (kind, attachments.is_empty()) {
        (PacketType::Event, false) => PacketType::BinaryEvent,
        (PacketType::Ack, false) => PacketType::BinaryAck,
        (kind, _) => kind,
    };
    let count = attachments.len() as u32;
    let packet = Packet { kind, attachments: count, namespace, id, data: "" };
    let mut text = Vec::with_capacity(json.len() + namespace.len() + 16);
    text.push(b'4');
    packet.encode_header(&mut text);
    text.extend_from_slice(json);
    Frame::with_flags(&text, &attachments, flags)
}

/// A message of the program's own: `str` or `bytes`.
#[derive(FromPyObject)]
pub(crate) enum Message {
    Text(PyBackedStr),
    Binary(PyBackedBytes),
}

/// Messages as they are; `None` when there are none.
pub(crate) fn messages(messages: &[Message]) -> Option<Frame> {
    let parts: Vec<_> = messages
        .iter()
        .map(|message| match message {
            Message::Text(text) => rooms::Message::Text(text),
            Message::Binary(data) => rooms::Message::Binary(data),
        })
        .collect();
    Frame::messages(&parts)
}

//! The violations of the Socket.IO protocol.
//!
//! They are those that Node's `client.ts` and `socket.io-parser` detect.

use std::fmt;

use protocol::DecodeError;

/// A violation of the Socket.IO protocol. The caller closes the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// A second CONNECT for a namespace.
    AlreadyConnected,
    /// The packet could not be decoded.
    Decode(DecodeError),
    /// A packet for a namespace that is not joined.
    NotConnected,
    /// A packet and its attachments are together larger than `max_payload`.
    PacketTooLarge,
    /// A text message instead of an attachment.
    TextForAttachment,
    /// A CONNECT that exceeds `max_namespaces`.
    TooManyNamespaces,
    /// A binary message that no packet has announced.
    UnexpectedBinary,
    /// A packet of a type that only servers send.
    UnexpectedPacket,
    /// A text message in a session of the msgpack parser.
    UnexpectedText,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyConnected => "CONNECT for a namespace that is already joined",
            Self::Decode(error) => return error.fmt(f),
            Self::NotConnected => "packet for a namespace that is not joined",
            Self::PacketTooLarge => "packet and attachments larger than the limit",
            Self::TextForAttachment => "expected an attachment, got text",
            Self::TooManyNamespaces => "more namespaces than allowed",
            Self::UnexpectedBinary => "binary message that no packet has announced",
            Self::UnexpectedPacket => "packet of a type that only servers send",
            Self::UnexpectedText => "expected a msgpack packet, got text",
        })
    }
}

impl std::error::Error for ProtocolError {}

impl From<DecodeError> for ProtocolError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

//! How the peer of a session can break the Socket.IO protocol.
//!
//! What counts as a violation is as in Node's `client.ts` and `socket.io-parser`.

use std::fmt;

use protocol::DecodeError;

/// A violation of the Socket.IO protocol. The session is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// A second CONNECT to a namespace.
    AlreadyConnected,
    /// The packet could not be decoded.
    Decode(DecodeError),
    /// A packet for a namespace that is not joined.
    NotConnected,
    /// The text of a packet and its attachments are together larger than a message may be.
    PacketTooLarge,
    /// Text where an attachment was due.
    TextForAttachment,
    /// More namespaces than allowed.
    TooManyNamespaces,
    /// A binary message that no packet has announced.
    UnexpectedBinary,
    /// A packet that only servers send.
    UnexpectedPacket,
    /// Text where every packet is binary.
    UnexpectedText,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyConnected => "CONNECT to a namespace that is joined already",
            Self::Decode(error) => return error.fmt(f),
            Self::NotConnected => "packet for a namespace that is not joined",
            Self::PacketTooLarge => "packet larger with its attachments than a message may be",
            Self::TextForAttachment => "expected an attachment, got text",
            Self::TooManyNamespaces => "more namespaces than allowed",
            Self::UnexpectedBinary => "binary message without a packet in front of it",
            Self::UnexpectedPacket => "packet that only servers send",
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

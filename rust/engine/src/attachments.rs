//! Collects the attachments of a packet. Servers and clients share this file.
//!
//! Source: Socket.IO protocol v5, "Packet encoding": the attachments follow their packet directly,
//! each as one binary message.

use protocol::json;
use protocol::socketio::{Packet, PacketType};

use crate::config::Config;
use crate::error::ProtocolError;

/// A packet that waits for attachments. `key` is its socket on a server, and its namespace on a client.
#[derive(Debug)]
pub(crate) struct Partial<K> {
    pub(crate) key: K,
    pub(crate) is_ack: bool,
    pub(crate) id: Option<u64>,
    pub(crate) data: String,
    pub(crate) attachments: Vec<Vec<u8>>,
    missing: u32,
    /// The size of the packet's text and of the attachments received so far.
    bytes: usize,
}

impl<K> Partial<K> {
    /// Starts with a packet that announces attachments. `bytes` is the size of its text.
    pub(crate) fn new(key: K, packet: &Packet<'_>, bytes: usize) -> Result<Self, ProtocolError> {
        json::placeholders(packet.data, packet.attachments)?;
        Ok(Self {
            key,
            is_ack: packet.kind == PacketType::BinaryAck,
            id: packet.id,
            data: packet.data.to_owned(),
            attachments: Vec::new(),
            missing: packet.attachments,
            bytes,
        })
    }
}

/// Adds one attachment to the packet in `slot`. Takes the packet out when it is complete.
pub(crate) fn attach<K>(
    slot: Option<&mut Option<Partial<K>>>,
    config: &Config,
    data: &[u8],
) -> Result<Option<Partial<K>>, ProtocolError> {
    let slot = slot.ok_or(ProtocolError::UnexpectedBinary)?;
    let partial = slot.as_mut().ok_or(ProtocolError::UnexpectedBinary)?;
    partial.bytes = partial.bytes.saturating_add(data.len());
    if partial.bytes > config.max_payload {
        return Err(ProtocolError::PacketTooLarge);
    }
    partial.attachments.push(data.to_vec());
    partial.missing = partial.missing.saturating_sub(1);
    Ok(if partial.missing > 0 { None } else { slot.take() })
}

//! Engine.IO v4: packets, polling payloads and the handshake.
//!
//! This file decodes and encodes. It does not check the order of packets; the `engine` crate does.
//! Source: Engine.IO protocol v4, "Packet encoding" and "Handshake".

use std::borrow::Cow;
use std::fmt::Write;

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::error::DecodeError;
use crate::json;

/// Separates the packets of a polling payload.
pub const SEPARATOR: u8 = 0x1e;

/// Some encoders write no padding, and leave bits that are not zero after the last byte.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// One Engine.IO packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0`: the JSON of the handshake.
    Open(&'a str),
    /// `1`: the sender closes the session.
    Close,
    /// `2`: a heartbeat, or `probe`.
    Ping(&'a str),
    /// `3`: the answer to a ping, with the same data.
    Pong(&'a str),
    /// `4`: a text message.
    Message(&'a str),
    /// A binary message: a binary WebSocket frame, or `b` followed by base64.
    Binary(Cow<'a, [u8]>),
    /// `5`: the client has moved to the WebSocket.
    Upgrade,
    /// `6`: no data. The server sends it to end a poll.
    Noop,
}

impl<'a> Packet<'a> {
    /// Decodes the text form of a packet: a record of a polling payload, or a text frame. Both may
    /// contain a binary message as base64, because clients with `forceBase64` send it on every
    /// transport.
    ///
    /// # Errors
    /// `BadPacketType` for an unknown type, `BadPayload` for data after a type that carries none,
    /// and `BadBase64`.
    pub fn decode(text: &'a str) -> Result<Self, DecodeError> {
        let mut chars = text.chars();
        let kind = chars.next().ok_or(DecodeError::BadPacketType)?;
        let data = chars.as_str();
        let bare = |packet| {
            if data.is_empty() { Ok(packet) } else { Err(DecodeError::BadPayload) }
        };
        match kind {
            '0' => Ok(Self::Open(data)),
            '1' => bare(Self::Close),
            '2' => Ok(Self::Ping(data)),
            '3' => Ok(Self::Pong(data)),
            '4' => Ok(Self::Message(data)),
            '5' => bare(Self::Upgrade),
            '6' => bare(Self::Noop),
            'b' => decode_base64(data).map(|data| Self::Binary(data.into())),
            _ => Err(DecodeError::BadPacketType),
        }
    }

    /// Appends the text form. A binary message becomes `b` followed by base64.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (kind, data) = match self {
            Self::Open(data) => (b'0', *data),
            Self::Close => (b'1', ""),
            Self::Ping(data) => (b'2', *data),
            Self::Pong(data) => (b'3', *data),
            Self::Message(data) => (b'4', *data),
            Self::Upgrade => (b'5', ""),
            Self::Noop => (b'6', ""),
            Self::Binary(data) => {
                out.push(b'b');
                return out.extend_from_slice(STANDARD.encode(data).as_bytes());
            }
        };
        out.push(kind);
        out.extend_from_slice(data.as_bytes());
    }
}

/// Decodes base64 as leniently as Node: it accepts white space, missing padding and both alphabets,
/// and ignores everything after the padding.
///
/// # Errors
/// `BadBase64` for any other character, and for trailing characters that do not make a byte. Node
/// skips both, but no encoder writes them, so the data is damaged.
pub fn decode_base64(text: &str) -> Result<Vec<u8>, DecodeError> {
    if let Ok(data) = STANDARD.decode(text) {
        return Ok(data);
    }
    let standard = |byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    };
    let characters = text.bytes().filter(|byte| !matches!(byte, b' ' | b'\t'..=b'\r'));
    let digits: Vec<_> = characters.take_while(|byte| *byte != b'=').map(standard).collect();
    LENIENT.decode(digits).map_err(|_| DecodeError::BadBase64)
}

/// The records of a polling payload. The iterator also yields empty records, which are not packets.
pub fn records(body: &str) -> impl Iterator<Item = &str> {
    body.split(char::from(SEPARATOR))
}

/// The parameters of a session, which the server sends in the OPEN packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The session id.
    pub sid: String,
    /// The transports that the client may upgrade to.
    pub upgrades: Vec<String>,
    /// The time between two pings, in milliseconds.
    pub ping_interval: u64,
    /// The time limit for a pong, in milliseconds.
    pub ping_timeout: u64,
    /// The maximum size of a polling body, in bytes.
    pub max_payload: u64,
}

impl Handshake {
    /// The JSON of the OPEN packet, with the keys in the order of Node's server.
    pub fn encode(&self) -> String {
        let upgrades: Vec<_> = self.upgrades.iter().map(|name| format!("\"{name}\"")).collect();
        let mut json = format!("{{\"sid\":\"{}\",\"upgrades\":[{}],", self.sid, upgrades.join(","));
        // Writing to a String cannot fail.
        let _ = write!(
            json,
            "\"pingInterval\":{},\"pingTimeout\":{},\"maxPayload\":{}}}",
            self.ping_interval, self.ping_timeout, self.max_payload
        );
        json
    }

    /// Reads the JSON of an OPEN packet, with its keys in any order.
    ///
    /// # Errors
    /// `BadHandshake` when a required key is missing or a value has the wrong type.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        let mut found = Self {
            sid: String::new(),
            upgrades: Vec::new(),
            ping_interval: 0,
            ping_timeout: 0,
            max_payload: 0,
        };
        let mut seen = [false; 3];
        for (key, value) in json::members(text).map_err(|_| DecodeError::BadHandshake)? {
            match key.as_str() {
                "sid" => (found.sid, seen[0]) = (string(value)?, true),
                "upgrades" => found.upgrades = strings(value)?,
                "pingInterval" => (found.ping_interval, seen[1]) = (number(value)?, true),
                "pingTimeout" => (found.ping_timeout, seen[2]) = (number(value)?, true),
                "maxPayload" => found.max_payload = number(value)?,
                _ => {}
            }
        }
        if seen == [true; 3] { Ok(found) } else { Err(DecodeError::BadHandshake) }
    }
}

fn string(value: &str) -> Result<String, DecodeError> {
    json::string(value).ok_or(DecodeError::BadHandshake)
}

fn strings(value: &str) -> Result<Vec<String>, DecodeError> {
    json::elements(value).map_err(|_| DecodeError::BadHandshake)?.into_iter().map(string).collect()
}

fn number(value: &str) -> Result<u64, DecodeError> {
    value.parse().map_err(|_| DecodeError::BadHandshake)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_reverses_encoding() {
        for packet in [
            Packet::Open("{}"),
            Packet::Close,
            Packet::Ping("probe"),
            Packet::Pong(""),
            Packet::Message("2[\"ä\"]"),
            Packet::Binary(Cow::Borrowed(&[0, 1, 255])),
            Packet::Upgrade,
            Packet::Noop,
        ] {
            let mut out = Vec::new();
            packet.encode(&mut out);
            let text = String::from_utf8(out).unwrap();
            assert_eq!(Packet::decode(&text), Ok(packet));
        }
    }

    #[test]
    fn invalid_packets_are_refused() {
        for (text, error) in [
            ("", DecodeError::BadPacketType),
            ("7", DecodeError::BadPacketType),
            ("x", DecodeError::BadPacketType),
            ("٤", DecodeError::BadPacketType),
            ("b!!", DecodeError::BadBase64),
            ("1x", DecodeError::BadPayload),
            ("5x", DecodeError::BadPayload),
        ] {
            assert_eq!(Packet::decode(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_handshake_has_the_key_order_of_node() {
        let handshake = Handshake {
            sid: "lv_VI97HAXpY6yYWAAAC".into(),
            upgrades: vec!["websocket".into()],
            ping_interval: 25000,
            ping_timeout: 20000,
            max_payload: 1_000_000,
        };
        let json = r#"{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        assert_eq!(handshake.encode(), json);
        assert_eq!(Handshake::decode(json), Ok(handshake));
        assert_eq!(Handshake::decode("{}"), Err(DecodeError::BadHandshake));
        assert_eq!(Handshake::decode("[]"), Err(DecodeError::BadHandshake));
    }
}

//! Engine.IO v4: packets, polling payloads, the handshake.
//!
//! Source: Engine.IO protocol v4, "Packet encoding" and "Handshake".

use std::borrow::Cow;
use std::fmt::Write;

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::error::DecodeError;
use crate::json;

/// Stands between the packets of a polling payload.
pub const SEPARATOR: u8 = 0x1e;

/// Base64 as some encoders write it: without padding, with bits behind the last byte.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0`: the handshake.
    Open(&'a str),
    /// `1`: the session ends.
    Close,
    /// `2`: a heartbeat, or a probe.
    Ping(&'a str),
    /// `3`: the answer to it.
    Pong(&'a str),
    /// `4`: a text message.
    Message(&'a str),
    /// A binary message: a binary frame, or `b` and base64.
    Binary(Cow<'a, [u8]>),
    /// `5`: the upgrade is done.
    Upgrade,
    /// `6`: nothing, to end a poll.
    Noop,
}

impl<'a> Packet<'a> {
    /// Decodes a packet in its text form: a record of a polling payload, or a text frame. Either may
    /// hold a binary message as base64, as clients with `forceBase64` send it on every transport.
    ///
    /// # Errors
    /// `BadPacketType` for an unknown type, `BadPayload` for data behind a packet that has none, and
    /// `BadBase64`.
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

    /// Appends the text form; a binary message becomes `b` and base64.
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

/// Decodes base64 as Node does: with line breaks and other white space, with or without padding, in
/// either alphabet. What is behind the padding is no data.
///
/// # Errors
/// `BadBase64` for any other character, which Node skips, and for a rest that is no byte: no encoder
/// writes these, so the data is damaged.
pub fn decode_base64(text: &str) -> Result<Vec<u8>, DecodeError> {
    if let Ok(data) = STANDARD.decode(text) {
        return Ok(data);
    }
    let plain = |byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    };
    let characters = text.bytes().filter(|byte| !matches!(byte, b' ' | b'\t'..=b'\r'));
    let digits: Vec<_> = characters.take_while(|byte| *byte != b'=').map(plain).collect();
    LENIENT.decode(digits).map_err(|_| DecodeError::BadBase64)
}

/// The records of a polling payload. An empty one is yielded too: it is no packet.
pub fn records(body: &str) -> impl Iterator<Item = &str> {
    body.split(char::from(SEPARATOR))
}

/// What the server tells at the start of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The session id.
    pub sid: String,
    /// Transports the client may upgrade to.
    pub upgrades: Vec<String>,
    /// Between two pings, in milliseconds.
    pub ping_interval: u64,
    /// For the answer to one, in milliseconds.
    pub ping_timeout: u64,
    /// The size of a polling body, in bytes.
    pub max_payload: u64,
}

impl Handshake {
    /// The JSON of the OPEN packet, keys in the order of Node's server.
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

    /// Reads the JSON of an OPEN packet, in any order of keys.
    ///
    /// # Errors
    /// `BadHandshake` when a required key is missing or has the wrong type.
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
    fn packets_are_read_back() {
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
    fn what_is_no_packet_is_refused() {
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
    fn a_handshake_has_nodes_key_order() {
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

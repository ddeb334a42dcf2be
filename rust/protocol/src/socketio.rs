//! Socket.IO v5 packets as text: `type[attachments-][namespace,][id][data]`.
//!
//! This file decodes everything before the data, and checks how the data begins. It does not parse
//! the JSON. Source: Socket.IO protocol v5, "Packet encoding". The reserved names and limits are
//! those of Node's `socket.io-parser` 4.2.7.

use std::borrow::Cow;
use std::io::Write;

use smallvec::{SmallVec, smallvec};

use crate::error::DecodeError;
use crate::json;

const MAX_NAMESPACE: usize = 255;
const MAX_EVENT_NAME: usize = 1024;
/// The largest ack id. JavaScript cannot represent every integer above it exactly.
pub(crate) const MAX_ACK_ID: u64 = 1 << 53;

/// The event names that a client must not send.
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// The type of a packet. Its value is the digit on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketType {
    /// The client asks to join a namespace, or the server accepts.
    Connect = 0,
    /// The sender leaves a namespace.
    Disconnect = 1,
    /// An event without attachments.
    Event = 2,
    /// The answer to an event with an ack id.
    Ack = 3,
    /// The server refuses a namespace.
    ConnectError = 4,
    /// An event with attachments.
    BinaryEvent = 5,
    /// An ack with attachments.
    BinaryAck = 6,
}

impl PacketType {
    fn from_digit(digit: u8) -> Option<Self> {
        Some(match digit {
            b'0' => Self::Connect,
            b'1' => Self::Disconnect,
            b'2' => Self::Event,
            b'3' => Self::Ack,
            b'4' => Self::ConnectError,
            b'5' => Self::BinaryEvent,
            b'6' => Self::BinaryAck,
            _ => return None,
        })
    }

    fn is_binary(self) -> bool {
        matches!(self, Self::BinaryEvent | Self::BinaryAck)
    }

    /// Whether a packet of this type may have this kind of data and this ack id.
    pub(crate) fn carries(self, data: Shape, id: Option<u64>) -> bool {
        match self {
            // An ack id has no meaning in these three types.
            Self::Connect => id.is_none() && matches!(data, Shape::Absent | Shape::Object),
            Self::ConnectError => id.is_none() && matches!(data, Shape::Object | Shape::Text),
            Self::Disconnect => id.is_none() && data == Shape::Absent,
            Self::Ack | Self::BinaryAck => data == Shape::Array && id.is_some(),
            Self::Event | Self::BinaryEvent => data == Shape::Array,
        }
    }
}

/// The kind of a packet's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Absent,
    Array,
    Object,
    Text,
    Other,
}

/// The part of a packet before its data. It is usually short.
pub type Head = SmallVec<[u8; 32]>;

/// One Socket.IO packet in text form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The type.
    pub kind: PacketType,
    /// The number of binary messages that follow.
    pub attachments: u32,
    /// The namespace, with its slash. It is `/` when the packet names none.
    pub namespace: &'a str,
    /// The ack id.
    pub id: Option<u64>,
    /// Raw JSON, or an empty text.
    pub data: &'a str,
}

impl<'a> Packet<'a> {
    /// Decodes the text of an Engine.IO message.
    ///
    /// # Errors
    /// The text is not a packet, or its type cannot carry its data.
    pub fn decode(text: &'a str, max_attachments: u32) -> Result<Self, DecodeError> {
        let kind = text.bytes().next().and_then(PacketType::from_digit);
        let kind = kind.ok_or(DecodeError::BadPacketType)?;
        let (attachments, rest) = if kind.is_binary() {
            attachments(&text[1..], max_attachments)?
        } else {
            (0, &text[1..])
        };
        let (namespace, rest) = namespace(rest)?;
        let (id, data) = ack_id(rest)?;
        let packet = Self { kind, attachments, namespace, id, data };
        packet.check_data()?;
        Ok(packet)
    }

    fn check_data(&self) -> Result<(), DecodeError> {
        let shape = match self.data.bytes().next() {
            None => Shape::Absent,
            Some(b'[') => Shape::Array,
            Some(b'{') => Shape::Object,
            Some(b'"') => Shape::Text,
            Some(_) => Shape::Other,
        };
        if !self.kind.carries(shape, self.id) {
            return Err(DecodeError::BadPayload);
        }
        match self.kind {
            PacketType::Event | PacketType::BinaryEvent => self.check_event(),
            _ => Ok(()),
        }
    }

    /// Checks that the data is an array that begins with a name, which is a string or a number.
    fn check_event(&self) -> Result<(), DecodeError> {
        let array = self.data.strip_prefix('[').ok_or(DecodeError::BadPayload)?;
        let first = array.trim_start_matches([' ', '\t', '\n', '\r']);
        match first.as_bytes().first() {
            Some(b'"') => check_name(first),
            Some(b'-' | b'0'..=b'9') => Ok(()),
            _ => Err(DecodeError::BadEventName),
        }
    }

    /// Appends everything before the data.
    pub fn encode_header(&self, out: &mut Head) {
        out.push(b'0' + self.kind as u8);
        if self.kind.is_binary() {
            push_number(u64::from(self.attachments), out);
            out.push(b'-');
        }
        if self.namespace != "/" {
            out.extend_from_slice(self.namespace.as_bytes());
            out.push(b',');
        }
        if let Some(id) = self.id {
            push_number(id, out);
        }
    }

    /// Appends the encoded packet.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut head = Head::new();
        self.encode_header(&mut head);
        out.extend_from_slice(&head);
        out.extend_from_slice(self.data.as_bytes());
    }
}

/// Everything before the data in the Engine.IO text message that carries a packet, including the
/// `4` of Engine.IO. With attachments, `Event` and `Ack` become the binary types.
pub fn message_head(
    kind: PacketType,
    attachments: usize,
    namespace: &str,
    id: Option<u64>,
) -> Head {
    let kind = match (kind, attachments) {
        (kind, 0) => kind,
        (PacketType::Event, _) => PacketType::BinaryEvent,
        (PacketType::Ack, _) => PacketType::BinaryAck,
        (kind, _) => kind,
    };
    let packet = Packet { kind, attachments: attachments as u32, namespace, id, data: "" };
    let mut head: Head = smallvec![b'4'];
    packet.encode_header(&mut head);
    head
}

fn push_number(number: u64, out: &mut Head) {
    // Writing to memory cannot fail.
    let _ = write!(out, "{number}");
}

/// Checks an event name; `text` begins with its opening quote.
fn check_name(text: &str) -> Result<(), DecodeError> {
    let end = json::string_end(text.as_bytes(), 0).ok_or(DecodeError::BadJson)?;
    if end > MAX_EVENT_NAME {
        return Err(DecodeError::BadEventName);
    }
    let literal = &text[..end];
    // Escapes must be resolved first, or they would hide a reserved name.
    if literal.contains('\\') {
        let name = json::string(literal).ok_or(DecodeError::BadJson)?;
        check_event_name(&name)
    } else {
        check_event_name(&literal[1..end - 1])
    }
}

/// The name of the event in `data`, the JSON array of an event. Returns `None` when it is not a string.
#[must_use]
pub fn event_name(data: &str) -> Option<Cow<'_, str>> {
    let first = data.strip_prefix('[')?.trim_start_matches([' ', '\t', '\n', '\r']);
    let literal = &first[..json::string_end(first.as_bytes(), 0)?];
    if literal.contains('\\') {
        return json::string(literal).map(Cow::Owned);
    }
    Some(Cow::Borrowed(&literal[1..literal.len() - 1]))
}

/// Checks an event name that a client sent.
///
/// # Errors
/// `BadEventName` when the name is reserved or longer than 1024 bytes.
pub fn check_event_name(name: &str) -> Result<(), DecodeError> {
    if RESERVED.contains(&name) || name.len() > MAX_EVENT_NAME {
        return Err(DecodeError::BadEventName);
    }
    Ok(())
}

fn attachments(text: &str, max: u32) -> Result<(u32, &str), DecodeError> {
    let (digits, rest) = text.split_once('-').ok_or(DecodeError::BadAttachmentCount)?;
    let plain = digits.len() <= 10 && digits.bytes().all(|b| b.is_ascii_digit());
    let count = digits.parse().ok().filter(|count| plain && (1..=max).contains(count));
    Ok((count.ok_or(DecodeError::BadAttachmentCount)?, rest))
}

fn namespace(text: &str) -> Result<(&str, &str), DecodeError> {
    if !text.starts_with('/') {
        return Ok(("/", text));
    }
    let (name, rest) = text.split_once(',').unwrap_or((text, ""));
    Ok((namespace_name(name)?, rest))
}

/// The name of a namespace without the query that a client may append.
///
/// # Errors
/// `BadNamespace` when the name is longer than 255 bytes.
pub fn namespace_name(name: &str) -> Result<&str, DecodeError> {
    let name = name.split_once('?').map_or(name, |(name, _)| name);
    if name.len() > MAX_NAMESPACE { Err(DecodeError::BadNamespace) } else { Ok(name) }
}

fn ack_id(text: &str) -> Result<(Option<u64>, &str), DecodeError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Ok((None, text));
    }
    let id = text[..digits].parse().ok().filter(|id| *id <= MAX_ACK_ID);
    Ok((Some(id.ok_or(DecodeError::BadAckId)?), &text[digits..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        text: &str,
        expected: Result<(PacketType, u32, &str, Option<u64>, &str), DecodeError>,
    ) {
        let found =
            Packet::decode(text, 10).map(|p| (p.kind, p.attachments, p.namespace, p.id, p.data));
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn the_examples_of_the_protocol_are_decoded() {
        use PacketType as T;
        check("0", Ok((T::Connect, 0, "/", None, "")));
        check(r#"0/admin,{"a":1}"#, Ok((T::Connect, 0, "/admin", None, r#"{"a":1}"#)));
        check("0/admin?token=x,", Ok((T::Connect, 0, "/admin", None, "")));
        check("0/admin", Ok((T::Connect, 0, "/admin", None, "")));
        check(r#"2["hello",1]"#, Ok((T::Event, 0, "/", None, r#"["hello",1]"#)));
        check(r#"2/admin,456["x"]"#, Ok((T::Event, 0, "/admin", Some(456), r#"["x"]"#)));
        check("3/admin,456[]", Ok((T::Ack, 0, "/admin", Some(456), "[]")));
        check(r#"4{"message":"no"}"#, Ok((T::ConnectError, 0, "/", None, r#"{"message":"no"}"#)));
        check("1/admin,", Ok((T::Disconnect, 0, "/admin", None, "")));
        check(r#"51-["b",{}]"#, Ok((T::BinaryEvent, 1, "/", None, r#"["b",{}]"#)));
        check(r#"61-/a,4[{}]"#, Ok((T::BinaryAck, 1, "/a", Some(4), "[{}]")));
        check("2[12,1]", Ok((T::Event, 0, "/", None, "[12,1]")));
    }

    #[test]
    fn packets_that_break_the_grammar_are_refused() {
        use DecodeError as E;
        for text in ["", "7", "x", "²"] {
            check(text, Err(E::BadPacketType));
        }
        for text in [
            "50-[\"a\"]",
            "5-1-[\"a\"]",
            "511-[\"a\"]",
            "59999999999-[\"a\"]",
            "51e1-[\"a\"]",
            "5²-[\"a\"]",
            "5[\"a\"]",
            "5+1-[\"a\"]",
            "5-",
        ] {
            check(text, Err(E::BadAttachmentCount));
        }
        for text in
            ["2", "2{}", "2\"a\"", "3[]", "31{}", "0[]", "01", "0x", "11", "1{}", "4", "4[]"]
        {
            check(text, Err(E::BadPayload));
        }
        for text in [
            "2[]",
            "2[null]",
            "2[{}]",
            "2[[]]",
            "2[true]",
            "2[\"connect\"]",
            "2[\"disconnect\",1]",
            "2[ \"newListener\"]",
            r#"2["\u0063onnect"]"#,
        ] {
            check(text, Err(E::BadEventName));
        }
        check("2[\"abc", Err(E::BadJson));
        check("299999999999999999999[\"a\"]", Err(E::BadAckId));
        check("29007199254740993[\"a\"]", Err(E::BadAckId));
        check(&format!("0/{}", "n".repeat(255)), Err(E::BadNamespace));
        check(&format!("2[\"{}\"]", "n".repeat(1024)), Err(E::BadEventName));
    }

    #[test]
    fn encoding_reverses_decoding() {
        for text in ["0", "0/a,{}", "2[\"x\"]", "2/a,1[\"x\"]", "51-/a,1[\"x\"]", "1", "30[]"] {
            let mut out = Vec::new();
            Packet::decode(text, 10).unwrap().encode(&mut out);
            assert_eq!(out, text.as_bytes());
        }
    }
}

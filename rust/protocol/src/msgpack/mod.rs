//! Packets of the msgpack parser: one binary message with a map of `type`, `data`, `nsp` and `id`.
//!
//! This module decodes the header and leaves `data` as raw msgpack.
//!
//! Source: `socket.io-msgpack-parser` 3.0.2 with `notepack.io` 2.2.0. That library uses extension
//! type 0 for three things: `d4 00 00` is `undefined`, `d7 00` with 8 bytes is a `Date`, and `c7`,
//! `c8` and `c9` are an `ArrayBuffer`. Most msgpack libraries report only the type of an extension
//! and not its form, so this module rewrites an `ArrayBuffer` as a value of the `bin` family.

mod token;

use std::borrow::Cow;

use self::token::{Reader, Token, Value, push_binary, push_integer, push_text};
use crate::error::DecodeError;
use crate::socketio::{self, MAX_ACK_ID, PacketType};

/// One Socket.IO packet in msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The type. `BinaryEvent` and `BinaryAck` do not occur.
    pub kind: PacketType,
    /// The namespace, with its slash.
    pub namespace: &'a str,
    /// The ack id.
    pub id: Option<u64>,
    /// One msgpack value, or no bytes.
    pub data: Cow<'a, [u8]>,
}

impl<'a> Packet<'a> {
    /// Decodes a binary Engine.IO message.
    ///
    /// # Errors
    /// The message is not a packet, or its type cannot carry its data.
    pub fn decode(input: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(input);
        let Token::Map(pairs) = reader.token()? else {
            return Err(DecodeError::BadMsgpack);
        };
        let mut fields = Fields::default();
        for _ in 0..pairs {
            fields.read(&mut reader)?;
        }
        if reader.left() > 0 {
            return Err(DecodeError::BadMsgpack);
        }
        fields.into_packet()
    }

    /// Appends the encoded packet.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode(self.kind, self.namespace, self.id, &self.data, out);
    }
}

/// Appends a packet. `data` is one encoded msgpack value, or empty.
pub fn encode(kind: PacketType, namespace: &str, id: Option<u64>, data: &[u8], out: &mut Vec<u8>) {
    out.push(0x82 + u8::from(id.is_some()) + u8::from(!data.is_empty()));
    push_text("type", out);
    out.push(kind as u8);
    push_text("nsp", out);
    push_text(namespace, out);
    if let Some(id) = id {
        push_text("id", out);
        push_integer(id, out);
    }
    if !data.is_empty() {
        push_text("data", out);
        out.extend_from_slice(data);
    }
}

/// The fields read so far. Of a repeated key, the last value counts.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<PacketType>,
    namespace: Option<&'a str>,
    id: Option<u64>,
    data: Option<Value<'a>>,
}

impl<'a> Fields<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<(), DecodeError> {
        match reader.token()? {
            Token::Text("type") => self.kind = Some(packet_type(&reader.token()?)?),
            Token::Text("nsp") => self.namespace = Some(namespace(&reader.token()?)?),
            Token::Text("id") => self.id = ack_id(&reader.token()?)?,
            Token::Text("data") => self.data = Some(reader.value()?),
            key => {
                reader.walk(0, key, |_, _, _| {})?;
                reader.value()?;
            }
        }
        Ok(())
    }

    fn into_packet(self) -> Result<Packet<'a>, DecodeError> {
        let kind = self.kind.ok_or(DecodeError::BadPacketType)?;
        let namespace = self.namespace.ok_or(DecodeError::BadNamespace)?;
        let value = self.data.unwrap_or_default();
        if !kind.carries(value.shape, self.id) {
            return Err(DecodeError::BadPayload);
        }
        if kind == PacketType::Event {
            check_event(value.bytes)?;
        }
        let data = if value.has_buffers {
            Cow::Owned(without_buffers(value.bytes)?)
        } else {
            Cow::Borrowed(value.bytes)
        };
        Ok(Packet { kind, namespace, id: self.id, data })
    }
}

fn packet_type(token: &Token<'_>) -> Result<PacketType, DecodeError> {
    Ok(match token {
        Token::Integer(Some(0)) => PacketType::Connect,
        Token::Integer(Some(1)) => PacketType::Disconnect,
        Token::Integer(Some(2)) => PacketType::Event,
        Token::Integer(Some(3)) => PacketType::Ack,
        Token::Integer(Some(4)) => PacketType::ConnectError,
        _ => return Err(DecodeError::BadPacketType),
    })
}

fn namespace<'a>(token: &Token<'a>) -> Result<&'a str, DecodeError> {
    match token {
        Token::Text(name) if name.starts_with('/') => socketio::namespace_name(name),
        _ => Err(DecodeError::BadNamespace),
    }
}

fn ack_id(token: &Token<'_>) -> Result<Option<u64>, DecodeError> {
    match token {
        Token::Nil | Token::Undefined => Ok(None),
        Token::Integer(Some(id)) if *id <= MAX_ACK_ID => Ok(Some(*id)),
        _ => Err(DecodeError::BadAckId),
    }
}

/// Checks that the data is an array that begins with a name, which is a string or a number.
fn check_event(data: &[u8]) -> Result<(), DecodeError> {
    let mut reader = Reader::new(data);
    match reader.token()? {
        Token::Array(1..) => {}
        _ => return Err(DecodeError::BadEventName),
    }
    match reader.token()? {
        Token::Text(name) => socketio::check_event_name(name),
        Token::Integer(_) | Token::Float => Ok(()),
        _ => Err(DecodeError::BadEventName),
    }
}

/// Copies a value and rewrites each `ArrayBuffer` as a value of the `bin` family.
fn without_buffers(value: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut out = Vec::with_capacity(value.len());
    let mut copied = 0;
    let mut reader = Reader::new(value);
    let first = reader.token()?;
    reader.walk(0, first, |token, start, end| {
        if let Token::Buffer(data) = token {
            out.extend_from_slice(&value[copied..start]);
            push_binary(data, &mut out);
            copied = end;
        }
    })?;
    out.extend_from_slice(&value[copied..]);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::token::MAX_DEPTH;
    use super::*;
    use DecodeError as E;

    /// `{"type": 2, "nsp": "/", "data": <data>}`
    fn event(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(PacketType::Event, "/", None, data, &mut out);
        out
    }

    #[test]
    fn buffers_become_bin_and_nothing_else_changes() {
        for (found, expected) in [
            (&b"\x92\xa1a\xc7\x08\x00bcdefghi"[..], &b"\x92\xa1a\xc4\x08bcdefghi"[..]),
            (b"\x92\xa1a\xc7\x01\x00\x00", b"\x92\xa1a\xc4\x01\x00"),
            (
                b"\x93\xa1a\xc8\x00\x01\x00b\x91\xc9\x00\x00\x00\x00\x00",
                b"\x93\xa1a\xc4\x01b\x91\xc4\x00",
            ),
            (
                b"\x93\xa1a\xd4\x00\x00\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x00",
                b"\x93\xa1a\xd4\x00\x00\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x00",
            ),
            (b"\x92\xa1a\xc7\x01\x05\x00", b"\x92\xa1a\xc7\x01\x05\x00"),
        ] {
            let message = event(found);
            assert_eq!(
                Packet::decode(&message).map(|packet| packet.data.into_owned()),
                Ok(expected.to_vec())
            );
        }
    }

    #[test]
    fn lengths_beyond_the_input_are_refused() {
        for form in [0xc6, 0xc9, 0xdb, 0xdd, 0xdf] {
            let data = [0x92, 0xa1, b'a', form, 0xff, 0xff, 0xff, 0xff, 0, 0];
            assert_eq!(Packet::decode(&event(&data)), Err(E::BadMsgpack), "{form:x}");
        }
        assert_eq!(Packet::decode(b"\xdf\xff\xff\xff\xff"), Err(E::BadMsgpack));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth| [&[0x92, 0xa1, b'a'][..], &vec![0x91; depth], &[0xc0]].concat();
        assert!(Packet::decode(&event(&nested(MAX_DEPTH - 1))).is_ok());
        assert_eq!(Packet::decode(&event(&nested(MAX_DEPTH))), Err(E::TooDeep));
        assert_eq!(Packet::decode(&event(&nested(500_000))), Err(E::TooDeep));
        let key = [&b"\x82\xa4type\x02"[..], &vec![0x91; 1000], &[0xc0, 0xc0]].concat();
        assert_eq!(Packet::decode(&key), Err(E::TooDeep));
    }

    #[test]
    fn event_names_follow_the_rules_of_text_packets() {
        let named = |name: &str| {
            let mut data = vec![0x91];
            push_text(name, &mut data);
            Packet::decode(&event(&data)).map(|_| ())
        };
        assert_eq!(named("a"), Ok(()));
        assert_eq!(named("disconnect"), Err(E::BadEventName));
        assert_eq!(named(&"n".repeat(1025)), Err(E::BadEventName));
        for data in
            [&b"\x90"[..], b"\x91\xc0", b"\x91\x80", b"\x91\x90", b"\x91\xc3", b"\x91\xc4\x00"]
        {
            assert_eq!(Packet::decode(&event(data)), Err(E::BadEventName), "{data:?}");
        }
        assert!(Packet::decode(&event(b"\x91\xff")).is_ok());
        assert_eq!(Packet::decode(&event(b"\x91\xa2\xc3\x28")), Err(E::BadUtf8));
    }
}

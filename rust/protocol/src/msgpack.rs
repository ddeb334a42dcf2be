//! Packets of the msgpack parser: one binary message, a map of `type`, `data`, `nsp` and `id`.
//!
//! Only the header is read; `data` stays the bytes it came in. The scanner walks tokens with an
//! explicit stack, and every length is held against what is left of the input before it is
//! believed. Source: `socket.io-msgpack-parser` 3.0.2 on `notepack.io` 2.2.0, whose extension
//! type 0 means three things: `d4 00 00` is `undefined`, `d7 00` and 8 bytes a `Date`, and
//! `c7`, `c8`, `c9` an `ArrayBuffer`. The last is rewritten as bin here, as readers that do not
//! see an extension's form cannot tell it from the others.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::error::DecodeError;
use crate::socketio::{self, MAX_ACK_ID, PacketType, Shape};

const MAX_DEPTH: usize = 512;

/// One packet; `data` is raw msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its type; never a binary kind.
    pub kind: PacketType,
    /// The namespace.
    pub namespace: &'a str,
    /// The ack id.
    pub id: Option<u64>,
    /// One msgpack value, or nothing.
    pub data: Cow<'a, [u8]>,
}

impl<'a> Packet<'a> {
    /// Decodes a binary Engine.IO message.
    ///
    /// # Errors
    /// When it is no packet, or its data is not what its type carries.
    pub fn decode(input: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader { input, at: 0 };
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

    /// Appends the whole packet.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode(self.kind, self.namespace, self.id, &self.data, out);
    }
}

/// Appends a packet around data that is encoded already, or empty.
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

/// The header's fields, as far as they have been met; a key that comes twice counts as it came last.
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

/// An event's data is an array that begins with a name: a string, or a number.
fn check_event(data: &[u8]) -> Result<(), DecodeError> {
    let mut reader = Reader { input: data, at: 0 };
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

/// Writes a value anew with bin for each `ArrayBuffer`.
fn without_buffers(value: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut out = Vec::with_capacity(value.len());
    let mut copied = 0;
    let mut reader = Reader { input: value, at: 0 };
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

/// One value of the input.
struct Value<'a> {
    bytes: &'a [u8],
    shape: Shape,
    has_buffers: bool,
}

impl Default for Value<'_> {
    fn default() -> Self {
        Self { bytes: &[], shape: Shape::Absent, has_buffers: false }
    }
}

/// A value without what it holds.
#[derive(Clone, Copy, Debug)]
enum Token<'a> {
    Array(usize),
    Binary,
    Bool,
    Buffer(&'a [u8]),
    Extension,
    Float,
    /// `None` is a negative one.
    Integer(Option<u64>),
    /// The number of pairs.
    Map(usize),
    Nil,
    Text(&'a str),
    Undefined,
}

impl Token<'_> {
    fn shape(&self) -> Shape {
        match self {
            // python-socketio writes nil where there is no data.
            Self::Nil | Self::Undefined => Shape::Absent,
            Self::Array(_) => Shape::Array,
            Self::Map(_) => Shape::Object,
            Self::Text(_) => Shape::Text,
            _ => Shape::Other,
        }
    }

    /// How many values follow that belong to this one.
    fn children(&self) -> usize {
        match self {
            Self::Array(count) => *count,
            // Checked to be less than the input's length.
            Self::Map(pairs) => pairs * 2,
            _ => 0,
        }
    }
}

struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn left(&self) -> usize {
        self.input.len() - self.at
    }

    /// Reads one value with all it holds.
    fn value(&mut self) -> Result<Value<'a>, DecodeError> {
        let start = self.at;
        let first = self.token()?;
        let mut has_buffers = false;
        self.walk(start, first, |token, _, _| {
            has_buffers |= matches!(token, Token::Buffer(_));
        })?;
        let shape = first.shape();
        let bytes = if shape == Shape::Absent { &[] } else { &self.input[start..self.at] };
        Ok(Value { bytes, shape, has_buffers })
    }

    /// Reads what belongs to `first`, which began at `start`; `see` gets each token and its place.
    fn walk(
        &mut self,
        start: usize,
        first: Token<'a>,
        mut see: impl FnMut(Token<'a>, usize, usize),
    ) -> Result<(), DecodeError> {
        see(first, start, self.at);
        let mut open: SmallVec<[usize; 16]> = SmallVec::new();
        open.push(first.children());
        while let Some(missing) = open.last_mut() {
            let Some(less) = missing.checked_sub(1) else {
                open.pop();
                continue;
            };
            *missing = less;
            let start = self.at;
            let token = self.token()?;
            see(token, start, self.at);
            if token.children() > 0 {
                if open.len() >= MAX_DEPTH {
                    return Err(DecodeError::TooDeep);
                }
                open.push(token.children());
            }
        }
        Ok(())
    }

    fn token(&mut self) -> Result<Token<'a>, DecodeError> {
        let first = self.byte()?;
        Ok(match first {
            0x00..=0x7f => Token::Integer(Some(first.into())),
            0x80..=0x8f => self.map(usize::from(first & 0x0f))?,
            0x90..=0x9f => self.array(usize::from(first & 0x0f))?,
            0xa0..=0xbf => self.text(usize::from(first & 0x1f))?,
            0xc0 => Token::Nil,
            0xc1 => return Err(DecodeError::BadMsgpack),
            0xc2 | 0xc3 => Token::Bool,
            0xc4..=0xc6 => {
                let len = self.length(first - 0xc4)?;
                self.take(len)?;
                Token::Binary
            }
            0xc7..=0xc9 => {
                let len = self.length(first - 0xc7)?;
                let kind = self.byte()?;
                let data = self.take(len)?;
                if kind == 0 { Token::Buffer(data) } else { Token::Extension }
            }
            0xca | 0xcb => {
                self.unsigned(first - 0xca + 2)?;
                Token::Float
            }
            0xcc..=0xcf => Token::Integer(Some(self.unsigned(first - 0xcc)?)),
            0xd0..=0xd3 => self.signed(first - 0xd0)?,
            0xd4..=0xd8 => {
                let kind = self.byte()?;
                self.take(1 << (first - 0xd4))?;
                if first == 0xd4 && kind == 0 { Token::Undefined } else { Token::Extension }
            }
            0xd9..=0xdb => {
                let len = self.length(first - 0xd9)?;
                self.text(len)?
            }
            0xdc | 0xdd => {
                let count = self.length(first - 0xdc + 1)?;
                self.array(count)?
            }
            0xde | 0xdf => {
                let pairs = self.length(first - 0xde + 1)?;
                self.map(pairs)?
            }
            0xe0..=0xff => Token::Integer(None),
        })
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        let byte = *self.input.get(self.at).ok_or(DecodeError::BadMsgpack)?;
        self.at += 1;
        Ok(byte)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let bytes = self.input[self.at..].get(..len).ok_or(DecodeError::BadMsgpack)?;
        self.at += len;
        Ok(bytes)
    }

    /// A big-endian number of `2^power` bytes.
    fn unsigned(&mut self, power: u8) -> Result<u64, DecodeError> {
        Ok(self.take(1 << power)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn signed(&mut self, power: u8) -> Result<Token<'a>, DecodeError> {
        let value = self.unsigned(power)?;
        let sign = 1 << ((8 << power) - 1);
        Ok(Token::Integer(Some(value).filter(|value| value & sign == 0)))
    }

    fn length(&mut self, power: u8) -> Result<usize, DecodeError> {
        usize::try_from(self.unsigned(power)?).map_err(|_| DecodeError::BadMsgpack)
    }

    /// Every element takes a byte at least.
    fn array(&self, count: usize) -> Result<Token<'a>, DecodeError> {
        if count > self.left() { Err(DecodeError::BadMsgpack) } else { Ok(Token::Array(count)) }
    }

    fn map(&self, pairs: usize) -> Result<Token<'a>, DecodeError> {
        if pairs > self.left() / 2 { Err(DecodeError::BadMsgpack) } else { Ok(Token::Map(pairs)) }
    }

    fn text(&mut self, len: usize) -> Result<Token<'a>, DecodeError> {
        let bytes = self.take(len)?;
        simdutf8::basic::from_utf8(bytes).map(Token::Text).map_err(|_| DecodeError::BadUtf8)
    }
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    match text.len() {
        len @ 0..=31 => out.push(0xa0 | len as u8),
        len => push_length(0xd9, len, out),
    }
    out.extend_from_slice(text.as_bytes());
}

fn push_binary(data: &[u8], out: &mut Vec<u8>) {
    push_length(0xc4, data.len(), out);
    out.extend_from_slice(data);
}

/// The shortest of three forms, for 8, 16 and 32 bits; packets stay far below the last one's limit.
fn push_length(form: u8, len: usize, out: &mut Vec<u8>) {
    match len {
        0..=0xff => out.extend_from_slice(&[form, len as u8]),
        0x100..=0xffff => {
            out.push(form + 1);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out.push(form + 2);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

fn push_integer(value: u64, out: &mut Vec<u8>) {
    match value {
        0..=0x7f => out.push(value as u8),
        0x80..=0xffff_ffff => {
            out.push(0xce);
            out.extend_from_slice(&(value as u32).to_be_bytes());
        }
        _ => {
            out.push(0xcf);
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
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
    fn lengths_are_not_believed() {
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
    fn names_are_checked_as_in_text() {
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

//! Reading and writing of msgpack values. It knows nothing of packets.
//!
//! The reader keeps its own stack instead of recursing, and compares every length with the rest of
//! the input before it uses it. Source: the msgpack specification, "Formats".

use smallvec::SmallVec;

use crate::error::DecodeError;
use crate::socketio::Shape;

pub(super) const MAX_DEPTH: usize = 512;

/// One value of the input, with everything that it contains.
pub(super) struct Value<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) shape: Shape,
    pub(super) has_buffers: bool,
}

impl Default for Value<'_> {
    fn default() -> Self {
        Self { bytes: &[], shape: Shape::Absent, has_buffers: false }
    }
}

/// The head of a value: its type, and for arrays and maps the number of values that follow.
#[derive(Clone, Copy, Debug)]
pub(super) enum Token<'a> {
    Array(usize),
    Binary,
    Bool,
    Buffer(&'a [u8]),
    Extension,
    Float,
    /// `None` stands for all negative integers.
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
            // python-socketio writes nil when a packet has no data.
            Self::Nil | Self::Undefined => Shape::Absent,
            Self::Array(_) => Shape::Array,
            Self::Map(_) => Shape::Object,
            Self::Text(_) => Shape::Text,
            _ => Shape::Other,
        }
    }

    /// The number of values after this token that belong to it.
    fn children(&self) -> usize {
        match self {
            Self::Array(count) => *count,
            // This cannot overflow: `Reader::map` compares the number with the input's length.
            Self::Map(pairs) => pairs * 2,
            _ => 0,
        }
    }
}

pub(super) struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0 }
    }

    pub(super) fn left(&self) -> usize {
        self.input.len() - self.at
    }

    /// Reads one value with everything that it contains.
    pub(super) fn value(&mut self) -> Result<Value<'a>, DecodeError> {
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

    /// Reads the rest of the value that begins with the token `first` at `start`. Calls `visit` with
    /// each token, its start and its end.
    pub(super) fn walk(
        &mut self,
        start: usize,
        first: Token<'a>,
        mut visit: impl FnMut(Token<'a>, usize, usize),
    ) -> Result<(), DecodeError> {
        visit(first, start, self.at);
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
            visit(token, start, self.at);
            if token.children() > 0 {
                if open.len() >= MAX_DEPTH {
                    return Err(DecodeError::TooDeep);
                }
                open.push(token.children());
            }
        }
        Ok(())
    }

    pub(super) fn token(&mut self) -> Result<Token<'a>, DecodeError> {
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

    /// Reads a big-endian number of `2^power` bytes.
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

    /// Every element takes at least one byte, so a larger count cannot be right.
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

pub(super) fn push_text(text: &str, out: &mut Vec<u8>) {
    match text.len() {
        len @ 0..=31 => out.push(0xa0 | len as u8),
        len => push_length(0xd9, len, out),
    }
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn push_binary(data: &[u8], out: &mut Vec<u8>) {
    push_length(0xc4, data.len(), out);
    out.extend_from_slice(data);
}

/// Writes the shortest of three forms, with 8, 16 or 32 bits. Packets are always shorter than the
/// limit of the last form.
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

pub(super) fn push_integer(value: u64, out: &mut Vec<u8>) {
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

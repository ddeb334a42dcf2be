//! JSON to msgpack and back.
//!
//! In JSON bytes stand beside the text, with a placeholder each; in msgpack they stand where they
//! belong. Source: the msgpack specification, and notepack 2.2 and 3.0 for what Node's adapters write:
//! `undefined`, dates and `ArrayBuffer`s are extensions there.

use std::fmt::Write;

use bytes::Bytes;
use protocol::json::{self, PlaceholderAt};
use rmp::encode;
use rmpv::ValueRef;
use rmpv::decode::read_value_ref_with_max_depth;
use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;
use time::format_description::well_known::iso8601::{Config, EncodedConfig, TimePrecision};

use crate::error::Error;
use crate::event::EventData;

/// As deep as what a client may send.
const MAX_DEPTH: usize = 128;
/// What `Date.prototype.toISOString` writes: milliseconds, always.
const MILLISECONDS: EncodedConfig = Config::DEFAULT
    .set_time_precision(TimePrecision::Second { decimal_digits: std::num::NonZero::new(3) })
    .encode();

/// Writes JSON as msgpack, with the attachments in the places of their placeholders.
pub(crate) fn to_msgpack(text: &str, attachments: &[Bytes]) -> Result<Vec<u8>, Error> {
    let mut writer = Writer { text, at: 0, attachments, out: Vec::with_capacity(text.len()) };
    writer.value(0)?;
    writer.skip_space();
    if writer.at < text.len() {
        return Err(bad("JSON: something follows the value"));
    }
    Ok(writer.out)
}

fn bad(what: &str) -> Error {
    Error::BadMessage(what.to_owned())
}

struct Writer<'a> {
    text: &'a str,
    at: usize,
    attachments: &'a [Bytes],
    out: Vec<u8>,
}

impl Writer<'_> {
    fn skip_space(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at +=
            rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn peek(&mut self) -> Result<u8, Error> {
        self.skip_space();
        self.text.as_bytes().get(self.at).copied().ok_or_else(|| bad("JSON: it ends too early"))
    }

    /// Takes one of two bytes; whether it was the first.
    fn next_is(&mut self, first: u8, second: u8) -> Result<bool, Error> {
        let byte = self.peek()?;
        self.at += 1;
        match byte {
            byte if byte == first => Ok(true),
            byte if byte == second => Ok(false),
            _ => Err(bad("JSON: expected a comma or the end of an array or object")),
        }
    }

    fn value(&mut self, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string(),
            _ => self.scalar(),
        }
    }

    /// The length is written when it is known: a header of five bytes is as good as a shorter one.
    fn counted(
        &mut self,
        marker: u8,
        count: impl FnOnce(&mut Self) -> Result<u32, Error>,
    ) -> Result<(), Error> {
        self.out.push(marker);
        let at = self.out.len();
        self.out.extend_from_slice(&[0; 4]);
        let count = count(self)?;
        self.out[at..at + 4].copy_from_slice(&count.to_be_bytes());
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), Error> {
        self.at += 1;
        self.counted(0xdd, |writer| {
            let mut count = 0;
            if writer.peek()? == b']' {
                writer.at += 1;
                return Ok(0);
            }
            loop {
                writer.value(depth + 1)?;
                count += 1;
                if !writer.next_is(b',', b']')? {
                    return Ok(count);
                }
            }
        })
    }

    fn object(&mut self, depth: usize) -> Result<(), Error> {
        if !self.attachments.is_empty()
            && let Some(PlaceholderAt { num, end }) =
                json::placeholder(self.text, self.at).map_err(|_| Error::BadAttachments)?
        {
            self.at = end;
            return self.attachment(num);
        }
        self.at += 1;
        self.counted(0xdf, |writer| {
            let mut count = 0;
            if writer.peek()? == b'}' {
                writer.at += 1;
                return Ok(0);
            }
            loop {
                writer.peek()?;
                writer.string()?;
                if writer.peek()? != b':' {
                    return Err(bad("JSON: expected a colon behind a key"));
                }
                writer.at += 1;
                writer.value(depth + 1)?;
                count += 1;
                if !writer.next_is(b',', b'}')? {
                    return Ok(count);
                }
            }
        })
    }

    fn attachment(&mut self, num: u64) -> Result<(), Error> {
        let data = usize::try_from(num).ok().and_then(|num| self.attachments.get(num));
        let data = data.ok_or(Error::BadAttachments)?;
        write(encode::write_bin(&mut self.out, data))
    }

    fn string(&mut self) -> Result<(), Error> {
        let end = json::string_end(self.text.as_bytes(), self.at);
        let literal = end.and_then(|end| self.text.get(self.at..end));
        let (Some(end), Some(literal)) = (end, literal) else {
            return Err(bad("JSON: expected a string"));
        };
        self.at = end;
        let inner = &literal[1..literal.len() - 1];
        if inner.contains('\\') {
            let text =
                json::string(literal).ok_or_else(|| bad("JSON: a string has a wrong escape"))?;
            return write(encode::write_str(&mut self.out, &text));
        }
        write(encode::write_str(&mut self.out, inner))
    }

    fn scalar(&mut self) -> Result<(), Error> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '+' | '.'));
        let word = &rest[..end.unwrap_or(rest.len())];
        self.at += word.len();
        match word {
            "null" => self.out.push(0xc0),
            "false" => self.out.push(0xc2),
            "true" => self.out.push(0xc3),
            _ => return self.number(word),
        }
        Ok(())
    }

    fn number(&mut self, word: &str) -> Result<(), Error> {
        if let Ok(value) = word.parse::<u64>() {
            return write(encode::write_uint(&mut self.out, value).map(|_| ()));
        }
        if let Ok(value) = word.parse::<i64>() {
            return write(encode::write_sint(&mut self.out, value).map(|_| ()));
        }
        let is_number = word.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        let value = word.parse::<f64>().ok().filter(|_| is_number);
        let value = value.ok_or_else(|| bad("JSON: expected a value"))?;
        write(encode::write_f64(&mut self.out, value))
    }
}

/// Writing into memory does not fail.
fn write<T, E>(result: Result<T, E>) -> Result<(), Error> {
    result.map(|_| ()).map_err(|_| bad("msgpack: a value is too long"))
}

/// Reads msgpack as JSON; its bytes become attachments.
pub(crate) fn to_json(mut data: &[u8]) -> Result<EventData, Error> {
    let value =
        read_value_ref_with_max_depth(&mut data, MAX_DEPTH).map_err(|error| match error {
            rmpv::decode::Error::DepthLimitExceeded => Error::TooDeep,
            _ => bad("msgpack: it is cut off, or no msgpack"),
        })?;
    if !data.is_empty() {
        return Err(bad("msgpack: something follows the value"));
    }
    let mut out = EventData { json: String::with_capacity(data.len()), attachments: Vec::new() };
    push_value(&value, &mut out);
    Ok(out)
}

fn push_value(value: &ValueRef<'_>, out: &mut EventData) {
    match value {
        ValueRef::Nil => out.json.push_str("null"),
        ValueRef::Boolean(value) => show(value, out),
        ValueRef::Integer(value) => show(value, out),
        ValueRef::F32(value) => push_float((*value).into(), out),
        ValueRef::F64(value) => push_float(*value, out),
        ValueRef::String(text) => push_string(&String::from_utf8_lossy(text.as_bytes()), out),
        ValueRef::Binary(data) => push_attachment(data, out),
        ValueRef::Array(items) => push_array(items, out),
        ValueRef::Map(pairs) => push_object(pairs, out),
        ValueRef::Ext(kind, data) => push_extension(*kind, data, out),
    }
}

fn show(value: &impl std::fmt::Display, out: &mut EventData) {
    // Writing into memory does not fail.
    let _ = write!(out.json, "{value}");
}

/// As `JSON.stringify` writes a number.
fn push_float(value: f64, out: &mut EventData) {
    if value.is_finite() {
        show(&serde_json::json!(value), out);
    } else {
        out.json.push_str("null");
    }
}

fn push_string(text: &str, out: &mut EventData) {
    out.json.push_str(&serde_json::to_string(text).unwrap_or_default());
}

fn push_attachment(data: &[u8], out: &mut EventData) {
    let num = out.attachments.len();
    // Writing into memory does not fail.
    let _ = write!(out.json, "{{\"_placeholder\":true,\"num\":{num}}}");
    out.attachments.push(Bytes::copy_from_slice(data));
}

fn push_array(items: &[ValueRef<'_>], out: &mut EventData) {
    out.json.push('[');
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            out.json.push(',');
        }
        push_value(item, out);
    }
    out.json.push(']');
}

fn push_object(pairs: &[(ValueRef<'_>, ValueRef<'_>)], out: &mut EventData) {
    out.json.push('{');
    let mut is_first = true;
    for (key, value) in pairs.iter().filter(|(_, value)| !is_undefined(value)) {
        if !std::mem::take(&mut is_first) {
            out.json.push(',');
        }
        match key {
            ValueRef::String(text) => push_string(&String::from_utf8_lossy(text.as_bytes()), out),
            other => push_string(&other.to_string(), out),
        }
        out.json.push(':');
        push_value(value, out);
    }
    out.json.push('}');
}

/// notepack's `undefined`: `JSON.stringify` leaves such a member out.
fn is_undefined(value: &ValueRef<'_>) -> bool {
    matches!(value, ValueRef::Ext(0, [0]))
}

/// notepack's extensions: type 0 is `undefined` with one byte, a date with eight, and an
/// `ArrayBuffer` else; type -1 is the timestamp of the specification.
fn push_extension(kind: i8, data: &[u8], out: &mut EventData) {
    match (kind, data) {
        (0, [0]) => out.json.push_str("null"),
        (0, data) if data.len() == 8 => push_date(date_of_notepack(data), out),
        (0, data) => push_attachment(data, out),
        (-1, data) => push_date(date_of_timestamp(data), out),
        _ => out.json.push_str("null"),
    }
}

/// Milliseconds since 1970, in two halves of 32 bits.
fn date_of_notepack(data: &[u8]) -> Option<i128> {
    let millis = i64::from_be_bytes(data.try_into().ok()?);
    Some(i128::from(millis) * 1_000_000)
}

/// Nanoseconds since 1970.
fn date_of_timestamp(data: &[u8]) -> Option<i128> {
    let seconds =
        |seconds: i64, nanos: u32| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    match data.len() {
        4 => Some(seconds(u32::from_be_bytes(data.try_into().ok()?).into(), 0)),
        8 => {
            let both = u64::from_be_bytes(data.try_into().ok()?);
            Some(seconds((both & 0x3_ffff_ffff) as i64, (both >> 34) as u32))
        }
        12 => {
            let (nanos, rest) = data.split_at(4);
            let nanos = u32::from_be_bytes(nanos.try_into().ok()?);
            Some(seconds(i64::from_be_bytes(rest.try_into().ok()?), nanos))
        }
        _ => None,
    }
}

/// As `JSON.stringify` writes a date; one that is none is null.
fn push_date(nanoseconds: Option<i128>, out: &mut EventData) {
    let date = nanoseconds.and_then(|ns| OffsetDateTime::from_unix_timestamp_nanos(ns).ok());
    match date.and_then(|date| date.format(&Iso8601::<MILLISECONDS>).ok()) {
        Some(text) => push_string(&text, out),
        None => out.json.push_str("null"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> String {
        to_json(bytes).unwrap().json
    }

    #[test]
    fn json_comes_back_through_msgpack() {
        for text in [
            r#"["event",1,-1,2.5,true,false,null,"text",{"a":[{}]},[]]"#,
            "18446744073709551615",
            "-9223372036854775808",
            r#""\"\\ä\n""#,
        ] {
            let bytes = to_msgpack(text, &[]).unwrap();
            let (expected, found): (serde_json::Value, serde_json::Value) =
                (serde_json::from_str(text).unwrap(), serde_json::from_str(&read(&bytes)).unwrap());
            assert_eq!(expected, found);
        }
    }

    #[test]
    fn attachments_stand_where_they_belong() {
        let text = r#"["a",{"_placeholder":true,"num":1},{"b":{"num":0,"_placeholder":true}}]"#;
        let data = [Bytes::from_static(b"zero"), Bytes::from_static(b"one")];
        let back = to_json(&to_msgpack(text, &data).unwrap()).unwrap();
        assert_eq!(back.attachments, [&b"one"[..], b"zero"]);
        assert!(back.json.contains(r#"{"b":{"_placeholder":true,"num":1}}"#), "{}", back.json);
        assert_eq!(to_msgpack(text, &data[..1]), Err(Error::BadAttachments));
    }

    #[test]
    fn what_only_javascript_has_becomes_what_its_json_would_be() {
        assert_eq!(read(b"\x92\xd4\x00\x00\xcb\x7f\xf8\0\0\0\0\0\0"), "[null,null]");
        assert_eq!(read(b"\x82\xa1a\xd4\x00\x00\xa1b\x01"), r#"{"b":1}"#);
        let date = r#""2026-12-01T03:22:11.123Z""#;
        let millis: i64 = 1_796_095_331_123;
        assert_eq!(read(&[&[0xd7, 0][..], &millis.to_be_bytes()].concat()), date);
        let both = (123_000_000u64 << 34) + 1_796_095_331;
        assert_eq!(read(&[&[0xd7, 0xff][..], &both.to_be_bytes()].concat()), date);
        assert_eq!(to_json(b"\xc7\x02\x00ab").unwrap().attachments, [&b"ab"[..]]);
    }

    #[test]
    fn wrong_input_is_an_error() {
        for text in [
            "", "[", "[1", "[1,]", "{\"a\"}", "{1:2}", "nul", "1 2", "\"", "[1]]", "NaN",
            "infinity",
        ] {
            assert!(to_msgpack(text, &[]).is_err(), "{text}");
        }
        for bytes in
            [&b""[..], b"\x92\x01", b"\x01\x01", b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff"]
        {
            assert!(to_json(bytes).is_err(), "{bytes:?}");
        }
        let deep = "[".repeat(1000);
        assert_eq!(to_msgpack(&deep, &[]), Err(Error::TooDeep));
        assert_eq!(to_json(&[0x91; 1000]), Err(Error::TooDeep));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(data) = to_json(&bytes) {
                prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&data.json).is_ok());
                prop_assert!(data.to_msgpack().is_ok());
            }
        }
    }
}

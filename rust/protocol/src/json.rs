//! Finds and replaces the placeholders of attachments in raw JSON text, without building a tree.
//!
//! The scanner keeps its own stack of at most 128 levels instead of recursing, so that deep input
//! can neither overflow the thread's stack nor grow memory. It does not validate scalars; the JSON
//! decoder of the application does. Source: Socket.IO protocol v5, "Binary event".

use std::sync::Arc;

use crate::error::DecodeError;

const MAX_DEPTH: usize = 128;
/// The maximum number of steps of all paths together. Without it, a short text with many
/// placeholders at a deep level would produce a large result.
const MAX_STEPS: usize = 131_072;

/// One step of a path: from an array or object to one of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To the element of an array at this index.
    Index(u32),
    /// To the member of an object with this key. All placeholders below it share the text.
    Key(Arc<str>),
}

/// The position of an attachment in the data of its packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// The steps from the outermost value.
    pub path: Vec<Step>,
    /// The index of the attachment.
    pub num: u32,
}

/// Finds every `{"_placeholder":true,"num":n}` in the text of a packet with attachments.
///
/// # Errors
/// `IllegalAttachment` when a number is not in `0..attachments`, `BadJson`, and `TooDeep` when the
/// nesting is too deep or all paths together are too long.
pub fn placeholders(data: &str, attachments: u32) -> Result<Vec<Placeholder>, DecodeError> {
    let mut found = Vec::new();
    let mut left = MAX_STEPS;
    scan(data, attachments, |path, num, _| {
        left = left.checked_sub(path.len()).ok_or(DecodeError::TooDeep)?;
        found.push(Placeholder { path: path.to_vec(), num });
        Ok(())
    })?;
    Ok(found)
}

/// Returns the text with each placeholder replaced by what `replace` appends.
///
/// # Errors
/// The same as [`placeholders`].
pub fn fill(
    data: &str,
    attachments: u32,
    mut replace: impl FnMut(u32, &mut String),
) -> Result<String, DecodeError> {
    let mut text = String::with_capacity(data.len());
    let mut copied = 0;
    scan(data, attachments, |_, num, range| {
        text.push_str(&data[copied..range.start]);
        replace(num, &mut text);
        copied = range.end;
        Ok(())
    })?;
    text.push_str(&data[copied..]);
    Ok(text)
}

fn scan(
    data: &str,
    attachments: u32,
    mut found: impl FnMut(&[Step], u32, std::ops::Range<usize>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut scanner = Scanner { bytes: data.as_bytes(), at: 0, path: Vec::new() };
    loop {
        scanner.skip_space();
        if let Some(PlaceholderAt { num, end }) = placeholder(data, scanner.at)? {
            if num >= u64::from(attachments) {
                return Err(DecodeError::IllegalAttachment);
            }
            found(&scanner.path, num as u32, scanner.at..end)?;
            scanner.at = end;
            if scanner.after_value()? {
                return Ok(());
            }
        } else if scanner.value()? {
            return Ok(());
        }
    }
}

/// A walk over the values of a text. `path` is the path of the next value.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    path: Vec<Step>,
}

impl Scanner<'_> {
    fn skip_space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.bytes.get(self.at).copied()
    }

    /// Enters an array or object, or skips any other value. Returns whether the text has ended.
    fn value(&mut self) -> Result<bool, DecodeError> {
        let open = self.peek().ok_or(DecodeError::BadJson)?;
        match open {
            b'[' => {
                self.at += 1;
                if self.peek() == Some(b']') {
                    self.at += 1;
                    return self.after_value();
                }
                self.enter(Step::Index(0))
            }
            b'{' => {
                self.at += 1;
                if self.peek() == Some(b'}') {
                    self.at += 1;
                    return self.after_value();
                }
                let key = self.key()?;
                self.enter(Step::Key(key.into()))
            }
            _ => {
                self.at = scalar_end(self.bytes, self.at).ok_or(DecodeError::BadJson)?;
                self.after_value()
            }
        }
    }

    fn enter(&mut self, step: Step) -> Result<bool, DecodeError> {
        if self.path.len() == MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        self.path.push(step);
        Ok(false)
    }

    fn key(&mut self) -> Result<String, DecodeError> {
        self.skip_space();
        let end = string_end(self.bytes, self.at).ok_or(DecodeError::BadJson)?;
        let literal = std::str::from_utf8(&self.bytes[self.at..end]);
        let key = literal.ok().and_then(string).ok_or(DecodeError::BadJson)?;
        self.at = end;
        if self.peek() != Some(b':') {
            return Err(DecodeError::BadJson);
        }
        self.at += 1;
        Ok(key)
    }

    /// Continues after a value. Returns whether the text has ended.
    fn after_value(&mut self) -> Result<bool, DecodeError> {
        loop {
            let next = self.peek();
            if self.path.is_empty() && next.is_none() {
                return Ok(true);
            }
            let (Some(step), Some(byte)) = (self.path.pop(), next) else {
                return Err(DecodeError::BadJson);
            };
            self.at += 1;
            match (byte, step) {
                (b',', Step::Index(index)) => {
                    self.path.push(Step::Index(index.saturating_add(1)));
                    return Ok(false);
                }
                (b',', Step::Key(_)) => {
                    let key = self.key()?;
                    self.path.push(Step::Key(key.into()));
                    return Ok(false);
                }
                (b']', Step::Index(_)) | (b'}', Step::Key(_)) => {}
                _ => return Err(DecodeError::BadJson),
            }
        }
    }
}

/// The number and the end of a placeholder in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceholderAt {
    /// The index of the attachment. It may be too large for the packet.
    pub num: u64,
    /// The position after the placeholder.
    pub end: usize,
}

/// Reads the placeholder at `at`. Returns `None` for any other value.
///
/// # Errors
/// `IllegalAttachment` when its number is not an unsigned integer.
pub fn placeholder(data: &str, at: usize) -> Result<Option<PlaceholderAt>, DecodeError> {
    let bytes = data.as_bytes();
    if bytes.get(at) != Some(&b'{') {
        return Ok(None);
    }
    let mut scanner = Scanner { bytes, at: at + 1, path: Vec::new() };
    let (mut marked, mut num) = (false, None);
    for member in 0..2 {
        scanner.skip_space();
        // The keys are compared as written: no client uses escapes in them.
        let Some(end) = string_end(bytes, scanner.at) else {
            return Ok(None);
        };
        let key = &data[scanner.at..end];
        scanner.at = end;
        if scanner.peek() != Some(b':') {
            return Ok(None);
        }
        scanner.at += 1;
        scanner.skip_space();
        let start = scanner.at;
        let Some(end) = value_end(bytes, start) else {
            return Ok(None);
        };
        scanner.at = end;
        match key {
            "\"_placeholder\"" if &data[start..end] == "true" => marked = true,
            "\"num\"" => num = Some(&data[start..end]),
            _ => return Ok(None),
        }
        let expected = if member == 0 { b',' } else { b'}' };
        if scanner.peek() != Some(expected) {
            return Ok(None);
        }
        scanner.at += 1;
    }
    match (marked, num) {
        (true, Some(num)) => {
            let digits = !num.is_empty() && num.bytes().all(|b| b.is_ascii_digit());
            let num = num.parse().ok().filter(|_| digits);
            let num = num.ok_or(DecodeError::IllegalAttachment)?;
            Ok(Some(PlaceholderAt { num, end: scanner.at }))
        }
        _ => Ok(None),
    }
}

/// The position after a scalar. Returns `None` for objects and arrays.
fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'{' | b'[' => None,
        _ => scalar_end(bytes, at),
    }
}

fn scalar_end(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) == Some(&b'"') {
        return string_end(bytes, at);
    }
    let word = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
    let length = bytes[at..].iter().take_while(word).count();
    (length > 0).then_some(at + length)
}

/// The position after the closing quote of the string literal that begins at `at`.
pub fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The text of a string literal, with its escapes resolved.
pub fn string(literal: &str) -> Option<String> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        let kind = escaped.chars().next()?;
        rest = &escaped[kind.len_utf8()..];
        match kind {
            '"' | '\\' | '/' => text.push(kind),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'u' => rest = unicode(rest, &mut text)?,
            _ => return None,
        }
    }
    text.push_str(rest);
    Some(text)
}

/// Reads the digits after `\u`, and a second escape that completes a surrogate pair. Returns the
/// rest of the text.
fn unicode<'a>(text: &'a str, out: &mut String) -> Option<&'a str> {
    let unit = |text: &str| u32::from_str_radix(text.get(..4)?, 16).ok();
    let high = unit(text)?;
    let rest = &text[4..];
    if (0xd800..0xdc00).contains(&high)
        && let Some(low) = rest.strip_prefix("\\u").and_then(unit)
        && (0xdc00..0xe000).contains(&low)
    {
        out.push(char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?);
        return Some(&rest[6..]);
    }
    // A lone surrogate is not a character.
    out.push(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
    Some(rest)
}

/// The members of an object: each key with the raw text of its value.
pub(crate) fn members(text: &str) -> Result<Vec<(String, &str)>, DecodeError> {
    let inner = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let mut found = Vec::new();
    for item in split(inner.ok_or(DecodeError::BadJson)?)? {
        let end = string_end(item.as_bytes(), 0).ok_or(DecodeError::BadJson)?;
        let key = string(&item[..end]).ok_or(DecodeError::BadJson)?;
        let value = item[end..].trim_start().strip_prefix(':').ok_or(DecodeError::BadJson)?;
        found.push((key, value.trim()));
    }
    Ok(found)
}

/// The raw text of the elements of an array.
pub(crate) fn elements(text: &str) -> Result<Vec<&str>, DecodeError> {
    let inner = text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    split(inner.ok_or(DecodeError::BadJson)?)
}

/// Splits at the commas that are outside of strings, arrays and objects.
fn split(text: &str) -> Result<Vec<&str>, DecodeError> {
    let bytes = text.as_bytes();
    let (mut items, mut depth, mut start, mut at) = (Vec::new(), 0usize, 0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at).ok_or(DecodeError::BadJson)? - 1,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1).ok_or(DecodeError::BadJson)?,
            b',' if depth == 0 => {
                items.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    let last = text[start..].trim();
    if !last.is_empty() || !items.is_empty() {
        items.push(last);
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data: &str, attachments: u32, expected: Result<&[(&str, u32)], DecodeError>) {
        let found = placeholders(data, attachments).map(|found| {
            let show = |step: &Step| match step {
                Step::Index(index) => index.to_string(),
                Step::Key(key) => key.to_string(),
            };
            let path = |p: &Placeholder| p.path.iter().map(show).collect::<Vec<_>>().join("/");
            found.iter().map(|p| (path(p), p.num)).collect::<Vec<_>>()
        });
        let expected = expected
            .map(|list| list.iter().map(|(path, num)| ((*path).to_owned(), *num)).collect());
        assert_eq!(found, expected, "{data}");
    }

    #[test]
    fn placeholders_are_found_with_their_paths() {
        check(r#"["a",{"_placeholder":true,"num":0}]"#, 1, Ok(&[("1", 0)]));
        check(r#"["a",{ "num" : 1 , "_placeholder" : true }]"#, 2, Ok(&[("1", 1)]));
        check(
            r#"["a",{"x":[1,{"_placeholder":true,"num":1}],"y\n":{"_placeholder":true,"num":0}},null]"#,
            2,
            Ok(&[("1/x/1", 1), ("1/y\n", 0)]),
        );
        check(r#"{"_placeholder":true,"num":0}"#, 1, Ok(&[("", 0)]));
    }

    #[test]
    fn similar_values_are_not_placeholders() {
        for data in [
            r#"["{\"_placeholder\":true,\"num\":0}"]"#,
            r#"[{"_placeholder":1,"num":0}]"#,
            r#"[{"_placeholder":true}]"#,
            r#"[{"_placeholder":true,"num":0,"x":1}]"#,
            r#"[{"_placeholder":false,"num":9}]"#,
            r#"[{"a":"_placeholder"}, -1.5e+3, [], {}, "\\"]"#,
        ] {
            check(data, 1, Ok(&[]));
        }
    }

    #[test]
    fn illegal_numbers_are_refused() {
        for num in ["1", "-1", "1.5", "\"0\"", "true", "18446744073709551616", "1e0"] {
            let data = format!(r#"["a",{{"_placeholder":true,"num":{num}}}]"#);
            check(&data, 1, Err(DecodeError::IllegalAttachment));
        }
    }

    #[test]
    fn broken_or_deep_json_is_refused() {
        for data in
            ["", "[", "[1", "[1,]", "{\"a\"}", "{\"a\":1,}", "[1]]", "]", "[\"a", "{1:2}", "[1 2]"]
        {
            check(data, 1, Err(DecodeError::BadJson));
        }
        check(&"[".repeat(100_000), 1, Err(DecodeError::TooDeep));
    }

    #[test]
    fn paths_are_limited_in_total_and_share_their_keys() {
        let list = |open: &str, count: usize, close: &str| {
            let place = r#"{"_placeholder":true,"num":0},"#;
            format!("{open}{}0{close}", place.repeat(count))
        };
        let (open, close) = ("[".repeat(100), "]".repeat(100));
        assert_eq!(placeholders(&list(&open, 1310, &close), 1).map(|found| found.len()), Ok(1310));
        assert_eq!(placeholders(&list(&open, 1311, &close), 1), Err(DecodeError::TooDeep));
        let found = placeholders(&list(r#"{"key":["#, 2, "]}"), 1).unwrap();
        let [Step::Key(one), Step::Key(two)] = [&found[0].path[0], &found[1].path[0]] else {
            panic!("{found:?}");
        };
        assert!(Arc::ptr_eq(one, two));
    }

    #[test]
    fn placeholders_are_filled() {
        let data = r#"["a",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#;
        let text = fill(data, 2, |num, out| {
            out.push('<');
            out.push_str(&num.to_string());
            out.push('>');
        })
        .unwrap();
        assert_eq!(text, r#"["a",<1>,<0>]"#);
    }
}

//! Compact storage of the request heads of sessions.
//!
//! The *form* of a head is the head without the values that differ between clients. All sessions with
//! the same form share it, and the last of them frees it. Each session stores only its own values. From
//! both, the head is restored byte for byte.

use std::collections::HashSet;
use std::sync::Arc;

use smallvec::SmallVec;

/// The headers whose values differ between clients.
const OWN: [&str; 12] = [
    "authorization",
    "cf-connecting-ip",
    "cf-ray",
    "cookie",
    "forwarded",
    "sec-websocket-key",
    "traceparent",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-real-ip",
    "x-request-id",
];

/// The query parameters that have the same value for many clients.
const COMMON: [&[u8]; 2] = [b"EIO=", b"transport="];

/// The separator of own values. A value cannot contain it, because it ends the line.
const SEPARATOR: u8 = b'\n';

/// The head of one session.
#[derive(Debug)]
pub(super) struct Head {
    form: Arc<Box<[u8]>>,
    /// The own values, in order. A single `Sec-WebSocket-Key` fits without an allocation.
    own: SmallVec<[u8; 24]>,
}

/// The forms of all sessions.
///
/// Peers choose the forms. The hash of the standard library prevents collisions that are made on purpose.
#[derive(Debug, Default)]
pub(super) struct Heads(HashSet<Arc<Box<[u8]>>>);

impl Heads {
    pub(super) fn insert(&mut self, head: &[u8]) -> Head {
        let (mut form, mut own, mut is_first) = (Vec::new(), SmallVec::new(), true);
        each_part(head, |part| match part {
            Part::Common(text) => form.extend_from_slice(text),
            Part::Own(value) => {
                if !std::mem::take(&mut is_first) {
                    own.push(SEPARATOR);
                }
                own.extend_from_slice(value);
            }
        });
        own.shrink_to_fit();
        let form = form.into_boxed_slice();
        let form = self.0.get(&form).cloned().unwrap_or_else(|| {
            let form = Arc::new(form);
            self.0.insert(Arc::clone(&form));
            form
        });
        Head { form, own }
    }

    /// Frees the form of a head that no other session uses.
    pub(super) fn remove(&mut self, head: &Head) {
        // The two references are this head and the set.
        if Arc::strong_count(&head.form) == 2 {
            self.0.remove(&head.form);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Head {
    /// The original bytes of the head.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut head = Vec::with_capacity(self.form.len() + self.own.len());
        let mut values = self.own.split(|byte| *byte == SEPARATOR);
        each_part(&self.form, |part| {
            head.extend_from_slice(match part {
                Part::Common(text) => text,
                Part::Own(_) => values.next().unwrap_or_default(),
            });
        });
        head
    }
}

/// A part of a head. In a form, the own values are empty.
enum Part<'h> {
    Common(&'h [u8]),
    Own(&'h [u8]),
}

fn each_part<'h>(head: &'h [u8], mut each: impl FnMut(Part<'h>)) {
    let mut lines = head.split_inclusive(|byte| *byte == b'\n');
    if let Some(line) = lines.next() {
        request_line(line, &mut each);
    }
    for line in lines {
        header(line, &mut each);
    }
}

fn request_line<'h>(line: &'h [u8], each: &mut impl FnMut(Part<'h>)) {
    let (path, rest) = line.split_at(position(line, b"?").map_or(line.len(), |at| at + 1));
    let (query, rest) = rest.split_at(position(rest, b" \r\n").unwrap_or(rest.len()));
    each(Part::Common(path));
    for parameter in query.split_inclusive(|byte| *byte == b'&') {
        let (name, value) = parameter.split_at(position(parameter, b"=").map_or(0, |at| at + 1));
        if name.is_empty() || COMMON.contains(&name) {
            each(Part::Common(parameter));
        } else {
            let (value, end) = value.split_at(position(value, b"&").unwrap_or(value.len()));
            each(Part::Common(name));
            each(Part::Own(value));
            each(Part::Common(end));
        }
    }
    each(Part::Common(rest));
}

fn header<'h>(line: &'h [u8], each: &mut impl FnMut(Part<'h>)) {
    let colon = position(line, b":").unwrap_or(0);
    let (name, rest) = line.split_at(colon);
    if !OWN.iter().any(|own| name.eq_ignore_ascii_case(own.as_bytes())) {
        return each(Part::Common(line));
    }
    let blank = rest.iter().skip(1).take_while(|byte| **byte == b' ').count();
    let (start, rest) = line.split_at(colon + 1 + blank);
    let (value, end) = rest.split_at(position(rest, b"\r\n").unwrap_or(rest.len()));
    each(Part::Common(start));
    each(Part::Own(value));
    each(Part::Common(end));
}

/// The position of the first byte that is in `any`.
fn position(text: &[u8], any: &[u8]) -> Option<usize> {
    text.iter().position(|byte| any.contains(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn browser(key: &str, cookie: &str) -> String {
        format!(
            "GET /socket.io/?token={cookie}&EIO=4&transport=websocket HTTP/1.1\r\nHost: a.example\r\n\
             User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:142.0)\r\ncookie:{cookie}\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nUpgrade: websocket\r\n\r\n"
        )
    }

    #[test]
    fn similar_heads_share_one_form() {
        let mut heads = Heads::default();
        let texts: Vec<_> = (0..9).map(|n| browser(&format!("key{n}=="), &n.to_string())).collect();
        let kept: Vec<_> = texts.iter().map(|text| heads.insert(text.as_bytes())).collect();
        assert_eq!(heads.len(), 1);
        for (head, text) in kept.iter().zip(&texts) {
            assert_eq!(head.bytes(), text.as_bytes());
        }
        let other = heads.insert(b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(heads.len(), 2);
        for head in kept {
            heads.remove(&head);
        }
        assert_eq!(heads.len(), 1);
        heads.remove(&other);
        assert_eq!(heads.len(), 0);
    }

    #[test]
    fn the_key_of_a_websocket_needs_no_allocation() {
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let head =
            format!("GET /?EIO=4&transport=websocket HTTP/1.1\r\nSec-WebSocket-Key: {key}\r\n");
        assert!(!Heads::default().insert(head.as_bytes()).own.spilled());
    }

    proptest! {
        #[test]
        fn any_head_is_restored(pieces in prop::collection::vec(prop_oneof![
            Just("cookie".to_owned()),
            Just("X-Real-IP".to_owned()),
            Just("EIO=".to_owned()),
            Just("\r\n".to_owned()),
            "[ :=&?\r\na]{0,3}",
        ], 0..30)) {
            let text = pieces.concat();
            prop_assert_eq!(Heads::default().insert(text.as_bytes()).bytes(), text.as_bytes());
        }
    }
}

//! The HTTP upgrade to a WebSocket: the client's request and its check of the response, and the floor server's response.
//!
//! It supports nothing else of HTTP. Source: RFC 6455 section 4.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha1::{Digest as _, Sha1};

use crate::options::Target;

const MAGIC: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The offer excludes context takeover, so that all clients can share one decompressor (RFC 7692 section 7.1.1).
const OFFER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
/// The maximum size of a head in bytes. No measured server sends a longer one.
const MAX_HEAD: usize = 16 * 1024;

/// The key of client `number`. Each client has another one. It is not a secret.
pub fn key(number: usize) -> String {
    let mut bytes = *b"fanio load \0\0\0\0\0";
    bytes[11..15].copy_from_slice(&(number as u32).to_be_bytes());
    STANDARD.encode(bytes)
}

/// The value of `Sec-WebSocket-Accept` for `key`.
pub fn accept(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(MAGIC);
    STANDARD.encode(hash.finalize())
}

/// The upgrade request of a Socket.IO client. `headers` are further header lines. With `deflate` it offers compression.
pub(crate) fn request(target: &Target, headers: &str, key: &str, deflate: bool) -> String {
    let Target { host, path, query, .. } = target;
    let offer =
        if deflate { format!("Sec-WebSocket-Extensions: {OFFER}\r\n") } else { String::new() };
    format!(
        "GET {path}?EIO=4&transport=websocket{query} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{offer}{headers}\r\n"
    )
}

/// The response to an upgrade request with `key`.
pub fn response(key: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        accept(key)
    )
}

/// Reads the head at the start of `buf`. Returns its text and its length, or `None` while it is incomplete.
///
/// # Errors
/// The head is too long or is not UTF-8.
pub fn head(buf: &[u8]) -> Result<Option<(&str, usize)>, String> {
    let Some(end) = buf.windows(4).position(|w| w == b"\r\n\r\n") else {
        return if buf.len() > MAX_HEAD { Err("the head does not end".into()) } else { Ok(None) };
    };
    let text = std::str::from_utf8(&buf[..end]).map_err(|_| "the head is not text".to_string())?;
    Ok(Some((text, end + 4)))
}

/// The value of the first header with this name.
pub fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Checks a server's response to the request with `key`.
///
/// # Errors
/// The response is not the expected one.
pub fn check(head: &str, key: &str, deflate: bool) -> Result<(), String> {
    let status = head.split("\r\n").next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("101") {
        return Err(format!(
            "the upgrade was answered by {status:?}: is it a Socket.IO server with WebSocket, and the URL's path right?"
        ));
    }
    match header(head, "sec-websocket-accept") {
        Some(value) if value == accept(key) => {}
        other => return Err(format!("Sec-WebSocket-Accept is {other:?}")),
    }
    let agreed = header(head, "sec-websocket-extensions").unwrap_or_default();
    match (
        deflate,
        agreed.contains("permessage-deflate") && agreed.contains("server_no_context_takeover"),
    ) {
        (true, false) => {
            Err(format!("compression was not agreed on: the answer to {OFFER:?} is {agreed:?}"))
        }
        (false, _) if !agreed.is_empty() => {
            Err(format!("the server chose an extension that was not offered: {agreed}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_rfc_gives_its_accept_value() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_response_to_another_key_is_refused() {
        let (mine, other) = (key(1), key(2));
        let answer = response(&mine);
        let (head, length) = head(answer.as_bytes()).expect("text").expect("whole");
        assert_eq!(length, answer.len());
        assert_eq!(check(head, &mine, false), Ok(()));
        assert!(check(head, &other, false).is_err());
        assert!(check(head, &mine, true).is_err_and(|e| e.contains("compression")));
    }

    #[test]
    fn the_error_contains_the_status_of_a_refusal() {
        assert!(check("HTTP/1.1 403 Forbidden", &key(1), false).is_err_and(|e| e.contains("403")));
    }
}

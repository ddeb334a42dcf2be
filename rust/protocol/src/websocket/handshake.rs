//! The opening handshake of a WebSocket (RFC 6455 section 4.2): keys, and the check of a request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::http1::Request;

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The reason why a request is not a WebSocket handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `Sec-WebSocket-Key` is missing, repeated or not 16 bytes of base64.
    BadKey,
    /// The method is not GET.
    BadMethod,
    /// The version is not 13. The answer is 426 with `Sec-WebSocket-Version: 13`.
    BadVersion,
    /// `Upgrade: websocket` or `Connection: Upgrade` is missing.
    NotAnUpgrade,
}

/// The value of `Sec-WebSocket-Accept` for a key. Returns `None` unless the key is 16 bytes in base64.
pub fn accept_key(key: &[u8]) -> Option<String> {
    if key.len() != 24 || STANDARD.decode(key).ok()?.len() != 16 {
        return None;
    }
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    Some(STANDARD.encode(digest))
}

/// The value of `Sec-WebSocket-Key` for 16 random bytes.
pub fn encode_key(nonce: [u8; 16]) -> String {
    STANDARD.encode(nonce)
}

/// Checks a handshake request. Returns the value of `Sec-WebSocket-Accept`.
///
/// # Errors
/// The first fault that was found.
pub fn check_upgrade(request: &Request<'_>) -> Result<String, Refusal> {
    if request.method != "GET" {
        return Err(Refusal::BadMethod);
    }
    if !request.has_token("upgrade", "websocket") || !request.has_token("connection", "upgrade") {
        return Err(Refusal::NotAnUpgrade);
    }
    if request.header("sec-websocket-version") != Some(b"13") {
        return Err(Refusal::BadVersion);
    }
    let is_single = request.count("sec-websocket-key") == 1;
    let key = request.header("sec-websocket-key").filter(|_| is_single);
    key.and_then(accept_key).ok_or(Refusal::BadKey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::parse_request;

    #[test]
    fn the_key_of_the_rfc_gives_its_accept_value() {
        let accept = accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept.as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    }

    #[test]
    fn other_requests_are_not_handshakes() {
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let base = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n";
        let version = "Sec-WebSocket-Version: 13\r\n";
        for (method, headers, expected) in [
            ("GET", format!("{base}{key}{version}"), None),
            ("POST", format!("{base}{key}{version}"), Some(Refusal::BadMethod)),
            ("GET", format!("{key}{version}"), Some(Refusal::NotAnUpgrade)),
            (
                "GET",
                format!("Upgrade: h2c\r\nConnection: Upgrade\r\n{key}{version}"),
                Some(Refusal::NotAnUpgrade),
            ),
            ("GET", format!("{base}{key}"), Some(Refusal::BadVersion)),
            ("GET", format!("{base}{version}"), Some(Refusal::BadKey)),
            ("GET", format!("{base}{key}{key}{version}"), Some(Refusal::BadKey)),
            (
                "GET",
                format!("{base}{version}Sec-WebSocket-Key: c2hvcnQ=\r\n"),
                Some(Refusal::BadKey),
            ),
        ] {
            let head = format!("{method} / HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
            let (request, _) = parse_request(head.as_bytes()).unwrap().unwrap();
            assert_eq!(check_upgrade(&request).err(), expected, "{head}");
        }
    }
}

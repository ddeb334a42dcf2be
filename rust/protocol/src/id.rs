//! Session ids and socket ids: 20 characters of the URL-safe base64 alphabet.
//!
//! The caller supplies the random bytes.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A session id or socket id. Proxies and adapters rely on its length.
///
/// Anyone who knows a session id can send packets for that session, so `Debug` shows only the
/// first four characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 20]);

impl Id {
    /// Makes an id from 120 random bits.
    pub fn from_random(bytes: [u8; 15]) -> Self {
        let mut text = [b'A'; 20];
        // This cannot fail: 15 bytes are exactly 20 characters of base64.
        let _ = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text);
        Self(text)
    }

    /// Reads an id. Returns `None` unless the text is 20 characters of `[A-Za-z0-9_-]`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 20] = text.as_bytes().try_into().ok()?;
        let is_valid = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        // No early exit: the compiler can then check many bytes in one instruction.
        bytes.iter().fold(true, |all, byte| all & is_valid(byte)).then_some(Self(bytes))
    }

    /// The 20 characters.
    pub fn as_str(&self) -> &str {
        // Both constructors allow ASCII only.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({}…)", &self.as_str()[..4])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_reads_what_as_str_returns() {
        let id = Id::from_random([7; 15]);
        assert_eq!(Id::parse(id.as_str()), Some(id));
        assert!(!format!("{id:?}").contains(id.as_str()));
    }

    #[test]
    fn text_of_another_form_is_not_an_id() {
        for text in
            ["", "__proto__", "aaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaa!", "äaaaaaaaaaaaaaaaaaaa"]
        {
            assert_eq!(Id::parse(text), None, "{text}");
        }
    }
}

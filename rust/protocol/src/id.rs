//! Session ids and socket ids: 20 characters of the URL-safe base64 alphabet.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A public id. Its length is relied on by proxies and adapters of the field.
///
/// Who knows a session id can speak for the session, so `Debug` shows only its beginning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 20]);

impl Id {
    /// Makes an id of 120 random bits.
    pub fn from_random(bytes: [u8; 15]) -> Self {
        let mut text = [b'A'; 20];
        // 15 bytes are exactly 20 characters.
        let _ = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text);
        Self(text)
    }

    /// Reads an id; `None` unless it is 20 characters of `[A-Za-z0-9_-]`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 20] = text.as_bytes().try_into().ok()?;
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        // All of them, wherever the first wrong one is: that takes one step for many bytes.
        bytes.iter().fold(true, |all, byte| all & fits(byte)).then_some(Self(bytes))
    }

    /// The characters.
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
    fn an_id_is_read_back() {
        let id = Id::from_random([7; 15]);
        assert_eq!(Id::parse(id.as_str()), Some(id));
        assert!(!format!("{id:?}").contains(id.as_str()));
    }

    #[test]
    fn other_text_is_no_id() {
        for text in
            ["", "__proto__", "aaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaa!", "äaaaaaaaaaaaaaaaaaaa"]
        {
            assert_eq!(Id::parse(text), None, "{text}");
        }
    }
}

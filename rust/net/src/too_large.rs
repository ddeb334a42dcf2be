//! What is reported of a message larger than `max_http_buffer_size`. When that is reported is in
//! `large_messages`.

use std::fmt;

/// What was too large, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// In bytes; `None` when it was refused before its size was known.
    pub size: Option<u64>,
    /// The limit it has passed.
    pub limit: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.size {
            Some(size) => write!(f, "message too large: {size} bytes")?,
            None => write!(f, "message too large")?,
        }
        write!(f, ", the limit is {} bytes (max_http_buffer_size)", self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_known() {
        let known = TooLarge { size: Some(1500), limit: 1000 };
        let text = "message too large: 1500 bytes, the limit is 1000 bytes (max_http_buffer_size)";
        assert_eq!(known.to_string(), text);
        let unknown = TooLarge { size: None, limit: 1000 };
        assert_eq!(unknown.to_string(), text.replace(": 1500 bytes", ""));
    }
}

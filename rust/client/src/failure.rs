//! What went wrong with a connection, in words for its owner.

use std::fmt;

use engine::Reason;

/// An error of the connection's, with what the server had to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub message: String,
    /// The status of the HTTP response that refused the connection.
    pub status: Option<u16>,
    /// The beginning of its body.
    pub body: Vec<u8>,
    /// The class of the error.
    pub reason: Reason,
}

impl Failure {
    /// A failure of the transport.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        let reason = Reason::TransportError;
        Self { message: message.into(), status: None, body: Vec::new(), reason }
    }

    /// The peer ended the stream.
    pub(crate) fn closed(message: impl Into<String>) -> Self {
        Self { reason: Reason::TransportClose, ..Self::new(message) }
    }

    /// What came breaks a protocol.
    pub(crate) fn parse(error: impl fmt::Display) -> Self {
        Self { reason: Reason::ParseError, ..Self::new(error.to_string()) }
    }

    /// The same with what was being done when it happened.
    pub(crate) fn while_doing(what: &str, error: impl fmt::Display) -> Self {
        Self::new(format!("{what}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

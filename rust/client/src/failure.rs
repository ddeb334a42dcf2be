//! The error of a connection, with a description for the application.

use std::fmt;

use engine::Reason;

/// An error of a connection, with the HTTP response that caused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A description of the error.
    pub message: String,
    /// The status of the HTTP response that refused the connection.
    pub status: Option<u16>,
    /// The first 4 KiB of the body of that response.
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

    /// The server closed the stream.
    pub(crate) fn closed(message: impl Into<String>) -> Self {
        Self { reason: Reason::TransportClose, ..Self::new(message) }
    }

    /// The server broke a protocol.
    pub(crate) fn parse(error: impl fmt::Display) -> Self {
        Self { reason: Reason::ParseError, ..Self::new(error.to_string()) }
    }

    /// A failure of the transport, with the operation that failed in front of the error.
    pub(crate) fn while_doing(operation: &str, error: impl fmt::Display) -> Self {
        Self::new(format!("{operation}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

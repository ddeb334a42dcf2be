//! The error codes of Engine.IO handshakes and requests, and the response for each.

use crate::counters::Counter;
use crate::http::reply::Reply;
use crate::table::Table;

/// The errors of Node's Engine.IO server, with their codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    UnknownTransport = 0,
    UnknownSession = 1,
    BadHandshakeMethod = 2,
    BadRequest = 3,
    Forbidden = 4,
    UnsupportedVersion = 5,
}

impl Fault {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::UnknownTransport => "Transport unknown",
            Self::UnknownSession => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedVersion => "Unsupported protocol version",
        }
    }
}

impl Table {
    /// The response for an error, with Node's status and JSON body.
    pub(crate) fn fault(&self, fault: Fault, message: Option<&str>) -> Reply {
        self.counters.add(Counter::RequestsRefused);
        let status = if fault == Fault::Forbidden { 403 } else { 400 };
        let message = message.unwrap_or(fault.message());
        let quoted = message.replace(['"', '\\'], "'").replace(|c: char| c.is_control(), " ");
        Reply::new(status).json(format!(r#"{{"code":{},"message":"{quoted}"}}"#, fault as u8))
    }
}

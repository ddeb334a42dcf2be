//! The errors of requests to the router. The bindings turn them into Python exceptions.

use std::{fmt, io};

use rooms::RegistryError;

/// Why a request was not carried out.
#[derive(Debug)]
pub enum Error {
    /// A CONNECT names a namespace that the session has joined already.
    AlreadyConnected,
    /// A packet that the application has decoded breaks the protocol.
    BadPacket(protocol::DecodeError),
    /// The server has not been started, or is stopped.
    NotRunning,
    /// A system call failed.
    Os(io::Error),
    /// The room's name is the sid of another socket.
    OwnRoom,
    /// A session has joined the maximum number of namespaces.
    TooManyNamespaces,
    /// No socket has this sid.
    UnknownSid,
    /// The sid belongs to another namespace.
    WrongNamespace,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyConnected => "CONNECT to a namespace that is joined already",
            Self::BadPacket(error) => return error.fmt(f),
            Self::NotRunning => "the server is not running",
            Self::Os(error) => return error.fmt(f),
            Self::OwnRoom => "the room is another client's own and cannot be entered",
            Self::TooManyNamespaces => "more namespaces than allowed",
            Self::UnknownSid => "sid is not connected",
            Self::WrongNamespace => "sid is not connected to requested namespace",
        })
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Os(error)
    }
}

impl From<RegistryError> for Error {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::UnknownSid => Self::UnknownSid,
            RegistryError::WrongNamespace => Self::WrongNamespace,
            RegistryError::OwnRoom => Self::OwnRoom,
        }
    }
}

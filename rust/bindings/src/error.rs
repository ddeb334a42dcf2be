//! Errors on their way to Python. The only file that makes a `PyErr`.

use std::io;

use pyo3::PyErr;
use pyo3::exceptions::{PyKeyError, PyOSError, PyRuntimeError, PyTypeError, PyValueError};

/// What can go wrong in a call from Python.
#[derive(Debug)]
pub(crate) enum Error {
    /// A run of the load generator has no report.
    Load(load::Error),
    /// The server has not been started, or is stopped.
    NotRunning,
    /// The operating system refused something.
    Os(io::Error),
    /// A CONNECT to a namespace that is joined already.
    AlreadyConnected,
    /// A packet that the program has read breaks the protocol.
    BadPacket(protocol::DecodeError),
    /// A session has joined as many namespaces as it may.
    TooManyNamespaces,
    /// An option has the wrong type or a value out of range.
    Option { name: String, expected: &'static str },
    /// No socket has this sid.
    UnknownSid,
    /// The sid belongs to another namespace.
    WrongNamespace,
    /// The room is another client's own.
    OwnRoom,
    /// A WebSocket opcode that is none.
    BadOpcode(u8),
    /// The hub of a client's loop was stopped.
    HubStopped,
    /// The bytes are no WebSocket frames.
    BadFrame(protocol::DecodeError),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Os(error)
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Load(load::Error::Usage(text)) => PyValueError::new_err(text),
            Error::Load(error) => PyRuntimeError::new_err(error.to_string()),
            Error::NotRunning => {
                PyRuntimeError::new_err("the server is not running: serve its ASGIApp first")
            }
            Error::Os(error) => PyOSError::new_err(error.to_string()),
            Error::Option { name, expected } => {
                PyTypeError::new_err(format!("option {name:?}: expected {expected}"))
            }
            Error::UnknownSid => PyKeyError::new_err("sid is not connected"),
            Error::WrongNamespace => {
                PyValueError::new_err("sid is not connected to requested namespace")
            }
            Error::OwnRoom => {
                PyValueError::new_err("the room is another client's own and cannot be entered")
            }
            Error::BadOpcode(opcode) => PyValueError::new_err(format!(
                "opcode: expected 1 (text), 2 (binary), 8 (close), 9 (ping) or 10 (pong), got {opcode}"
            )),
            Error::HubStopped => PyRuntimeError::new_err("the hub of these clients is stopped"),
            Error::AlreadyConnected => {
                PyValueError::new_err("CONNECT to a namespace that is joined already")
            }
            Error::TooManyNamespaces => PyValueError::new_err("more namespaces than allowed"),
            Error::BadFrame(error) | Error::BadPacket(error) => {
                PyValueError::new_err(error.to_string())
            }
        }
    }
}

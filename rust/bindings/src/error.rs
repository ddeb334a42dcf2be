//! Converts the errors of all crates into Python exceptions. No other file makes a `PyErr`.

use std::io;

use pyo3::PyErr;
use pyo3::exceptions::{PyKeyError, PyOSError, PyRuntimeError, PyTypeError, PyValueError};

/// What can go wrong in a call from Python.
#[derive(Debug)]
pub(crate) enum Error {
    /// A run of the load generator has failed.
    Load(load::Error),
    /// The router refused a request.
    Router(router::Error),
    /// An option has the wrong type or a value out of range.
    Option { name: String, expected: &'static str },
    /// A number is not a WebSocket opcode.
    BadOpcode(u8),
    /// The hub of a client's loop was stopped.
    HubStopped,
    /// Bytes are not valid WebSocket frames or base64.
    BadFrame(protocol::DecodeError),
    /// A cluster cannot be made of these options, or be told this.
    Cluster(String),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Router(error.into())
    }
}

impl From<router::Error> for Error {
    fn from(error: router::Error) -> Self {
        Self::Router(error)
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Load(load::Error::Usage(text)) | Error::Cluster(text) => {
                PyValueError::new_err(text)
            }
            Error::Load(error) => PyRuntimeError::new_err(error.to_string()),
            Error::Router(error) => of_router(&error),
            Error::Option { name, expected } => {
                PyTypeError::new_err(format!("option {name:?}: expected {expected}"))
            }
            Error::BadOpcode(opcode) => PyValueError::new_err(format!(
                "opcode: expected 1 (text), 2 (binary), 8 (close), 9 (ping) or 10 (pong), got {opcode}"
            )),
            Error::HubStopped => PyRuntimeError::new_err("the hub of these clients is stopped"),
            Error::BadFrame(error) => PyValueError::new_err(error.to_string()),
        }
    }
}

fn of_router(error: &router::Error) -> PyErr {
    use router::Error as E;
    let text = error.to_string();
    match error {
        E::NotRunning => PyRuntimeError::new_err(text + ": serve its ASGIApp first"),
        E::Os(_) => PyOSError::new_err(text),
        E::UnknownSid => PyKeyError::new_err(text),
        E::AlreadyConnected
        | E::BadPacket(_)
        | E::OwnRoom
        | E::TooManyNamespaces
        | E::WrongNamespace => PyValueError::new_err(text),
    }
}

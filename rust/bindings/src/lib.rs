//! The Python module `fanio._core`: an export list, nothing else.
//!
//! This is the only crate that knows Python; `error` is the only file that makes a `PyErr`.

mod address;
mod delivery;
mod emit;
mod error;
mod frames;
mod options;
mod query;
mod server;

use pyo3::prelude::*;

/// The Rust core: shards, sessions, rooms and the wire.
#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use crate::delivery::{ACK, ADMISSION, CONNECT, DISCONNECT, EVENT, HANDOFF, STOPPED};
    #[pymodule_export]
    use crate::frames::{FrameReader, encode_frame};
    #[pymodule_export]
    use crate::server::Server;
}

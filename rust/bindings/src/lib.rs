//! The Python module `fanio._core`: an export list, nothing else.
//!
//! This is the only crate that knows Python; `error` is the only file that makes a `PyErr`.

mod audience;
mod client;
mod client_options;
mod delivery;
mod doors;
mod drain;
mod error;
mod frames;
mod load;
mod options;
mod packet;
mod promise;
mod query;
mod receive;
mod server;

use pyo3::prelude::pymodule;

/// The Rust core: shards, sessions, rooms and the wire.
#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    const ACK: u8 = crate::delivery::ACK;
    #[pymodule_export]
    const ADMISSION: u8 = crate::delivery::ADMISSION;
    #[pymodule_export]
    const ANSWERED: u8 = crate::delivery::ANSWERED;
    #[pymodule_export]
    const CLOSED: u8 = crate::delivery::CLOSED;
    #[pymodule_export]
    const CONNECT: u8 = crate::delivery::CONNECT;
    #[pymodule_export]
    const CONNECT_ERROR: u8 = crate::client::CONNECT_ERROR;
    #[pymodule_export]
    const DISCONNECT: u8 = crate::delivery::DISCONNECT;
    #[pymodule_export]
    const DRAINED: u8 = crate::client::DRAINED;
    #[pymodule_export]
    const ENDED: u8 = crate::delivery::ENDED;
    #[pymodule_export]
    const EVENT: u8 = crate::delivery::EVENT;
    #[pymodule_export]
    const FLUSH: u8 = crate::server::FLUSH;
    #[pymodule_export]
    const FULL: u8 = crate::server::FULL;
    #[pymodule_export]
    const FAILED: u8 = crate::client::FAILED;
    #[pymodule_export]
    const HANDOFF: u8 = crate::delivery::HANDOFF;
    #[pymodule_export]
    const LENT: u8 = crate::delivery::LENT;
    #[pymodule_export]
    const MESSAGE: u8 = crate::delivery::MESSAGE;
    #[pymodule_export]
    const OPEN: u8 = crate::delivery::OPEN;
    #[pymodule_export]
    const REFUSED: u8 = crate::delivery::REFUSED;
    #[pymodule_export]
    const STOPPED: u8 = crate::delivery::STOPPED;
    #[pymodule_export]
    const UPGRADED: u8 = crate::client::UPGRADED;
    #[pymodule_export]
    use crate::client::{ClientConnection, ClientHub};
    #[pymodule_export]
    use crate::frames::{FrameReader, encode_frame};
    #[pymodule_export]
    use crate::load::Load;
    #[pymodule_export]
    use crate::server::Server;
}

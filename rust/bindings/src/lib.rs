//! The Python module `fanio._core`: an export list, nothing else.
//!
//! This is the only crate that knows Python; `error` is the only file that makes a `PyErr`.

mod attachments;
mod client;
mod client_options;
mod cluster;
mod decoded;
mod delivery;
mod doors;
mod drain;
mod error;
mod frames;
mod kinds;
mod load;
mod options;
mod payload;
mod query;
mod server;
mod text;

use pyo3::prelude::pymodule;

/// The Rust core: shards, sessions, rooms and the wire.
#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    const ACK: u8 = crate::kinds::ACK;
    #[pymodule_export]
    const ADMISSION: u8 = crate::kinds::ADMISSION;
    #[pymodule_export]
    const ANSWERED: u8 = crate::kinds::ANSWERED;
    #[pymodule_export]
    const CLOSED: u8 = crate::kinds::CLOSED;
    #[pymodule_export]
    const CONNECT: u8 = crate::kinds::CONNECT;
    #[pymodule_export]
    const CONNECT_ERROR: u8 = crate::kinds::CONNECT_ERROR;
    #[pymodule_export]
    const DISCONNECT: u8 = crate::kinds::DISCONNECT;
    #[pymodule_export]
    const DRAINED: u8 = crate::kinds::DRAINED;
    #[pymodule_export]
    const EARLY_EVENT: u8 = crate::kinds::EARLY_EVENT;
    #[pymodule_export]
    const ENDED: u8 = crate::kinds::ENDED;
    #[pymodule_export]
    const EVENT: u8 = crate::kinds::EVENT;
    #[pymodule_export]
    const FLUSH: u8 = crate::server::FLUSH;
    #[pymodule_export]
    const FULL: u8 = crate::server::FULL;
    #[pymodule_export]
    const FAILED: u8 = crate::kinds::FAILED;
    #[pymodule_export]
    const CROWDED: u8 = crate::server::CROWDED;
    #[pymodule_export]
    const WAIT: u8 = crate::server::WAIT;
    #[pymodule_export]
    const HANDOFF: u8 = crate::kinds::HANDOFF;
    #[pymodule_export]
    const LENT: u8 = crate::kinds::LENT;
    #[pymodule_export]
    const MESSAGE: u8 = crate::kinds::MESSAGE;
    #[pymodule_export]
    const OPEN: u8 = crate::kinds::OPEN;
    #[pymodule_export]
    const REFUSED: u8 = crate::kinds::REFUSED;
    #[pymodule_export]
    const SLOW: u8 = crate::kinds::SLOW;
    #[pymodule_export]
    const STOPPED: u8 = crate::kinds::STOPPED;
    #[pymodule_export]
    const TOO_LARGE: u8 = crate::kinds::TOO_LARGE;
    #[pymodule_export]
    const UPGRADED: u8 = crate::kinds::UPGRADED;
    #[pymodule_export]
    use crate::client::{ClientConnection, ClientHub};
    #[pymodule_export]
    use crate::cluster::Cluster;
    #[pymodule_export]
    use crate::frames::{FrameReader, decode_base64, encode_frame};
    #[pymodule_export]
    use crate::load::Load;
    #[pymodule_export]
    use crate::server::Server;
    #[pymodule_export]
    use crate::text::{event_name, has_big_integer};
}

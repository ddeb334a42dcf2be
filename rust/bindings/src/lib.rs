//! The Python module `fanio._core`: an export list, nothing else.
//!
//! This is the only crate that knows Python; `error` is the only file that makes a `PyErr`.

mod attachments;
mod client;
mod client_options;
mod cluster;
mod decoded;
mod doors;
mod drain;
mod error;
mod event_kind;
mod event_tuple;
mod frames;
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
    const ACK: u8 = crate::event_kind::ACK;
    #[pymodule_export]
    const ADMISSION: u8 = crate::event_kind::ADMISSION;
    #[pymodule_export]
    const ANSWERED: u8 = crate::event_kind::ANSWERED;
    #[pymodule_export]
    const CLOSED: u8 = crate::event_kind::CLOSED;
    #[pymodule_export]
    const CONNECT: u8 = crate::event_kind::CONNECT;
    #[pymodule_export]
    const CONNECT_ERROR: u8 = crate::event_kind::CONNECT_ERROR;
    #[pymodule_export]
    const DISCONNECT: u8 = crate::event_kind::DISCONNECT;
    #[pymodule_export]
    const DRAINED: u8 = crate::event_kind::DRAINED;
    #[pymodule_export]
    const EARLY_EVENT: u8 = crate::event_kind::EARLY_EVENT;
    #[pymodule_export]
    const ENDED: u8 = crate::event_kind::ENDED;
    #[pymodule_export]
    const EVENT: u8 = crate::event_kind::EVENT;
    #[pymodule_export]
    const FLUSH: u8 = crate::server::FLUSH;
    #[pymodule_export]
    const FULL: u8 = crate::server::FULL;
    #[pymodule_export]
    const FAILED: u8 = crate::event_kind::FAILED;
    #[pymodule_export]
    const CROWDED: u8 = crate::server::CROWDED;
    #[pymodule_export]
    const WAIT: u8 = crate::server::WAIT;
    #[pymodule_export]
    const HANDOFF: u8 = crate::event_kind::HANDOFF;
    #[pymodule_export]
    const INLINE: u8 = crate::event_kind::INLINE;
    #[pymodule_export]
    const MESSAGE: u8 = crate::event_kind::MESSAGE;
    #[pymodule_export]
    const OPEN: u8 = crate::event_kind::OPEN;
    #[pymodule_export]
    const REFUSED: u8 = crate::event_kind::REFUSED;
    #[pymodule_export]
    const SLOW: u8 = crate::event_kind::SLOW;
    #[pymodule_export]
    const STOPPED: u8 = crate::event_kind::STOPPED;
    #[pymodule_export]
    const TOO_LARGE: u8 = crate::event_kind::TOO_LARGE;
    #[pymodule_export]
    const UPGRADED: u8 = crate::event_kind::UPGRADED;
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

//! Decoding and encoding of Engine.IO v4, Socket.IO v5, WebSocket frames and HTTP/1.1 heads.
//!
//! The crate does no I/O, reads no clock and does not know Python. Its modules:
//!
//! | module | what it reads | example |
//! |---|---|---|
//! | `http1` | request heads, chunked bodies | `GET /socket.io/?EIO=4&transport=polling HTTP/1.1` |
//! | `websocket` | frames (RFC 6455) | `81 05 "42..."` |
//! | `engineio` | packets, polling payloads | `4...`, `2`, `b<base64>`, records joined by `0x1e` |
//! | `socketio` | packet headers | `51-/admin,7["event",{"_placeholder":true,"num":0}]` |
//! | `msgpack` | packets of the msgpack parser | `83 a4 type 02 a4 data 91 a1 61 a3 nsp a1 2f` |
//! | `json` | placeholders in raw JSON | `{"_placeholder":true,"num":0}` |
//! | `integer` | integers past 64 bits in raw JSON | `[18446744073709551616]` |
//!
//! No input may cause a panic. Incomplete input gives `None`, invalid input a [`DecodeError`].

pub mod engineio;
mod error;
pub mod http1;
mod id;
pub mod integer;
pub mod json;
pub mod msgpack;
pub mod socketio;
pub mod websocket;

pub use error::DecodeError;
pub use id::Id;

//! Bytes to values and back: Engine.IO v4, Socket.IO v5, WebSocket frames, HTTP/1.1 heads.
//!
//! No I/O, no clock, no Python. The layers, each on a wire example:
//!
//! | file | what it reads | example |
//! |---|---|---|
//! | `http1` | request heads, chunked bodies | `GET /socket.io/?EIO=4&transport=polling HTTP/1.1` |
//! | `websocket` | frames (RFC 6455) | `81 05 "42..."` |
//! | `engineio` | packets, polling payloads | `4...`, `2`, `b<base64>`, records joined by `0x1e` |
//! | `socketio` | packet headers | `51-/admin,7["event",{"_placeholder":true,"num":0}]` |
//! | `msgpack` | packets of the msgpack parser | `83 a4 type 02 a4 data 91 a1 61 a3 nsp a1 2f` |
//! | `json` | placeholders in raw JSON | `{"_placeholder":true,"num":0}` |
//! | `integer` | integers past 64 bits in raw JSON | `[18446744073709551616]` |
//!
//! Nothing a peer sends may panic here: incomplete input is `None`, wrong input a [`DecodeError`].

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

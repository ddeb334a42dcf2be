//! HTTP on a shard's streams: requests, routing, responses.
//!
//! `connection` has the state of a stream. The other files are `impl Table` blocks, one for each step of
//! serving a request.

pub(crate) mod access_log;
pub(crate) mod admission;
pub(crate) mod bodies;
pub(crate) mod connection;
pub(crate) mod fault;
pub(crate) mod handshake;
mod head;
mod logging;
pub(crate) mod origin;
pub(crate) mod polling;
mod post;
pub(crate) mod reply;
mod request;
pub(crate) mod route;
mod serve;
pub(crate) mod upgrade;

//! HTTP on a shard's streams: requests, their routing, their answers. `connection` holds what is kept
//! for a stream; the other files are `impl Table` blocks, one for each part of serving a request.

pub(crate) mod admission;
pub(crate) mod bodies;
pub(crate) mod connection;
pub(crate) mod fault;
pub(crate) mod handshake;
mod head;
pub(crate) mod journal;
mod logging;
pub(crate) mod origin;
pub(crate) mod polling;
mod post;
pub(crate) mod reply;
mod request;
pub(crate) mod route;
mod serve;
pub(crate) mod upgrade;

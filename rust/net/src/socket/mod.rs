//! Sockets: where they come from, how they are read and written, WebSocket frames on them.

pub(crate) mod accept;
pub(crate) mod listeners;
pub(crate) mod read;
pub(crate) mod site;
pub(crate) mod stream;
pub(crate) mod websocket;

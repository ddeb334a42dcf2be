//! OS sockets: listeners, reading, writing, and WebSocket frames.

pub(crate) mod accept;
pub(crate) mod listener_config;
pub(crate) mod listeners;
pub(crate) mod read;
pub(crate) mod stream;
pub(crate) mod websocket;

//! Reads the facts that routing needs from a request: session, transport, protocol version, path.

use engine::Transport;
use protocol::Id;
use protocol::http1::{Body, Request};

/// Whether the request names a session; an empty `sid` asks for a new session, as in Node.
pub(crate) fn names_session(request: &Request<'_>) -> bool {
    request.query_value("sid").is_some_and(|sid| !sid.is_empty())
}

pub(crate) fn named_session(request: &Request<'_>) -> Option<Id> {
    Id::parse(&request.query_value("sid")?)
}

/// Whether the request has no body. A body that is not read would be parsed as the next request.
pub(crate) fn is_bare(request: &Request<'_>) -> bool {
    matches!(request.body(), Ok(Body::Empty | Body::Length(0)))
}

pub(crate) fn is_upgrade(request: &Request<'_>) -> bool {
    request.has_token("upgrade", "websocket")
}

pub(super) fn transport(request: &Request<'_>) -> Option<Transport> {
    let name = request.query_value("transport")?;
    Transport::named(&name)
}

pub(super) fn is_version_4(request: &Request<'_>) -> bool {
    request.query_value("EIO").as_deref() == Some("4")
}

/// Whether a path is the core's path or below it; an empty `ours` matches all paths.
pub(crate) fn path_matches(path: &[u8], ours: &str) -> bool {
    path.strip_prefix(ours.as_bytes()).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

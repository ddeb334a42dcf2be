//! What a request says: which session, which transport, which path.

use engine::Transport;
use protocol::Id;
use protocol::http1::{Body, Request};

/// Whether the request is of a session; an empty `sid` asks for a new one, as in Node.
pub(crate) fn names_session(request: &Request<'_>) -> bool {
    request.query_value("sid").is_some_and(|sid| !sid.is_empty())
}

pub(crate) fn named_session(request: &Request<'_>) -> Option<Id> {
    Id::parse(&request.query_value("sid")?)
}

/// Whether nothing of the request is behind its head: a body that nobody reads would be taken for
/// the next request.
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

/// Whether a path is at or below ours, which is `/socket.io` or empty for everything.
pub(crate) fn path_matches(path: &[u8], ours: &str) -> bool {
    path.strip_prefix(ours.as_bytes()).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

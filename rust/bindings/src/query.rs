//! `Server` methods that query sockets, sessions and rooms. The answers come from `router::queries`.

use protocol::Id;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use router::SocketStatus;

use crate::event_tuple::address_pair;
use crate::server::Server;

/// A handshake request: the bytes of its head, the peer's address, and whether it came over TLS.
type Request<'py> = (Bound<'py, PyBytes>, Option<(String, u16)>, bool);

#[pymethods]
impl Server {
    fn rooms(&self, sid: &str, namespace: &str) -> Vec<String> {
        self.router.rooms(sid, namespace)
    }

    #[pyo3(signature = (namespace, room))]
    fn participants(&self, namespace: &str, room: Option<&str>) -> Vec<(String, String)> {
        let found = self.router.participants(namespace, room);
        found.into_iter().map(|(sid, session)| (text(sid), text(session))).collect()
    }

    fn room_names(&self, namespace: &str) -> Vec<String> {
        self.router.room_names(namespace)
    }

    fn namespaces(&self) -> Vec<String> {
        self.router.namespaces()
    }

    fn is_connected(&self, sid: &str, namespace: &str) -> bool {
        self.router.is_connected(sid, namespace)
    }

    fn state(&self, sid: &str) -> Option<&'static str> {
        Some(match self.router.status(sid)? {
            SocketStatus::Connected => "connected",
            SocketStatus::Connecting => "connecting",
            SocketStatus::Leaving => "leaving",
        })
    }

    fn namespace_of(&self, sid: &str) -> Option<String> {
        self.router.namespace_of(sid).map(|name| name.to_string())
    }

    fn session_of(&self, sid: &str) -> Option<String> {
        self.router.session_of(sid).map(text)
    }

    fn sid_of(&self, session_id: &str, namespace: &str) -> Option<String> {
        self.router.sid_of(session_id, namespace).map(text)
    }

    fn sessions(&self) -> Vec<String> {
        self.router.sessions().into_iter().map(text).collect()
    }

    fn sessions_by_transport(&self) -> Vec<(&'static str, usize)> {
        self.router.sessions_by_transport()
    }

    fn transport(&self, session_id: &str) -> Option<&'static str> {
        self.router.transport(session_id)
    }

    fn request<'py>(&self, py: Python<'py>, session_id: &str) -> Option<Request<'py>> {
        let (head, peer, secure) = self.router.request(session_id)?;
        Some((PyBytes::new(py, &head), peer.as_ref().map(address_pair), secure))
    }
}

/// An id as a string.
pub(crate) fn text(id: Id) -> String {
    id.as_str().to_owned()
}

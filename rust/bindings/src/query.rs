//! What Python asks about sockets, sessions and rooms: answered by the registry alone.

use protocol::Id;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rooms::SocketStatus;

use crate::delivery::address_pair;
use crate::server::Server;

/// A handshake request: its head, the peer, and whether it came over TLS.
type Request<'py> = (Bound<'py, PyBytes>, Option<(String, u16)>, bool);

#[pymethods]
impl Server {
    fn rooms(&self, sid: &str, namespace: &str) -> Vec<String> {
        let registry = self.registry.lock();
        let Some(sid) = Id::parse(sid) else {
            return Vec::new();
        };
        registry.rooms_of(&sid, namespace).into_iter().map(str::to_owned).collect()
    }

    #[pyo3(signature = (namespace, room))]
    fn participants(&self, namespace: &str, room: Option<&str>) -> Vec<(String, String)> {
        let found = self.registry.lock().participants(namespace, room);
        found.iter().map(|(a, b)| (a.as_str().to_owned(), b.as_str().to_owned())).collect()
    }

    fn room_names(&self, namespace: &str) -> Vec<String> {
        self.registry.lock().room_names(namespace).into_iter().map(str::to_owned).collect()
    }

    fn namespaces(&self) -> Vec<String> {
        self.registry.lock().namespaces().into_iter().map(str::to_owned).collect()
    }

    fn is_connected(&self, sid: &str, namespace: &str) -> bool {
        let registry = self.registry.lock();
        Id::parse(sid).is_some_and(|sid| {
            registry.addr_in(&sid, namespace).is_some()
                && registry.status(&sid) == Some(SocketStatus::Connected)
        })
    }

    fn state(&self, sid: &str) -> Option<&'static str> {
        let status = self.registry.lock().status(&Id::parse(sid)?)?;
        Some(match status {
            SocketStatus::Connected => "connected",
            SocketStatus::Connecting => "connecting",
            SocketStatus::Leaving => "leaving",
        })
    }

    fn namespace_of(&self, sid: &str) -> Option<String> {
        let registry = self.registry.lock();
        registry.namespace_of(&Id::parse(sid)?).map(ToString::to_string)
    }

    fn session_of(&self, sid: &str) -> Option<String> {
        let session = self.registry.lock().session_of(&Id::parse(sid)?)?;
        Some(session.as_str().to_owned())
    }

    fn sid_of(&self, session_id: &str, namespace: &str) -> Option<String> {
        let sid = self.registry.lock().sid_of(&Id::parse(session_id)?, namespace)?;
        Some(sid.as_str().to_owned())
    }

    fn sessions(&self) -> Vec<String> {
        self.registry.lock().sessions().map(|id| id.as_str().to_owned()).collect()
    }

    fn sessions_by_transport(&self) -> Vec<(&'static str, usize)> {
        self.registry.lock().sessions_by_transport()
    }

    fn transport(&self, session_id: &str) -> Option<&'static str> {
        self.registry.lock().transport(&Id::parse(session_id)?)
    }

    fn request<'py>(&self, py: Python<'py>, session_id: &str) -> Option<Request<'py>> {
        let registry = self.registry.lock();
        let (head, peer, secure) = registry.request(&Id::parse(session_id)?)?;
        Some((PyBytes::new(py, &head), peer.as_ref().map(address_pair), secure))
    }
}

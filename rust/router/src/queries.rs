//! Queries about sockets, sessions and rooms. The registry answers them; no shard is asked.
//!
//! Queries by an unknown sid or session id return `None`, `false` or an empty list.

use std::sync::Arc;

use protocol::Id;
use rooms::{Request, SocketStatus};

use crate::start::Router;

impl Router {
    /// The rooms of a socket; the first is its own sid.
    pub fn rooms(&self, sid: &str, namespace: &str) -> Vec<String> {
        let Some(sid) = Id::parse(sid) else {
            return Vec::new();
        };
        owned(&self.registry.lock().rooms_of(&sid, namespace))
    }

    /// The connected sockets of a room, or of the whole namespace: pairs of sid and session id.
    pub fn participants(&self, namespace: &str, room: Option<&str>) -> Vec<(Id, Id)> {
        self.registry.lock().participants(namespace, room)
    }

    /// The names of a namespace's rooms, without the rooms that are sids.
    pub fn room_names(&self, namespace: &str) -> Vec<String> {
        owned(&self.registry.lock().room_names(namespace))
    }

    /// The namespaces that have sockets.
    pub fn namespaces(&self) -> Vec<String> {
        owned(&self.registry.lock().namespaces())
    }

    /// Whether this namespace has a connected socket with this sid.
    pub fn is_connected(&self, sid: &str, namespace: &str) -> bool {
        let registry = self.registry.lock();
        Id::parse(sid).is_some_and(|sid| {
            registry.addr_in(&sid, namespace).is_some()
                && registry.status(&sid) == Some(SocketStatus::Connected)
        })
    }

    /// Whether a socket is connecting, connected or leaving.
    pub fn status(&self, sid: &str) -> Option<SocketStatus> {
        self.registry.lock().status(&Id::parse(sid)?)
    }

    /// A socket's namespace.
    pub fn namespace_of(&self, sid: &str) -> Option<Arc<str>> {
        self.registry.lock().namespace_of(&Id::parse(sid)?).cloned()
    }

    /// A socket's session.
    pub fn session_of(&self, sid: &str) -> Option<Id> {
        self.registry.lock().session_of(&Id::parse(sid)?)
    }

    /// A session's socket in a namespace.
    pub fn sid_of(&self, session: &str, namespace: &str) -> Option<Id> {
        self.registry.lock().sid_of(&Id::parse(session)?, namespace)
    }

    /// The sessions whose connections are open.
    pub fn sessions(&self) -> Vec<Id> {
        self.registry.lock().sessions().copied().collect()
    }

    /// The number of sessions for each transport.
    pub fn sessions_by_transport(&self) -> Vec<(&'static str, usize)> {
        self.registry.lock().sessions_by_transport()
    }

    /// A session's transport.
    pub fn transport(&self, session: &str) -> Option<&'static str> {
        self.registry.lock().transport(&Id::parse(session)?)
    }

    /// The handshake request of a session.
    pub fn request(&self, session: &str) -> Option<Request> {
        self.registry.lock().request(&Id::parse(session)?)
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

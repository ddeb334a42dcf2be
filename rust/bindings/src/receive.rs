//! Packets that the program has read itself (`Parser::Program`): what they mean for its sockets.
//!
//! The rules are those of `engine::Sockets`, held against the registry. That follows the program
//! here: a socket leaves when the program takes note of it, behind all packets before.

#![allow(clippy::needless_pass_by_value, reason = "PyO3 extracts owned arguments")]

use std::sync::Arc;

use net::Command;
use protocol::{Id, socketio};
use pyo3::prelude::*;
use rooms::{Registry, SocketStatus};

use crate::error::Error;
use crate::server::Server;

#[pymethods]
impl Server {
    /// Notes a CONNECT packet; returns the new sid, or `None` when the session is gone.
    fn receive_connect(&self, session_id: &str, namespace: &str) -> Result<Option<String>, Error> {
        let mut registry = self.registry.lock();
        let Some((session, addr)) = session(&registry, session_id) else {
            return Ok(None);
        };
        let namespace = socketio::namespace_name(namespace).map_err(Error::BadPacket)?;
        let joined = status_in(&registry, &session, namespace);
        if joined.is_some_and(|(_, status)| status != SocketStatus::Leaving) {
            return Err(Error::AlreadyConnected);
        }
        if registry.sockets_of(&session) >= self.options.lock().engine.max_namespaces {
            return Err(Error::TooManyNamespaces);
        }
        let (sid, namespace) = (net::new_sid(), Arc::<str>::from(namespace));
        registry.connect(sid, addr, &namespace);
        self.push(addr, Command::Connecting { addr, sid, namespace });
        Ok(Some(sid.as_str().to_owned()))
    }

    /// Notes a DISCONNECT packet; returns the sid of who has left.
    fn receive_disconnect(&self, session_id: &str, namespace: &str) -> Option<String> {
        let mut registry = self.registry.lock();
        let (session, addr) = session(&registry, session_id)?;
        let (sid, _) = status_in(&registry, &session, namespace)?;
        let all = registry.all_room(namespace)?;
        registry.leaving(&sid)?;
        self.push(addr, Command::Disconnect { addr, sid, frame: None, all });
        Some(sid.as_str().to_owned())
    }

    /// Notes the end of a socket, which an event has told; false when it was noted before.
    fn receive_end(&self, sid: &str) -> bool {
        Id::parse(sid).is_some_and(|sid| self.registry.lock().leaving(&sid).is_some())
    }

    /// Returns who has sent an event, or an ack, which has no name; `None` when it is to be dropped.
    #[pyo3(signature = (session_id, namespace, event))]
    fn receive_data(
        &self,
        session_id: &str,
        namespace: &str,
        event: Option<&str>,
    ) -> Result<Option<String>, Error> {
        event.map_or(Ok(()), socketio::check_event_name).map_err(Error::BadPacket)?;
        let registry = self.registry.lock();
        let Some((session, _)) = session(&registry, session_id) else {
            return Ok(None);
        };
        let sender = status_in(&registry, &session, namespace);
        let connected = sender.filter(|(_, status)| *status == SocketStatus::Connected);
        Ok(connected.map(|(sid, _)| sid.as_str().to_owned()))
    }
}

fn session(registry: &Registry, session_id: &str) -> Option<(Id, rooms::Addr)> {
    let session = Id::parse(session_id)?;
    Some((session, registry.session_addr(&session)?))
}

fn status_in(registry: &Registry, session: &Id, namespace: &str) -> Option<(Id, SocketStatus)> {
    let sid = registry.sid_of(session, namespace)?;
    Some((sid, registry.status(&sid)?))
}

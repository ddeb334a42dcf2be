//! Packets that the application has decoded itself (`Parser::Application`): what they mean for its
//! sockets.
//!
//! The rules are those of `engine::Sockets`, held against the registry. That follows the
//! application here: a socket leaves when the application takes note of it, behind all packets
//! before.

use std::sync::Arc;

use net::Command;
use protocol::{Id, socketio};
use rooms::{Addr, Registry, SocketStatus};

use crate::error::Error;
use crate::start::Router;

impl Router {
    /// Notes a CONNECT packet; returns the new sid, or `None` when the session is gone.
    ///
    /// # Errors
    /// When the packet breaks the protocol.
    pub fn decoded_connect(&self, session: &str, namespace: &str) -> Result<Option<Id>, Error> {
        let mut registry = self.registry.lock();
        let Some((session, addr)) = find_session(&registry, session) else {
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
        registry.connect_in(&session, sid, &namespace);
        self.push(addr, Command::Connecting { addr, sid, namespace });
        Ok(Some(sid))
    }

    /// Notes a DISCONNECT packet; returns the sid of who has left.
    pub fn decoded_disconnect(&self, session: &str, namespace: &str) -> Option<Id> {
        let mut registry = self.registry.lock();
        let (session, addr) = find_session(&registry, session)?;
        let (sid, _) = status_in(&registry, &session, namespace)?;
        let all = registry.all_room(namespace)?;
        registry.leaving(&sid)?;
        self.push(addr, Command::Disconnect { addr, sid, frame: None, all });
        Some(sid)
    }

    /// Notes the end of a socket, which `Inbound::Disconnect` has told; `false` when it was noted
    /// before.
    pub fn decoded_end(&self, sid: &str) -> bool {
        Id::parse(sid).is_some_and(|sid| self.registry.lock().leaving(&sid).is_some())
    }

    /// Returns who has sent an event, or an ack, which has no name; `None` when it is to be dropped.
    ///
    /// The connect handler of an event's socket may still run: then the caller keeps the event.
    ///
    /// # Errors
    /// When the event's name is none that a client may send.
    pub fn decoded_data(
        &self,
        session: &str,
        namespace: &str,
        event: Option<&str>,
    ) -> Result<Option<Id>, Error> {
        event.map_or(Ok(()), socketio::check_event_name).map_err(Error::BadPacket)?;
        let registry = self.registry.lock();
        let Some((session, _)) = find_session(&registry, session) else {
            return Ok(None);
        };
        let sender = status_in(&registry, &session, namespace);
        Ok(sender.filter(|(_, status)| *status != SocketStatus::Leaving).map(|(sid, _)| sid))
    }
}

fn find_session(registry: &Registry, session: &str) -> Option<(Id, Addr)> {
    let session = Id::parse(session)?;
    Some((session, registry.session_addr(&session)?))
}

fn status_in(registry: &Registry, session: &Id, namespace: &str) -> Option<(Id, SocketStatus)> {
    let sid = registry.sid_of(session, namespace)?;
    Some((sid, registry.status(&sid)?))
}

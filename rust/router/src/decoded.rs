//! Applies packets that the application has decoded itself (`Parser::Application`) to the registry.
//!
//! For other parsers, `engine::Sockets` checks the same rules in the shard. Here the registry changes
//! only when the application reports a packet: a socket then leaves after all packets that came
//! before its DISCONNECT.

use std::sync::Arc;

use net::Command;
use protocol::{Id, socketio};
use rooms::{Addr, Registry, SocketStatus};

use crate::error::Error;
use crate::start::Router;

impl Router {
    /// Registers a CONNECT packet; returns the new sid, or `None` when the session is closed.
    ///
    /// # Errors
    /// When the packet breaks the protocol, its namespace is joined already, or the session has the
    /// maximum number of namespaces.
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

    /// Registers a DISCONNECT packet; returns the sid of the socket that left.
    pub fn decoded_disconnect(&self, session: &str, namespace: &str) -> Option<Id> {
        let mut registry = self.registry.lock();
        let (session, addr) = find_session(&registry, session)?;
        let (sid, _) = status_in(&registry, &session, namespace)?;
        let all = registry.all_room(namespace)?;
        registry.leaving(&sid)?;
        self.push(addr, Command::Disconnect { addr, sid, frame: None, all });
        Some(sid)
    }

    /// Registers the end of a socket that `Inbound::Disconnect` has reported; `false` when it was
    /// registered before.
    pub fn decoded_end(&self, sid: &str) -> bool {
        Id::parse(sid).is_some_and(|sid| self.registry.lock().leaving(&sid).is_some())
    }

    /// Returns the sid of the socket that sent an event or an ack; `None` when the packet is to be
    /// dropped. For an ack, `event` is `None`.
    ///
    /// The connect handler of the socket may still run. The caller keeps an event until it returns.
    ///
    /// # Errors
    /// When the event has a reserved name.
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

//! Takes the events of the shards, applies them to the registry, and adds what the registry knows.
//!
//! The result, [`Inbound`], is what the application gets. The application's own objects are made in
//! the bindings.

use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::{Parser, Reason, Transport};
use net::{Answered, Data, Event, Handshake, Message, Peer, Slow, TooLarge};
use protocol::Id;
use rooms::{Addr, Registry};

use crate::start::Router;

/// A report for the application: an action of a client, or a change in a shard.
#[derive(Debug)]
pub enum Inbound {
    /// A client acknowledged an event.
    Ack {
        /// The namespace of its socket.
        namespace: Arc<str>,
        /// The arguments of the ack.
        data: Data,
    },
    /// An HTTP request waits for a decision: answer with [`Router::decide`].
    Admission {
        /// Identifies the request in the answer.
        token: u64,
        /// The session; for a handshake, the one that would be opened.
        session: Id,
        /// Whether it is a handshake.
        handshake: bool,
        /// The raw bytes of the request head.
        head: Box<[u8]>,
        /// The peer that sent it.
        peer: Peer,
    },
    /// A request was answered; reported for the access log.
    Answered(Box<Answered>),
    /// A session whose messages the application decodes itself is closed.
    Closed {
        /// The session.
        session: Id,
        /// Why.
        reason: Reason,
        /// The message that was too large, if that is the reason.
        too_large: Option<TooLarge>,
    },
    /// A client asks to join a namespace: answer with [`Router::accept`] or [`Router::refuse`].
    Connect {
        /// The new socket.
        sid: Id,
        /// The namespace.
        namespace: Arc<str>,
        /// The session.
        session: Id,
        /// The auth object, encoded by the parser; may be empty.
        auth: Box<[u8]>,
    },
    /// The backlog of a client for which `Sent::wait` was returned is small again, or the client has
    /// gone.
    Drained {
        /// The session.
        session: Id,
    },
    /// A client was closed with the reason `slow client`.
    Slow {
        /// Its sockets and their namespaces.
        sockets: Vec<(Id, Arc<str>)>,
        /// The backlog it had.
        slow: Box<Slow>,
    },
    /// A socket has left: call [`Router::forget`] when its disconnect handler has run.
    Disconnect {
        /// The socket.
        sid: Id,
        /// Its namespace.
        namespace: Arc<str>,
        /// Its session.
        session: Id,
        /// Why.
        reason: Reason,
        /// The message that was too large, if that is the reason.
        too_large: Option<TooLarge>,
    },
    /// A WebSocket has ended; reported for the access log.
    Ended,
    /// A client sent an event.
    Event {
        /// The namespace of its socket.
        namespace: Arc<str>,
        /// The connect handler of the socket still runs, or the socket is held ([`Router::hold`]). The
        /// application keeps the event until then.
        early: bool,
        /// The event's name and arguments.
        data: Data,
    },
    /// A request for a path that the core does not serve. The receiver owns the stream.
    HandOff {
        /// The stream.
        fd: OwnedFd,
        /// The bytes that were read from it.
        data: Vec<u8>,
        /// The listener that accepted it.
        listener: u32,
    },
    /// Call [`Router::take_turn`] when the descriptor is readable, while that returns true.
    Inline {
        /// The shard.
        shard: u16,
        /// The descriptor.
        fd: RawFd,
    },
    /// A message that the application decodes itself.
    Message {
        /// The session.
        session: Id,
        /// The message.
        message: Message,
    },
    /// A session whose messages the application decodes itself is open.
    Open {
        /// The session.
        session: Id,
        /// The raw bytes of the request head.
        head: Box<[u8]>,
        /// The peer that sent it.
        peer: Peer,
        /// The transport.
        transport: &'static str,
    },
    /// A request was answered with an error.
    Refused {
        /// The raw bytes of the request head.
        head: Box<[u8]>,
        /// The peer that sent it.
        peer: Peer,
        /// The Engine.IO error code.
        code: u8,
        /// The error's text.
        message: String,
    },
    /// After [`Router::shut_down`]: the last session is closed.
    Stopped,
    /// A client sent a message that is too large.
    TooLarge {
        /// The session.
        session: Id,
        /// The size of the message and the limit.
        detail: TooLarge,
    },
}

/// The events of one call of [`Router::take`]. The caller uses one batch again and again, so that its
/// vectors keep their capacity.
#[derive(Debug, Default)]
pub struct Batch {
    events: Vec<Event>,
    /// The events that were taken.
    pub inbound: Vec<Inbound>,
}

impl Router {
    /// Appends up to `limit` events to a batch. Call [`Router::resume_reading`] when they are
    /// dropped.
    ///
    /// The caller turns the events into the application's objects. This may run code of the
    /// application, so it must not happen here, where the registry is locked.
    pub fn take(&self, limit: usize, batch: &mut Batch) {
        let Ok(net) = self.net() else { return };
        self.deferred.announce();
        let mut registry = self.registry.lock();
        net.take(limit, &mut batch.events);
        for event in batch.events.drain(..) {
            let inbound = register(&mut registry, event, self.parser);
            let is_stop = matches!(inbound, Some(Inbound::Stopped));
            if !is_stop || self.is_last_stop(net.shards()) {
                batch.inbound.extend(inbound);
            }
        }
    }

    /// Counts a shard that has stopped; `true` for the last one, whose event reaches the application.
    fn is_last_stop(&self, shards: usize) -> bool {
        self.stopped.fetch_add(1, Ordering::Relaxed) + 1 == shards
    }

    /// Lets the shards read again that stopped because too many events were waiting.
    pub fn resume_reading(&self) {
        if let Ok(net) = self.net() {
            net.resume();
        }
    }
}

/// Applies an event to the registry; `None` when the application need not know about it.
///
/// With `Parser::Application`, the end of a socket is not registered here: the application may still
/// have packets of that socket to decode. It reports the end itself (`decoded_end`).
fn register(registry: &mut Registry, event: Event, parser: Parser) -> Option<Inbound> {
    match event {
        Event::Ack(data) => {
            let namespace = Arc::clone(registry.namespace_of(&data.sid)?);
            Some(Inbound::Ack { namespace, data })
        }
        Event::Admission { token, session, handshake, head, peer } => {
            Some(Inbound::Admission { token, session, handshake, head, peer })
        }
        Event::Answered(answered) => Some(Inbound::Answered(answered)),
        Event::Closed { session, reason, too_large } => {
            registry.close(&session);
            Some(Inbound::Closed { session, reason: reason?, too_large })
        }
        Event::Connect { addr, sid, namespace, auth, handshake } => {
            if let Some(handshake) = handshake {
                open(registry, addr, *handshake);
            }
            let session = registry.connect(sid, addr, &namespace)?;
            Some(Inbound::Connect { sid, namespace, session, auth })
        }
        Event::Disconnect { sid, reason, too_large } => {
            let (namespace, session) = match parser {
                Parser::Application => {
                    (Arc::clone(registry.namespace_of(&sid)?), registry.session_of(&sid)?)
                }
                _ => registry.leaving(&sid)?,
            };
            Some(Inbound::Disconnect { sid, namespace, session, reason, too_large })
        }
        Event::Drained { session } => {
            registry.set_backed_up(&session, false);
            Some(Inbound::Drained { session })
        }
        Event::Ended => Some(Inbound::Ended),
        Event::Event(data) => {
            let (namespace, early) = registry.sender(&data.sid)?;
            Some(Inbound::Event { namespace: Arc::clone(namespace), early, data })
        }
        Event::Full { session } => {
            registry.set_backed_up(&session, true);
            None
        }
        Event::HandOff { fd, data, listener } => Some(Inbound::HandOff { fd, data, listener }),
        Event::Inline { shard, fd } => Some(Inbound::Inline { shard, fd }),
        Event::Message { session, message } => Some(Inbound::Message { session, message }),
        Event::Open { addr, handshake } => {
            let (head, peer) = (handshake.head.clone(), handshake.peer.clone());
            let (session, transport) = (handshake.session, handshake.transport.as_str());
            open(registry, addr, *handshake);
            Some(Inbound::Open { session, head, peer, transport })
        }
        Event::Refused { head, peer, code, message } => {
            Some(Inbound::Refused { head, peer, code, message })
        }
        Event::Slow(slow) => {
            Some(Inbound::Slow { sockets: registry.sockets_in(&slow.session), slow })
        }
        Event::Stopped => Some(Inbound::Stopped),
        Event::TooLarge { session, detail } => Some(Inbound::TooLarge { session, detail }),
        Event::Upgraded { session } => {
            registry.set_transport(&session, Transport::WebSocket.as_str());
            None
        }
    }
}

fn open(registry: &mut Registry, addr: Addr, handshake: Handshake) {
    let Handshake { session, head, peer, transport } = handshake;
    registry.open(session, addr, &head, peer.addr, peer.secure, transport.as_str());
}

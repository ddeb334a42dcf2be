//! Events of the shards, noted in the registry and completed with what that knows.

use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::{Parser, Reason, Transport};
use net::{Answered, Data, Event, Handshake, Message, Peer, Slow, TooLarge};
use protocol::Id;
use rooms::{Addr, Registry};

use crate::start::Router;

/// Something that a client did, or that a shard says, for the application.
#[derive(Debug)]
pub enum Inbound {
    /// A client acknowledged an event.
    Ack {
        /// The namespace of its socket.
        namespace: Arc<str>,
        /// What it answered.
        data: Data,
    },
    /// A request asks to be let in: answer with [`Router::decide`].
    Admission {
        /// Given back with the answer.
        token: u64,
        /// The session: the one to be, for a handshake.
        session: Id,
        /// Whether it is a handshake.
        handshake: bool,
        /// The raw bytes of the request head.
        head: Box<[u8]>,
        /// Who sent it.
        peer: Peer,
    },
    /// A request was answered.
    Answered(Box<Answered>),
    /// A session is closed whose messages the application decodes itself.
    Closed {
        /// The session.
        session: Id,
        /// Why.
        reason: Reason,
        /// What was too large, if that is why.
        too_large: Option<TooLarge>,
    },
    /// A client asks for a namespace: answer with [`Router::accept`] or [`Router::refuse`].
    Connect {
        /// The new socket.
        sid: Id,
        /// The namespace.
        namespace: Arc<str>,
        /// The session.
        session: Id,
        /// The auth object in the parser's form, or nothing.
        auth: Box<[u8]>,
    },
    /// Little waits for a client to which `Sent::wait` said not to send more, or it is gone.
    Drained {
        /// The session.
        session: Id,
    },
    /// A client is closed as `slow client`, with what waited for it.
    Slow {
        /// Its sockets and their namespaces.
        sockets: Vec<(Id, Arc<str>)>,
        /// What waited.
        slow: Box<Slow>,
    },
    /// A socket is gone: call [`Router::forget`] when its disconnect handler has run.
    Disconnect {
        /// The socket.
        sid: Id,
        /// Its namespace.
        namespace: Arc<str>,
        /// Its session.
        session: Id,
        /// Why.
        reason: Reason,
        /// What was too large, if that is why.
        too_large: Option<TooLarge>,
    },
    /// A WebSocket has ended.
    Ended,
    /// A client sent an event.
    Event {
        /// The namespace of its socket.
        namespace: Arc<str>,
        /// The connect handler of its socket still runs, or something else holds its events up
        /// ([`Router::hold`]): keep this one until that is over.
        early: bool,
        /// What it sent.
        data: Data,
    },
    /// A request for another path; the stream is the receiver's.
    HandOff {
        /// The stream.
        fd: OwnedFd,
        /// What was read from it.
        data: Vec<u8>,
        /// The listener it came from.
        listener: u32,
    },
    /// Call [`Router::take_turn`] when the descriptor is readable, while that returns true.
    Lent {
        /// The shard.
        shard: u16,
        /// The descriptor.
        fd: RawFd,
    },
    /// A message that the application decodes itself.
    Message {
        /// The session.
        session: Id,
        /// What came.
        message: Message,
    },
    /// A session has begun whose messages the application decodes itself.
    Open {
        /// The session.
        session: Id,
        /// The raw bytes of the request head.
        head: Box<[u8]>,
        /// Who sent it.
        peer: Peer,
        /// The transport.
        transport: &'static str,
    },
    /// A request was answered with an error.
    Refused {
        /// The raw bytes of the request head.
        head: Box<[u8]>,
        /// Who sent it.
        peer: Peer,
        /// The error's number.
        code: u8,
        /// Its text.
        message: String,
    },
    /// After [`Router::shut_down`]: the last session is closed.
    Stopped,
    /// A message of a client's was too large.
    TooLarge {
        /// Its session.
        session: Id,
        /// What is known about the message.
        detail: TooLarge,
    },
}

/// What is taken at once; its room is used again and again.
#[derive(Debug, Default)]
pub struct Batch {
    events: Vec<Event>,
    /// What was taken.
    pub inbound: Vec<Inbound>,
}

impl Router {
    /// Appends up to `limit` events to a batch. Call [`Router::resume_reading`] when they are
    /// dropped.
    ///
    /// Events are only noted here, and made into the application's own objects elsewhere: that may
    /// run code of the application, which must not find the registry locked.
    pub fn take(&self, limit: usize, batch: &mut Batch) {
        let Ok(net) = self.net() else { return };
        self.deferred.announce();
        let mut registry = self.registry.lock();
        net.take(limit, &mut batch.events);
        for event in batch.events.drain(..) {
            let noted = note(&mut registry, event, self.parser);
            let is_end = matches!(noted, Some(Inbound::Stopped));
            if !is_end || self.is_last_end(net.shards()) {
                batch.inbound.extend(noted);
            }
        }
    }

    /// The last shard's end stands for all.
    fn is_last_end(&self, shards: usize) -> bool {
        self.stopped.fetch_add(1, Ordering::Relaxed) + 1 == shards
    }

    /// Has the shards read on, where they wait until events are taken and dropped.
    pub fn resume_reading(&self) {
        if let Ok(net) = self.net() {
            net.resume();
        }
    }
}

/// Notes an event in the registry; `None` when it concerns nobody any more.
///
/// An application that decodes packets itself may have one of a socket's before it when the
/// socket's end is taken here: then it notes the end itself (`decoded_end`).
fn note(registry: &mut Registry, event: Event, parser: Parser) -> Option<Inbound> {
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
        Event::Lent { shard, fd } => Some(Inbound::Lent { shard, fd }),
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

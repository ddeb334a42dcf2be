//! Events of the shards, noted in the registry and completed with what that knows.

use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;

use engine::{Parser, Reason, Transport};
use net::{Answered, Data, Event, Handshake, Message, Peer};
use protocol::Id;
use rooms::{Addr, Registry};

use crate::kinds::{ACK, EVENT};

/// An event with what the registry knows about it: all that its tuple needs.
pub(crate) enum Notice {
    Admission { token: u64, session: Id, handshake: bool, head: Box<[u8]>, peer: Peer },
    Answered(Box<Answered>),
    Closed { session: Id, reason: Reason },
    Connect { sid: Id, namespace: Arc<str>, session: Id, auth: Box<[u8]> },
    Data { kind: u8, namespace: Arc<str>, data: Data },
    Disconnect { sid: Id, namespace: Arc<str>, session: Id, reason: Reason },
    Ended,
    HandOff { fd: OwnedFd, data: Vec<u8>, listener: u32 },
    Lent { shard: u16, fd: RawFd },
    Message { session: Id, message: Message },
    Open { session: Id, head: Box<[u8]>, peer: Peer, transport: &'static str },
    Refused { head: Box<[u8]>, peer: Peer, code: u8, message: String },
    Stopped,
}

/// Notes an event in the registry; `None` when it concerns nobody any more.
///
/// Apart from the making of tuples, because that may run the program's code (a collection of
/// garbage does), which must not find the registry locked.
///
/// A program that reads the packets itself may have one of a socket's before it when its end is
/// taken here: then `leaving` is its to call (`receive_end`).
pub(crate) fn notice(registry: &mut Registry, event: Event, parser: Parser) -> Option<Notice> {
    match event {
        Event::Ack(data) => data_notice(registry, ACK, data),
        Event::Admission { token, session, handshake, head, peer } => {
            Some(Notice::Admission { token, session, handshake, head, peer })
        }
        Event::Answered(answered) => Some(Notice::Answered(answered)),
        Event::Closed { session, reason } => {
            registry.close(&session);
            Some(Notice::Closed { session, reason: reason? })
        }
        Event::Connect { addr, sid, namespace, auth, handshake } => {
            if let Some(handshake) = handshake {
                open(registry, addr, *handshake);
            }
            let session = registry.connect(sid, addr, &namespace)?;
            Some(Notice::Connect { sid, namespace, session, auth })
        }
        Event::Disconnect { sid, reason } => {
            let (namespace, session) = match parser {
                Parser::Program => {
                    (registry.namespace_of(&sid)?.clone(), registry.session_of(&sid)?)
                }
                _ => registry.leaving(&sid)?,
            };
            Some(Notice::Disconnect { sid, namespace, session, reason })
        }
        Event::Ended => Some(Notice::Ended),
        Event::Event(data) => data_notice(registry, EVENT, data),
        Event::HandOff { fd, data, listener } => Some(Notice::HandOff { fd, data, listener }),
        Event::Lent { shard, fd } => Some(Notice::Lent { shard, fd }),
        Event::Message { session, message } => Some(Notice::Message { session, message }),
        Event::Open { addr, handshake } => {
            let (head, peer) = (handshake.head.clone(), handshake.peer.clone());
            let (session, transport) = (handshake.session, handshake.transport.as_str());
            open(registry, addr, *handshake);
            Some(Notice::Open { session, head, peer, transport })
        }
        Event::Refused { head, peer, code, message } => {
            Some(Notice::Refused { head, peer, code, message })
        }
        Event::Stopped => Some(Notice::Stopped),
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

fn data_notice(registry: &Registry, kind: u8, data: Data) -> Option<Notice> {
    let namespace = Arc::clone(registry.namespace_of(&data.sid)?);
    Some(Notice::Data { kind, namespace, data })
}

//! `Router::emit`: finds the recipients of an event, encodes it once, and pushes it to the shards.
//!
//! The recipients are looked up in `audience.rs`, and the packet is encoded in `packet.rs`. The limits
//! for one client's backlog are in `flow.rs`.

use protocol::socketio::PacketType;
use rooms::{Flags, Key};
use smallvec::SmallVec;

use crate::audience::Audience;
use crate::packet::{self, Header, Payload};
use crate::start::Router;

/// An event to send, with its recipients and options.
#[derive(Clone, Debug)]
pub struct Emit<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The event's name and its arguments, encoded.
    pub payload: Payload<'a>,
    /// The binary attachments, in the order of the payload's placeholders.
    pub attachments: SmallVec<[&'a [u8]; 2]>,
    /// Rooms and sids that get the event; `None` means all sockets of the namespace.
    pub to: Option<SmallVec<[&'a str; 2]>>,
    /// Sids that do not get the event.
    pub skip: SmallVec<[&'a str; 2]>,
    /// Rooms whose members do not get the event; a sid is the room of one socket.
    pub except_rooms: SmallVec<[&'a str; 2]>,
    /// The id that the clients' acks carry.
    pub ack_id: Option<u64>,
    /// A client that has a backlog does not get the event.
    pub volatile: bool,
    /// The event replaces a packet with the same conflation key in a client's backlog.
    pub conflate: Option<&'a str>,
    /// The event may be compressed.
    pub compress: bool,
    /// When the event is for one client with a large backlog, nothing is sent and the caller waits.
    pub may_wait: bool,
}

impl<'a> Emit<'a> {
    /// An event for all sockets of a namespace, without options.
    pub fn new(namespace: &'a str, payload: Payload<'a>) -> Self {
        Self {
            namespace,
            payload,
            attachments: SmallVec::new(),
            to: None,
            skip: SmallVec::new(),
            except_rooms: SmallVec::new(),
            ack_id: None,
            volatile: false,
            conflate: None,
            compress: true,
            may_wait: false,
        }
    }

    /// The size of the data and the attachments.
    fn bytes(&self) -> usize {
        self.payload.bytes() + self.attachments.iter().map(|data| data.len()).sum::<usize>()
    }

    /// Whether a client with a backlog may miss the event; the caller then never waits.
    fn may_be_dropped(&self) -> bool {
        self.volatile || self.conflate.is_some()
    }

    fn flags(&self) -> Flags {
        let conflate = self.conflate.map(|name| Key::new(self.namespace, name));
        Flags { volatile: self.volatile, conflate, compress: self.compress }
    }
}

/// What the caller has to do after a request to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent of each other")]
pub struct Sent {
    /// Call [`Router::flush`] soon, on this thread.
    pub flush: bool,
    /// Wait before the next emit: the inboxes of the shards are full.
    pub full: bool,
    /// Nothing was sent: the client's backlog is too large. `Inbound::Drained` says when to try again.
    pub wait: bool,
    /// Nothing was sent: the event is large, and the backlogs of all clients together are too. Try
    /// again soon.
    pub crowded: bool,
}

impl Sent {
    pub(crate) const WAIT: Self = Self { flush: false, full: false, wait: true, crowded: false };
    pub(crate) const CROWDED: Self = Self { crowded: true, ..Self::WAIT };
}

impl Router {
    /// Sends an event to a namespace, or to rooms and sockets in it, each client once.
    ///
    /// The recipients are looked up before the event is encoded, so that an event without recipients
    /// costs no encoding. The lock is taken again for the pushes, so that all clients see the events of
    /// several threads in the same order.
    pub fn emit(&self, emit: &Emit<'_>) -> Sent {
        let Ok(net) = self.net() else {
            return Sent::default();
        };
        let registry = self.registry.lock();
        let mut audience = Audience::new(&registry, emit);
        if audience.is_empty() {
            return Sent::default();
        }
        let only = if emit.may_be_dropped() { None } else { audience.only() };
        if emit.may_wait && only.is_some_and(|addr| registry.is_backed_up(addr)) {
            return Sent::WAIT;
        }
        drop(registry);
        if emit.may_wait && audience.is_one() && self.has_no_memory_for(emit.bytes(), &net) {
            return Sent::CROWDED;
        }
        let header = Header { kind: PacketType::Event, namespace: emit.namespace, id: emit.ack_id };
        let frame =
            packet::encode(self.parser, &header, &emit.payload, &emit.attachments, emit.flags());
        let bytes = frame.wire().len();
        let mut registry = self.registry.lock();
        if audience.depends_on_membership(emit) {
            audience = Audience::new(&registry, emit);
        }
        audience.push(&net, frame);
        if let Some(addr) = only {
            self.count_sent(&mut registry, &net, addr, bytes);
        }
        drop(registry);
        Sent { flush: self.deferred.wake(&net), full: net.is_full(), ..Sent::default() }
    }
}

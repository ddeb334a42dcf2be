//! Emitting: what an event says, who it is for, and its way to the shards.

use protocol::socketio::PacketType;
use rooms::{Flags, Key};
use smallvec::SmallVec;

use crate::audience::Audience;
use crate::packet::{self, Header, Payload};
use crate::start::Router;

/// An event on its way out.
#[derive(Clone, Debug)]
pub struct Emit<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The event's name and its arguments, encoded.
    pub payload: Payload<'a>,
    /// The bytes that stand for the payload's placeholders.
    pub attachments: SmallVec<[&'a [u8]; 2]>,
    /// Rooms and sids; `None` is everybody in the namespace.
    pub to: Option<SmallVec<[&'a str; 2]>>,
    /// Sids that do not get it.
    pub skip: SmallVec<[&'a str; 2]>,
    /// Rooms, or sids, whose members do not get it.
    pub except_rooms: SmallVec<[&'a str; 2]>,
    /// The number under which clients acknowledge it.
    pub ack_id: Option<u64>,
    /// A client that has a backlog does not get it.
    pub volatile: bool,
    /// It takes the place of the packet with the same name that waits for a client.
    pub conflate: Option<&'a str>,
    /// It may be compressed.
    pub compress: bool,
    /// When it is for one client alone, for whom much waits, nothing is sent and the sender waits.
    pub may_wait: bool,
}

impl<'a> Emit<'a> {
    /// An event for everybody in a namespace.
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

    /// What it carries.
    fn bytes(&self) -> usize {
        self.payload.bytes() + self.attachments.iter().map(|data| data.len()).sum::<usize>()
    }

    /// Whether a client for which much waits need not get it: nobody waits for that.
    fn may_be_dropped(&self) -> bool {
        self.volatile || self.conflate.is_some()
    }

    fn flags(&self) -> Flags {
        let conflate = self.conflate.map(|name| Key::new(self.namespace, name));
        Flags { volatile: self.volatile, conflate, compress: self.compress }
    }
}

/// What the caller of a request has to do now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct Sent {
    /// Call [`Router::flush`] soon, on this thread.
    pub flush: bool,
    /// Wait before more is emitted: so much waits for the shards.
    pub full: bool,
    /// Nothing was sent: so much waits for this one client. `Inbound::Drained` says when to try again.
    pub wait: bool,
    /// Nothing was sent: it is large, and much waits for all clients. Try again soon.
    pub crowded: bool,
}

impl Sent {
    pub(crate) const WAIT: Self = Self { flush: false, full: false, wait: true, crowded: false };
    pub(crate) const CROWDED: Self = Self { crowded: true, ..Self::WAIT };
}

impl Router {
    /// Sends an event to a namespace, or to rooms and sockets in it, each client once.
    ///
    /// Who gets it is looked up first, so that an event for nobody is not encoded. The lock is taken
    /// again for the pushes: all clients see the events of several threads in one order.
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
        if audience.is_fleeting(emit) {
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

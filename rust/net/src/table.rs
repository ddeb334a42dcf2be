//! Everything a shard owns besides its rooms: streams, sessions, deadlines, what is to be told.
//!
//! Each transport's behaviour is an `impl Table` in its own file, as are the end of streams and
//! sessions (`ending`) and `deadlines`; here are how they begin, and what every [`Action`] of the session machine means in I/O. Nothing here calls
//! into the fan-out: what concerns rooms is noted (`ended`, `left`, `doomed`) and done by the
//! shard at the end of the step, so that a delivery can never re-enter it.

use std::sync::Arc;

use engine::{Action, Reason, Time, Transport, Via};
use mio::{Interest, Registry, Token};
use protocol::websocket::{Deflater, Inflater};
use rooms::{Addr, ConnId, Frame, Index, RoomId};
use rustc_hash::FxHashMap;
use slab::Slab;

use crate::counters::{Counter, Counters};
use crate::event::{Event, Handshake};
use crate::http::Http;
use crate::http::bodies::Bodies;
use crate::http::journal::Journal;
use crate::inbox::Inbox;
use crate::options::Options;
use crate::outbox::Outbox;
use crate::queue::cargo::{Cargo, form};
use crate::queue::load::Load;
use crate::random::Random;
use crate::session::{NONE, Session};
use crate::shard::guard::Concern;
use crate::socket::accept::{Arrival, Io};
use crate::socket::stream::Stream;
use crate::throttle::Reading;
use crate::too_large::TooLarge;
use crate::unread::{Sent, Unread};
use crate::wheel::Wheel;

/// A namespace that has sockets on this shard.
#[derive(Debug, Default)]
pub(crate) struct Namespace {
    pub(crate) sockets: u32,
    pub(crate) all: Option<RoomId>,
}

/// The packets that are the same for everybody.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) ping: Frame,
    pub(crate) pong_probe: Frame,
    pub(crate) noop: Frame,
    pub(crate) close: Frame,
}

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) shard: u16,
    pub(crate) now: Time,
    pub(crate) options: Arc<Options>,
    pub(crate) control: Control,
    pub(crate) streams: Slab<Stream>,
    pub(crate) sessions: Index<Session>,
    pub(crate) namespaces: FxHashMap<Arc<str>, Namespace>,
    pub(crate) wheel: Wheel,
    pub(crate) registry: Registry,
    pub(crate) random: Random,
    pub(crate) bodies: Bodies,
    pub(crate) deflater: Deflater,
    pub(crate) inflater: Inflater,
    pub(crate) counters: Arc<Counters>,
    /// Those of all shards.
    pub(crate) all_counters: Arc<[Arc<Counters>]>,
    pub(crate) load: Load,
    /// How many sessions are on polling, and how many on a WebSocket.
    pub(crate) live: [usize; 2],
    /// How many sockets there are, over all namespaces.
    pub(crate) sockets: usize,
    pub(crate) inboxes: Arc<[Arc<Inbox>]>,
    pub(crate) outbox: Arc<Outbox<Sent, Unread>>,
    pub(crate) events: Vec<Sent>,
    pub(crate) reading: Reading,
    /// Answers to the pings of the stream that is read.
    pub(crate) pongs: Vec<u8>,
    pub(crate) journal: Journal,
    pub(crate) actions: Vec<Action>,
    /// What the present step is about.
    pub(crate) concern: Concern,
    /// Streams to read in this turn.
    pub(crate) ready: Vec<u32>,
    /// Sessions whose poll is answered at the end of the turn.
    pub(crate) polls: Vec<u32>,
    /// Sessions to close at the end of the step.
    pub(crate) doomed: Vec<(u32, Reason)>,
    /// Sessions whose slot is freed at the end of the step.
    pub(crate) ended: Vec<u32>,
    /// Sockets that left a namespace by themselves.
    pub(crate) left: Vec<(ConnId, RoomId)>,
    /// Sessions that were opened in this step.
    pub(crate) opened: Vec<ConnId>,
    /// The sessions that have sent what was too large.
    pub(crate) too_large: FxHashMap<u32, TooLarge>,
    /// The shard closes: streams get their last response.
    pub(crate) stopping: bool,
    generation: u32,
}

impl Table {
    pub(crate) fn new(
        shard: u16,
        options: Arc<Options>,
        registry: Registry,
        all_counters: Arc<[Arc<Counters>]>,
        inboxes: Arc<[Arc<Inbox>]>,
        outbox: Arc<Outbox<Sent, Unread>>,
        now: Time,
    ) -> Self {
        let frame = |text: &[u8]| Frame::new(text, &[]);
        let control = Control {
            ping: frame(b"2"),
            pong_probe: frame(b"3probe"),
            noop: frame(b"6"),
            close: frame(b"1"),
        };
        Self {
            shard,
            now,
            bodies: Bodies::default(),
            deflater: deflater(&options),
            inflater: Inflater::new(),
            options,
            control,
            streams: Slab::new(),
            sessions: Index::default(),
            namespaces: FxHashMap::default(),
            wheel: Wheel::new(now),
            registry,
            random: Random::new(),
            counters: Arc::clone(&all_counters[usize::from(shard)]),
            all_counters,
            load: Load::default(),
            live: [0; 2],
            sockets: 0,
            inboxes,
            outbox,
            events: Vec::new(),
            reading: Reading::default(),
            pongs: Vec::new(),
            journal: Journal::default(),
            actions: Vec::new(),
            concern: Concern::Nothing,
            ready: Vec::new(),
            polls: Vec::new(),
            doomed: Vec::new(),
            ended: Vec::new(),
            left: Vec::new(),
            opened: Vec::new(),
            too_large: FxHashMap::default(),
            stopping: false,
            generation: 0,
        }
    }

    pub(crate) fn set_options(&mut self, options: Arc<Options>) {
        if options.per_message_deflate != self.options.per_message_deflate {
            self.deflater = deflater(&options);
        }
        self.options = options;
    }

    pub(crate) fn next_generation(&mut self) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        self.generation
    }

    /// Starts serving a stream.
    pub(crate) fn arrive(&mut self, arrival: Arrival) {
        let generation = self.next_generation();
        let is_adopted = arrival.site.listener.is_none();
        let http = Http::new(arrival.site, arrival.peer, generation);
        let mut stream = Stream::new(arrival.io, arrival.data, http);
        stream.place = arrival.place;
        stream.deadline = Time(self.now.0 + self.options.head_timeout.as_millis() as u64);
        if !arrival.moved && (is_adopted || matches!(stream.io, Io::Unix(_))) {
            // What a TCP listener accepts has the listener's bounds.
            self.options.bound_kernel(&stream.io);
        }
        if self.streams.len() == self.streams.capacity() {
            self.streams.reserve_exact((self.streams.len() / 4).max(8));
        }
        let entry = self.streams.vacant_entry();
        let slot = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        if self.registry.register(stream.io.source(), Token(slot), interest).is_err() {
            self.counters.add(Counter::AcceptErrors);
            return;
        }
        // Edge-triggered: what is there already may not be reported.
        stream.readable = true;
        entry.insert(stream);
        self.counters.add(Counter::StreamsOpened);
        self.file_stream(slot as u32);
        self.ready.push(slot as u32);
    }

    /// Opens a session for a handshake.
    pub(crate) fn open_session(&mut self, handshake: Handshake, transport: Transport) -> u32 {
        let engine = engine::Session::server(&self.options.engine, self.now, transport);
        let generation = self.next_generation();
        let slot = self.sessions.insert(Session::new(engine, generation, handshake));
        self.opened.push(ConnId(slot));
        self.counters.add(Counter::SessionsOpened);
        self.live[transport as usize] += 1;
        self.file_session(slot);
        if self.options.engine.parser.is_undecoded() {
            self.announce(slot);
        }
        slot
    }

    /// Tells the program of a session whose messages it reads itself.
    fn announce(&mut self, slot: u32) {
        let addr = self.addr(slot);
        let session = self.sessions.entry_mut(slot);
        if let Some(handshake) = session.and_then(|session| session.handshake.take()) {
            self.publish(slot, Event::Open { addr, handshake });
        }
    }

    /// The live session at an address.
    pub(crate) fn session_at(&mut self, addr: Addr) -> Option<&mut Session> {
        self.sessions
            .entry_mut(addr.slot)
            .filter(|session| session.generation == addr.generation && !session.ended)
    }

    pub(crate) fn addr(&self, slot: u32) -> Addr {
        let generation = self.sessions.entry(slot).map_or(0, |s| s.generation);
        Addr { shard: self.shard, slot, generation }
    }

    /// Does what the session machine has asked for.
    pub(crate) fn perform(&mut self, slot: u32) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            self.perform_one(slot, action);
        }
        self.actions = actions;
        self.file_session(slot);
    }

    fn perform_one(&mut self, slot: u32, action: Action) {
        match action {
            Action::SendPing => self.send(slot, &self.control.ping.clone()),
            Action::SendPong(Via::Probe) => self.answer_probe(slot),
            Action::ReleasePoll => self.release_poll(slot),
            Action::SwitchTransport => self.switch_transport(slot),
            Action::DropProbe => self.drop_probe(slot),
            Action::Close { reason, goodbye } => self.end_session(slot, reason, goodbye),
            // A client's actions; this table drives servers only.
            Action::SendPong(Via::Main)
            | Action::SendUpgrade
            | Action::SendProbe
            | Action::Opened { .. } => {}
        }
    }

    /// Sends one packet on the session's present transport, past the fan-out.
    pub(crate) fn send(&mut self, slot: u32, frame: &Frame) {
        let Some(session) = self.sessions.entry_mut(slot) else {
            return;
        };
        if session.engine.transport() == Transport::Polling {
            session.push(frame.clone(), 0, true, &mut self.load);
            self.want_poll(slot);
            return;
        }
        let stream = session.stream;
        self.write(slot, stream, std::iter::once(frame.wire()));
    }

    /// Notes that a poll may be answered at the end of the turn.
    pub(crate) fn want_poll(&mut self, slot: u32) {
        if let Some(session) = self.sessions.entry_mut(slot)
            && session.poll != NONE
            && !session.flushing
        {
            session.flushing = true;
            self.polls.push(slot);
        }
    }

    /// The poller says that a stream can be written again.
    pub(crate) fn flush(&mut self, slot: u32) {
        let Some(stream) = self.streams.get_mut(slot as usize) else {
            return;
        };
        match stream.flush(&mut self.load) {
            Ok(sent) => {
                self.count_sent(sent);
                self.watch(slot, sent);
                if sent.bytes > 0 {
                    self.response_moved(slot);
                    self.note_taken(slot);
                }
            }
            Err(_) => self.lose_stream(slot, true),
        }
    }

    /// Writes to a session's WebSocket; a broken or too slow one dooms the session.
    pub(crate) fn write<'a>(
        &mut self,
        slot: u32,
        stream: u32,
        buffers: impl Iterator<Item = &'a bytes::Bytes> + Clone,
    ) {
        self.write_cargo(slot, stream, buffers, Cargo::Own);
    }

    /// The same for packets of the program's.
    pub(crate) fn write_cargo<'a>(
        &mut self,
        slot: u32,
        stream_slot: u32,
        buffers: impl Iterator<Item = &'a bytes::Bytes> + Clone,
        cargo: Cargo<'_>,
    ) {
        let threshold = self.deflate_from();
        let Some(stream) = self.streams.get_mut(stream_slot as usize) else {
            return self.lose_packets(cargo.packets());
        };
        let (agreed, deflater) = (stream.deflate(), &mut self.deflater);
        let mut form = |frame: &Frame| form(frame, agreed, threshold, deflater);
        let Ok(sent) = stream.send(buffers, cargo, &mut form, &mut self.load) else {
            self.doomed.push((slot, Reason::TransportError));
            return self.lose_packets(cargo.packets());
        };
        self.count_sent(sent);
        if sent.waits {
            self.watch(stream_slot, sent);
            self.limit_stream(slot, stream_slot);
        }
    }

    /// Messages of at least this many bytes are compressed for those who agreed to it.
    pub(crate) fn deflate_from(&self) -> usize {
        self.options.per_message_deflate.map_or(usize::MAX, |deflate| deflate.threshold)
    }

    /// Forgets a namespace when its last socket is gone.
    pub(crate) fn release_namespace(&mut self, name: &Arc<str>) {
        if let Some(namespace) = self.namespaces.get_mut(name) {
            namespace.sockets -= 1;
            self.sockets -= 1;
            if namespace.sockets == 0 {
                self.namespaces.remove(name);
            }
        }
    }
}

fn deflater(options: &Options) -> Deflater {
    Deflater::new(options.per_message_deflate.map_or(0, |deflate| deflate.level))
}

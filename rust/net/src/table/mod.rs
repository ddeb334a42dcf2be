//! What a shard owns besides its rooms, each part with an owner that keeps its fields private:
//!
//! - `sessions`: the sessions, their ids, their namespaces;
//! - `streams`: the OS sockets, the poller, which of them have input;
//! - `reports`: the events for the application;
//! - `step`: what one step of a turn is about, and what is done at its end;
//! - `codecs`: encoders and compressors;
//! - `reading`: how much of a stream was read, which streams are paused;
//! - `shards`: the other shards.
//!
//! The behaviour of a transport is an `impl Table` in a file of its own, as are the closing of streams
//! and sessions (`close`) and `deadlines`; here is how they begin, and what every [`Action`] of the
//! session machine means in I/O. Those blocks change the parts through their methods only. Nothing
//! here calls into the fan-out: `step` notes what concerns rooms, and the shard does it at the end of
//! the step, so that a delivery can never re-enter it.

pub(crate) mod codecs;
mod deadlines;
pub(crate) mod reading;
pub(crate) mod reports;
pub(crate) mod sessions;
pub(crate) mod shards;
pub(crate) mod step;
pub(crate) mod streams;

use std::sync::Arc;

use engine::{Action, Reason, Time, Transport, Via};
use mio::Registry;
use rooms::{ConnId, Frame};

use self::codecs::Codecs;
use self::reading::Reading;
use self::reports::Reports;
use self::sessions::Sessions;
use self::shards::AllShards;
use self::step::Step;
use self::streams::Streams;
use crate::counters::{Counter, Counters};
use crate::event::{Event, Handshake};
use crate::http::access_log::AccessLog;
use crate::http::connection::Http;
use crate::options::Options;
use crate::outbox::Outbox;
use crate::queue::queued_memory::QueuedMemory;
use crate::queue::send_batch::SendBatch;
use crate::socket::accept::{Arrival, Io};
use crate::socket::stream::Stream;
use crate::timer_wheel::TimerWheel;
use crate::unread::{Sent, Unread};

#[derive(Debug)]
pub(crate) struct Table {
    /// The time of this turn; only [`Table::begin_turn`] sets it.
    pub(crate) now: Time,
    /// Only [`Table::set_options`] sets them.
    pub(crate) options: Arc<Options>,
    pub(crate) sessions: Sessions,
    pub(crate) streams: Streams,
    pub(crate) reports: Reports,
    pub(crate) step: Step,
    pub(crate) codecs: Codecs,
    pub(crate) reading: Reading,
    pub(crate) shards: AllShards,
    /// The memory of everything that waits for clients.
    pub(crate) queued_memory: QueuedMemory,
    /// The lines of the access log that the application has not taken.
    pub(crate) access_log: AccessLog,
    pub(crate) counters: Arc<Counters>,
    /// Only `deadlines` uses it.
    timer_wheel: TimerWheel,
    /// The server shuts down: each stream is closed behind its next response.
    is_stopping: bool,
}

impl Table {
    pub(crate) fn new(
        shards: AllShards,
        options: Arc<Options>,
        registry: Registry,
        outbox: Arc<Outbox<Sent, Unread>>,
        now: Time,
    ) -> Self {
        Self {
            now,
            sessions: Sessions::new(shards.own()),
            streams: Streams::new(registry),
            reports: Reports::new(shards.own(), outbox),
            step: Step::default(),
            codecs: Codecs::new(&options),
            reading: Reading::default(),
            counters: shards.own_counters(),
            shards,
            queued_memory: QueuedMemory::default(),
            access_log: AccessLog::default(),
            timer_wheel: TimerWheel::new(now),
            is_stopping: false,
            options,
        }
    }

    /// The number of the shard.
    pub(crate) fn number(&self) -> u16 {
        self.shards.own()
    }

    pub(crate) fn begin_turn(&mut self, now: Time) {
        self.now = now;
        self.queued_memory.set_clock(now, &self.options);
    }

    pub(crate) fn set_options(&mut self, options: Arc<Options>) {
        self.codecs.set_options(&options);
        self.options = options;
    }

    /// Has streams closed behind their next response.
    pub(crate) fn begin_shutdown(&mut self) {
        self.is_stopping = true;
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    /// Starts serving a stream.
    pub(crate) fn arrive(&mut self, arrival: Arrival) {
        let is_adopted = arrival.config.listener.is_none();
        let http = Http::new(arrival.config, arrival.peer, self.streams.next_generation());
        let mut stream = Stream::new(arrival.io, arrival.data, http);
        stream.connection_slot = arrival.connection_slot;
        stream.deadline = Time(self.now.0 + self.options.head_timeout.as_millis() as u64);
        if !arrival.moved && (is_adopted || matches!(stream.io, Io::Unix(_))) {
            // What a TCP listener accepts has the listener's bounds.
            self.options.bound_kernel(&stream.io);
        }
        match self.streams.insert(stream) {
            Some(slot) => {
                self.counters.add(Counter::StreamsOpened);
                self.file_stream(slot);
            }
            None => self.counters.add(Counter::AcceptErrors),
        }
    }

    /// Opens a session for a handshake.
    pub(crate) fn open_session(&mut self, handshake: Handshake, transport: Transport) -> u32 {
        let engine = engine::Session::server(&self.options.engine, self.now, transport);
        let slot = self.sessions.insert(engine, handshake);
        self.step.note_opened(ConnId(slot));
        self.counters.add(Counter::SessionsOpened);
        self.file_session(slot);
        if self.options.engine.parser.is_undecoded() {
            self.announce(slot);
        }
        slot
    }

    /// Tells the program of a session whose messages it reads itself.
    fn announce(&mut self, slot: u32) {
        let addr = self.sessions.addr(slot);
        let session = self.sessions.get_mut(slot);
        if let Some(handshake) = session.and_then(|session| session.handshake.take()) {
            self.publish(slot, Event::Open { addr, handshake });
        }
    }

    /// Reports an event of a session to the application, and counts it as unread.
    pub(crate) fn publish(&mut self, slot: u32, event: Event) {
        let cost = self.reports.publish(slot, event);
        if let Some(session) = self.sessions.get_mut(slot) {
            session.unread = session.unread.saturating_add(cost as u32);
        }
    }

    /// Does what the session machine has asked for.
    pub(crate) fn perform(&mut self, slot: u32) {
        let mut actions = std::mem::take(self.step.actions());
        for action in actions.drain(..) {
            self.perform_one(slot, action);
        }
        *self.step.actions() = actions;
        self.file_session(slot);
    }

    fn perform_one(&mut self, slot: u32, action: Action) {
        match action {
            Action::SendPing => self.send(slot, &self.codecs.control().ping.clone()),
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
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        if session.engine.transport() == Transport::Polling {
            session.push(frame.clone(), 0, true, &mut self.queued_memory);
            self.sessions.want_poll(slot);
            return;
        }
        let stream = session.stream;
        self.write(slot, stream, std::iter::once(frame.wire()));
    }

    /// The poller says that a stream can be written again.
    pub(crate) fn flush(&mut self, slot: u32) {
        let Some(stream) = self.streams.get_mut(slot) else {
            return;
        };
        match stream.flush(&mut self.queued_memory) {
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
        self.write_batch(slot, stream, buffers, SendBatch::Own);
    }

    /// The same for packets of the program's.
    pub(crate) fn write_batch<'a>(
        &mut self,
        slot: u32,
        stream_slot: u32,
        buffers: impl Iterator<Item = &'a bytes::Bytes> + Clone,
        batch: SendBatch<'_>,
    ) {
        let Some(stream) = self.streams.get_mut(stream_slot) else {
            return self.lose_packets(batch.packets());
        };
        let (agreed, codecs) = (stream.deflate(), &mut self.codecs);
        let mut form = |frame: &Frame| codecs.form(frame, agreed);
        let Ok(sent) = stream.send(buffers, batch, &mut form, &mut self.queued_memory) else {
            self.step.close_later(slot, Reason::TransportError);
            return self.lose_packets(batch.packets());
        };
        self.count_sent(sent);
        if sent.waits {
            self.watch(stream_slot, sent);
            self.limit_stream(slot, stream_slot);
        }
    }
}

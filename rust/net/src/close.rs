//! The end of streams and sessions: who lost what, what is said last, and when a place is free again.

use std::sync::Arc;

use engine::{Goodbye, Reason, Time, Transport, Via};
use protocol::websocket::Opcode;

use crate::counters::Counter;
use crate::event::Event;
use crate::queue::send_batch::{SendBatch, plain};
use crate::session::NONE;
use crate::socket::stream::{Role, Stream};
use crate::table::Table;

/// How long an ended session waits for the poll that fetches its last packets.
const LINGER: u64 = 30_000;
/// How long the last words may take once the shard was told to stop, in milliseconds.
const LAST_WORDS: u64 = 500;

impl Table {
    /// The peer is gone, or the stream broke: tells the session and closes the stream.
    pub(crate) fn lose_stream(&mut self, slot: u32, error: bool) {
        let Some(stream) = self.remove_stream(slot) else {
            return;
        };
        match stream.role {
            Role::WebSocket { session, probe, .. } => {
                let via = if probe { Via::Probe } else { Via::Main };
                self.lose_transport(session, slot, via, error);
            }
            Role::Http(http) => {
                if let Some((session, polling)) = http.carries() {
                    self.lose_request(session, slot, polling);
                }
            }
            Role::Closing { .. } => {}
        }
    }

    fn lose_transport(&mut self, session: u32, stream: u32, via: Via, error: bool) {
        let Some(entry) = self.sessions.get_mut(session) else {
            return;
        };
        match via {
            Via::Probe if entry.probe == stream => entry.probe = NONE,
            Via::Main if entry.stream == stream => entry.stream = NONE,
            _ => return,
        }
        if !entry.ended {
            entry.engine.handle_stream_lost(via, error, self.step.actions());
            self.perform(session);
        }
    }

    /// A request of a session was cut off: Node's server closes the session, and so do we.
    fn lose_request(&mut self, session: u32, stream: u32, polling: bool) {
        let Some(entry) = self.sessions.get_mut(session) else {
            return;
        };
        let carried = if polling { &mut entry.poll } else { &mut entry.post };
        if *carried != stream {
            return;
        }
        *carried = NONE;
        if !entry.ended && entry.engine.transport() == Transport::Polling {
            entry.engine.handle_stream_lost(Via::Main, true, self.step.actions());
            self.perform(session);
        }
    }

    /// Takes a stream out of the poller and the table.
    pub(crate) fn remove_stream(&mut self, slot: u32) -> Option<Stream> {
        let mut stream = self.streams.remove(slot)?;
        let lost = stream.discard(&mut self.queued_memory);
        self.counters.add_many(Counter::DroppedClosed, u64::from(lost));
        self.counters.add(Counter::StreamsClosed);
        if stream.is_end_logged {
            self.reports.tell(Event::Ended);
        }
        Some(stream)
    }

    /// Closes a session for a reason of ours.
    pub(crate) fn close_session(&mut self, slot: u32, reason: Reason) {
        let goodbye = match reason {
            Reason::ConnectTimeout | Reason::ParseError | Reason::ServerDisconnect => Goodbye::Kept,
            _ => Goodbye::Return,
        };
        if reason == Reason::SlowClient {
            self.tell_slow(slot);
        }
        self.close_session_with(slot, reason, goodbye);
    }

    /// The same, with what its client hears of it.
    pub(crate) fn close_session_with(&mut self, slot: u32, reason: Reason, goodbye: Goodbye) {
        if let Some(session) = self.sessions.get_mut(slot).filter(|s| !s.ended) {
            session.engine.close(reason, goodbye, self.step.actions());
            self.perform(slot);
        }
    }

    /// Ends a session: its sockets are gone now, its streams get their last words.
    pub(crate) fn end_session(&mut self, slot: u32, reason: Reason, goodbye: Goodbye) {
        let Some(session) = self.sessions.end(slot) else {
            return;
        };
        self.counters.closed(reason);
        self.step.free_later(slot);
        session.forget_held();
        if std::mem::take(&mut session.full) {
            let session = session.id;
            self.reports.tell(Event::Drained { session });
        }
        let too_large = self.sessions.too_large(slot);
        let Some(session) = self.sessions.get(slot) else {
            return;
        };
        let sids: Vec<_> =
            session.sockets.iter().map(|s| (s.sid, Arc::clone(&s.namespace))).collect();
        for (sid, namespace) in sids {
            self.sessions.leave_namespace(&namespace);
            self.publish(slot, Event::Disconnect { sid, reason, too_large });
        }
        if let Some(session) = self.sessions.get(slot).filter(|s| s.handshake.is_none()) {
            let session = session.id;
            let reason = self.options.engine.parser.is_undecoded().then_some(reason);
            self.publish(slot, Event::Closed { session, reason, too_large });
        }
        self.end_streams(slot, reason, goodbye);
    }

    fn end_streams(&mut self, slot: u32, reason: Reason, goodbye: Goodbye) {
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        let (stream, probe) = (session.stream, session.probe);
        (session.stream, session.probe, session.post) = (NONE, NONE, NONE);
        if reason == Reason::SlowClient {
            let lost = session.discard(&mut self.queued_memory);
            self.counters.add_many(Counter::DroppedClosed, u64::from(lost));
        }
        self.end_polling(slot, goodbye);
        if reason == Reason::SlowClient {
            self.remove_stream(stream);
        }
        let code = (reason == Reason::ServerShutdown).then_some(1012);
        self.close_websocket(stream, code);
        self.close_websocket(probe, None);
    }

    /// Answers the GET that waits, and keeps what a later one may fetch.
    fn end_polling(&mut self, slot: u32, goodbye: Goodbye) {
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        let waits = session.poll != NONE;
        let is_polling = session.engine.transport() == Transport::Polling;
        let last = match goodbye {
            Goodbye::Return if session.queue.is_some() => None,
            Goodbye::None | Goodbye::Return => waits.then_some(&self.codecs.control().noop),
            Goodbye::Waiting => waits.then_some(&self.codecs.control().close),
            Goodbye::Kept => (waits || is_polling).then_some(&self.codecs.control().close),
        };
        if let Some(last) = last {
            session.push(last.clone(), 0, true, &mut self.queued_memory);
        }
        if waits {
            self.flush_poll(slot);
        }
        if is_polling
            && matches!(goodbye, Goodbye::Kept | Goodbye::Return)
            && let Some(session) = self.sessions.get_mut(slot)
            && session.queue.is_some()
        {
            session.lingers = Time(self.now.0 + LINGER);
        }
    }

    /// Sends a close frame and waits for the peer's, for a while.
    pub(crate) fn close_websocket(&mut self, slot: u32, code: Option<u16>) {
        let Some(stream) = self.streams.get_mut(slot) else {
            return;
        };
        let mut frame = Vec::new();
        let code = code.map_or(Vec::new(), |code| code.to_be_bytes().to_vec());
        protocol::websocket::encode_frame(Opcode::Close, &code, None, &mut frame);
        // A stream that fails here is noticed when it is read.
        let frame = frame.into();
        let _ = stream.send(
            std::iter::once(&frame),
            SendBatch::Own,
            &mut plain,
            &mut self.queued_memory,
        );
        self.close_stream(slot, true);
    }

    /// Everything is said: waits until the peer has read it, for a while.
    pub(crate) fn close_stream(&mut self, slot: u32, websocket: bool) {
        let close_by = Time(self.now.0 + self.options.close_timeout.as_millis() as u64);
        let Some(stream) = self.streams.get_mut(slot) else {
            return;
        };
        let old = std::mem::replace(&mut stream.role, Role::Closing { decoder: None });
        if let (Role::WebSocket { decoder, .. }, true) = (old, websocket) {
            stream.role = Role::Closing { decoder: Some(decoder) };
        } else {
            stream.finish();
        }
        stream.paused = false;
        stream.deadline = close_by;
        self.streams.read_soon(slot);
        self.file_stream(slot);
    }

    /// Closes the streams that wait for a request.
    pub(crate) fn close_idle_streams(&mut self) {
        let idle: Vec<_> = self
            .streams
            .iter()
            .filter(|(_, stream)| matches!(&stream.role, Role::Http(http) if http.is_idle()))
            .map(|(slot, _)| slot)
            .collect();
        for slot in idle {
            self.close_stream(slot, false);
        }
    }

    /// Frees a slot at the end of a step; returns whether it did.
    pub(crate) fn free_session(&mut self, slot: u32) -> bool {
        let Some(session) = self.sessions.get(slot) else {
            return false;
        };
        if session.lingers != Time(0) {
            self.file_session(slot);
            return false;
        }
        let session = self.sessions.remove(slot);
        let lost = session.map_or(0, |mut session| session.discard(&mut self.queued_memory));
        self.lose_packets(lost);
        true
    }

    /// When a stopping shard ends at the latest.
    pub(crate) fn last_words(&self) -> Time {
        Time(self.now.0 + LAST_WORDS)
    }
}

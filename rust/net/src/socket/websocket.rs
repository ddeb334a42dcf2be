//! WebSocket input: decodes frames (RFC 6455) into packets and gives these to the session.
//!
//! The codec is in `protocol::websocket`, the Engine.IO and Socket.IO state in `engine`. Handshakes
//! are in `http/upgrade.rs`.

use std::borrow::Cow;
use std::sync::Arc;

use engine::{Goodbye, Inbound, Incoming, ProtocolError, Reason, Via};
use protocol::engineio::Packet;
use protocol::websocket::WireMessage;
use protocol::{DecodeError, Id, websocket};
use rooms::Addr;

use crate::counters::Counter;
use crate::event::{Data, Event, Message as RawMessage};
use crate::socket::stream::Role;
use crate::table::Table;

/// Why decoding stops.
enum Step {
    /// More bytes are needed, or reading is throttled: keep the rest.
    Keep,
    /// The stream is closing; the rest of the input is dropped.
    Done,
}

impl Table {
    /// Decodes the frames in `input`; returns how many bytes were used.
    pub(crate) fn websocket_input(&mut self, slot: u32, input: &mut [u8]) -> usize {
        let mut used = 0;
        let kept = loop {
            if self.reading.is_visit_over() {
                break true;
            }
            match self.websocket_frame(slot, &mut input[used..]) {
                Ok(0) | Err(Step::Keep) => break true,
                Ok(n) => {
                    self.reading.count_message(n);
                    used += n;
                }
                Err(Step::Done) => break false,
            }
        };
        self.send_pongs(slot);
        if kept { used } else { input.len() }
    }

    fn websocket_frame(&mut self, slot: u32, input: &mut [u8]) -> Result<usize, Step> {
        let Some(stream) = self.streams.get_mut(slot) else {
            return Err(Step::Done);
        };
        let Role::WebSocket { session, probe, decoder, .. } = &mut stream.role else {
            return Err(Step::Done);
        };
        let (session, via) = (*session, if *probe { Via::Probe } else { Via::Main });
        let mut decoder = std::mem::replace(decoder, websocket::Decoder::server());
        if self.is_throttled(session) {
            self.keep_decoder(slot, decoder);
            self.throttle(slot);
            return Err(Step::Keep);
        }
        let max = self.options.engine.max_payload;
        let decoded = match decoder.decode(input, max) {
            Ok((used, Some(WireMessage::Deflated { is_text, data }))) => {
                self.deflated_message(slot, session, via, (is_text, data)).map(|()| used)
            }
            Ok((used, message)) => {
                if let Some(message) = message {
                    self.websocket_message(slot, session, via, &message);
                }
                Ok(used)
            }
            Err(error) => Err(error),
        };
        match decoded {
            Ok(used) => {
                self.keep_decoder(slot, decoder);
                Ok(used)
            }
            Err(error) => {
                if error == DecodeError::MessageTooLarge && via == Via::Main {
                    self.note_large(session, decoder.message_size(input));
                }
                self.fail_websocket(slot, session, via, error);
                Err(Step::Done)
            }
        }
    }

    fn deflated_message(
        &mut self,
        slot: u32,
        session: u32,
        via: Via,
        (is_text, data): (bool, &[u8]),
    ) -> Result<(), DecodeError> {
        let mut inflater = self.codecs.take_inflater();
        let message = inflater.inflate(is_text, data, self.options.engine.max_payload);
        let result = message.map(|message| self.websocket_message(slot, session, via, &message));
        self.codecs.keep_inflater(inflater);
        result
    }

    fn keep_decoder(&mut self, slot: u32, kept: websocket::Decoder) {
        if let Some(stream) = self.streams.get_mut(slot)
            && let Role::WebSocket { decoder, .. } = &mut stream.role
        {
            *decoder = kept;
        }
    }

    fn websocket_message(&mut self, slot: u32, session: u32, via: Via, message: &WireMessage<'_>) {
        match message {
            WireMessage::Text(text) => match Packet::decode(text) {
                Ok(packet) => self.handle_packet(session, via, packet),
                Err(_) => self.break_session(session, via),
            },
            WireMessage::Binary(data) => {
                self.handle_packet(session, via, Packet::Binary(Cow::Borrowed(data)));
            }
            WireMessage::Ping(data) => self.note_ping(slot, data),
            WireMessage::Deflated { .. } | WireMessage::Pong(_) => {}
            WireMessage::Close { code, .. } => {
                self.send_pongs(slot);
                self.close_websocket(slot, *code);
                self.forget_stream(session, slot, via, false);
                // The closing handshake is complete. By RFC 6455, the server closes the TCP stream first.
                self.finish_stream(slot);
            }
        }
    }

    /// Keeps the pong for a ping until all input is handled. When there are very many pings, only the
    /// last ones are answered, as RFC 6455 section 5.5.3 allows. With a large backlog, no pong is sent:
    /// it could not arrive in time.
    fn note_ping(&mut self, slot: u32, data: &[u8]) {
        const PONG_ROOM: usize = 64 * 1024;
        if self.streams.get(slot).is_none_or(|stream| stream.waiting() > PONG_ROOM) {
            return;
        }
        self.reading.add_pong(data);
    }

    /// Sends all pongs of a stream in one write.
    fn send_pongs(&mut self, slot: u32) {
        let Some(pongs) = self.reading.take_pongs() else {
            return;
        };
        let pongs = pongs.into();
        if let Some(stream) = self.streams.get(slot)
            && let Role::WebSocket { session, .. } = stream.role
        {
            self.write(session, slot, std::iter::once(&pongs));
        }
    }

    /// Closes a WebSocket after an invalid frame, with the close code of the error.
    fn fail_websocket(&mut self, slot: u32, session: u32, via: Via, error: DecodeError) {
        self.close_websocket(slot, Some(error.close_code()));
        self.forget_stream(session, slot, via, true);
        self.finish_stream(slot);
    }

    /// Detaches a closing stream from its session.
    fn forget_stream(&mut self, session: u32, slot: u32, via: Via, error: bool) {
        let Some(entry) = self.sessions.get_mut(session) else {
            return;
        };
        let carried = if via == Via::Probe { &mut entry.probe } else { &mut entry.stream };
        if *carried != slot {
            return;
        }
        *carried = crate::session::NONE;
        if !entry.ended {
            entry.engine.handle_stream_lost(via, error, self.step.actions());
            self.perform(session);
        }
    }

    /// Shuts down the sending side of a closing stream.
    pub(crate) fn finish_stream(&mut self, slot: u32) {
        if let Some(stream) = self.streams.get_mut(slot) {
            stream.role = Role::Closing { decoder: None };
            stream.finish();
        }
    }

    /// Handles the input of a closing stream: drops everything until the peer's close frame.
    pub(crate) fn closing_input(&mut self, slot: u32, input: &mut [u8]) -> usize {
        let Some(stream) = self.streams.get_mut(slot) else {
            return input.len();
        };
        let Role::Closing { decoder: Some(decoder) } = &mut stream.role else {
            return input.len();
        };
        let mut used = 0;
        let closed = loop {
            match decoder.decode(&mut input[used..], self.options.engine.max_payload) {
                Ok((0, _)) => break false,
                Ok((_, Some(WireMessage::Close { .. }))) | Err(_) => break true,
                Ok((n, _)) => used += n,
            }
        };
        if closed {
            self.finish_stream(slot);
            return input.len();
        }
        used
    }

    /// Gives one packet to the session and performs the actions that follow.
    pub(crate) fn handle_packet(&mut self, slot: u32, via: Via, packet: Packet<'_>) {
        let options = Arc::clone(&self.options);
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        if session.ended {
            return;
        }
        self.counters.add(Counter::PacketsReceived);
        let inbound = session.engine.handle_packet(
            &options.engine,
            self.now,
            via,
            packet,
            self.step.actions(),
        );
        let outcome = match &inbound {
            Some(message) => session.sockets.handle(&options.engine, message),
            None => Ok(None),
        };
        self.perform(slot);
        self.receive(slot, outcome);
    }

    fn receive(&mut self, slot: u32, outcome: Result<Option<Incoming<'_>>, ProtocolError>) {
        match outcome {
            Ok(None) => {}
            Ok(Some(Incoming::Connect { namespace, auth })) => self.connect(slot, namespace, &auth),
            Ok(Some(Incoming::Event { sid, id, data, attachments })) => {
                let body = data.into_owned().into_boxed_slice();
                self.publish(slot, Event::Event(Data { sid, id, body, attachments }));
            }
            Ok(Some(Incoming::Ack { sid, id, data, attachments })) => {
                let body = data.into_owned().into_boxed_slice();
                self.publish(slot, Event::Ack(Data { sid, id: Some(id), body, attachments }));
            }
            Ok(Some(Incoming::Disconnect { sid })) => self.leave_namespace(slot, sid),
            Ok(Some(Incoming::Message(message))) => self.pass_on(slot, message),
            Err(_) => self.break_session(slot, Via::Main),
        }
    }

    /// Reports a message that the application decodes itself.
    fn pass_on(&mut self, slot: u32, message: &Inbound<'_>) {
        let Some(session) = self.sessions.get(slot).map(|session| session.id) else {
            return;
        };
        let message = match message {
            Inbound::Text(text) => RawMessage::Text((*text).into()),
            Inbound::Binary(data) => RawMessage::Binary(data.to_vec()),
        };
        self.publish(slot, Event::Message { session, message });
    }

    /// Closes a session whose peer broke the protocol; for a probe, only the probe.
    pub(crate) fn break_session(&mut self, slot: u32, via: Via) {
        if via == Via::Probe {
            return self.fail_probe(slot);
        }
        if let Some(session) = self.sessions.get_mut(slot)
            && !session.ended
        {
            session.engine.close(Reason::ParseError, Goodbye::Kept, self.step.actions());
            self.perform(slot);
        }
    }

    /// Reports a CONNECT packet; the application accepts or refuses it.
    fn connect(&mut self, slot: u32, namespace: &str, auth: &[u8]) {
        let sid = self.sessions.new_sid();
        let name = self.sessions.enter_namespace(namespace);
        let addr = self.sessions.addr(slot);
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        session.sockets.connecting(Arc::clone(&name), sid);
        let transport = session.engine.transport();
        let handshake = session.handshake.take().map(|mut handshake| {
            handshake.transport = transport;
            handshake
        });
        let auth = auth.into();
        self.publish(slot, Event::Connect { addr, sid, namespace: name, auth, handshake });
    }

    /// Adds a socket for a CONNECT packet that the application has decoded.
    pub(crate) fn connecting(&mut self, addr: Addr, sid: Id, namespace: &str) {
        if self.sessions.at(addr).is_none() {
            // The session was closed before the application decoded the packet. The end of this socket
            // was not reported yet.
            let reason = Reason::TransportClose;
            return self.publish(addr.slot, Event::Disconnect { sid, reason, too_large: None });
        }
        let name = self.sessions.enter_namespace(namespace);
        if let Some(session) = self.sessions.at(addr) {
            session.sockets.connecting(name, sid);
        }
    }

    /// Removes a socket whose client sent DISCONNECT.
    fn leave_namespace(&mut self, slot: u32, sid: Id) {
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        let Some(socket) = session.sockets.remove(&sid) else {
            return;
        };
        session.take_held(&sid);
        if let Some(all) = self.sessions.room_of_all(&socket.namespace) {
            self.step.note_left(rooms::ConnId(slot), all);
        }
        self.sessions.leave_namespace(&socket.namespace);
        let reason = Reason::ClientDisconnect;
        self.publish(slot, Event::Disconnect { sid, reason, too_large: None });
    }
}

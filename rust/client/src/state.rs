//! The state of a connection without its streams: the session, the Socket.IO layer, and the messages
//! and events that wait. This file does no I/O.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;
use engine::{
    Action, Config, Goodbye, Inbound, Reason, Received, Receiver, Session, Time, Transport, Via,
};
use protocol::DecodeError;
use protocol::engineio::{Handshake, Packet};
use protocol::websocket::WireMessage;

use crate::event::Event;
use crate::failure::Failure;
use crate::send_queue::Outgoing;

/// The state machines of one connection, with their input and output.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    pub(crate) session: Session,
    receiver: Receiver,
    /// The actions that the connection must perform.
    pub(crate) actions: Vec<Action>,
    /// The events that the application has not received.
    pub(crate) events: Vec<Event>,
    /// The messages that the transport has not taken.
    pub(crate) queue: VecDeque<Outgoing>,
    /// The first error.
    pub(crate) failure: Option<Failure>,
    pub(crate) handshake: Option<Handshake>,
}

impl ConnectionState {
    pub(crate) fn new(config: &Config, now: Time, transport: Transport) -> Self {
        Self {
            session: Session::client(config, now, transport),
            receiver: Receiver::default(),
            actions: Vec::new(),
            events: Vec::new(),
            queue: VecDeque::new(),
            failure: None,
            handshake: None,
        }
    }

    /// Handles one record of a polling payload.
    pub(crate) fn handle_record(&mut self, config: &Config, now: Time, record: &str) {
        match Packet::decode(record) {
            Ok(packet) => self.handle_packet(config, now, Via::Main, packet),
            Err(error) => self.handle_violation(Via::Main, Failure::parse(error)),
        }
    }

    /// Handles one message of a WebSocket.
    pub(crate) fn handle_message(
        &mut self,
        config: &Config,
        now: Time,
        via: Via,
        message: &WireMessage<'_>,
    ) {
        match message {
            WireMessage::Text(text) => match Packet::decode(text) {
                Ok(packet) => self.handle_packet(config, now, via, packet),
                Err(error) => self.handle_violation(via, Failure::parse(error)),
            },
            WireMessage::Binary(data) => {
                self.handle_packet(config, now, via, Packet::Binary(Cow::Borrowed(data)));
            }
            // `WebSocket` handles the other kinds.
            WireMessage::Ping(_)
            | WireMessage::Pong(_)
            | WireMessage::Close { .. }
            | WireMessage::Deflated { .. } => {}
        }
    }

    fn handle_packet(&mut self, config: &Config, now: Time, via: Via, packet: Packet<'_>) {
        if self.handshake.is_none()
            && let Packet::Open(json) = packet
        {
            self.handshake = Handshake::decode(json).ok();
        }
        let inbound = self.session.handle_packet(config, now, via, packet, &mut self.actions);
        if let Some(inbound) = inbound {
            self.handle_inbound(config, &inbound);
        } else if self.session.reason() == Some(Reason::ParseError) && self.failure.is_none() {
            let error = if self.handshake.is_none() {
                Failure::parse(DecodeError::BadHandshake)
            } else {
                Failure::parse("a packet that is not allowed now, or a handshake without pings")
            };
            self.failure = Some(error);
        }
    }

    fn handle_inbound(&mut self, config: &Config, inbound: &Inbound<'_>) {
        match self.receiver.handle(config, inbound) {
            Ok(received) => self.events.extend(received.map(event)),
            Err(error) => self.handle_violation(Via::Main, Failure::parse(error)),
        }
    }

    /// Handles a violation of the protocol: closes the session, or only the probe.
    fn handle_violation(&mut self, via: Via, failure: Failure) {
        if via == Via::Probe {
            self.session.handle_stream_lost(via, true, &mut self.actions);
            self.actions.push(Action::DropProbe);
            return;
        }
        self.failure.get_or_insert(failure);
        self.session.close(Reason::ParseError, Goodbye::Kept, &mut self.actions);
    }

    /// Handles the loss of a stream, or invalid data on it.
    pub(crate) fn handle_failure(&mut self, via: Via, failure: Failure) {
        if failure.reason == Reason::ParseError {
            return self.handle_violation(via, failure);
        }
        let is_error = failure.reason != Reason::TransportClose;
        if via == Via::Main {
            self.failure.get_or_insert(failure);
        }
        self.session.handle_stream_lost(via, is_error, &mut self.actions);
    }

    /// Queues a packet of the session itself. Returns the number of bytes queued.
    pub(crate) fn push(&mut self, packet: &'static str) -> usize {
        let packet = Outgoing::Text(Bytes::from_static(packet.as_bytes()));
        let size = packet.len();
        // One pong answers all pings before it. Without this check, a server that sends pings but
        // does not read would make the queue grow.
        if self.queue.back() == Some(&packet) {
            return 0;
        }
        self.queue.push_back(packet);
        size
    }
}

fn event(received: Received<'_>) -> Event {
    match received {
        Received::Connect { namespace, data } => {
            Event::Connect { namespace: namespace.to_owned(), data: data.into_owned() }
        }
        Received::ConnectError { namespace, data } => {
            Event::ConnectError { namespace: namespace.to_owned(), data: data.into_owned() }
        }
        Received::Disconnect { namespace } => Event::Disconnect { namespace: namespace.to_owned() },
        Received::Message(Inbound::Text(text)) => Event::Text((*text).to_owned()),
        Received::Message(Inbound::Binary(data)) => Event::Binary(data.to_vec()),
        Received::Data { ack, namespace, id, data, attachments } => Event::Data {
            ack,
            namespace: namespace.into_owned(),
            id,
            body: data.into_owned(),
            attachments,
        },
    }
}

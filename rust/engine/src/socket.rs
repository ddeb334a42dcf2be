//! The Socket.IO layer of a server's session: its sockets, and the packet that waits for attachments.
//!
//! It decodes messages and detects violations. The driver and the application decide about sockets.
//! Source: Socket.IO protocol v5, "Exchange protocol".

use std::borrow::Cow;
use std::sync::Arc;

use protocol::socketio::{Packet, PacketType};
use protocol::{Id, msgpack};
use smallvec::SmallVec;

use crate::attachments::{Partial, attach};
use crate::config::{Config, Parser};
use crate::error::ProtocolError;
use crate::event::Inbound;
use crate::incoming::Incoming;

/// One client in one namespace.
#[derive(Clone, Debug)]
pub struct Socket {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The id that the client and the application know.
    pub sid: Id,
    /// The state of the connection to the namespace.
    pub state: SocketState,
}

/// The state of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketState {
    /// The application has not accepted the socket yet. It queues the client's events.
    Connecting,
    /// The application has accepted the socket.
    Connected,
}

/// The sockets of one session.
#[derive(Debug, Default)]
pub struct Sockets {
    list: SmallVec<[Socket; 1]>,
    rare: Option<Box<Rare>>,
}

/// State that most sessions do not need. It is boxed to keep idle sessions small.
#[derive(Debug, Default)]
struct Rare {
    /// The packet that waits for attachments. Its key is the socket, or `None` if the packet will be
    /// dropped.
    partial: Option<Partial<Option<Id>>>,
    /// The namespaces that were left. The client may have sent packets to them before it knew.
    left: Vec<Arc<str>>,
}

impl Sockets {
    /// Handles one message. Returns `None` when it has no effect yet or is dropped.
    ///
    /// # Errors
    /// The message breaks the protocol. The caller closes the session.
    pub fn handle<'p>(
        &mut self,
        config: &Config,
        message: &'p Inbound<'_>,
    ) -> Result<Option<Incoming<'p>>, ProtocolError> {
        match (config.parser, message) {
            (Parser::Application | Parser::Raw, message) => Ok(Some(Incoming::Message(message))),
            (Parser::Msgpack, Inbound::Text(_)) => Err(ProtocolError::UnexpectedText),
            (Parser::Msgpack, Inbound::Binary(data)) => self.handle_msgpack(config, data),
            (Parser::SocketIo, Inbound::Text(text)) => self.handle_text(config, text),
            (Parser::SocketIo, Inbound::Binary(data)) => self.handle_binary(config, data),
        }
    }

    /// Handles a text message.
    ///
    /// # Errors
    /// The message breaks the protocol. The caller closes the session.
    pub fn handle_text<'p>(
        &mut self,
        config: &Config,
        text: &'p str,
    ) -> Result<Option<Incoming<'p>>, ProtocolError> {
        if self.rare.as_ref().is_some_and(|rare| rare.partial.is_some()) {
            return Err(ProtocolError::TextForAttachment);
        }
        let packet = Packet::decode(text, config.max_attachments)?;
        if packet.attachments > 0 {
            return self.announce(&packet, text.len());
        }
        let Packet { kind, namespace, id, data, .. } = packet;
        self.handle_packet(config, kind, namespace, id, data.as_bytes().into())
    }

    /// Handles a packet without attachments, of any parser.
    fn handle_packet<'p>(
        &mut self,
        config: &Config,
        kind: PacketType,
        namespace: &'p str,
        id: Option<u64>,
        data: Cow<'p, [u8]>,
    ) -> Result<Option<Incoming<'p>>, ProtocolError> {
        match kind {
            PacketType::Connect => self.connect(config, namespace, data).map(Some),
            PacketType::Disconnect => {
                Ok(self.named(namespace).map(|s| Incoming::Disconnect { sid: s.sid }))
            }
            PacketType::ConnectError => Err(ProtocolError::UnexpectedPacket),
            PacketType::Ack
            | PacketType::BinaryAck
            | PacketType::Event
            | PacketType::BinaryEvent => {
                let Some(sid) = self.sender(namespace)? else {
                    return Ok(None);
                };
                let is_ack = kind == PacketType::Ack;
                Ok(Some(Incoming::data(is_ack, sid, id, data, Vec::new())))
            }
        }
    }

    fn connect<'p>(
        &mut self,
        config: &Config,
        namespace: &'p str,
        auth: Cow<'p, [u8]>,
    ) -> Result<Incoming<'p>, ProtocolError> {
        if self.named(namespace).is_some() {
            return Err(ProtocolError::AlreadyConnected);
        }
        if self.list.len() >= config.max_namespaces {
            return Err(ProtocolError::TooManyNamespaces);
        }
        if let Some(rare) = &mut self.rare {
            rare.left.retain(|name| **name != *namespace);
        }
        Ok(Incoming::Connect { namespace, auth })
    }

    /// The socket in a namespace that the client has asked to join, accepted or not. Returns `None`
    /// when the packet must be dropped.
    ///
    /// Whether a packet is a violation depends only on the order of the client's packets. It must not
    /// depend on the progress of the application's handlers.
    fn sender(&self, namespace: &str) -> Result<Option<Id>, ProtocolError> {
        match self.named(namespace) {
            Some(socket) => Ok(Some(socket.sid)),
            None if self.has_left(namespace) => Ok(None),
            None => Err(ProtocolError::NotConnected),
        }
    }

    fn has_left(&self, namespace: &str) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.left.iter().any(|name| **name == *namespace))
    }

    fn announce(
        &mut self,
        packet: &Packet<'_>,
        bytes: usize,
    ) -> Result<Option<Incoming<'static>>, ProtocolError> {
        let sid = self.sender(packet.namespace)?;
        self.rare.get_or_insert_default().partial = Some(Partial::new(sid, packet, bytes)?);
        Ok(None)
    }

    fn handle_msgpack<'p>(
        &mut self,
        config: &Config,
        data: &'p [u8],
    ) -> Result<Option<Incoming<'p>>, ProtocolError> {
        let msgpack::Packet { kind, namespace, id, data } = msgpack::Packet::decode(data)?;
        self.handle_packet(config, kind, namespace, id, data)
    }

    /// Handles a binary message.
    ///
    /// # Errors
    /// No packet has announced the message, or the packet is too large with it.
    pub fn handle_binary(
        &mut self,
        config: &Config,
        data: &[u8],
    ) -> Result<Option<Incoming<'static>>, ProtocolError> {
        let slot = self.rare.as_mut().map(|rare| &mut rare.partial);
        let Some(complete) = attach(slot, config, data)? else {
            return Ok(None);
        };
        self.free_unused();
        // The socket may have been disconnected before the last attachment arrived.
        let sid = complete.key.filter(|sid| self.find(sid).is_some());
        Ok(sid.map(|sid| {
            let data = complete.data.into_bytes().into();
            Incoming::data(complete.is_ack, sid, complete.id, data, complete.attachments)
        }))
    }

    /// Adds a socket that waits for the application's decision.
    pub fn connecting(&mut self, namespace: Arc<str>, sid: Id) {
        self.list.push(Socket { namespace, sid, state: SocketState::Connecting });
    }

    /// Marks a socket as accepted. Returns false when there is no such socket.
    pub fn connected(&mut self, sid: &Id) -> bool {
        let socket = self.list.iter_mut().find(|socket| socket.sid == *sid);
        socket.map(|socket| socket.state = SocketState::Connected).is_some()
    }

    /// Removes a socket. Later packets of the client for its namespace are dropped, as they may have
    /// been sent before the client knew.
    pub fn remove(&mut self, sid: &Id) -> Option<Socket> {
        const MAX_LEFT: usize = 32;
        let at = self.list.iter().position(|socket| socket.sid == *sid)?;
        let socket = self.list.swap_remove(at);
        let rare = self.rare.get_or_insert_default();
        if rare.left.len() == MAX_LEFT {
            rare.left.remove(0);
        }
        rare.left.push(Arc::clone(&socket.namespace));
        Some(socket)
    }

    fn free_unused(&mut self) {
        self.rare = self.rare.take().filter(|rare| rare.partial.is_some() || !rare.left.is_empty());
    }

    /// The socket with this sid.
    pub fn find(&self, sid: &Id) -> Option<&Socket> {
        self.list.iter().find(|socket| socket.sid == *sid)
    }

    fn named(&self, namespace: &str) -> Option<&Socket> {
        self.list.iter().find(|socket| *socket.namespace == *namespace)
    }

    /// All sockets.
    pub fn iter(&self) -> impl Iterator<Item = &Socket> {
        self.list.iter()
    }

    /// The number of sockets.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are no sockets.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use protocol::DecodeError;

    use super::*;

    fn sid(n: u8) -> Id {
        Id::from_random([n; 15])
    }

    /// A session that has joined `/` and waits for `/slow`.
    fn joined() -> Sockets {
        let mut sockets = Sockets::default();
        sockets.connecting("/".into(), sid(1));
        assert!(sockets.connected(&sid(1)));
        sockets.connecting("/slow".into(), sid(2));
        sockets
    }

    fn text<'p>(
        sockets: &mut Sockets,
        text: &'p str,
    ) -> Result<Option<Incoming<'p>>, ProtocolError> {
        sockets.handle_text(&Config::default(), text)
    }

    fn binary(
        sockets: &mut Sockets,
        data: &[u8],
    ) -> Result<Option<Incoming<'static>>, ProtocolError> {
        sockets.handle_binary(&Config::default(), data)
    }

    #[test]
    fn packets_of_a_joined_namespace_are_decoded() {
        let mut sockets = joined();
        let event = Incoming::Event {
            sid: sid(1),
            id: Some(7),
            data: b"[\"a\"]".into(),
            attachments: vec![],
        };
        assert_eq!(text(&mut sockets, "27[\"a\"]"), Ok(Some(event)));
        let ack = Incoming::Ack { sid: sid(1), id: 7, data: b"[]".into(), attachments: vec![] };
        assert_eq!(text(&mut sockets, "37[]"), Ok(Some(ack)));
        assert_eq!(text(&mut sockets, "1"), Ok(Some(Incoming::Disconnect { sid: sid(1) })));
        assert_eq!(text(&mut sockets, "1/nowhere,"), Ok(None));
        let connect = Incoming::Connect { namespace: "/new", auth: b"{}".into() };
        assert_eq!(text(&mut sockets, "0/new,{}"), Ok(Some(connect)));
    }

    #[test]
    fn each_violation_has_its_error() {
        use ProtocolError as E;
        for (message, error) in [
            ("0", E::AlreadyConnected),
            ("0/slow,", E::AlreadyConnected),
            ("2/other,[\"a\"]", E::NotConnected),
            ("51-/other,[\"a\"]", E::NotConnected),
            ("3/other,1[]", E::NotConnected),
            ("4{}", E::UnexpectedPacket),
            ("2[\"connect\"]", E::Decode(DecodeError::BadEventName)),
            (
                "51-[\"a\",{\"_placeholder\":true,\"num\":1}]",
                E::Decode(DecodeError::IllegalAttachment),
            ),
        ] {
            assert_eq!(text(&mut joined(), message), Err(error), "{message}");
        }
        assert_eq!(binary(&mut joined(), b"x"), Err(E::UnexpectedBinary));
        assert_eq!(binary(&mut Sockets::default(), b"x"), Err(E::UnexpectedBinary));
    }

    #[test]
    fn a_packet_is_returned_with_its_last_attachment() {
        let mut sockets = joined();
        let data = r#"["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
        assert_eq!(text(&mut sockets, &format!("52-{data}")), Ok(None));
        assert_eq!(binary(&mut sockets, b"x"), Ok(None));
        let event = Incoming::Event {
            sid: sid(1),
            id: None,
            data: data.as_bytes().into(),
            attachments: vec![b"x".to_vec(), b"y".to_vec()],
        };
        assert_eq!(binary(&mut sockets, b"y"), Ok(Some(event)));
        assert_eq!(binary(&mut sockets, b"z"), Err(ProtocolError::UnexpectedBinary));
    }

    #[test]
    fn text_between_attachments_is_a_violation() {
        for message in ["2[\"a\"]", "51-[\"a\"]", "1"] {
            let mut sockets = joined();
            assert_eq!(text(&mut sockets, "51-[\"a\"]"), Ok(None));
            assert_eq!(text(&mut sockets, message), Err(ProtocolError::TextForAttachment));
        }
    }

    #[test]
    fn the_size_of_text_and_attachments_is_limited() {
        let config = Config { max_payload: 20, ..Config::default() };
        for (last, fits) in [(6, true), (7, false)] {
            let mut sockets = joined();
            assert_eq!(sockets.handle_text(&config, "52-[\"a\"]"), Ok(None));
            assert_eq!(sockets.handle_binary(&config, &[0; 6]), Ok(None));
            let outcome = sockets.handle_binary(&config, &vec![0; last]);
            if fits {
                assert!(matches!(outcome, Ok(Some(Incoming::Event { .. }))), "{outcome:?}");
            } else {
                assert_eq!(outcome, Err(ProtocolError::PacketTooLarge));
            }
        }
    }

    #[test]
    fn packets_that_cross_a_disconnect_are_dropped() {
        let mut sockets = joined();
        assert!(sockets.remove(&sid(1)).is_some());
        assert_eq!(text(&mut sockets, "2[\"a\"]"), Ok(None));
        assert_eq!(text(&mut sockets, "30[]"), Ok(None));
        assert_eq!(text(&mut sockets, "51-[\"a\"]"), Ok(None));
        assert_eq!(binary(&mut sockets, b"x"), Ok(None));
        assert!(matches!(text(&mut sockets, "0"), Ok(Some(Incoming::Connect { .. }))));
    }

    #[test]
    fn packets_to_a_socket_before_its_connect_handler_has_ended_are_decoded() {
        let mut sockets = joined();
        let event = |n| Incoming::data(false, sid(n), None, b"[\"a\"]".into(), vec![]);
        assert_eq!(text(&mut sockets, "2/slow,[\"a\"]"), Ok(Some(event(2))));
        assert_eq!(text(&mut sockets, "51-/slow,[\"a\"]"), Ok(None));
        assert!(matches!(binary(&mut sockets, b"x"), Ok(Some(Incoming::Event { .. }))));
        // The client leaves and comes back before the application has decided.
        let gone = Incoming::Disconnect { sid: sid(2) };
        assert_eq!(text(&mut sockets, "1/slow,"), Ok(Some(gone)));
        assert!(sockets.remove(&sid(2)).is_some());
        assert!(matches!(text(&mut sockets, "0/slow,"), Ok(Some(Incoming::Connect { .. }))));
        sockets.connecting("/slow".into(), sid(3));
        assert!(!sockets.connected(&sid(2)));
        assert_eq!(text(&mut sockets, "2/slow,[\"a\"]"), Ok(Some(event(3))));
    }

    #[test]
    fn the_number_of_namespaces_is_limited() {
        let config = Config { max_namespaces: 2, ..Config::default() };
        let error = joined().handle_text(&config, "0/third,");
        assert_eq!(error, Err(ProtocolError::TooManyNamespaces));
    }

    #[test]
    fn raw_messages_are_returned_unchanged() {
        let config = Config { parser: Parser::Raw, ..Config::default() };
        for message in [Inbound::Text("0"), Inbound::Text(""), Inbound::Binary(b"x"[..].into())] {
            let mut sockets = Sockets::default();
            let outcome = sockets.handle(&config, &message);
            assert_eq!(outcome, Ok(Some(Incoming::Message(&message))));
        }
    }

    #[test]
    fn msgpack_packets_follow_the_rules_of_text_packets() {
        let config = Config { parser: Parser::Msgpack, ..Config::default() };
        let packet = |kind, namespace: &str, id, data: &[u8]| {
            let mut out = Vec::new();
            msgpack::encode(kind, namespace, id, data, &mut out);
            out
        };
        let mut sockets = joined();
        let event = packet(PacketType::Event, "/", Some(7), b"\x91\xa1a");
        assert_eq!(
            sockets.handle(&config, &Inbound::Binary(event.into())),
            Ok(Some(Incoming::data(false, sid(1), Some(7), b"\x91\xa1a".into(), vec![])))
        );
        let leave = packet(PacketType::Disconnect, "/", None, b"");
        assert_eq!(
            sockets.handle(&config, &Inbound::Binary(leave.into())),
            Ok(Some(Incoming::Disconnect { sid: sid(1) }))
        );
        for (message, error) in [
            (packet(PacketType::Connect, "/", None, b""), ProtocolError::AlreadyConnected),
            (packet(PacketType::Event, "/x", None, b"\x91\xa1a"), ProtocolError::NotConnected),
            (packet(PacketType::ConnectError, "/", None, b"\x80"), ProtocolError::UnexpectedPacket),
            (b"\xc4\x00".to_vec(), ProtocolError::Decode(DecodeError::BadMsgpack)),
        ] {
            assert_eq!(sockets.handle(&config, &Inbound::Binary(message.into())), Err(error));
        }
        let text = Inbound::Text("0/a,");
        assert_eq!(sockets.handle(&config, &text), Err(ProtocolError::UnexpectedText));
    }

    #[test]
    fn sockets_are_small() {
        assert!(size_of::<Sockets>() <= 72, "{}", size_of::<Sockets>());
    }
}

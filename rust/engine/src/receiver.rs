//! The Socket.IO layer of a client's session: what the server's messages are.
//!
//! Which namespaces the program has asked for is the program's business: a packet for another one
//! is dropped there. Source: Socket.IO protocol v5; violations as in `socket.io-parser`.

use std::borrow::Cow;

use protocol::msgpack;
use protocol::socketio::{Packet, PacketType};

use crate::attachments::{Partial, attach};
use crate::config::{Config, Parser};
use crate::error::ProtocolError;
use crate::event::Inbound;

/// What a message of the server's was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received<'p> {
    /// The server grants a namespace; an object as the parser's bytes, or nothing.
    Connect {
        /// Which.
        namespace: &'p str,
        /// Its sid and more.
        data: Cow<'p, [u8]>,
    },
    /// The server refuses a namespace; an object or a string as the parser's bytes.
    ConnectError {
        /// Which.
        namespace: &'p str,
        /// Why.
        data: Cow<'p, [u8]>,
    },
    /// The server ends a namespace.
    Disconnect {
        /// Which.
        namespace: &'p str,
    },
    /// A message for the program's own parser.
    Message(&'p Inbound<'p>),
    /// An event, or an ack, whose `id` is always there.
    Data {
        /// Whether it is an ack.
        ack: bool,
        /// In which namespace.
        namespace: Cow<'p, str>,
        /// The ack id.
        id: Option<u64>,
        /// The array as the parser's bytes.
        data: Cow<'p, [u8]>,
        /// The binary attachments, in order.
        attachments: Vec<Vec<u8>>,
    },
}

/// Reads the messages of a server.
#[derive(Debug, Default)]
pub struct Receiver {
    partial: Option<Box<Option<Partial<Box<str>>>>>,
}

impl Receiver {
    /// Handles one message; without this layer ([`Parser::Raw`]) it is the program's as it is.
    ///
    /// # Errors
    /// When it breaks the protocol; the session is to be closed.
    pub fn handle<'p>(
        &mut self,
        config: &Config,
        message: &'p Inbound<'_>,
    ) -> Result<Option<Received<'p>>, ProtocolError> {
        match (config.parser, message) {
            (Parser::Application | Parser::Raw, message) => Ok(Some(Received::Message(message))),
            (Parser::Msgpack, Inbound::Text(_)) => Err(ProtocolError::UnexpectedText),
            (Parser::Msgpack, Inbound::Binary(data)) => handle_msgpack(data).map(Some),
            (Parser::SocketIo, Inbound::Text(text)) => self.handle_text(config, text),
            (Parser::SocketIo, Inbound::Binary(data)) => self.handle_binary(config, data),
        }
    }

    /// Handles the text of one message.
    ///
    /// # Errors
    /// When it breaks the protocol; the session is to be closed.
    pub fn handle_text<'p>(
        &mut self,
        config: &Config,
        text: &'p str,
    ) -> Result<Option<Received<'p>>, ProtocolError> {
        if self.partial.is_some() {
            return Err(ProtocolError::TextForAttachment);
        }
        let packet = Packet::decode(text, config.max_attachments)?;
        let Packet { kind, namespace, id, data, attachments } = packet;
        if attachments > 0 {
            self.partial =
                Some(Box::new(Some(Partial::new(namespace.into(), &packet, text.len())?)));
            return Ok(None);
        }
        Ok(Some(received(kind, namespace, id, data.as_bytes().into())))
    }

    /// Handles one binary message.
    ///
    /// # Errors
    /// When no packet has announced it, or the attachments grow too large.
    pub fn handle_binary(
        &mut self,
        config: &Config,
        data: &[u8],
    ) -> Result<Option<Received<'static>>, ProtocolError> {
        let Some(done) = attach(self.partial.as_deref_mut(), config, data)? else {
            return Ok(None);
        };
        self.partial = None;
        Ok(Some(Received::Data {
            ack: done.ack,
            namespace: Cow::Owned(done.key.into()),
            id: done.id,
            data: done.data.into_bytes().into(),
            attachments: done.attachments,
        }))
    }
}

fn handle_msgpack(data: &[u8]) -> Result<Received<'_>, ProtocolError> {
    let msgpack::Packet { kind, namespace, id, data } = msgpack::Packet::decode(data)?;
    Ok(received(kind, namespace, id, data))
}

/// A packet without attachments, whatever parser it came through.
fn received<'p>(
    kind: PacketType,
    namespace: &'p str,
    id: Option<u64>,
    data: Cow<'p, [u8]>,
) -> Received<'p> {
    match kind {
        PacketType::Connect => Received::Connect { namespace, data },
        PacketType::ConnectError => Received::ConnectError { namespace, data },
        PacketType::Disconnect => Received::Disconnect { namespace },
        PacketType::Event | PacketType::BinaryEvent | PacketType::Ack | PacketType::BinaryAck => {
            Received::Data {
                ack: kind == PacketType::Ack,
                namespace: namespace.into(),
                id,
                data,
                attachments: Vec::new(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(receiver: &mut Receiver, text: &str) -> String {
        format!("{:?}", receiver.handle_text(&Config::default(), text))
    }

    #[test]
    fn a_server_grants_refuses_and_ends() {
        let mut receiver = Receiver::default();
        for (message, expected) in [
            (r#"0{"sid":"x"}"#, r#"Connect { namespace: "/", data: [123, 34, 115,"#),
            (r#"4/a,{"message":"no"}"#, r#"ConnectError { namespace: "/a","#),
            ("1/a,", r#"Disconnect { namespace: "/a" }"#),
            (r#"31["y"]"#, r#"Data { ack: true, namespace: "/", id: Some(1),"#),
        ] {
            let found = text(&mut receiver, message);
            assert!(found.contains(expected), "{message}: {found}");
        }
    }

    #[test]
    fn attachments_complete_their_packet() {
        let mut receiver = Receiver::default();
        let config = Config::default();
        assert_eq!(text(&mut receiver, r#"51-/a,["x",{"_placeholder":true,"num":0}]"#), "Ok(None)");
        assert!(text(&mut receiver, "1").contains("TextForAttachment"));
        let done = receiver.handle_binary(&config, b"y").unwrap();
        let Some(Received::Data { namespace, attachments, .. }) = done else {
            panic!("no event");
        };
        assert_eq!((&*namespace, attachments), ("/a", vec![b"y".to_vec()]));
        let error = receiver.handle_binary(&config, b"z");
        assert_eq!(error, Err(ProtocolError::UnexpectedBinary));
    }

    #[test]
    fn text_and_attachments_together_are_limited() {
        let config = Config { max_payload: 20, ..Config::default() };
        let mut receiver = Receiver::default();
        assert_eq!(text(&mut receiver, r#"52-["x"]"#), "Ok(None)");
        assert_eq!(receiver.handle_binary(&config, &[0; 6]), Ok(None));
        let error = receiver.handle_binary(&config, &[0; 7]);
        assert_eq!(error, Err(ProtocolError::PacketTooLarge));
    }

    #[test]
    fn msgpack_packets_mean_the_same() {
        let config = Config { parser: Parser::Msgpack, ..Config::default() };
        let mut receiver = Receiver::default();
        let mut message = Vec::new();
        msgpack::encode(PacketType::Ack, "/a", Some(5), b"\x91\xc0", &mut message);
        let ack = Inbound::Binary(message.into());
        let Ok(Some(Received::Data { ack: true, namespace, id: Some(5), data, .. })) =
            receiver.handle(&config, &ack)
        else {
            panic!("no ack");
        };
        assert_eq!((&*namespace, &*data), ("/a", &b"\x91\xc0"[..]));
        let error = receiver.handle(&config, &Inbound::Text("1"));
        assert_eq!(error, Err(ProtocolError::UnexpectedText));
    }
}

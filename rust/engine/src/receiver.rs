//! The Socket.IO layer of a client: it decodes the server's messages.
//!
//! It does not know which namespaces the application has joined. The Python side drops packets of
//! other namespaces. Source: Socket.IO protocol v5. The violations are those of `socket.io-parser`.

use std::borrow::Cow;

use protocol::msgpack;
use protocol::socketio::{Packet, PacketType};

use crate::attachments::{Partial, attach};
use crate::config::{Config, Parser};
use crate::error::ProtocolError;
use crate::event::Inbound;

/// A decoded message of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received<'p> {
    /// The server accepts a namespace.
    Connect {
        /// The namespace.
        namespace: &'p str,
        /// An object with the sid in the parser's form, or no bytes.
        data: Cow<'p, [u8]>,
    },
    /// The server refuses a namespace.
    ConnectError {
        /// The namespace.
        namespace: &'p str,
        /// An object or a string in the parser's form.
        data: Cow<'p, [u8]>,
    },
    /// The server disconnects a namespace.
    Disconnect {
        /// The namespace.
        namespace: &'p str,
    },
    /// A message that the application decodes itself.
    Message(&'p Inbound<'p>),
    /// An event or an ack. An ack always has an `id`.
    Data {
        /// Whether it is an ack.
        ack: bool,
        /// The namespace.
        namespace: Cow<'p, str>,
        /// The ack id.
        id: Option<u64>,
        /// The array in the parser's form.
        data: Cow<'p, [u8]>,
        /// The binary attachments, in order.
        attachments: Vec<Vec<u8>>,
    },
}

/// Decodes the messages of a server.
#[derive(Debug, Default)]
pub struct Receiver {
    partial: Option<Box<Option<Partial<Box<str>>>>>,
}

impl Receiver {
    /// Handles one message. Returns `None` while attachments are missing.
    ///
    /// # Errors
    /// The message breaks the protocol. The caller closes the session.
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

    /// Handles a text message.
    ///
    /// # Errors
    /// The message breaks the protocol. The caller closes the session.
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

    /// Handles a binary message.
    ///
    /// # Errors
    /// No packet has announced the message, or the packet is too large with it.
    pub fn handle_binary(
        &mut self,
        config: &Config,
        data: &[u8],
    ) -> Result<Option<Received<'static>>, ProtocolError> {
        let Some(packet) = attach(self.partial.as_deref_mut(), config, data)? else {
            return Ok(None);
        };
        self.partial = None;
        Ok(Some(Received::Data {
            ack: packet.is_ack,
            namespace: Cow::Owned(packet.key.into()),
            id: packet.id,
            data: packet.data.into_bytes().into(),
            attachments: packet.attachments,
        }))
    }
}

fn handle_msgpack(data: &[u8]) -> Result<Received<'_>, ProtocolError> {
    let msgpack::Packet { kind, namespace, id, data } = msgpack::Packet::decode(data)?;
    Ok(received(kind, namespace, id, data))
}

/// The meaning of a packet without attachments.
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
    fn packets_of_the_server_are_decoded() {
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
    fn a_packet_is_returned_with_its_last_attachment() {
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
    fn the_size_of_text_and_attachments_is_limited() {
        let config = Config { max_payload: 20, ..Config::default() };
        let mut receiver = Receiver::default();
        assert_eq!(text(&mut receiver, r#"52-["x"]"#), "Ok(None)");
        assert_eq!(receiver.handle_binary(&config, &[0; 6]), Ok(None));
        let error = receiver.handle_binary(&config, &[0; 7]);
        assert_eq!(error, Err(ProtocolError::PacketTooLarge));
    }

    #[test]
    fn msgpack_packets_are_decoded() {
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

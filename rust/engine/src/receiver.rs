//! The Socket.IO layer of a client's session: what the server's messages are.
//!
//! Which namespaces the program has asked for is the program's business: a packet for another one
//! is dropped there. Source: Socket.IO protocol v5; violations as in `socket.io-parser`.

use std::borrow::Cow;

use protocol::socketio::{Packet, PacketType};

use crate::attachments::{Partial, attach};
use crate::config::{Config, Parser};
use crate::event::Inbound;
use crate::socket::ProtocolError;

/// What a message of the server's was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received<'p> {
    /// The server grants a namespace; raw JSON of an object, or nothing.
    Connect {
        /// Which.
        namespace: &'p str,
        /// Its sid and more.
        data: &'p str,
    },
    /// The server refuses a namespace; raw JSON of an object or a string.
    ConnectError {
        /// Which.
        namespace: &'p str,
        /// Why.
        data: &'p str,
    },
    /// The server ends a namespace.
    Disconnect {
        /// Which.
        namespace: &'p str,
    },
    /// A message for the program's own parser.
    Message(Inbound<'p>),
    /// An event, or an ack, whose `id` is always there.
    Data {
        /// Whether it is an ack.
        ack: bool,
        /// In which namespace.
        namespace: Cow<'p, str>,
        /// The ack id.
        id: Option<u64>,
        /// The raw JSON array.
        data: Cow<'p, str>,
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
        message: Inbound<'p>,
    ) -> Result<Option<Received<'p>>, ProtocolError> {
        match (config.parser, message) {
            (Parser::Raw, message) => Ok(Some(Received::Message(message))),
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
        let Packet { namespace, data, id, .. } = packet;
        Ok(Some(match packet.kind {
            PacketType::Connect => Received::Connect { namespace, data },
            PacketType::ConnectError => Received::ConnectError { namespace, data },
            PacketType::Disconnect => Received::Disconnect { namespace },
            PacketType::Event | PacketType::Ack => Received::Data {
                ack: packet.kind == PacketType::Ack,
                namespace: namespace.into(),
                id,
                data: data.into(),
                attachments: Vec::new(),
            },
            PacketType::BinaryEvent | PacketType::BinaryAck => {
                self.partial = Some(Box::new(Some(Partial::new(namespace.into(), &packet)?)));
                return Ok(None);
            }
        }))
    }

    /// Handles one binary message.
    ///
    /// # Errors
    /// When no packet has announced it, or the attachments grow too large.
    pub fn handle_binary(
        &mut self,
        config: &Config,
        data: Cow<'_, [u8]>,
    ) -> Result<Option<Received<'static>>, ProtocolError> {
        let Some(done) = attach(self.partial.as_deref_mut(), config, data)? else {
            return Ok(None);
        };
        self.partial = None;
        Ok(Some(Received::Data {
            ack: done.ack,
            namespace: Cow::Owned(done.key.into()),
            id: done.id,
            data: Cow::Owned(done.data),
            attachments: done.attachments,
        }))
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
            (r#"0{"sid":"x"}"#, r#"Connect { namespace: "/", data: "{\"sid\":\"x\"}" }"#),
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
        let done = receiver.handle_binary(&config, Cow::Borrowed(b"y")).unwrap();
        let Some(Received::Data { namespace, attachments, .. }) = done else {
            panic!("no event");
        };
        assert_eq!((&*namespace, attachments), ("/a", vec![b"y".to_vec()]));
        let error = receiver.handle_binary(&config, Cow::Borrowed(b"z"));
        assert_eq!(error, Err(ProtocolError::UnexpectedBinary));
    }

    #[test]
    fn attachments_together_are_limited() {
        let config = Config { max_payload: 10, ..Config::default() };
        let mut receiver = Receiver::default();
        assert_eq!(text(&mut receiver, r#"52-["x"]"#), "Ok(None)");
        assert_eq!(receiver.handle_binary(&config, Cow::Borrowed(&[0; 6])), Ok(None));
        let error = receiver.handle_binary(&config, Cow::Borrowed(&[0; 6]));
        assert_eq!(error, Err(ProtocolError::AttachmentsTooLarge));
    }
}

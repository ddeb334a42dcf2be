//! One Socket.IO client on a WebSocket, in one namespace: the handshake up to the CONNECT reply, and the packets
//! after it.
//!
//! The client decodes bytes that the swarm has read, and leaves bytes for the swarm to send. It checks each step of the
//! handshake. Source: Engine.IO protocol v4 and Socket.IO protocol v5.

use std::time::{Duration, Instant};

use crate::{
    frame::{self, Front},
    identity::Identity,
    inflate::Inflate,
    options::Target,
    upgrade,
};

/// The state of a client's handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The TCP connection is not open yet.
    Connecting,
    /// The upgrade request was sent.
    Upgrading,
    /// The client waits for the Engine.IO open packet.
    Opening,
    /// CONNECT was sent.
    Joining,
    /// The client has joined the namespace.
    Joined,
}

/// How a command handles the packets of joined clients.
pub(crate) trait Workload {
    /// Handles one Socket.IO packet (the Engine.IO message without its `4`) of client `from`.
    ///
    /// [`send`] appends frames for the same client to `out`.
    ///
    /// # Errors
    /// The fault of the packet, which fails the run.
    fn handle_packet(
        &mut self,
        from: usize,
        at: Instant,
        packet: &[u8],
        out: &mut Outbox,
    ) -> Result<(), String>;

    /// Handles the attachment of the last packet of client `from`.
    ///
    /// # Errors
    /// The fault of the attachment. By default, any attachment is a fault.
    fn handle_attachment(
        &mut self,
        _from: usize,
        _at: Instant,
        attachment: &[u8],
    ) -> Result<(), String> {
        Err(format!("unexpected binary message of {} bytes", attachment.len()))
    }

    /// Handles the CONNECT reply of client `from`, which has joined the namespace.
    fn handle_joined(&mut self, _from: usize, _took: Duration, _reply: &[u8], _out: &mut Outbox) {}
}

/// The frames that a client will send.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) frames: Vec<u8>,
    /// Empty for the default namespace.
    pub(crate) namespace: String,
}

/// Appends the frame of one Engine.IO packet. A Socket.IO packet is written as in the default namespace; this function
/// adds the namespace of `out`.
pub(crate) fn send(packet: &str, out: &mut Outbox) {
    if out.namespace.is_empty() || !packet.starts_with('4') {
        return frame::write_client(frame::TEXT, packet.as_bytes(), &mut out.frames);
    }
    let (kind, rest) = packet.split_at(2);
    let packet = format!("{kind}{},{rest}", out.namespace);
    frame::write_client(frame::TEXT, packet.as_bytes(), &mut out.frames);
}

/// The state of one client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) number: usize,
    pub(crate) stage: Stage,
    started: Instant,
    /// Whether the client offers compression.
    deflate: bool,
}

/// What all clients share while they decode: the output, the decompressor, and the identity.
pub(crate) struct ClientContext {
    pub(crate) out: Outbox,
    pub(crate) inflate: Inflate,
    pub(crate) identity: Identity,
}

impl ClientContext {
    pub(crate) fn new(identity: Identity) -> Self {
        let out = Outbox { frames: Vec::new(), namespace: identity.namespace.clone() };
        Self { out, inflate: Inflate::new(), identity }
    }
}

impl Client {
    pub(crate) fn new(number: usize, deflate: bool, now: Instant) -> Self {
        Self { number, stage: Stage::Connecting, started: now, deflate }
    }

    /// The upgrade request.
    pub(crate) fn request(&self, target: &Target, identity: &Identity) -> String {
        upgrade::request(target, &identity.headers, &upgrade::key(self.number), self.deflate)
    }

    /// Decodes the complete frames at the start of `buf`, and returns their length.
    ///
    /// # Errors
    /// The server broke the protocol, or ended the session.
    pub(crate) fn consume<W: Workload>(
        &mut self,
        buf: &[u8],
        at: Instant,
        work: &mut W,
        context: &mut ClientContext,
    ) -> Result<usize, String> {
        let mut used = 0;
        if self.stage == Stage::Upgrading {
            let Some((head, length)) = upgrade::head(buf)? else { return Ok(0) };
            upgrade::check(head, &upgrade::key(self.number), self.deflate)?;
            self.stage = Stage::Opening;
            used = length;
        }
        loop {
            match frame::front(&buf[used..]) {
                Front::Incomplete => return Ok(used),
                Front::Broken(what) => return Err(format!("the server sent {what}")),
                Front::Frame { opcode, is_packed, start, end, .. } => {
                    let payload = &buf[used + start..used + end];
                    used += end;
                    match (is_packed, opcode) {
                        (false, _) => {
                            self.handle_frame(
                                opcode,
                                payload,
                                at,
                                work,
                                &context.identity,
                                &mut context.out,
                            )?;
                        }
                        (true, frame::TEXT | frame::BINARY) if self.deflate => {
                            let message = context.inflate.message(payload)?;
                            self.handle_frame(
                                opcode,
                                message,
                                at,
                                work,
                                &context.identity,
                                &mut context.out,
                            )?;
                        }
                        (true, _) => {
                            return Err(
                                "the server sent a compressed frame that nobody asked for".into()
                            );
                        }
                    }
                }
            }
        }
    }

    fn handle_frame<W: Workload>(
        &mut self,
        opcode: u8,
        payload: &[u8],
        at: Instant,
        work: &mut W,
        identity: &Identity,
        out: &mut Outbox,
    ) -> Result<(), String> {
        match opcode {
            frame::TEXT => self.handle_text(payload, at, work, identity, out),
            frame::BINARY if self.stage == Stage::Joined => {
                work.handle_attachment(self.number, at, payload)
            }
            frame::PING => {
                frame::write_client(frame::PONG, payload, &mut out.frames);
                Ok(())
            }
            frame::PONG => Ok(()),
            frame::CLOSE => Err(closed(payload)),
            other => Err(format!("at {:?} the server sent opcode {other}", self.stage)),
        }
    }

    fn handle_text<W: Workload>(
        &mut self,
        text: &[u8],
        at: Instant,
        work: &mut W,
        identity: &Identity,
        out: &mut Outbox,
    ) -> Result<(), String> {
        let text = &*identity.without_namespace(text)?;
        match (self.stage, text) {
            (Stage::Joined, [b'4', b'1', ..]) => Err("the server disconnected it".into()),
            (Stage::Joined, [b'4', packet @ ..]) => {
                work.handle_packet(self.number, at, packet, out)
            }
            (_, [b'2']) => {
                send("3", out);
                Ok(())
            }
            (Stage::Opening, [b'0', b'{', ..]) => {
                self.stage = Stage::Joining;
                send(&format!("40{}", identity.auth), out);
                Ok(())
            }
            (Stage::Joining, [b'4', b'0', b'{', ..]) => {
                self.stage = Stage::Joined;
                work.handle_joined(self.number, at - self.started, text, out);
                Ok(())
            }
            (Stage::Joined, [b'6']) => Ok(()),
            (Stage::Joining, [b'4', b'4', ..]) => {
                Err(format!("the server refused it: {}", excerpt(&text[2..])))
            }
            (stage, text) => Err(format!("at {stage:?} the server sent {:?}", excerpt(text))),
        }
    }
}

/// The first 80 bytes of a packet, for error messages.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..80).unwrap_or(bytes)).into_owned()
}

fn closed(payload: &[u8]) -> String {
    match payload {
        [high, low, reason @ ..] => {
            format!(
                "the server closed it: {} {}",
                u16::from_be_bytes([*high, *low]),
                excerpt(reason)
            )
        }
        _ => "the server closed it".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Packets(Vec<Vec<u8>>);

    impl Workload for Packets {
        fn handle_packet(
            &mut self,
            _: usize,
            _: Instant,
            packet: &[u8],
            _: &mut Outbox,
        ) -> Result<(), String> {
            self.0.push(packet.to_vec());
            Ok(())
        }
    }

    fn server(packets: &[&str]) -> Vec<u8> {
        let mut wire = upgrade::response(&upgrade::key(3)).into_bytes();
        for packet in packets {
            frame::write_server(frame::TEXT, packet.as_bytes(), &mut wire);
        }
        wire
    }

    fn feed(wire: &[u8], step: usize) -> Result<(Client, Packets, Vec<u8>), String> {
        feed_as(&Identity::default(), wire, step)
    }

    fn feed_as(
        identity: &Identity,
        wire: &[u8],
        step: usize,
    ) -> Result<(Client, Packets, Vec<u8>), String> {
        let now = Instant::now();
        let (mut client, mut work, mut held) =
            (Client::new(3, false, now), Packets::default(), vec![]);
        let mut context = ClientContext::new(identity.clone());
        client.stage = Stage::Upgrading;
        for part in wire.chunks(step) {
            held.extend_from_slice(part);
            let used = client.consume(&held, now, &mut work, &mut context)?;
            held.drain(..used);
        }
        Ok((client, work, context.out.frames))
    }

    #[test]
    fn a_handshake_is_read_in_any_split() {
        let wire = server(&["0{\"sid\":\"x\"}", "2", "40{\"sid\":\"y\"}", "42[\"b\",1]", "2"]);
        for step in [1, 2, 7, wire.len()] {
            let (client, work, out) = feed(&wire, step).expect("a correct server");
            assert_eq!(client.stage, Stage::Joined);
            assert_eq!(work.0, [b"2[\"b\",1]"]);
            let mut expected = Outbox::default();
            for packet in ["40", "3", "3"] {
                send(packet, &mut expected);
            }
            assert_eq!(out, expected.frames);
        }
    }

    #[test]
    fn a_namespace_is_joined_with_auth_data() {
        let identity = Identity {
            namespace: "/chat".into(),
            auth: r#"{"token":1}"#.into(),
            headers: String::new(),
        };
        let packets = [r#"0{"sid":"x"}"#, r#"40/chat,{"sid":"y"}"#, r#"42/chat,["b",1]"#];
        let wire =
            server(&[packets[0], packets[1], packets[2], r#"451-/chat,["b",{}]"#, "43/chat,7[]"]);
        let (client, work, out) = feed_as(&identity, &wire, 5).expect("a correct server");
        assert_eq!(client.stage, Stage::Joined);
        assert_eq!(work.0, [&b"2[\"b\",1]"[..], b"51-[\"b\",{}]", b"37[]"]);
        let mut expected = vec![];
        frame::write_client(frame::TEXT, br#"40/chat,{"token":1}"#, &mut expected);
        assert_eq!(out, expected);
        for wrong in [r#"40{"sid":"y"}"#, r#"40/chats,{"sid":"y"}"#] {
            let wire = server(&[packets[0], wrong]);
            assert!(feed_as(&identity, &wire, 100).is_err_and(|e| e.contains("/chat")), "{wrong}");
        }
    }

    #[test]
    fn an_event_before_the_connect_reply_fails() {
        assert!(feed(&server(&["0{}", "42[\"b\",1]"]), 100).is_err_and(|e| e.contains("Joining")));
    }

    #[test]
    fn a_refused_connect_fails() {
        assert!(feed(&server(&["0{}", "44{\"message\":\"no\"}"]), 100).is_err());
    }

    #[test]
    fn a_disconnect_fails() {
        assert!(
            feed(&server(&["0{}", "40{}", "41"]), 100).is_err_and(|e| e.contains("disconnected"))
        );
    }
}

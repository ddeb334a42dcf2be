//! WebSocket handshakes (RFC 6455, section 4): for new sessions, and for sessions that upgrade from
//! polling.

use bytes::Bytes;
use engine::{Transport, Via};
use protocol::http1::Request;
use protocol::websocket::{Decoder, Deflate, Opcode, Refusal, check_upgrade, encode_frame};

use crate::counters::Counter;
use crate::event::Event;
use crate::http::fault::Fault;
use crate::http::reply::Reply;
use crate::options::Options;
use crate::session::NONE;
use crate::socket::stream::Role;
use crate::table::Table;

/// A valid WebSocket handshake.
pub(crate) struct Accepted {
    key: String,
    deflate: Option<(Deflate, String)>,
}

/// Checks a WebSocket handshake; the error is the response that refuses it.
pub(crate) fn accept(request: &Request<'_>, options: &Options) -> Result<Accepted, Reply> {
    let key = check_upgrade(request).map_err(|refusal| match refusal {
        Refusal::BadVersion => {
            Reply::new(426).raw_headers("Sec-WebSocket-Version: 13\r\n").closing()
        }
        Refusal::BadKey | Refusal::BadMethod | Refusal::NotAnUpgrade => {
            let body = r#"{"code":3,"message":"Bad request"}"#;
            Reply::new(400).json(body.to_owned()).closing()
        }
    })?;
    let deflate = options.per_message_deflate.and_then(|_| Deflate::negotiate(request));
    Ok(Accepted { key, deflate })
}

impl Accepted {
    fn switching(&self, headers: &str) -> String {
        let extensions = self
            .deflate
            .as_ref()
            .map_or(String::new(), |(_, value)| format!("Sec-WebSocket-Extensions: {value}\r\n"));
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n{extensions}{headers}\r\n",
            self.key
        )
    }
}

impl Table {
    /// Makes the stream the session's WebSocket, and sends the 101 response with the OPEN packet.
    pub(crate) fn start_websocket(
        &mut self,
        slot: u32,
        session: u32,
        accepted: &Accepted,
        open: &str,
        headers: &str,
    ) {
        let lines = self.header_lines(slot) + headers;
        let mut bytes = accepted.switching(&lines).into_bytes();
        encode_frame(Opcode::Text, open.as_bytes(), None, &mut bytes);
        self.become_websocket(slot, session, false, accepted);
        if let Some(entry) = self.sessions.get_mut(session) {
            entry.stream = slot;
        }
        self.write(session, slot, std::iter::once(&Bytes::from(bytes)));
    }

    fn become_websocket(&mut self, slot: u32, session: u32, probe: bool, accepted: &Accepted) {
        let deflate = accepted.deflate.as_ref().map(|(deflate, _)| *deflate);
        let decoder = Decoder::server().deflate(deflate.is_some());
        self.log_websocket(slot);
        if let Some(stream) = self.streams.get_mut(slot) {
            stream.role = Role::WebSocket { session, probe, deflate, decoder };
            stream.deadline = engine::Time(0);
        }
    }

    /// Starts the upgrade of a session that uses polling.
    pub(crate) fn probe(
        &mut self,
        slot: u32,
        session: u32,
        request: &Request<'_>,
        headers: &str,
    ) -> Result<(), Fault> {
        let accepted = match accept(request, &self.options) {
            Ok(accepted) => accepted,
            Err(reply) => {
                self.counters.add(Counter::RequestsRefused);
                self.answer(slot, reply);
                return Ok(());
            }
        };
        let lines = self.header_lines(slot) + headers;
        let Some(entry) = self.sessions.get_mut(session).filter(|s| !s.ended) else {
            return Err(Fault::UnknownSession);
        };
        let welcome = entry.engine.handle_probe(&self.options.engine, self.now);
        if welcome {
            entry.probe = slot;
        }
        let owner = if welcome { session } else { NONE };
        self.become_websocket(slot, owner, true, &accepted);
        let head = Bytes::from(accepted.switching(&lines));
        self.write(owner, slot, std::iter::once(&head));
        if !welcome {
            // Like Node, the server accepts the handshake and then closes the WebSocket.
            self.close_websocket(slot, None);
        }
        self.file_session(session);
        Ok(())
    }

    /// Answers `2probe` on the probing WebSocket.
    pub(crate) fn answer_probe(&mut self, slot: u32) {
        let Some(session) = self.sessions.get(slot) else {
            return;
        };
        let probe = session.probe;
        let frame = self.codecs.control().pong_probe.clone();
        self.write(slot, probe, std::iter::once(frame.wire()));
    }

    /// Completes an upgrade: moves the session and its backlog to the WebSocket, in order.
    pub(crate) fn switch_transport(&mut self, slot: u32) {
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        debug_assert!(session.engine.transport() == Transport::WebSocket);
        session.stream = std::mem::replace(&mut session.probe, NONE);
        let (stream, id) = (session.stream, session.id);
        let waiting = session.queue.take();
        self.release_poll(slot);
        if let Some(Role::WebSocket { probe, .. }) =
            self.streams.get_mut(stream).map(|stream| &mut stream.role)
        {
            *probe = false;
        }
        if let Some(queue) = waiting {
            self.move_queue(slot, stream, *queue);
            self.note_level(slot);
        }
        self.counters.add(Counter::Upgrades);
        self.sessions.count_upgrade();
        self.publish(slot, Event::Upgraded { session: id });
    }

    /// Closes the probing WebSocket of a failed upgrade; the session stays on polling.
    pub(crate) fn drop_probe(&mut self, slot: u32) {
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        let probe = std::mem::replace(&mut session.probe, NONE);
        self.close_websocket(probe, None);
    }

    /// Handles an invalid packet on the probing WebSocket.
    pub(crate) fn fail_probe(&mut self, slot: u32) {
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        if !session.ended {
            session.engine.handle_stream_lost(Via::Probe, true, self.step.actions());
            self.perform(slot);
        }
        self.drop_probe(slot);
    }
}

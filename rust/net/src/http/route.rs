//! Routes a request: to a handshake, to its session, or to an error response.
//!
//! The checks, statuses and bodies are those of Node's Engine.IO server 6.6 (`server.ts`: `verify`).

use std::sync::Arc;

use engine::Transport;
use protocol::http1::Request;

use crate::counters::Counter;
use crate::http::fault::Fault;
use crate::http::origin::{self, Verdict};
use crate::http::reply::Reply;
use crate::http::request::{
    is_upgrade, is_version_4, named_session, names_session, path_matches, transport,
};
use crate::http::upgrade;
use crate::peer::Peer;
use crate::table::Table;

impl Table {
    /// Answers a request, or starts the handling that answers it later.
    pub(crate) fn request(&mut self, slot: u32, request: &Request<'_>, head: &[u8]) {
        self.keep_for_log(slot, request, head);
        let Some(http) = self.http(slot) else { return };
        let (config, peer) = (Arc::clone(&http.config), http.peer.clone());
        if !path_matches(request.path().as_bytes(), &config.path) {
            return self.answer(slot, Reply::new(404).closing());
        }
        if config.is_limit_reached() && !request.has_token("upgrade", "websocket") {
            self.counters.add(Counter::RequestsRefused);
            return self.answer(slot, Reply::unavailable());
        }
        let verdict = origin::check(&self.options, request, &peer);
        let Verdict::Allowed(headers) = verdict else {
            let message = Some("Origin not allowed");
            return self.refuse(slot, request, head, Fault::Forbidden, message, "");
        };
        if request.method == "OPTIONS" {
            let preflight = Reply::new(204).raw_headers(&headers).preflight(request);
            return self.answer_request(slot, request, preflight);
        }
        if let Err(fault) = self.route(slot, request, head, &headers, &peer) {
            self.refuse(slot, request, head, fault, None, &headers);
        }
    }

    /// Makes the checks of Node's `verify`, then serves the request.
    fn route(
        &mut self,
        slot: u32,
        request: &Request<'_>,
        head: &[u8],
        headers: &str,
        peer: &Peer,
    ) -> Result<(), Fault> {
        let transport = transport(request).ok_or(Fault::UnknownTransport)?;
        if names_session(request) {
            let known = named_session(request).filter(|_| self.options.ask_requests);
            if let Some(session) = known.filter(|id| self.sessions.slot(id).is_some()) {
                self.ask(slot, head, peer, Some(session));
                return Ok(());
            }
            return self.serve_known(slot, request, headers);
        }
        if request.method != "GET" {
            return Err(Fault::BadHandshakeMethod);
        }
        let offered = match transport {
            Transport::Polling => self.options.engine.polling,
            Transport::WebSocket => self.options.engine.websocket,
        };
        if !offered {
            return Err(Fault::UnknownTransport);
        }
        let upgrade = is_upgrade(request);
        if upgrade != (transport == Transport::WebSocket) || request.query_value("j").is_some() {
            return Err(Fault::BadRequest);
        }
        if !is_version_4(request) {
            return Err(Fault::UnsupportedVersion);
        }
        if let Some(Err(reply)) = upgrade.then(|| upgrade::accept(request, &self.options)) {
            self.counters.add(Counter::RequestsRefused);
            self.answer(slot, reply);
        } else if self.options.admission {
            self.ask(slot, head, peer, None);
        } else {
            let session = self.sessions.new_id();
            self.handshake(slot, request, head, session, headers, (None, ""));
        }
        Ok(())
    }

    /// Serves a request that names a session.
    pub(crate) fn serve_known(
        &mut self,
        slot: u32,
        request: &Request<'_>,
        headers: &str,
    ) -> Result<(), Fault> {
        let transport = transport(request).ok_or(Fault::UnknownTransport)?;
        let known = named_session(request).and_then(|id| self.sessions.slot(&id));
        let session = known.ok_or(Fault::UnknownSession)?;
        self.meet_deadline(session);
        if !is_version_4(request) || is_upgrade(request) != (transport == Transport::WebSocket) {
            return Err(Fault::BadRequest);
        }
        match (transport, request.method) {
            (Transport::WebSocket, _) => self.probe(slot, session, request, headers),
            (Transport::Polling, "GET") => self.poll(slot, session, request, headers),
            (Transport::Polling, "POST") => self.post(slot, session, request, headers),
            _ => Err(Fault::BadRequest),
        }
    }
}

//! Asks the application for a decision before a request is served.
//!
//! With the option `admission`, the application decides about handshakes. With `ask_requests`, it also
//! decides about the requests of known sessions, because it adds headers to every response. The stream
//! waits for the decision. A session has its id before its handshake is decided, so that the
//! application can prepare for it. If the stream is gone by then, the session is reported as closed.

use engine::{Parser, Reason};
use protocol::Id;
use protocol::http1::{Request, parse_request};

use crate::command::Decision;
use crate::counters::Counter;
use crate::event::Event;
use crate::http::connection::{Asking, Phase};
use crate::http::fault::Fault;
use crate::http::origin::{self, Verdict};
use crate::http::reply::Reply;
use crate::http::request::names_session;
use crate::peer::Peer;
use crate::table::Table;

/// With more events than this in the outbox, refusals are only counted, not reported.
const MAX_REFUSALS: usize = 1024;
const GENERATION: u32 = 0x03ff_ffff;

impl Table {
    /// Asks the application about a request; `known` is `None` for a handshake.
    pub(crate) fn ask(&mut self, slot: u32, head: &[u8], peer: &Peer, known: Option<Id>) {
        let session = known.unwrap_or_else(|| self.sessions.new_id());
        let Some(http) = self.http(slot) else { return };
        http.phase = Phase::Asking(Box::new(Asking { head: head.into(), session }));
        let stream = (u64::from(http.generation & GENERATION) << 32) | u64::from(slot);
        let token = (u64::from(self.number()) << 58) | stream;
        let (head, peer, handshake) = (head.into(), peer.clone(), known.is_none());
        self.reports.tell(Event::Admission { token, session, handshake, head, peer });
    }

    /// Carries out the application's decision about a request.
    pub(crate) fn decided(&mut self, token: u64, session: Id, decision: Decision) {
        let slot = token as u32;
        let Some(asking) = self.take_asking(slot, (token >> 32) as u32) else {
            return self.missed(session, &decision);
        };
        let Ok(Some((request, _))) = parse_request(&asking.head) else {
            return;
        };
        let peer = self.http(slot).map(|http| http.peer.clone()).unwrap_or_default();
        let verdict = origin::check(&self.options, &request, &peer);
        self.carry_out(slot, &asking, &request, verdict, decision);
        self.streams.read_soon(slot);
    }

    fn take_asking(&mut self, slot: u32, generation: u32) -> Option<Box<Asking>> {
        let http = self.http(slot)?;
        if http.generation & GENERATION != generation || !matches!(http.phase, Phase::Asking(_)) {
            return None;
        }
        match std::mem::replace(&mut http.phase, Phase::Head) {
            Phase::Asking(asking) => Some(asking),
            _ => None,
        }
    }

    /// Handles a decision that came after the client had left.
    fn missed(&mut self, session: Id, decision: &Decision) {
        let is_known = self.sessions.slot(&session).is_some();
        let raw = self.options.engine.parser == Parser::Raw;
        if raw && !is_known && matches!(decision, Decision::Admit { .. }) {
            let reason = Some(Reason::TransportClose);
            self.reports.tell(Event::Closed { session, reason, too_large: None });
        }
    }

    fn carry_out(
        &mut self,
        slot: u32,
        asking: &Asking,
        request: &Request<'_>,
        verdict: Verdict,
        decision: Decision,
    ) {
        let Asking { head, session } = asking;
        match (decision, verdict) {
            (Decision::Admit { cookie, headers }, Verdict::Allowed(cors)) => {
                if !names_session(request) {
                    let more = (cookie, headers.as_str());
                    return self.handshake(slot, request, head, *session, &cors, more);
                }
                let headers = cors + &headers;
                if let Err(fault) = self.serve_known(slot, request, &headers) {
                    self.refuse(slot, request, head, fault, None, &headers);
                }
            }
            (Decision::Deny { status, body, readable }, Verdict::Allowed(cors)) => {
                self.counters.add(Counter::RequestsRefused);
                // Pages of an origin that the application has refused must not read the answer.
                let cors = if readable { cors } else { String::new() };
                let reply = Reply::new(status).json(body).raw_headers(&cors);
                self.answer_request(slot, request, reply);
            }
            (_, Verdict::Denied) => {
                let message = Some("Origin not allowed");
                self.refuse(slot, request, head, Fault::Forbidden, message, "");
            }
        }
    }

    /// Answers a request with an error, and reports it with the option `report_refusals`.
    pub(crate) fn refuse(
        &mut self,
        slot: u32,
        request: &Request<'_>,
        head: &[u8],
        fault: Fault,
        message: Option<&str>,
        headers: &str,
    ) {
        let reply = self.fault(fault, message).raw_headers(headers);
        if self.options.report_refusals && self.reports.unread_events() < MAX_REFUSALS {
            let peer = self.http(slot).map(|http| http.peer.clone()).unwrap_or_default();
            let message = message.unwrap_or(fault.message()).to_owned();
            self.reports.tell(Event::Refused {
                head: head.into(),
                peer,
                code: fault as u8,
                message,
            });
        }
        self.answer_request(slot, request, reply);
    }
}

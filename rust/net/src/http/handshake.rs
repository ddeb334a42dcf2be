//! Engine.IO handshakes: opens a session and sends its OPEN packet.
//!
//! The checks of the request are in `route.rs` and `upgrade.rs`.

use engine::Transport;
use protocol::Id;
use protocol::http1::Request;

use crate::event::Handshake;
use crate::http::reply::Reply;
use crate::http::request::is_upgrade;
use crate::http::upgrade;
use crate::table::Table;

impl Table {
    /// Opens a session. `more` is what the application adds: the attributes of the cookie, header lines.
    pub(crate) fn handshake(
        &mut self,
        slot: u32,
        request: &Request<'_>,
        head: &[u8],
        id: Id,
        cors: &str,
        more: (Option<String>, &str),
    ) {
        let accepted = is_upgrade(request).then(|| upgrade::accept(request, &self.options).ok());
        let accepted = accepted.flatten();
        let transport = if accepted.is_some() { Transport::WebSocket } else { Transport::Polling };
        let Some(http) = self.http(slot) else {
            return;
        };
        let peer = http.peer.clone();
        let is_polling_only = http.config.is_polling_only;
        let handshake = Handshake { session: id, head: head.into(), peer, transport };
        let session = self.open_session(handshake, transport);
        let open = self.open_packet(&id, transport == Transport::Polling && !is_polling_only);
        let headers = self.cookie(&id, more.0) + more.1;
        if let Some(accepted) = accepted {
            self.start_websocket(slot, session, &accepted, &open, &headers);
        } else {
            let reply = Reply::new(200).text(open.into()).raw_headers(cors);
            let reply = reply.raw_headers(&headers);
            self.answer_request(slot, request, reply);
        }
    }

    /// The OPEN packet of a session.
    fn open_packet(&self, id: &Id, can_upgrade: bool) -> String {
        let config = &self.options.engine;
        let upgrades = can_upgrade && config.allow_upgrades && config.websocket;
        let handshake = protocol::engineio::Handshake {
            sid: id.as_str().to_owned(),
            upgrades: if upgrades { vec!["websocket".to_owned()] } else { Vec::new() },
            ping_interval: (config.ping_interval + self.options.ping_grace).as_millis() as u64,
            ping_timeout: config.ping_timeout.as_millis() as u64,
            max_payload: config.max_payload as u64,
        };
        format!("0{}", handshake.encode())
    }

    fn cookie(&self, id: &Id, attributes: Option<String>) -> String {
        let Some(cookie) = &self.options.cookie else {
            return String::new();
        };
        let attributes = attributes.unwrap_or_else(|| cookie.attributes.clone());
        format!("Set-Cookie: {}={}{attributes}\r\n", cookie.name, id.as_str())
    }
}

//! The Engine.IO session: handshake, heartbeat, upgrade, close. The one transition table.
//!
//! ```text
//!  client: Opening ── open packet ──► Open                        server: starts as Open
//!  Open, polling ── probe opened ──► Probing ── 2probe/3probe ──► Probed ── 5 ──► Open, WebSocket
//!        ▲                              │                            │
//!        └── probe lost, wrong, late ───┴────────────────────────────┘
//!  any ── close packet, late pong, late CONNECT, lost stream, broken rule, close() ──► Closed
//! ```
//!
//! Source: Engine.IO protocol v4, "Heartbeat", "Upgrade"; timing of the noops and the one extension
//! of a pong's deadline as Node's engine.io 6.6.12.

use std::time::Duration;

use protocol::engineio::{Handshake, Packet};

use crate::config::{Config, Parser};
use crate::event::{Action, Goodbye, Inbound, Reason, Transport, Via};
use crate::timer::{Time, Timer, Timers};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Client,
    Server,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed(Reason),
    Open,
    Opening,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upgrade {
    None,
    Probing,
    Probed,
}

/// One Engine.IO connection, seen from one side.
#[derive(Debug)]
pub struct Session {
    role: Role,
    state: State,
    transport: Transport,
    upgrade: Upgrade,
    /// A ping is out.
    awaits_pong: bool,
    /// The pong's deadline was moved once already.
    extended: bool,
    /// Client: how long the server may be silent, from its handshake, in milliseconds.
    silence: u64,
    timers: Timers,
}

impl Session {
    /// A session whose handshake the server has just answered.
    pub fn server(config: &Config, now: Time, transport: Transport) -> Self {
        let mut session = Self::new(Role::Server, State::Open, transport);
        if config.parser != Parser::Raw {
            session.timers.set(Timer::Connect, now.plus(config.connect_timeout));
        }
        session.timers.set(Timer::Ping, now.plus(config.ping_interval));
        session
    }

    /// A client's session that waits for the open packet.
    pub fn client(config: &Config, now: Time, transport: Transport) -> Self {
        let mut session = Self::new(Role::Client, State::Opening, transport);
        session.timers.set(Timer::Connect, now.plus(config.connect_timeout));
        session
    }

    fn new(role: Role, state: State, transport: Transport) -> Self {
        Self {
            role,
            state,
            transport,
            upgrade: Upgrade::None,
            awaits_pong: false,
            extended: false,
            silence: 0,
            timers: Timers::default(),
        }
    }

    /// Handles one packet of the peer's. What comes back is data for the Socket.IO layer.
    ///
    /// A packet that breaks the protocol closes the session, or only the probe it came on.
    pub fn handle_packet<'p>(
        &mut self,
        config: &Config,
        now: Time,
        via: Via,
        packet: Packet<'p>,
        out: &mut Vec<Action>,
    ) -> Option<Inbound<'p>> {
        match (self.state, self.role) {
            (State::Closed(_), _) => return None,
            (State::Opening, _) => self.open(config, now, &packet, out),
            (State::Open, Role::Client) => {
                return self.client_packet(config, now, via, packet, out);
            }
            (State::Open, Role::Server) if via == Via::Probe => {
                self.probe_packet(config, now, &packet, out);
            }
            (State::Open, Role::Server) => return self.server_packet(config, now, packet, out),
        }
        None
    }

    fn server_packet<'p>(
        &mut self,
        config: &Config,
        now: Time,
        packet: Packet<'p>,
        out: &mut Vec<Action>,
    ) -> Option<Inbound<'p>> {
        if self.awaits_pong && !std::mem::replace(&mut self.extended, true) {
            self.timers.set(Timer::Pong, now.plus(config.ping_timeout));
        }
        match packet {
            Packet::Message(text) => return Some(Inbound::Text(text)),
            Packet::Binary(data) => return Some(Inbound::Binary(data)),
            Packet::Pong(_) => self.pong(config, now),
            Packet::Close => self.end(Reason::ClientDisconnect, Goodbye::None, out),
            Packet::Ping(_) => self.end(Reason::TransportError, Goodbye::Waiting, out),
            Packet::Open(_) | Packet::Noop | Packet::Upgrade => {
                self.end(Reason::ParseError, Goodbye::Waiting, out);
            }
        }
        None
    }

    /// A pong nobody waits for is ignored: some clients begin with one.
    fn pong(&mut self, config: &Config, now: Time) {
        if std::mem::replace(&mut self.awaits_pong, false) {
            self.timers.stop(Timer::Pong);
            self.timers.set(Timer::Ping, now.plus(config.ping_interval));
        }
    }

    fn probe_packet(
        &mut self,
        config: &Config,
        now: Time,
        packet: &Packet<'_>,
        out: &mut Vec<Action>,
    ) {
        match (self.upgrade, packet) {
            (Upgrade::Probing, Packet::Ping("probe")) => {
                self.upgrade = Upgrade::Probed;
                self.timers.set(Timer::UpgradeNoop, now.plus(config.upgrade_noop));
                out.push(Action::SendPong(Via::Probe));
            }
            (Upgrade::Probed, Packet::Upgrade) => self.switch(out),
            _ => self.drop_probe(out),
        }
    }

    fn switch(&mut self, out: &mut Vec<Action>) {
        self.end_upgrade();
        self.transport = Transport::WebSocket;
        out.push(Action::SwitchTransport);
    }

    fn drop_probe(&mut self, out: &mut Vec<Action>) {
        self.end_upgrade();
        out.push(Action::DropProbe);
    }

    fn end_upgrade(&mut self) {
        self.upgrade = Upgrade::None;
        self.timers.stop(Timer::Upgrade);
        self.timers.stop(Timer::UpgradeNoop);
    }

    /// Client: the first packet is the handshake.
    fn open(&mut self, config: &Config, now: Time, packet: &Packet<'_>, out: &mut Vec<Action>) {
        let handshake = match packet {
            Packet::Open(json) => Handshake::decode(json).ok(),
            _ => None,
        };
        let Some(handshake) = handshake else {
            return self.end(Reason::ParseError, Goodbye::Kept, out);
        };
        self.silence = handshake.ping_interval.saturating_add(handshake.ping_timeout);
        if self.silence == 0 {
            // No server could keep such a session alive.
            return self.end(Reason::ParseError, Goodbye::Kept, out);
        }
        self.state = State::Open;
        self.timers.stop(Timer::Connect);
        self.expect_ping(now);
        let probe = self.transport == Transport::Polling
            && config.allow_upgrades
            && handshake.upgrades.iter().any(|name| name == "websocket");
        out.push(Action::Opened { probe });
    }

    fn expect_ping(&mut self, now: Time) {
        self.timers.set(Timer::Ping, now.plus(Duration::from_millis(self.silence)));
    }

    fn client_packet<'p>(
        &mut self,
        config: &Config,
        now: Time,
        via: Via,
        packet: Packet<'p>,
        out: &mut Vec<Action>,
    ) -> Option<Inbound<'p>> {
        match (via, packet) {
            (Via::Main, Packet::Message(text)) => return Some(Inbound::Text(text)),
            (Via::Main, Packet::Binary(data)) => return Some(Inbound::Binary(data)),
            (Via::Main, Packet::Ping(_)) => {
                self.expect_ping(now);
                out.push(Action::SendPong(Via::Main));
            }
            (Via::Main, Packet::Noop | Packet::Pong(_)) => {}
            // The server, or its transport, is going away: as in JavaScript, no goodbye to this client.
            (Via::Main, Packet::Close) => self.end(Reason::TransportClose, Goodbye::None, out),
            (Via::Main, Packet::Open(_) | Packet::Upgrade) => {
                self.end(Reason::ParseError, Goodbye::Kept, out);
            }
            (Via::Probe, Packet::Pong("probe")) if self.upgrade == Upgrade::Probing => {
                let _ = config;
                out.push(Action::SendUpgrade);
                self.switch(out);
            }
            (Via::Probe, _) => self.drop_probe(out),
        }
        None
    }

    /// Server: a WebSocket asks to take the session over. When it is not welcome, its handshake is
    /// to be accepted and the WebSocket closed, as Node does.
    pub fn handle_probe(&mut self, config: &Config, now: Time) -> bool {
        let welcome = self.state == State::Open
            && self.transport == Transport::Polling
            && self.upgrade == Upgrade::None
            && config.allow_upgrades
            && config.websocket;
        if welcome {
            self.upgrade = Upgrade::Probing;
            self.timers.set(Timer::Upgrade, now.plus(config.upgrade_timeout));
        }
        welcome
    }

    /// Client: the WebSocket for the upgrade is open.
    pub fn handle_probe_opened(&mut self, config: &Config, now: Time, out: &mut Vec<Action>) {
        if self.state == State::Open && self.transport == Transport::Polling {
            self.upgrade = Upgrade::Probing;
            self.timers.set(Timer::Upgrade, now.plus(config.upgrade_timeout));
            out.push(Action::SendProbe);
        }
    }

    /// A stream is gone: the WebSocket or a poll (`Main`), or the probe.
    pub fn handle_stream_lost(&mut self, via: Via, error: bool, out: &mut Vec<Action>) {
        match via {
            Via::Probe => self.end_upgrade(),
            Via::Main if error => self.end(Reason::TransportError, Goodbye::None, out),
            Via::Main => self.end(Reason::TransportClose, Goodbye::None, out),
        }
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, config: &Config, now: Time, out: &mut Vec<Action>) {
        while let Some((timer, due)) = self.timers.expired(now) {
            match (timer, self.role) {
                (Timer::Connect, _) => self.end(Reason::ConnectTimeout, Goodbye::Kept, out),
                (Timer::Ping, Role::Server) => {
                    // A ping that is a little late counts as sent in time: so lateness does not add up.
                    self.ping(config, due.max(now.minus(config.ping_timeout / 2)), out);
                }
                (Timer::Ping, Role::Client) | (Timer::Pong, _) => {
                    self.end(Reason::PingTimeout, Goodbye::None, out);
                }
                (Timer::Upgrade, _) => self.drop_probe(out),
                (Timer::UpgradeNoop, _) => {
                    let pause = config.upgrade_noop.max(Duration::from_millis(1));
                    self.timers.set(Timer::UpgradeNoop, now.plus(pause));
                    out.push(Action::ReleasePoll);
                }
            }
        }
    }

    /// A pong that is due now has time anew: the ping has not reached the client yet, or the pong is
    /// among what is not read.
    pub fn postpone_pong(&mut self, config: &Config, now: Time) {
        if self.timers.is_due(Timer::Pong, now) {
            self.timers
                .set(Timer::Pong, now.plus(config.ping_timeout.max(Duration::from_millis(1))));
        }
    }

    fn ping(&mut self, config: &Config, sent: Time, out: &mut Vec<Action>) {
        self.awaits_pong = true;
        self.extended = false;
        self.timers.set(Timer::Pong, sent.plus(config.ping_timeout));
        out.push(Action::SendPing);
    }

    /// A namespace was joined: the connect deadline is off.
    pub fn joined_namespace(&mut self) {
        self.timers.stop(Timer::Connect);
    }

    /// Ends the session for a reason of ours.
    pub fn close(&mut self, reason: Reason, goodbye: Goodbye, out: &mut Vec<Action>) {
        self.end(reason, goodbye, out);
    }

    fn end(&mut self, reason: Reason, goodbye: Goodbye, out: &mut Vec<Action>) {
        if self.is_closed() {
            return;
        }
        self.state = State::Closed(reason);
        self.upgrade = Upgrade::None;
        self.timers.stop_all();
        out.push(Action::Close { reason, goodbye });
    }

    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// What carries the session's packets now.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Whether the session has ended.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(_))
    }

    /// Whether a WebSocket is about to take over.
    pub fn is_upgrading(&self) -> bool {
        self.upgrade != Upgrade::None
    }

    /// Why the session has ended.
    pub fn reason(&self) -> Option<Reason> {
        match self.state {
            State::Closed(reason) => Some(reason),
            State::Open | State::Opening => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_small() {
        assert!(size_of::<Session>() <= 96, "{}", size_of::<Session>());
    }
}

//! The Engine.IO session: handshake, heartbeat, upgrade and close, of clients and servers.
//!
//! ```text
//!  client: Opening ── open packet ──► Open                        server: starts as Open
//!  Open, polling ── probe opened ──► Probing ── 2probe/3probe ──► Probed ── 5 ──► Open, WebSocket
//!        ▲                              │                            │
//!        └── probe lost, wrong, late ───┴────────────────────────────┘
//!  any ── close packet, late pong, late CONNECT, lost stream, broken rule, close() ──► Closed
//! ```
//!
//! Source: Engine.IO protocol v4, "Heartbeat" and "Upgrade". The timing of the noops, and the single
//! extension of a pong's deadline, are those of Node's engine.io 6.6.12.

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

/// One side of an Engine.IO connection.
#[derive(Debug)]
pub struct Session {
    role: Role,
    state: State,
    transport: Transport,
    upgrade: Upgrade,
    /// A ping was sent and not answered.
    awaits_pong: bool,
    /// The deadline of the pong was extended.
    is_pong_extended: bool,
    /// Client: the maximum time between two pings, in milliseconds. It comes from the handshake.
    max_silence: u64,
    timers: Timers,
}

impl Session {
    /// The session of a server, which has just answered the handshake.
    pub fn server(config: &Config, now: Time, transport: Transport) -> Self {
        let mut session = Self::new(Role::Server, State::Open, transport);
        if config.parser != Parser::Raw {
            session.timers.set(Timer::Connect, now.plus(config.connect_timeout));
        }
        session.timers.set(Timer::Ping, now.plus(config.ping_interval));
        session
    }

    /// The session of a client, which waits for the open packet.
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
            is_pong_extended: false,
            max_silence: 0,
            timers: Timers::default(),
        }
    }

    /// Handles one packet of the peer. Returns a message for the Socket.IO layer.
    ///
    /// A packet that breaks the protocol closes the session, or only the probe if it came there.
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
            (State::Opening, _) => self.handle_handshake(config, now, &packet, out),
            (State::Open, Role::Client) => {
                return self.handle_client_packet(config, now, via, packet, out);
            }
            (State::Open, Role::Server) if via == Via::Probe => {
                self.handle_probe_packet(config, now, &packet, out);
            }
            (State::Open, Role::Server) => {
                return self.handle_server_packet(config, now, packet, out);
            }
        }
        None
    }

    fn handle_server_packet<'p>(
        &mut self,
        config: &Config,
        now: Time,
        packet: Packet<'p>,
        out: &mut Vec<Action>,
    ) -> Option<Inbound<'p>> {
        if self.awaits_pong && !std::mem::replace(&mut self.is_pong_extended, true) {
            self.timers.set(Timer::Pong, now.plus(config.ping_timeout));
        }
        match packet {
            Packet::Message(text) => return Some(Inbound::Text(text)),
            Packet::Binary(data) => return Some(Inbound::Binary(data)),
            Packet::Pong(_) => self.handle_pong(config, now),
            Packet::Close => self.end(Reason::ClientDisconnect, Goodbye::None, out),
            Packet::Ping(_) => self.end(Reason::TransportError, Goodbye::Waiting, out),
            Packet::Open(_) | Packet::Noop | Packet::Upgrade => {
                self.end(Reason::ParseError, Goodbye::Waiting, out);
            }
        }
        None
    }

    /// Handles a pong. A pong without a ping is ignored, because some clients begin with one.
    fn handle_pong(&mut self, config: &Config, now: Time) {
        if std::mem::replace(&mut self.awaits_pong, false) {
            self.timers.stop(Timer::Pong);
            self.timers.set(Timer::Ping, now.plus(config.ping_interval));
        }
    }

    fn handle_probe_packet(
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

    /// Client: handles the first packet, which must be the handshake.
    fn handle_handshake(
        &mut self,
        config: &Config,
        now: Time,
        packet: &Packet<'_>,
        out: &mut Vec<Action>,
    ) {
        let handshake = match packet {
            Packet::Open(json) => Handshake::decode(json).ok(),
            _ => None,
        };
        let Some(handshake) = handshake else {
            return self.end(Reason::ParseError, Goodbye::Kept, out);
        };
        self.max_silence = handshake.ping_interval.saturating_add(handshake.ping_timeout);
        if self.max_silence == 0 {
            // The session would time out at once.
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
        self.timers.set(Timer::Ping, now.plus(Duration::from_millis(self.max_silence)));
    }

    fn handle_client_packet<'p>(
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
            // The server has closed its side, so nothing is sent. The JavaScript client does the same.
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

    /// Server: handles a WebSocket that asks to become the session's transport. Returns whether it is
    /// allowed. If not, the driver accepts its handshake and closes it, as Node does.
    pub fn handle_probe(&mut self, config: &Config, now: Time) -> bool {
        let is_allowed = self.state == State::Open
            && self.transport == Transport::Polling
            && self.upgrade == Upgrade::None
            && config.allow_upgrades
            && config.websocket;
        if is_allowed {
            self.upgrade = Upgrade::Probing;
            self.timers.set(Timer::Upgrade, now.plus(config.upgrade_timeout));
        }
        is_allowed
    }

    /// Client: handles the opening of the WebSocket for the upgrade.
    pub fn handle_probe_opened(&mut self, config: &Config, now: Time, out: &mut Vec<Action>) {
        if self.state == State::Open && self.transport == Transport::Polling {
            self.upgrade = Upgrade::Probing;
            self.timers.set(Timer::Upgrade, now.plus(config.upgrade_timeout));
            out.push(Action::SendProbe);
        }
    }

    /// Handles the loss of a stream. `Main` is the WebSocket or a poll of the session. `is_error` is
    /// false when the peer closed the stream.
    pub fn handle_stream_lost(&mut self, via: Via, is_error: bool, out: &mut Vec<Action>) {
        match via {
            Via::Probe => self.end_upgrade(),
            Via::Main if is_error => self.end(Reason::TransportError, Goodbye::None, out),
            Via::Main => self.end(Reason::TransportClose, Goodbye::None, out),
        }
    }

    /// Handles all deadlines that have passed at `now`.
    pub fn handle_timeout(&mut self, config: &Config, now: Time, out: &mut Vec<Action>) {
        while let Some((timer, due)) = self.timers.expired(now) {
            match (timer, self.role) {
                (Timer::Connect, _) => self.end(Reason::ConnectTimeout, Goodbye::Kept, out),
                (Timer::Ping, Role::Server) => {
                    // A ping that is slightly late counts as sent on time, so that delays do not add up.
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

    /// Restarts the time limit of a pong whose deadline has passed. The driver calls this when the
    /// ping may not have reached the client, or the pong may be in data that is not read yet.
    pub fn postpone_pong(&mut self, config: &Config, now: Time) {
        if self.timers.is_due(Timer::Pong, now) {
            self.timers
                .set(Timer::Pong, now.plus(config.ping_timeout.max(Duration::from_millis(1))));
        }
    }

    fn ping(&mut self, config: &Config, sent: Time, out: &mut Vec<Action>) {
        self.awaits_pong = true;
        self.is_pong_extended = false;
        self.timers.set(Timer::Pong, sent.plus(config.ping_timeout));
        out.push(Action::SendPing);
    }

    /// Stops the connect timeout after the first namespace was joined.
    pub fn joined_namespace(&mut self) {
        self.timers.stop(Timer::Connect);
    }

    /// Ends the session by a decision of this side.
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

    /// The time at which the driver must call `handle_timeout`.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// The current transport.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Whether the session has ended.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(_))
    }

    /// Whether an upgrade is in progress.
    pub fn is_upgrading(&self) -> bool {
        self.upgrade != Upgrade::None
    }

    /// The reason for the end of the session, if it has ended.
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

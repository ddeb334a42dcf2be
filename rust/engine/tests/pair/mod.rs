//! A client's session and a server's session, with a virtual clock and a simulated connection.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::collections::VecDeque;

use engine::{Action, Config, Inbound, Reason, Session, Time, Transport, Via};
use protocol::engineio::{Handshake, Packet};

/// A packet in transit: its arrival time, its stream, and its text.
type InTransit = (Time, Via, String);

pub(crate) struct Side {
    pub(crate) session: Session,
    pub(crate) actions: Vec<Action>,
    pub(crate) received: Vec<String>,
    pub(crate) closed: Option<Reason>,
    /// The packets sent to the other side that have not arrived.
    out: VecDeque<InTransit>,
    /// How often a poll was released.
    pub(crate) polls: usize,
}

pub(crate) struct Pair {
    pub(crate) config: Config,
    pub(crate) now: Time,
    pub(crate) latency: u64,
    pub(crate) client: Side,
    pub(crate) server: Side,
    /// The client does not answer pings.
    pub(crate) ignores_pings: bool,
    /// The number of pings that the server has sent.
    pub(crate) pings: usize,
}

impl Side {
    fn new(session: Session) -> Self {
        Self {
            session,
            actions: Vec::new(),
            received: Vec::new(),
            closed: None,
            out: VecDeque::new(),
            polls: 0,
        }
    }
}

impl Pair {
    /// Both sides at the start of a session.
    pub(crate) fn new(config: Config, transport: Transport) -> Self {
        let now = Time(1000);
        let client = Side::new(Session::client(&config, now, transport));
        let mut server = Side::new(Session::server(&config, now, transport));
        let upgrades = transport == Transport::Polling && config.allow_upgrades;
        let handshake = Handshake {
            sid: "s".repeat(20),
            upgrades: if upgrades { vec!["websocket".into()] } else { vec![] },
            ping_interval: config.ping_interval.as_millis() as u64,
            ping_timeout: config.ping_timeout.as_millis() as u64,
            max_payload: config.max_payload as u64,
        };
        server.out.push_back((now, Via::Main, format!("0{}", handshake.encode())));
        Self { config, now, latency: 5, client, server, ignores_pings: false, pings: 0 }
    }

    /// The server sends a message on its current transport.
    pub(crate) fn server_sends(&mut self, text: &str) {
        let at = Time(self.now.0 + self.latency);
        self.server.out.push_back((at, Via::Main, format!("4{text}")));
    }

    /// The client sends a message.
    pub(crate) fn client_sends(&mut self, text: &str) {
        let at = Time(self.now.0 + self.latency);
        self.client.out.push_back((at, Via::Main, format!("4{text}")));
    }

    /// Lets `ms` milliseconds pass.
    pub(crate) fn run(&mut self, ms: u64) {
        let end = Time(self.now.0 + ms);
        while let Some(next) = self.next_event().filter(|next| *next <= end) {
            assert!(next >= self.now || next.0 == 0, "time runs backwards");
            self.now = next.max(self.now);
            self.step();
        }
        self.now = end;
    }

    fn next_event(&self) -> Option<Time> {
        let packets = [&self.client.out, &self.server.out];
        let packets = packets.into_iter().filter_map(|out| out.front().map(|packet| packet.0));
        let timers = [self.client.session.poll_timeout(), self.server.session.poll_timeout()];
        packets.chain(timers.into_iter().flatten()).min()
    }

    fn step(&mut self) {
        while let Some((_, via, text)) = due(&mut self.server.out, self.now) {
            deliver(&self.config, self.now, &mut self.client, via, &text);
            self.client_actions();
        }
        while let Some((_, via, text)) = due(&mut self.client.out, self.now) {
            deliver(&self.config, self.now, &mut self.server, via, &text);
            self.server_actions();
        }
        self.client.session.handle_timeout(&self.config, self.now, &mut self.client.actions);
        self.client_actions();
        self.server.session.handle_timeout(&self.config, self.now, &mut self.server.actions);
        self.server_actions();
    }

    fn client_actions(&mut self) {
        let at = Time(self.now.0 + self.latency);
        let actions: Vec<_> = self.client.actions.drain(..).collect();
        for action in actions {
            match action {
                Action::SendPong(_) if self.ignores_pings => {}
                Action::SendPong(via) => self.client.out.push_back((at, via, "3".into())),
                Action::SendProbe => self.client.out.push_back((at, Via::Probe, "2probe".into())),
                Action::SendUpgrade => self.client.out.push_back((at, Via::Probe, "5".into())),
                Action::Opened { probe: true } => {
                    assert!(self.server.session.handle_probe(&self.config, self.now));
                    let out = &mut self.client.actions;
                    self.client.session.handle_probe_opened(&self.config, self.now, out);
                    self.client_actions();
                }
                Action::Close { reason, .. } => self.client.closed = Some(reason),
                _ => {}
            }
        }
    }

    fn server_actions(&mut self) {
        let at = Time(self.now.0 + self.latency);
        for action in self.server.actions.drain(..) {
            match action {
                Action::SendPing => {
                    self.pings += 1;
                    self.server.out.push_back((at, Via::Main, "2".into()));
                }
                Action::SendPong(via) => self.server.out.push_back((at, via, "3probe".into())),
                Action::ReleasePoll => self.server.polls += 1,
                Action::Close { reason, .. } => {
                    assert_eq!(self.server.closed, None, "closed twice");
                    self.server.closed = Some(reason);
                }
                _ => {}
            }
        }
    }
}

fn due(out: &mut VecDeque<InTransit>, now: Time) -> Option<InTransit> {
    if out.front()?.0 <= now { out.pop_front() } else { None }
}

fn deliver(config: &Config, now: Time, side: &mut Side, via: Via, text: &str) {
    let Ok(packet) = Packet::decode(text) else { return };
    let inbound = side.session.handle_packet(config, now, via, packet, &mut side.actions);
    if let Some(Inbound::Text(text)) = inbound {
        side.received.push(text.to_owned());
    }
}

//! Scenarios between a client and a server on a virtual clock.

mod pair;

use std::time::Duration;

use engine::{Action, Config, Goodbye, Parser, Reason, Session, Time, Transport, Via};
use pair::Pair;
use protocol::engineio::Packet;

fn quick() -> Config {
    Config {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        connect_timeout: Duration::from_secs(1000),
        ..Config::default()
    }
}

fn open(config: Config, transport: Transport) -> Pair {
    let mut pair = Pair::new(config, transport);
    pair.run(50);
    pair
}

#[test]
fn a_session_opens_on_each_transport_and_stays_open() {
    for transport in [Transport::Polling, Transport::WebSocket] {
        let mut pair = open(Config { allow_upgrades: false, ..quick() }, transport);
        pair.run(60_000);
        assert_eq!((pair.client.closed, pair.server.closed), (None, None));
        assert!(pair.pings > 100, "{}", pair.pings);
        assert_eq!(pair.server.session.transport(), transport);
    }
}

#[test]
fn polling_upgrades_with_packets_in_flight() {
    let mut pair = Pair::new(quick(), Transport::Polling);
    for n in 0..20 {
        pair.server_sends(&format!("s{n}"));
        pair.client_sends(&format!("c{n}"));
        pair.run(3);
    }
    pair.run(100);
    for side in [&pair.client, &pair.server] {
        assert_eq!(side.session.transport(), Transport::WebSocket);
        assert!(!side.session.is_upgrading());
    }
    let expected = |who| (0..20).map(|n| format!("{who}{n}")).collect::<Vec<_>>();
    assert_eq!(pair.server.received, expected("c"));
    assert_eq!(pair.client.received, expected("s"));
}

#[test]
fn an_upgrade_that_is_not_finished_keeps_polling() {
    let config = quick();
    let mut out = Vec::new();
    let mut server = Session::server(&config, Time(1), Transport::Polling);
    assert!(server.handle_probe(&config, Time(1)));
    assert!(!server.handle_probe(&config, Time(2)), "only one probe at a time");
    server.handle_packet(&config, Time(3), Via::Probe, Packet::Ping("probe"), &mut out);
    assert_eq!(out, [Action::SendPong(Via::Probe)]);
    out.clear();
    let (mut noops, mut now) = (Vec::new(), Time(3));
    while server.is_upgrading() {
        now = server.poll_timeout().expect("a deadline");
        server.handle_packet(&config, now, Via::Main, Packet::Pong(""), &mut out);
        server.handle_timeout(&config, now, &mut out);
        noops.extend(out.iter().filter(|a| **a == Action::ReleasePoll).map(|_| now.0));
        if out.contains(&Action::DropProbe) {
            break;
        }
        out.clear();
    }
    assert_eq!(now, Time(10_001));
    assert_eq!(noops[0], 103, "not before 100 ms after the probe");
    assert!(noops.windows(2).all(|pair| pair[1] - pair[0] == 100));
    assert_eq!((server.transport(), server.is_closed()), (Transport::Polling, false));
    assert!(server.handle_probe(&config, now), "a new probe is allowed");
}

#[test]
fn a_wrong_packet_on_the_probe_closes_only_the_probe() {
    let config = quick();
    for packets in [
        vec![Packet::Upgrade],
        vec![Packet::Ping("")],
        vec![Packet::Message("2[]")],
        vec![Packet::Ping("probe"), Packet::Ping("probe")],
        vec![Packet::Ping("probe"), Packet::Message("x")],
        vec![Packet::Close],
    ] {
        let mut out = Vec::new();
        let mut server = Session::server(&config, Time(1), Transport::Polling);
        assert!(server.handle_probe(&config, Time(1)));
        for packet in packets {
            let data = server.handle_packet(&config, Time(2), Via::Probe, packet, &mut out);
            assert_eq!(data, None);
        }
        assert_eq!(out.last(), Some(&Action::DropProbe));
        assert_eq!((server.transport(), server.is_closed()), (Transport::Polling, false));
    }
}

#[test]
fn a_late_pong_closes_the_session() {
    let mut pair = open(quick(), Transport::WebSocket);
    pair.run(1000);
    pair.ignores_pings = true;
    pair.run(1000);
    assert_eq!(pair.server.closed, Some(Reason::PingTimeout));
}

#[test]
fn a_client_closes_when_pings_stop() {
    let mut pair = open(quick(), Transport::WebSocket);
    let mut out = Vec::new();
    pair.server.session.close(Reason::InternalError, Goodbye::Kept, &mut out);
    pair.run(1000);
    assert_eq!(pair.client.closed, Some(Reason::PingTimeout));
}

#[test]
fn any_packet_extends_the_deadline_of_the_pong_once() {
    let config = quick();
    let mut out = Vec::new();
    let mut server = Session::server(&config, Time(1), Transport::WebSocket);
    server.handle_timeout(&config, Time(301), &mut out);
    assert_eq!(out, [Action::SendPing]);
    for (now, deadline) in [(400, 600), (500, 600), (599, 600)] {
        server.handle_packet(&config, Time(now), Via::Main, Packet::Message("x"), &mut out);
        assert_eq!(server.poll_timeout(), Some(Time(deadline)));
    }
    server.handle_timeout(&config, Time(600), &mut out);
    assert_eq!(server.reason(), Some(Reason::PingTimeout));
}

#[test]
fn a_pong_that_is_due_may_be_postponed() {
    let config = quick();
    let mut out = Vec::new();
    let mut server = Session::server(&config, Time(1), Transport::WebSocket);
    server.postpone_pong(&config, Time(301));
    assert_eq!(server.poll_timeout(), Some(Time(301)), "no ping was sent");
    server.handle_timeout(&config, Time(301), &mut out);
    server.postpone_pong(&config, Time(500));
    assert_eq!(server.poll_timeout(), Some(Time(501)), "not due yet");
    server.postpone_pong(&config, Time(501));
    assert_eq!(server.poll_timeout(), Some(Time(701)));
    server.handle_timeout(&config, Time(701), &mut out);
    assert_eq!(server.reason(), Some(Reason::PingTimeout));
}

#[test]
fn a_pong_without_a_ping_is_ignored() {
    let config = quick();
    let mut out = Vec::new();
    let mut server = Session::server(&config, Time(1), Transport::WebSocket);
    for _ in 0..1000 {
        server.handle_packet(&config, Time(2), Via::Main, Packet::Pong(""), &mut out);
    }
    assert_eq!((out.len(), server.poll_timeout()), (0, Some(Time(301))));
}

#[test]
fn packets_a_client_must_not_send_close_the_session() {
    let config = quick();
    for (packet, reason) in [
        (Packet::Ping(""), Reason::TransportError),
        (Packet::Ping("probe"), Reason::TransportError),
        (Packet::Open("{}"), Reason::ParseError),
        (Packet::Upgrade, Reason::ParseError),
        (Packet::Noop, Reason::ParseError),
        (Packet::Close, Reason::ClientDisconnect),
    ] {
        let mut out = Vec::new();
        let mut server = Session::server(&config, Time(1), Transport::WebSocket);
        server.handle_packet(&config, Time(2), Via::Main, packet, &mut out);
        assert_eq!(server.reason(), Some(reason));
        assert!(matches!(out[..], [Action::Close { .. }]));
        assert_eq!(server.poll_timeout(), None);
    }
}

#[test]
fn a_session_without_a_namespace_is_closed_in_time() {
    let config = Config { connect_timeout: Duration::from_millis(450), ..quick() };
    let mut joined = open(config.clone(), Transport::WebSocket);
    joined.server.session.joined_namespace();
    joined.run(5000);
    assert_eq!(joined.server.closed, None);
    let mut idle = open(config, Transport::WebSocket);
    idle.run(5000);
    assert_eq!(idle.server.closed, Some(Reason::ConnectTimeout));
    let mut raw = open(Config { parser: Parser::Raw, ..idle.config }, Transport::WebSocket);
    raw.run(5000);
    assert_eq!(raw.server.closed, None);
}

#[test]
fn a_lost_stream_closes_and_a_lost_probe_does_not() {
    let config = quick();
    let mut out = Vec::new();
    let mut server = Session::server(&config, Time(1), Transport::Polling);
    server.handle_probe(&config, Time(1));
    server.handle_stream_lost(Via::Probe, true, &mut out);
    assert!(out.is_empty() && !server.is_upgrading());
    server.handle_stream_lost(Via::Main, true, &mut out);
    assert_eq!(server.reason(), Some(Reason::TransportError));
}

#[test]
fn a_client_refuses_an_invalid_handshake() {
    for packet in [Packet::Open("{}"), Packet::Open("[]"), Packet::Message("x"), Packet::Noop] {
        let (config, mut out) = (quick(), Vec::new());
        let mut client = Session::client(&config, Time(1), Transport::WebSocket);
        client.handle_packet(&config, Time(2), Via::Main, packet, &mut out);
        assert_eq!(client.reason(), Some(Reason::ParseError));
    }
}

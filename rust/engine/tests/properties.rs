//! Property tests: for any input in any order, there is no panic, no action after the close, and no
//! busy loop.

use std::borrow::Cow;

use engine::{Action, Config, Session, Sockets, Time, Transport, Via};
use proptest::prelude::*;
use protocol::Id;
use protocol::engineio::Packet;

#[derive(Clone, Debug)]
enum Op {
    Binary(usize),
    Close,
    Join,
    Lost(bool, bool),
    Packet(bool, usize),
    Probe,
    Timeout,
    Wait(u64),
}

const PACKETS: [Packet<'static>; 9] = [
    Packet::Open("{\"sid\":\"x\",\"pingInterval\":1,\"pingTimeout\":1}"),
    Packet::Close,
    Packet::Ping("probe"),
    Packet::Ping(""),
    Packet::Pong("probe"),
    Packet::Pong(""),
    Packet::Message("2[\"a\"]"),
    Packet::Upgrade,
    Packet::Noop,
];

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        1 => Just(Op::Close),
        1 => Just(Op::Join),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(probe, error)| Op::Lost(probe, error)),
        12 => (any::<bool>(), 0..PACKETS.len()).prop_map(|(probe, n)| Op::Packet(probe, n)),
        2 => (0..100usize).prop_map(Op::Binary),
        3 => Just(Op::Probe),
        4 => Just(Op::Timeout),
        4 => (0..30_000u64).prop_map(Op::Wait),
    ]
}

fn via(probe: bool) -> Via {
    if probe { Via::Probe } else { Via::Main }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_session_ends_once_and_never_spins(
        server in any::<bool>(),
        polling in any::<bool>(),
        ops in prop::collection::vec(op(), 0..60),
    ) {
        let config = Config::default();
        let mut now = Time(1);
        let transport = if polling { Transport::Polling } else { Transport::WebSocket };
        let mut session = if server {
            Session::server(&config, now, transport)
        } else {
            Session::client(&config, now, transport)
        };
        let mut out = Vec::new();
        for op in ops {
            let (closed, before) = (session.is_closed(), out.len());
            match op {
                Op::Binary(size) => {
                    let packet = Packet::Binary(Cow::Owned(vec![0; size]));
                    session.handle_packet(&config, now, Via::Main, packet, &mut out);
                }
                Op::Close => session.close(
                    engine::Reason::ServerDisconnect,
                    engine::Goodbye::Kept,
                    &mut out,
                ),
                Op::Join => session.joined_namespace(),
                Op::Lost(probe, error) => session.handle_stream_lost(via(probe), error, &mut out),
                Op::Packet(probe, n) => {
                    let data =
                        session.handle_packet(&config, now, via(probe), PACKETS[n].clone(), &mut out);
                    prop_assert!(!closed || data.is_none());
                }
                Op::Probe if server => {
                    let is_allowed = session.handle_probe(&config, now);
                    prop_assert!(!is_allowed || !closed);
                }
                Op::Probe => session.handle_probe_opened(&config, now, &mut out),
                Op::Timeout => {
                    if let Some(due) = session.poll_timeout() {
                        now = now.max(due);
                        session.handle_timeout(&config, now, &mut out);
                        prop_assert!(session.poll_timeout().is_none_or(|next| next > now));
                    }
                }
                Op::Wait(ms) => now = Time(now.0 + ms),
            }
            prop_assert!(!closed || out.len() == before, "an action after the close");
        }
        let ends = out.iter().filter(|action| matches!(action, Action::Close { .. })).count();
        prop_assert_eq!(ends, usize::from(session.is_closed()));
        prop_assert!(!session.is_closed() || session.poll_timeout().is_none());
    }

    #[test]
    fn any_text_is_handled_by_the_socket_layer(
        texts in prop::collection::vec("[0-9]{1,2}-?(/[a-z]{0,3},)?[0-9]{0,2}(\\[\"[a-z]{0,12}\".{0,20}\\]|\\{.{0,9}\\})?", 1..20),
        binary in prop::collection::vec(any::<bool>(), 20),
    ) {
        let config = Config { max_namespaces: 3, ..Config::default() };
        let mut sockets = Sockets::default();
        let mut n = 0u8;
        for (text, binary) in texts.iter().zip(binary) {
            if let Ok(Some(engine::Incoming::Connect { namespace, .. })) =
                sockets.handle_text(&config, text)
            {
                n += 1;
                let (namespace, sid) = (namespace.into(), Id::from_random([n; 15]));
                sockets.connecting(namespace, sid);
                sockets.connected(&sid);
            }
            if binary {
                let _ = sockets.handle_binary(&config, &[1, 2, 3]);
            }
            prop_assert!(sockets.len() <= 3);
        }
    }
}

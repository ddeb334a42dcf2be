//! Tests of a whole Socket.IO server without Python: connects, rooms, emits and acks over TCP.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "the tests of `net` use it too")]
mod websocket;

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use net::{ListenerConfig, Options};
use rooms::SocketStatus;
use router::{Batch, Emit, Inbound, Payload, Router, Sent};
use smallvec::smallvec;

use self::websocket::WebSocket;

/// How long a test waits for an event before it fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// A router with a listener; the test's thread acts as the application.
struct App {
    router: Arc<Router>,
    addr: SocketAddr,
    batch: Batch,
}

impl App {
    fn start(defer: bool) -> Self {
        Self::with(Options { shards: 2, ..Options::default() }, defer)
    }

    fn with(options: Options, defer: bool) -> Self {
        let router = Arc::new(Router::new(options));
        router.start(defer).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let config = ListenerConfig {
            path: "/socket.io".into(),
            listener: Some(1),
            ..ListenerConfig::default()
        };
        router.listen(OwnedFd::from(listener), config, None).unwrap();
        Self { router, addr, batch: Batch::default() }
    }

    /// The next event for the application.
    fn next(&mut self) -> Inbound {
        let started = Instant::now();
        loop {
            self.router.flush();
            self.router.take(1, &mut self.batch);
            self.router.resume_reading();
            match self.batch.inbound.pop() {
                Some(Inbound::Inline { .. }) => {}
                Some(inbound) => return inbound,
                None => thread::sleep(Duration::from_millis(1)),
            }
            assert!(started.elapsed() < PATIENCE, "nothing came");
        }
    }

    /// A client that was accepted in `/`, and its sid.
    fn client(&mut self) -> (WebSocket, String) {
        let mut client = WebSocket::open(self.addr);
        client.send("40{\"token\":\"x\"}");
        let Inbound::Connect { sid, namespace, auth, .. } = self.next() else {
            panic!("no CONNECT");
        };
        assert_eq!((&*namespace, &*auth), ("/", &br#"{"token":"x"}"#[..]));
        let reply = format!(r#"{{"sid":"{}"}}"#, sid.as_str());
        assert!(self.router.accept(sid.as_str(), &Payload::Data(reply.as_bytes())));
        assert!(!self.router.accept(sid.as_str(), &Payload::Data(b"{}")), "accepted twice");
        assert_eq!(client.read(), format!("40{reply}"));
        (client, sid.as_str().to_owned())
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.router.stop();
    }
}

fn event(data: &[u8]) -> Emit<'_> {
    Emit::new("/", Payload::Data(data))
}

#[test]
fn a_server_needs_no_interpreter() {
    let mut app = App::start(false);
    let (mut one, sid) = app.client();
    let (mut two, other) = app.client();
    app.router.join(&sid, "/", "news").unwrap();
    assert_eq!(app.router.rooms(&sid, "/"), [sid.as_str(), "news"]);

    app.router.emit(&Emit { to: Some(smallvec!["news"]), ..event(br#"["a",1]"#) });
    app.router.emit(&Emit { except_rooms: smallvec!["news"], ..event(br#"["b"]"#) });
    app.router.emit(&Emit { skip: smallvec![other.as_str()], ..event(br#"["c"]"#) });
    app.router.emit(&Emit { attachments: smallvec![&b"\x00\xff"[..]], ..event(BINARY) });
    assert_eq!([one.read(), one.read(), one.read()], ["42[\"a\",1]", "42[\"c\"]", BINARY_TEXT]);
    assert_eq!([two.read(), two.read()], ["42[\"b\"]", BINARY_TEXT]);
    assert_eq!((one.read_binary(), two.read_binary()), (vec![0, 255], vec![0, 255]));

    // The client answers an event of the server's, and the server one of the client's.
    app.router.emit(&Emit { to: Some(smallvec![&*sid]), ack_id: Some(7), ..event(b"[\"q\"]") });
    assert_eq!(one.read(), "427[\"q\"]");
    one.send("437[\"yes\"]");
    let Inbound::Ack { data, .. } = app.next() else { panic!("no ack") };
    assert_eq!((data.sid.as_str(), data.id, &*data.body), (&*sid, Some(7), &br#"["yes"]"#[..]));
    one.send("4212[\"question\",{}]");
    let Inbound::Event { data, .. } = app.next() else { panic!("no event") };
    assert_eq!((&*data.body, data.id), (&br#"["question",{}]"#[..], Some(12)));
    app.router.ack(&sid, 12, &Payload::Data(b"[\"answer\"]"), &[], false);
    assert_eq!(one.read(), "4312[\"answer\"]");

    // One is sent away, the other leaves.
    assert!(app.router.disconnect(&sid, "/", &Payload::Data(b"")));
    assert_eq!(one.read(), "41");
    for sid in [sid, other] {
        let Inbound::Disconnect { sid: gone, .. } = app.next() else { panic!("no end") };
        assert_eq!(gone.as_str(), sid);
        assert!(!app.router.is_connected(&sid, "/"));
        app.router.forget(&sid);
        two.send("41");
    }
    assert!(app.router.namespaces().is_empty());
}

const BINARY: &[u8] = br#"["d",{"_placeholder":true,"num":0}]"#;
const BINARY_TEXT: &str = r#"451-["d",{"_placeholder":true,"num":0}]"#;

#[test]
fn what_rooms_get_while_a_client_connects_follows_its_reply() {
    let mut app = App::start(false);
    let mut client = WebSocket::open(app.addr);
    client.send("40");
    let Inbound::Connect { sid, .. } = app.next() else { panic!("no CONNECT") };
    let sid = sid.as_str();
    app.router.emit(&Emit { to: Some(smallvec!["news"]), ..event(b"[\"too early\"]") });
    app.router.join(sid, "/", "news").unwrap();
    app.router.emit(&Emit { to: Some(smallvec!["news"]), ..event(b"[\"room\"]") });
    app.router.emit(&event(b"[\"all\"]"));
    app.router.emit(&Emit { to: Some(smallvec![sid, "news"]), ..event(b"[\"once\"]") });
    app.router.emit(&Emit { skip: smallvec![sid], ..event(b"[\"skipped\"]") });
    app.router.emit(&Emit { except_rooms: smallvec!["news"], ..event(b"[\"except\"]") });
    app.router.emit(&Emit { volatile: true, ..event(b"[\"volatile\"]") });
    assert!(app.router.accept(sid, &Payload::Data(b"{}")));
    app.router.emit(&event(b"[\"later\"]"));
    for expected in ["40{}", "42[\"room\"]", "42[\"all\"]", "42[\"once\"]", "42[\"later\"]"] {
        assert_eq!(client.read(), expected);
    }
}

#[test]
fn a_refused_client_gets_connect_error_and_is_removed() {
    let mut app = App::start(false);
    let mut client = WebSocket::open(app.addr);
    client.send("40");
    let Inbound::Connect { sid, .. } = app.next() else { panic!("no CONNECT") };
    app.router.emit(&event(b"[\"secret\"]"));
    app.router.refuse(sid.as_str(), &Payload::Data(br#"{"message":"no"}"#));
    assert_eq!(client.read(), r#"44{"message":"no"}"#);
    assert_eq!(app.router.status(sid.as_str()), None);
}

#[test]
fn a_held_client_that_is_refused_stays_registered_as_leaving() {
    let mut app = App::start(false);
    let mut client = WebSocket::open(app.addr);
    client.send("40");
    let Inbound::Connect { sid, .. } = app.next() else { panic!("no CONNECT") };
    app.router.join(sid.as_str(), "/", "a").unwrap();
    app.router.hold(sid.as_str(), true);
    app.router.refuse(sid.as_str(), &Payload::Data(br#"{"message":"no"}"#));
    assert_eq!(client.read(), r#"44{"message":"no"}"#);
    assert_eq!(app.router.status(sid.as_str()), Some(SocketStatus::Leaving));
    assert_eq!(app.router.rooms(sid.as_str(), "/").len(), 2);
    app.router.forget(sid.as_str());
    assert_eq!(app.router.status(sid.as_str()), None);
}

#[test]
fn each_connect_is_answered_when_a_client_leaves_and_rejoins() {
    let mut app = App::start(false);
    let mut client = WebSocket::open(app.addr);
    for packet in ["40", "41", "40", "42[\"a\"]"] {
        client.send(packet);
    }
    let Inbound::Connect { sid: first, .. } = app.next() else { panic!("no CONNECT") };
    let Inbound::Disconnect { sid, .. } = app.next() else { panic!("no DISCONNECT") };
    assert_eq!(sid, first);
    let Inbound::Connect { sid: second, .. } = app.next() else { panic!("no CONNECT") };
    let Inbound::Event { early, data, .. } = app.next() else { panic!("no event") };
    assert_eq!((early, data.sid), (true, second));
    assert!(!app.router.accept(first.as_str(), &Payload::Data(b"{}")));
    assert_eq!(client.read(), "40{}");
    app.router.forget(first.as_str());
    app.router.hold(second.as_str(), true);
    assert!(app.router.accept(second.as_str(), &Payload::Data(b"{}")));
    assert_eq!(client.read(), "40{}");
    for (held, expected) in [(true, true), (false, false)] {
        app.router.hold(second.as_str(), held);
        client.send("42[\"a\"]");
        let Inbound::Event { early, .. } = app.next() else { panic!("no event") };
        assert_eq!(early, expected);
    }
}

#[test]
fn an_emit_without_recipients_needs_no_flush() {
    let mut app = App::start(true);
    let nobody = Sent::default();
    assert_eq!(app.router.emit(&event(b"[\"a\"]")), nobody, "no client");
    let (_client, sid) = app.client();
    for emit in [
        Emit { to: Some(smallvec!["empty"]), ..event(b"[\"a\"]") },
        Emit { to: Some(smallvec![]), ..event(b"[\"a\"]") },
        Emit { to: Some(smallvec![&*sid]), skip: smallvec![&*sid], ..event(b"[\"a\"]") },
        Emit::new("/other", Payload::Data(b"[\"a\"]")),
    ] {
        assert_eq!(app.router.emit(&emit), nobody, "{emit:?}");
    }
    app.router.flush();
    assert_eq!(app.router.emit(&event(b"[\"a\"]")), Sent { flush: true, ..Sent::default() });
    assert_eq!(app.router.emit(&event(b"[\"b\"]")), nobody, "the first emit asked for the flush");
}

/// A cluster adapter emits from its own runtime while the event loop's thread defers its flushes.
#[test]
fn emits_of_a_tokio_thread_keep_their_order() {
    let mut app = App::start(true);
    let (mut client, _) = app.client();
    let router = Arc::clone(&app.router);
    let adapter = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for n in 0..500 {
                let data = format!("[\"n\",{n}]");
                let sent = router.emit(&event(data.as_bytes()));
                assert!(!sent.flush, "only the event loop's thread defers");
                tokio::task::yield_now().await;
            }
        });
    });
    for n in 0..500 {
        assert_eq!(client.read(), format!("42[\"n\",{n}]"));
    }
    adapter.join().unwrap();
}

/// Round trips of one client, with a thread that takes turns: whether the shard enters inline mode.
#[test]
fn a_shard_enters_inline_mode_unless_the_option_says_no() {
    for is_on in [true, false] {
        let options = Options { shards: 1, inline_mode: is_on, ..Options::default() };
        let mut app = App::with(options, true);
        let (mut client, sid) = app.client();
        let periods = |app: &App| {
            let counters = app.router.counters();
            counters[0].iter().find(|(name, _)| *name == "inline_periods").map(|(_, value)| *value)
        };
        for _ in 0..2000 {
            client.send("421[\"e\"]");
            let Inbound::Event { .. } = app.next() else { panic!("no event") };
            app.router.ack(&sid, 1, &Payload::Data(b"[]"), &[], false);
            app.router.flush();
            assert_eq!(client.read(), "431[]");
            if periods(&app) > Some(0) {
                break;
            }
        }
        assert_eq!(periods(&app) > Some(0), is_on);
    }
}

/// Several threads change rooms and emit; each client sees the requests of its thread in order.
#[test]
fn requests_of_one_thread_keep_their_order() {
    let mut app = App::start(false);
    let clients: Vec<_> = (0..3).map(|_| app.client()).collect();
    let threads = clients.into_iter().map(|(mut client, sid)| {
        let router = Arc::clone(&app.router);
        thread::spawn(move || {
            for n in 0..200 {
                let room = format!("room of {sid}");
                router.join(&sid, "/", &room).unwrap();
                let (inside, outside) = (format!("[\"in\",{n}]"), format!("[\"out\",{n}]"));
                router.emit(&Emit { to: Some(smallvec![&*room]), ..event(inside.as_bytes()) });
                router.leave(&sid, "/", &room);
                router.emit(&Emit { to: Some(smallvec![&*room]), ..event(outside.as_bytes()) });
            }
            for n in 0..200 {
                assert_eq!(client.read(), format!("42[\"in\",{n}]"));
            }
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
}

/// A client that is addressed by its sid and by a room gets an event once, while it joins and leaves.
#[test]
fn a_client_that_changes_rooms_during_emits_gets_each_event_once() {
    let mut app = App::start(false);
    let ((mut client, sid), (_other, other)) = (app.client(), app.client());
    app.router.join(&other, "/", "room").unwrap();
    let (router, mover) = (Arc::clone(&app.router), sid.clone());
    let emitter = thread::spawn(move || {
        // A long key slows down each emit, so that more room changes happen during it. It is not sent.
        let key = "k".repeat(100_000);
        for n in 0..500 {
            let (data, key) = (format!("[\"n\",{n}]"), format!("{n}{key}"));
            let to = Some(smallvec![&*sid, "room"]);
            router.emit(&Emit { to, conflate: Some(&key), ..event(data.as_bytes()) });
        }
    });
    while !emitter.is_finished() {
        app.router.join(&mover, "/", "room").unwrap();
        app.router.leave(&mover, "/", "room");
    }
    emitter.join().unwrap();
    for n in 0..500 {
        assert_eq!(client.read(), format!("42[\"n\",{n}]"));
    }
}

#[test]
fn a_router_that_is_not_running_refuses_requests() {
    let router = Router::new(Options::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let error =
        router.listen(OwnedFd::from(listener), ListenerConfig::default(), None).unwrap_err();
    assert_eq!(error.to_string(), "the server is not running");
    assert_eq!(router.emit(&event(b"[]")), Sent::default());
    assert!(router.join("x", "/", "room").is_err());
    router.stop();
    router.flush();
    assert!(!router.take_turn(0));
}

#[test]
fn emits_to_one_client_over_the_high_water_mark_wait_until_drained() {
    let mut app = App::start(false);
    let (mut client, sid) = app.client();
    let data = format!("[\"a\",\"{}\"]", "x".repeat(60_000));
    let to = Some(smallvec![&*sid]);
    let own = Emit { to, may_wait: true, ..event(data.as_bytes()) };
    for _ in 0..5 {
        assert!(!app.router.emit(&own).wait);
    }
    assert!(app.router.emit(&own).wait, "five of them are more than the mark");
    assert!(!app.router.emit(&event(b"[\"b\"]")).wait, "a broadcast never waits");
    assert!(!app.router.emit(&Emit { may_wait: false, ..own.clone() }).wait);
    for _ in 0..7 {
        client.read();
    }
    while !matches!(app.next(), Inbound::Drained { .. }) {}
    assert!(!app.router.emit(&own).wait);
}

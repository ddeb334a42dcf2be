//! Nodes over a real Redis, which the test starts; skipped where there is none.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{Bus, BusEvent, BusOptions, RedisOptions, Transport};
use cluster::node::{Bus as Dialect, Request};
use cluster::{Answer, Emit, EventData, Message, Selection};
use net::Outbox;
use router::Router;

/// A Redis of the test's own.
struct Redis {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Redis {
    fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self::start_on(port)
    }

    fn start_on(port: u16) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--save", "", "--appendonly", "no", "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { process, port, _folder: folder })
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Node {
    bus: Bus,
    outbox: Arc<Outbox<BusEvent>>,
}

impl Node {
    fn start(name: &str, port: u16, dialect: Dialect) -> Self {
        let sharded = matches!(dialect, Dialect::Sharded { .. });
        let url = format!("redis://127.0.0.1:{port}");
        let options = BusOptions {
            name: name.to_owned(),
            dialect,
            transport: Transport::Redis(RedisOptions::from_url(&url, sharded).unwrap()),
            max_bytes: 1 << 20,
            write_only: false,
        };
        let outbox = Arc::new(Outbox::new().unwrap());
        let router = Arc::new(Router::new(net::Options::default()));
        let bus = Bus::start(options, Some(router), Arc::clone(&outbox)).unwrap();
        bus.open_namespace("/");
        Self { bus, outbox }
    }

    /// The next event; every event must come in time.
    fn next(&self) -> BusEvent {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(event) = self.outbox.take(1).pop() {
                return event;
            }
            assert!(Instant::now() < until, "no event came");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn up(self) -> Self {
        assert!(matches!(self.next(), BusEvent::Up));
        self
    }
}

fn dialects() -> [Dialect; 2] {
    let prefix = || "socket.io".to_owned();
    [Dialect::Classic { prefix: prefix() }, Dialect::Sharded { prefix: prefix() }]
}

fn two(redis: &Redis, dialect: &Dialect) -> (Node, Node) {
    let start = |name| Node::start(name, redis.port, dialect.clone()).up();
    let (one, other) = (start("one"), start("other"));
    // Until both hear each other: the first that is counted may be before the second has subscribed.
    std::thread::sleep(Duration::from_millis(200));
    (one, other)
}

#[test]
fn a_request_is_answered_over_redis() {
    let Some(redis) = Redis::start() else { return };
    for dialect in dialects() {
        let (one, other) = two(&redis, &dialect);
        one.bus.request(7, "/", Request::FetchSockets(Selection::default()), 5_000);
        let BusEvent::FetchSockets { reply, .. } = other.next() else { panic!() };
        other.bus.answer(reply, Answer::Sockets(EventData::text(r#"[{"id":"a"}]"#)));
        let BusEvent::Done(outcome) = one.next() else { panic!() };
        assert_eq!((outcome.token, outcome.missing), (7, 0));
        assert_eq!(outcome.answers, [Answer::Sockets(EventData::text(r#"[{"id":"a"}]"#))]);
    }
}

#[test]
fn events_for_servers_come_in_order() {
    let Some(redis) = Redis::start() else { return };
    for dialect in dialects() {
        let (one, other) = two(&redis, &dialect);
        for n in 0..2_000 {
            let event = EventData::text(format!("[\"e\",{n}]"));
            one.bus.publish("/", Message::ServerSideEmit { request: None, event });
        }
        for n in 0..2_000 {
            let BusEvent::ServerSide { event, .. } = other.next() else { panic!() };
            assert_eq!(event.json, format!("[\"e\",{n}]"));
        }
    }
}

#[test]
fn a_node_comes_back_when_redis_does() {
    let Some(redis) = Redis::start() else { return };
    let port = redis.port;
    let (one, other) = two(&redis, &Dialect::Classic { prefix: "socket.io".into() });
    drop(redis);
    assert!(matches!(one.next(), BusEvent::Down(_)));
    assert!(matches!(other.next(), BusEvent::Down(_)));
    // What is said meanwhile is kept, as far as it fits.
    let event = EventData::text("[\"late\"]");
    let message = Message::ServerSideEmit { request: None, event: event.clone() };
    let _redis = Redis::start_on(port).unwrap();
    let (one, other) = (one.up(), other.up());
    one.bus.publish("/", message);
    let BusEvent::ServerSide { event: found, .. } = other.next() else { panic!() };
    assert_eq!(found, event);
}

#[test]
fn what_does_not_fit_while_redis_is_away_is_counted() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let node = Node::start("one", port, Dialect::Python { channel: "socketio".into() });
    assert!(matches!(node.next(), BusEvent::Down(_)));
    let event = EventData::text(format!("[\"{}\"]", "x".repeat(1 << 20)));
    let emit = Emit { event, ..Emit::default() };
    for _ in 0..10 {
        node.bus.publish("/", Message::Emit(emit.clone()));
        assert!(!node.bus.is_full(), "nobody waits while the bus is away");
    }
    let lost = || node.bus.stats().lost.load(std::sync::atomic::Ordering::Relaxed);
    let until = Instant::now() + Duration::from_secs(10);
    while lost() < 8 {
        assert!(Instant::now() < until, "{}", lost());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(lost() <= 9);
}

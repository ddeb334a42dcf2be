//! A fault at each place of a turn: what caused it goes, and the shard goes on.
//!
//! One test, as the places are the process's: each client that is hit is a new one, and one client
//! lives through everything.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../router/tests/websocket/mod.rs"]
#[allow(dead_code, reason = "shared")]
mod websocket;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use engine::Reason;
use net::fault::{Place, arm, disarm};
use net::{Command, Counter, Event, Listener, ListenerConfig, Options, Server};
use protocol::Id;
use rooms::{Addr, Frame, RoomId};
use smallvec::smallvec;

use self::websocket::WebSocket;

const ALL: RoomId = RoomId(1);

/// The application, on a thread of its own: it accepts everybody, and echoes.
struct App {
    server: Arc<Server>,
    addr: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

/// What the application has heard.
#[derive(Default)]
struct Seen {
    sockets: HashMap<Id, Addr>,
    last: Option<(Id, Addr)>,
    ends: HashMap<Id, Vec<Reason>>,
}

impl App {
    fn start() -> Self {
        let options = Options {
            head_timeout: Duration::from_millis(100),
            close_timeout: Duration::from_millis(50),
            max_queue_bytes: usize::MAX,
            shards: 1,
            ..Options::default()
        };
        let server = Arc::new(Server::start(&Arc::new(options), false).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let config = ListenerConfig {
            path: "/socket.io".into(),
            listener: Some(1),
            ..ListenerConfig::default()
        };
        let listener = Listener::from_fd(OwnedFd::from(listener), config).unwrap();
        server.push(0, Command::Listen(Box::new(listener)));
        let seen = Arc::<Mutex<Seen>>::default();
        thread::spawn({
            let (server, seen) = (Arc::clone(&server), Arc::clone(&seen));
            move || {
                loop {
                    seen.lock().unwrap().step(&server);
                    thread::sleep(Duration::from_millis(1));
                }
            }
        });
        Self { server, addr, seen }
    }

    fn last(&self) -> Option<(Id, Addr)> {
        self.seen.lock().unwrap().last
    }

    fn has_ended(&self, sid: Id) -> bool {
        self.seen.lock().unwrap().ends.contains_key(&sid)
    }

    /// Waits until something has happened.
    fn until(&self, what: &str, has_happened: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !has_happened(self) {
            assert!(started.elapsed() < Duration::from_secs(10), "in vain: {what}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// A client that has joined, and where it is.
    fn client(&self) -> (WebSocket, Id, Addr) {
        let mut client = WebSocket::open(self.addr);
        self.seen.lock().unwrap().last = None;
        client.send("40");
        assert_eq!(client.read(), "40{}");
        let (sid, addr) = self.last().unwrap();
        (client, sid, addr)
    }

    fn emit(&self, room: RoomId, text: &str) {
        let (rooms, except, except_rooms) = (smallvec![room], smallvec![], smallvec![]);
        let frame = Frame::new(text.as_bytes(), &[]);
        self.server.push(0, Command::Emit { rooms, except, except_rooms, frame });
    }

    /// The application hears of a client's end, for a fault of the server's.
    fn ends(&self, sid: Id) {
        self.until("an end", |app| app.has_ended(sid));
        assert_eq!(self.seen.lock().unwrap().ends[&sid], [Reason::InternalError]);
    }

    fn panics(&self, count: u64) {
        self.until("a panic", |app| app.server.counter(Counter::Panics) >= count);
    }
}

impl Seen {
    fn step(&mut self, server: &Server) {
        let mut events = Vec::new();
        server.take(100, &mut events);
        for event in events {
            match event {
                Event::Connect { addr, sid, .. } => {
                    self.sockets.insert(sid, addr);
                    self.last = Some((sid, addr));
                    let frame = Frame::new(b"40{}", &[]);
                    server.push(0, Command::Accept { addr, sid, frame, all: ALL });
                }
                Event::Event(data) => {
                    let (sid, addr) = (data.sid, self.sockets[&data.sid]);
                    let frame = Frame::new(&[b"42", &data.body[..]].concat(), &[]);
                    server.push(0, Command::Direct { addr, sid, frame });
                }
                Event::Disconnect { sid, reason, .. } => {
                    self.ends.entry(sid).or_default().push(reason);
                }
                _ => {}
            }
        }
    }
}

/// A client gets an answer.
fn echo(client: &mut WebSocket) {
    client.send("42[\"e\"]");
    while client.read() != "42[\"e\"]" {}
}

/// A name, and what makes the fault.
type Case = (&'static str, fn(&App));

#[test]
fn a_fault_costs_what_caused_it_and_nothing_else() {
    let app = App::start();
    let (mut other, kept, _) = app.client();
    let mut count = 0;
    let cases: [Case; 15] = [
        ("accept", accept),
        ("read", read),
        ("command", command),
        ("command without a connection", lost_command),
        ("resume", |app| quiet(app, Place::Resume)),
        ("flush", flush),
        ("fan-out", fan_out),
        ("deliver", deliver),
        ("expire", expire),
        ("poll", poll),
        ("relieve", |app| quiet(app, Place::Relieve)),
        ("settle", settle),
        ("what is dropped", tear_out),
        ("what is dropped, fan-out", abandon_all),
        ("drop of nothing", |app| {
            arm(Place::Drop, 1);
            quiet(app, Place::Relieve);
        }),
    ];
    for (name, case) in cases {
        case(&app);
        count += 1;
        app.panics(count);
        assert!(disarm() > 0, "{name}");
        // Broadcasts that the fault did not concern are there, in order; so are later ones.
        app.emit(ALL, "42[\"next\"]");
        while other.read() != "42[\"next\"]" {}
        echo(&mut other);
        assert!(!app.has_ended(kept), "{name}");
        let (mut new, ..) = app.client();
        echo(&mut new);
    }
    for place in [Place::Accept, Place::Resume, Place::Relieve, Place::FanOut] {
        repeated(&app, &mut other, place);
    }
    app.server.stop();
}

/// The connection is accepted in the next turn.
fn accept(app: &App) {
    arm(Place::Accept, 1);
    app.client();
}

fn read(app: &App) {
    let (mut client, sid, _) = app.client();
    arm(Place::Read, 1);
    client.send("42[\"x\"]");
    app.ends(sid);
    assert!(client.is_closed());
}

fn command(app: &App) {
    let (mut client, sid, addr) = app.client();
    arm(Place::Command, 1);
    app.server.push(0, Command::Join { addr, sid, room: RoomId(5), all: ALL });
    app.ends(sid);
    assert!(client.is_closed());
}

fn lost_command(app: &App) {
    arm(Place::Command, 1);
    app.emit(ALL, "42[\"lost\"]");
}

/// Nobody is concerned.
fn quiet(app: &App, place: Place) {
    arm(place, 1);
    app.client();
}

fn flush(app: &App) {
    let (mut client, sid, addr) = app.client();
    let frame = Frame::new(format!("42[\"{}\"]", "x".repeat(16 << 20)).as_bytes(), &[]);
    app.server.push(0, Command::Direct { addr, sid, frame });
    app.until("a backlog", |app| app.server.counter(Counter::QueuedBytes) > 0);
    arm(Place::Flush, 1);
    assert!(client.is_closed());
    app.ends(sid);
}

/// The broadcast is lost, and its clients stay.
fn fan_out(app: &App) {
    let (mut client, sid, _) = app.client();
    let before = app.server.counter(Counter::Panics);
    arm(Place::FanOut, 1);
    app.emit(ALL, "42[\"lost\"]");
    app.until("the fault", |app| app.server.counter(Counter::Panics) > before);
    echo(&mut client);
    assert!(!app.has_ended(sid));
}

fn deliver(app: &App) {
    let room = RoomId(7);
    let clients: Vec<_> = (0..2).map(|_| app.client()).collect();
    for (_, sid, addr) in &clients {
        app.server.push(0, Command::Join { addr: *addr, sid: *sid, room, all: ALL });
    }
    arm(Place::Deliver, 1);
    app.emit(room, "42[\"d\"]");
    app.until("an end", |app| clients.iter().any(|(_, sid, _)| app.has_ended(*sid)));
    for (mut client, sid, _) in clients {
        if app.has_ended(sid) {
            assert!(client.is_closed());
            app.ends(sid);
        } else {
            assert_eq!(client.read(), "42[\"d\"]");
        }
    }
}

/// A connection that sends nothing.
fn expire(app: &App) {
    arm(Place::Expire, 1);
    let mut stream = TcpStream::connect(app.addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap(), 0);
}

fn poll(app: &App) {
    let mut stream = TcpStream::connect(app.addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut ask = |request: &str| {
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let path = "/socket.io/?EIO=4&transport=polling";
    let opened = ask(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
    let id = opened.split("\"sid\":\"").nth(1).unwrap()[..20].to_owned();
    let head = format!("{path}&sid={id} HTTP/1.1\r\nHost: h\r\n");
    app.seen.lock().unwrap().last = None;
    ask(&format!("POST {head}Content-Length: 2\r\n\r\n40"));
    app.until("a client joins", |app| app.last().is_some());
    let (sid, _) = app.last().unwrap();
    assert!(ask(&format!("GET {head}\r\n")).contains("40{}"));
    // What is emitted finds the poll there, or the poll finds it: then once more.
    arm(Place::Poll, 1);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !app.has_ended(sid) {
                thread::sleep(Duration::from_millis(20));
                app.emit(ALL, "42[\"p\"]");
            }
        });
        while ask(&format!("GET {head}\r\n")).starts_with("HTTP/1.1 200") {}
    });
    app.ends(sid);
}

fn settle(app: &App) {
    let (client, sid, _) = app.client();
    let before = app.server.counter(Counter::StreamsClosed);
    arm(Place::Settle, 1);
    drop(client);
    app.until("an end", |app| app.has_ended(sid));
    app.until("a close", |app| app.server.counter(Counter::StreamsClosed) > before);
}

/// What is dropped after a fault is faulty itself.
fn tear_out(app: &App) {
    arm(Place::Drop, 1);
    read(app);
}

fn abandon_all(app: &App) {
    arm(Place::Drop, 1);
    fan_out(app);
}

/// Turns that panic for ever: others are served, and the thread does not spin.
fn repeated(app: &App, other: &mut WebSocket, place: Place) {
    arm(place, usize::MAX);
    let waiting = TcpStream::connect(app.addr).unwrap();
    for _ in 0..5 {
        app.emit(RoomId(9), "42[\"nobody\"]");
        echo(other);
    }
    thread::sleep(Duration::from_millis(300));
    drop(waiting);
    // A thread that spins is cut short a hundred thousand times meanwhile.
    let count = disarm();
    assert!(count < 1000, "{count} panics at {place:?}");
    let (mut new, ..) = app.client();
    echo(&mut new);
}

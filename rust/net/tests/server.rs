//! Literal bytes in, literal bytes out, on real loopback sockets. The program behind the shard is
//! the smallest there is: it accepts every CONNECT and echoes every event.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use net::{AccessLogMode, Command, Counter, Event, Listener, ListenerConfig, Options, Server};
use protocol::Id;
use rooms::{Addr, Frame, RoomId};
use smallvec::smallvec;

const ALL: RoomId = RoomId(1);

/// A server with an accepting, echoing program.
struct Running {
    addr: SocketAddr,
    server: Arc<Server>,
    stop: Arc<AtomicBool>,
    program: Option<JoinHandle<Vec<String>>>,
}

impl Running {
    fn start(options: Options) -> Self {
        let server = Arc::new(Server::start(&Arc::new(options), false).unwrap());
        let addr = listen(&server, AccessLogMode::default());
        let stop = Arc::new(AtomicBool::new(false));
        let program = std::thread::spawn({
            let (server, stop) = (Arc::clone(&server), Arc::clone(&stop));
            move || echo(&server, &stop)
        });
        Self { addr, server, stop, program: Some(program) }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream
    }

    /// A WebSocket session that has joined `/`.
    fn websocket(&self) -> TcpStream {
        websocket(self.connect())
    }

    /// Stops the program and returns what it has seen.
    fn finish(mut self) -> Vec<String> {
        self.stop.store(true, Ordering::SeqCst);
        let seen = self.program.take().unwrap().join().unwrap();
        self.server.stop();
        seen
    }
}

fn websocket(mut stream: TcpStream) -> TcpStream {
    let path = "/socket.io/?EIO=4&transport=websocket";
    stream.write_all(upgrade(path).as_bytes()).unwrap();
    let head = read_head(&mut stream);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(read_text(&mut stream).starts_with(r#"0{"sid":""#));
    send_text(&mut stream, "40");
    assert_eq!(read_text(&mut stream), r#"40{"sid":"x"}"#);
    stream
}

fn listen(server: &Server, log: AccessLogMode) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let config = ListenerConfig {
        path: "/socket.io".into(),
        listener: Some(7),
        log,
        ..ListenerConfig::default()
    };
    let listener = Listener::from_fd(OwnedFd::from(listener), config).unwrap();
    server.push(0, Command::Listen(Box::new(listener)));
    addr
}

fn echo(server: &Server, stop: &AtomicBool) -> Vec<String> {
    let mut program = Program::default();
    while !stop.load(Ordering::SeqCst) {
        program.take_events(server);
        std::thread::sleep(Duration::from_millis(1));
    }
    program.seen
}

#[derive(Default)]
struct Program {
    seen: Vec<String>,
    sockets: HashMap<Id, Addr>,
    /// The descriptor of the shard that has entered inline mode.
    inline: Option<RawFd>,
}

impl Program {
    fn take_events(&mut self, server: &Server) {
        let Self { seen, sockets, inline } = self;
        for event in taken(server) {
            match event {
                Event::Connect { addr, sid, .. } => {
                    sockets.insert(sid, addr);
                    let frame = Frame::new(br#"40{"sid":"x"}"#, &[]);
                    server.push(addr.shard, Command::Accept { addr, sid, frame, all: ALL });
                }
                Event::Event(data) if data.body.starts_with(br#"["all""#) => {
                    let frame = Frame::new(&[b"42", &data.body[..]].concat(), &[]);
                    let emit = || Command::Emit {
                        rooms: smallvec![ALL],
                        except: smallvec![],
                        except_rooms: smallvec![],
                        frame: frame.clone(),
                    };
                    server.push_all(emit);
                }
                Event::Event(data) => {
                    let addr = sockets[&data.sid];
                    let frame = Frame::new(&[b"42", &data.body[..]].concat(), &[]);
                    // First: what comes after the echo must find it paused.
                    if data.body.starts_with(br#"["pause""#) {
                        server.push(addr.shard, Command::Pause { addr });
                    }
                    server.push(addr.shard, Command::Direct { addr, sid: data.sid, frame });
                }
                Event::Inline { fd, .. } => *inline = Some(fd),
                Event::Disconnect { reason, .. } => seen.push(reason.as_str().to_owned()),
                Event::HandOff { fd, data, listener } => {
                    seen.push(format!("handoff {listener} {}", data.len()));
                    let mut stream = TcpStream::from(fd);
                    stream.set_nonblocking(false).unwrap();
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
                }
                _ => {}
            }
        }
    }

    /// Takes events and turns until `thread` has ended.
    fn join<T>(&mut self, server: &Server, thread: JoinHandle<T>) -> T {
        while !thread.is_finished() {
            server.take_turn(0);
            self.take_events(server);
        }
        thread.join().unwrap()
    }
}

/// Has a client chat until the shard enters inline mode; returns its descriptor.
fn borrow(server: &Server, program: &mut Program, lively: &mut TcpStream) -> RawFd {
    loop {
        let mut stream = lively.try_clone().unwrap();
        let chat = move || {
            for _ in 0..50 {
                send_text(&mut stream, r#"42["x"]"#);
                read_text(&mut stream);
            }
        };
        program.join(server, std::thread::spawn(chat));
        if let Some(fd) = program.inline.filter(|_| server.is_inline(0)) {
            return fd;
        }
    }
}

/// Whether a poller has something to say about it.
fn is_readable(fd: RawFd) -> bool {
    let mut poll = mio::Poll::new().unwrap();
    let mut found = mio::Events::with_capacity(1);
    let interest = mio::Interest::READABLE;
    poll.registry().register(&mut mio::unix::SourceFd(&fd), mio::Token(0), interest).unwrap();
    poll.poll(&mut found, Some(Duration::ZERO)).unwrap();
    !found.is_empty()
}

fn upgrade(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn read_response(stream: &mut TcpStream) -> (String, String) {
    let (head, body) = read_bytes(stream);
    (head, String::from_utf8(body).unwrap())
}

fn read_bytes(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let head = read_head(stream);
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned)
        })
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head, body)
}

fn get(stream: &mut TcpStream, path: &str) -> (String, String) {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).unwrap();
    read_response(stream)
}

fn post(stream: &mut TcpStream, path: &str, body: &str) -> (String, String) {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    read_response(stream)
}

fn send_text(stream: &mut TcpStream, text: &str) {
    let mut frame = Vec::new();
    protocol::websocket::encode_frame(
        protocol::websocket::Opcode::Text,
        text.as_bytes(),
        Some([1, 2, 3, 4]),
        &mut frame,
    );
    stream.write_all(&frame).unwrap();
}

/// Reads one frame: its opcode and payload.
fn read_frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let length = match head[1] {
        126 => {
            let mut long = [0; 2];
            stream.read_exact(&mut long).unwrap();
            usize::from(u16::from_be_bytes(long))
        }
        127 => {
            let mut long = [0; 8];
            stream.read_exact(&mut long).unwrap();
            u64::from_be_bytes(long) as usize
        }
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).unwrap();
    (head[0] & 0x0f, payload)
}

fn read_text(stream: &mut TcpStream) -> String {
    let (opcode, payload) = read_frame(stream);
    assert_eq!(opcode, 1, "{payload:?}");
    String::from_utf8(payload).unwrap()
}

fn session_path(open: &str) -> String {
    let sid = open.split('"').nth(3).unwrap();
    assert_eq!(sid.len(), 20);
    format!("/socket.io/?EIO=4&transport=polling&sid={sid}")
}

#[test]
fn an_event_is_echoed_over_websocket() {
    let running = Running::start(Options::default());
    let mut stream = running.websocket();
    send_text(&mut stream, r#"42["hello",1]"#);
    assert_eq!(read_text(&mut stream), r#"42["hello",1]"#);
    drop(stream);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(running.finish(), ["transport close"]);
}

#[test]
fn an_event_is_echoed_over_polling() {
    let running = Running::start(Options::default());
    let mut stream = running.connect();
    let (head, open) = get(&mut stream, "/socket.io/?EIO=4&transport=polling");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let path = session_path(&open);
    assert_eq!(post(&mut stream, &path, "40").1, "ok");
    assert_eq!(get(&mut stream, &path).1, r#"40{"sid":"x"}"#);
    assert_eq!(post(&mut stream, &path, "42[\"a\"]\u{1e}42[\"b\"]").1, "ok");
    assert_eq!(get(&mut stream, &path).1, "42[\"a\"]\u{1e}42[\"b\"]");
    running.finish();
}

#[test]
fn a_session_upgrades_and_keeps_its_packets() {
    let running = Running::start(Options::default());
    let mut http = running.connect();
    let (_, open) = get(&mut http, "/socket.io/?EIO=4&transport=polling");
    let path = session_path(&open);
    post(&mut http, &path, "40");
    get(&mut http, &path);
    let mut stream = running.connect();
    stream.write_all(upgrade(&path.replace("polling", "websocket")).as_bytes()).unwrap();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101"));
    send_text(&mut stream, "2probe");
    assert_eq!(read_text(&mut stream), "3probe");
    assert_eq!(get(&mut http, &path).1, "6");
    post(&mut http, &path, r#"42["waits"]"#);
    send_text(&mut stream, "5");
    assert_eq!(read_text(&mut stream), r#"42["waits"]"#);
    let (head, body) = get(&mut http, &path);
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
    assert_eq!(body, r#"{"code":3,"message":"Bad request"}"#);
    running.finish();
}

#[test]
fn a_broadcast_reaches_everybody_once_and_in_order() {
    let running = Running::start(Options::default());
    let mut streams: Vec<_> = (0..50).map(|_| running.websocket()).collect();
    for n in 0..20 {
        send_text(&mut streams[0], &format!(r#"42["all",{n}]"#));
    }
    for stream in &mut streams {
        for n in 0..20 {
            assert_eq!(read_text(stream), format!(r#"42["all",{n}]"#));
        }
    }
    running.finish();
}

#[test]
fn a_thousand_pollers_cost_one_encoding_and_one_compression() {
    let running = Running::start(Options { shards: 1, ..Options::default() });
    // A session is not bound to a stream: one carries them all.
    let mut http = running.connect();
    let open = "/socket.io/?EIO=4&transport=polling";
    let paths: Vec<_> = (0..1000)
        .map(|_| {
            let path = session_path(&get(&mut http, open).1);
            post(&mut http, &path, "40");
            assert_eq!(get(&mut http, &path).1, r#"40{"sid":"x"}"#);
            path
        })
        .collect();
    let text = "x".repeat(1000);
    let mut speaker = running.websocket();
    for n in 0..2 {
        send_text(&mut speaker, &format!(r#"42["all",{n},"{text}"]"#));
        read_text(&mut speaker);
    }
    let mut bodies = paths.iter().map(|path| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n");
        http.write_all(request.as_bytes()).unwrap();
        let (head, body) = read_bytes(&mut http);
        assert!(head.contains("Content-Encoding: gzip"), "{head}");
        body
    });
    let first = bodies.next().unwrap();
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&first[..]).read_to_string(&mut plain).unwrap();
    assert_eq!(plain, format!("42[\"all\",0,\"{text}\"]\u{1e}42[\"all\",1,\"{text}\"]"));
    assert!(bodies.all(|body| body == first));
    assert_eq!(running.server.counter(Counter::PollBodies), 1);
    assert_eq!(running.server.counter(Counter::PollCompressions), 1);
    running.finish();
}

#[test]
fn a_shard_in_inline_mode_wants_no_turns_for_a_session_that_is_paused() {
    let options = Options { shards: 1, ..Options::default() };
    let server = Server::start(&Arc::new(options), true).unwrap();
    let addr = listen(&server, AccessLogMode::default());
    let mut program = Program::default();
    let connect = move || websocket(TcpStream::connect(addr).unwrap());
    let mut paused = program.join(&server, std::thread::spawn(connect));
    let mut lively = program.join(&server, std::thread::spawn(connect));
    let pause = move || {
        send_text(&mut paused, r#"42["pause"]"#);
        read_text(&mut paused);
        send_text(&mut paused, r#"42["x"]"#);
        paused
    };
    let _paused = program.join(&server, std::thread::spawn(pause));
    loop {
        let fd = borrow(&server, &mut program, &mut lively);
        for _ in 0..100 {
            server.take_turn(0);
            program.take_events(&server);
        }
        // Inline mode ends when no turn is run for a moment; then it begins again.
        if server.is_inline(0) {
            assert_eq!(server.counter(Counter::ReadPauses), 1);
            assert!(!is_readable(fd));
            break;
        }
    }
    server.stop();
}

#[test]
fn inline_mode_ends_when_the_application_only_sends() {
    let options = Options { shards: 1, ..Options::default() };
    let server = Server::start(&Arc::new(options), true).unwrap();
    let addr = listen(&server, AccessLogMode::default());
    let mut program = Program::default();
    let connect = move || websocket(TcpStream::connect(addr).unwrap());
    let mut lively = program.join(&server, std::thread::spawn(connect));
    borrow(&server, &mut program, &mut lively);
    let addr = *program.sockets.values().next().unwrap();
    let frame = Frame::new(b"42[1]", &[]);
    for _ in 0..10_000 {
        if !server.is_inline(0) {
            break;
        }
        server.push_quietly(0, Command::Send { addr, frame: frame.clone() });
        server.flush();
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(!server.is_inline(0));
    server.stop();
}

#[test]
fn a_full_inbox_says_so_until_the_shard_has_sent() {
    let options = Options { shards: 1, max_inbox_bytes: 100_000, ..Options::default() };
    let running = Running::start(options);
    let mut stream = running.websocket();
    let frame = Frame::new(&vec![b'4'; 60_000], &[]);
    let emit = || Command::Emit {
        rooms: smallvec![ALL],
        except: smallvec![],
        except_rooms: smallvec![],
        frame: frame.clone(),
    };
    assert!(!running.server.is_full());
    running.server.push_quietly(0, emit());
    running.server.push_quietly(0, emit());
    assert!(running.server.is_full());
    running.server.wake();
    for _ in 0..2 {
        assert_eq!(read_frame(&mut stream).1.len(), 60_000);
    }
    while running.server.is_full() {
        std::thread::yield_now();
    }
    running.finish();
}

#[test]
fn another_path_is_handed_off_with_its_bytes() {
    let running = Running::start(Options::default());
    let mut stream = running.connect();
    let (head, _) = get(&mut stream, "/index.html");
    assert!(head.starts_with("HTTP/1.1 200 OK"));
    assert_eq!(running.finish(), ["handoff 7 37"]);
}

#[test]
fn errors_have_the_codes_of_nodes_server() {
    let running = Running::start(Options::default());
    for (path, status, body) in [
        ("EIO=4", 400, r#"{"code":0,"message":"Transport unknown"}"#),
        ("EIO=4&transport=constructor", 400, r#"{"code":0,"message":"Transport unknown"}"#),
        ("EIO=4&transport=polling&sid=none", 400, r#"{"code":1,"message":"Session ID unknown"}"#),
        ("EIO=4&transport=websocket", 400, r#"{"code":3,"message":"Bad request"}"#),
        ("EIO=3&transport=polling", 400, r#"{"code":5,"message":"Unsupported protocol version"}"#),
    ] {
        let (head, text) = get(&mut running.connect(), &format!("/socket.io/?{path}"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {head}");
        assert_eq!(text, body, "{path}");
    }
    let (_, text) = post(&mut running.connect(), "/socket.io/?EIO=4&transport=polling", "40");
    assert_eq!(text, r#"{"code":2,"message":"Bad handshake method"}"#);
    running.finish();
}

#[test]
fn an_unmasked_frame_is_closed_with_1002() {
    let running = Running::start(Options::default());
    let mut stream = running.websocket();
    stream.write_all(&[0x81, 0x01, b'2']).unwrap();
    let (opcode, payload) = read_frame(&mut stream);
    assert_eq!((opcode, payload), (8, 1002u16.to_be_bytes().to_vec()));
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
    running.finish();
}

#[test]
fn a_client_that_does_not_read_is_closed_as_slow() {
    let running = Running::start(Options { max_queue_bytes: 64 * 1024, ..Options::default() });
    let stalled = running.websocket();
    let mut driver = running.websocket();
    let pad = "x".repeat(100_000);
    for n in 0..200 {
        send_text(&mut driver, &format!(r#"42["all",{n},"{pad}"]"#));
        assert!(read_text(&mut driver).starts_with(&format!(r#"42["all",{n},"#)));
    }
    assert_eq!(running.server.counter(Counter::ClosedSlowClient), 1);
    drop(stalled);
    running.finish();
}

/// The statuses of the requests and the ends that a server tells of, until so many have come.
fn taken(server: &Server) -> Vec<Event> {
    let mut events = Vec::new();
    server.take(64, &mut events);
    events
}

fn told(server: &Server, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.len() < count {
        lines.extend(taken(server).into_iter().filter_map(|event| match event {
            Event::Answered(line) => Some(format!("{} {}", line.status, line.websocket)),
            Event::Ended => Some("ended".to_owned()),
            _ => None,
        }));
        std::thread::sleep(Duration::from_millis(1));
    }
    lines
}

#[test]
fn what_a_log_has_is_told_once_for_each_request() {
    let log = AccessLogMode { requests: true, websockets: true, ends: true };
    let server = Server::start(&Arc::new(Options::default()), false).unwrap();
    let mut stream = TcpStream::connect(listen(&server, log)).unwrap();
    let (_, open) = get(&mut stream, "/socket.io/?EIO=4&transport=polling");
    let path = session_path(&open);
    assert_eq!(post(&mut stream, &path, "3").1, "ok");
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).unwrap();
    drop(stream);
    // The poll was not answered.
    assert_eq!(told(&server, 2), ["200 false", "200 false"]);

    let websocket = "/socket.io/?EIO=4&transport=websocket";
    for (path, lines) in
        [(websocket, &["101 true", "ended"][..]), ("/socket.io/?EIO=4", &["400 true"])]
    {
        let mut stream = TcpStream::connect(listen(&server, log)).unwrap();
        stream.write_all(upgrade(path).as_bytes()).unwrap();
        read_head(&mut stream);
        drop(stream);
        assert_eq!(told(&server, lines.len()), lines);
    }
    server.stop();
}

#[test]
fn requests_wait_while_the_log_is_full() {
    const REQUESTS: usize = 400;
    let log = AccessLogMode { requests: true, ..AccessLogMode::default() };
    let options = Options { shards: 1, ..Options::default() };
    let server = Server::start(&Arc::new(options), false).unwrap();
    let mut stream = TcpStream::connect(listen(&server, log)).unwrap();
    let padding = "x".repeat(15_000);
    let path = "/socket.io/?EIO=4&transport=polling&sid=A";
    let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nX-Padding: {padding}\r\n\r\n");
    let fits = (4_usize << 20).div_ceil(request.len());
    let writer = std::thread::spawn({
        let mut stream = stream.try_clone().unwrap();
        move || (0..REQUESTS).for_each(|_| stream.write_all(request.as_bytes()).unwrap())
    });
    for _ in 0..fits {
        assert!(read_response(&mut stream).0.starts_with("HTTP/1.1 400 "));
    }
    while server.counter(Counter::ReadPauses) == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(server.counter(Counter::RequestsAnswered), fits as u64);
    assert_eq!(told(&server, REQUESTS).len(), REQUESTS);
    for _ in fits..REQUESTS {
        assert!(read_response(&mut stream).0.starts_with("HTTP/1.1 400 "));
    }
    writer.join().unwrap();
    server.stop();
}

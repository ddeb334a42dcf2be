//! `load floor`: the least that a server must do for the same work, to divide everybody else by.
//!
//! Accepts the generator's clients, answers their handshakes with fixed bytes, and for each broadcast that is asked
//! for makes the frame once and calls send(2) on every stream, one after the other: no queues, no rooms, no sessions,
//! no heartbeat. With `--join J` each send carries J frames. An event with an ack is answered by one send.

use std::{
    io::{self, Read as _, Write},
    net::{Ipv4Addr, SocketAddr},
    os::fd::AsFd as _,
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use load::{
    Error,
    frame::{self, Front},
    options::Options,
    upgrade,
};

const LISTENER: Token = Token(usize::MAX);
const OPEN: &[u8] = br#"0{"sid":"floor","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

struct Peer {
    stream: TcpStream,
    unread: Vec<u8>,
    is_upgraded: bool,
    is_joined: bool,
}

struct Floor {
    poll: Poll,
    listener: TcpListener,
    streams: Vec<Option<Peer>>,
    seq: u64,
    join: usize,
}

/// Runs the command until a signal ends it.
///
/// # Errors
/// Wrong options, or a port that is taken.
pub(crate) fn run(options: &mut Options) -> Result<(), Error> {
    let join = options.take("join", 1_usize)?.max(1);
    let port = options
        .take_free("PORT")?
        .parse::<u16>()
        .map_err(|error| Error::Usage(format!("PORT: {error}")))?;
    options.finish()?;
    serve(port, join).map_err(|error| Error::Failed(error.to_string()))
}

fn serve(port: u16, join: usize) -> io::Result<()> {
    let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut floor = Floor { poll, listener, streams: Vec::new(), seq: 0, join };
    let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; 64 * 1024]);
    println!("ready {}", std::process::id());
    io::stdout().flush()?;
    loop {
        match floor.poll.poll(&mut events, None) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            match event.token() {
                LISTENER => floor.accept()?,
                Token(index) => {
                    if !floor.read(index, event.is_read_closed(), &mut buffer) {
                        floor.streams[index] = None;
                    }
                }
            }
        }
    }
}

impl Floor {
    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let index = self.streams.len();
            self.poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
            self.streams.push(Some(Peer {
                stream,
                unread: Vec::new(),
                is_upgraded: false,
                is_joined: false,
            }));
        }
    }

    /// Reads what has come; false when the stream has ended or is not a client's.
    fn read(&mut self, index: usize, closed: bool, buffer: &mut [u8]) -> bool {
        let mut requests = Vec::new();
        let Some(Some(client)) = self.streams.get_mut(index) else { return true };
        loop {
            match client.stream.read(buffer) {
                Ok(0) => return false,
                Ok(length) => {
                    client.unread.extend_from_slice(&buffer[..length]);
                    if client.answer(&mut requests).is_none() {
                        return false;
                    }
                    if length < buffer.len() && !closed {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        requests.into_iter().all(|request| self.broadcast(index, &request).is_ok())
    }

    /// The bare loop: `count` frames, each to every stream.
    fn broadcast(&mut self, index: usize, request: &Request) -> io::Result<()> {
        let pad = "x".repeat(request.size);
        let mut left = request.count;
        while left > 0 {
            let mut frames = Vec::new();
            for _ in 0..left.min(self.join) {
                let packet = format!("42[\"b\",{},\"{pad}\"]", self.seq);
                frame::write_server(frame::TEXT, packet.as_bytes(), &mut frames);
                self.seq += 1;
            }
            left -= left.min(self.join);
            for client in self.streams.iter_mut().flatten().filter(|client| client.is_joined) {
                // One that is gone is found by its read event.
                let _ = send(&mut client.stream, &frames);
            }
        }
        match self.streams.get_mut(index) {
            Some(Some(client)) => client.send(format!("43{}[]", request.id).as_bytes()),
            _ => Ok(()),
        }
    }
}

/// What the driver asks for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    id: u64,
    count: usize,
    size: usize,
}

impl Peer {
    /// Answers what is whole of what was read; `None` when it cannot be read on.
    fn answer(&mut self, requests: &mut Vec<Request>) -> Option<()> {
        let mut unread = std::mem::take(&mut self.unread);
        let mut used = 0;
        if !self.is_upgraded {
            let Some((head, length)) = upgrade::head(&unread).ok()? else {
                self.unread = unread;
                return Some(());
            };
            let mut answer =
                upgrade::response(upgrade::header(head, "sec-websocket-key")?).into_bytes();
            frame::write_server(frame::TEXT, OPEN, &mut answer);
            send(&mut self.stream, &answer).ok()?;
            self.is_upgraded = true;
            used = length;
        }
        while let Front::Frame { opcode, start, end, mask, .. } = frame::front(&unread[used..]) {
            let payload = &mut unread[used + start..used + end];
            frame::unmask(payload, mask);
            if opcode == frame::TEXT {
                self.handle_text(payload, requests)?;
            }
            used += end;
        }
        unread.drain(..used);
        // An idle stream holds no buffer: the floor of memory is nothing.
        self.unread = if unread.is_empty() { Vec::new() } else { unread };
        Some(())
    }

    fn handle_text(&mut self, text: &[u8], requests: &mut Vec<Request>) -> Option<()> {
        let text = std::str::from_utf8(text).ok()?;
        if text == "40" {
            self.is_joined = true;
            return self.send(br#"40{"sid":"floor"}"#).ok();
        }
        let (id, event) = text.strip_prefix("42")?.split_once('[')?;
        if let Some(value) = event.strip_prefix("\"bench:echo\",") {
            return self.send(format!("43{id}[{value}").as_bytes()).ok();
        }
        let (count, size) =
            event.strip_prefix("\"bench:broadcast\",")?.strip_suffix(']')?.split_once(',')?;
        requests.push(Request {
            id: id.parse().ok()?,
            count: count.parse().ok()?,
            size: size.parse().ok()?,
        });
        Some(())
    }

    fn send(&mut self, packet: &[u8]) -> io::Result<()> {
        let mut wire = Vec::with_capacity(packet.len() + 4);
        frame::write_server(frame::TEXT, packet, &mut wire);
        send(&mut self.stream, &wire)
    }
}

/// One send(2); where the kernel's buffer is full it waits for that stream, as the simplest loop would.
fn send(stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    loop {
        match stream.write(bytes) {
            Ok(length) if length == bytes.len() => return Ok(()),
            Ok(length) => bytes = &bytes[length..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut wait = [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)];
                poll(&mut wait, PollTimeout::NONE)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

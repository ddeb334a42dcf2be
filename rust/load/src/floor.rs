//! `load floor`: a server that does the minimum for the same work. It is the baseline for the cost of other servers.
//!
//! It accepts the generator's clients and answers their handshakes with fixed bytes. For each broadcast it encodes the
//! frame once and calls send(2) on every stream. It has no queues, no sessions and no heartbeat, and a room is a list
//! of streams. With `--join J`, each send contains J frames. A packet and its attachment go out in one send, and an
//! ack is one send.

use std::{
    collections::HashMap,
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

use crate::request::{Kind, Request};

const LISTENER: Token = Token(usize::MAX);
const OPEN: &[u8] = br#"0{"sid":"floor","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

/// A sid consists of this prefix and the number of the stream.
const SID: &str = "floor-";

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
    rooms: HashMap<String, Vec<usize>>,
    seq: u64,
    join: usize,
}

/// Runs the command until a signal ends it.
///
/// # Errors
/// Wrong options, or a port that is in use.
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
    let mut floor =
        Floor { poll, listener, streams: Vec::new(), rooms: HashMap::new(), seq: 0, join };
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

    /// Reads from a stream. Returns false when it has ended or is not a WebSocket client's.
    fn read(&mut self, index: usize, closed: bool, buffer: &mut [u8]) -> bool {
        let mut requests = Vec::new();
        let Some(Some(client)) = self.streams.get_mut(index) else { return true };
        loop {
            match client.stream.read(buffer) {
                Ok(0) => return false,
                Ok(length) => {
                    client.unread.extend_from_slice(&buffer[..length]);
                    if client.answer(index, &mut requests).is_none() {
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
        requests.into_iter().all(|request| self.serve(index, request).is_ok())
    }

    fn serve(&mut self, index: usize, request: Request) -> io::Result<()> {
        match request.kind {
            Kind::Broadcast { count, size, is_binary } => self.broadcast(count, size, is_binary),
            Kind::Join(rooms) => {
                for room in rooms {
                    self.rooms.entry(room).or_default().push(index);
                }
            }
            Kind::Mixed { size, targets } => self.mixed(size, &targets),
        }
        match (request.id, self.streams.get_mut(index)) {
            (Some(id), Some(Some(client))) => client.send(format!("43{id}[]").as_bytes()),
            _ => Ok(()),
        }
    }

    /// Sends `count` frames, each to every stream.
    fn broadcast(&mut self, count: usize, size: usize, is_binary: bool) {
        let (pad, mut left) = ("x".repeat(size), count);
        while left > 0 {
            let mut frames = Vec::new();
            for _ in 0..left.min(self.join) {
                self.message(&pad, is_binary, &mut frames);
            }
            left -= left.min(self.join);
            self.send_to_all(&frames);
        }
    }

    /// Sends one frame to each client of each target.
    fn mixed(&mut self, size: usize, targets: &[String]) {
        let pad = "x".repeat(size);
        for target in targets {
            let mut frame = Vec::new();
            self.message(&pad, false, &mut frame);
            if target.is_empty() {
                self.send_to_all(&frame);
            }
            let one = target.strip_prefix(SID).and_then(|number| number.parse::<usize>().ok());
            for index in self.rooms.get(target).into_iter().flatten().copied().chain(one) {
                if let Some(Some(client)) = self.streams.get_mut(index) {
                    let _ = send(&mut client.stream, &frame);
                }
            }
        }
    }

    /// Appends the next message.
    fn message(&mut self, pad: &str, is_binary: bool, out: &mut Vec<u8>) {
        let seq = self.seq;
        self.seq += 1;
        if is_binary {
            let packet = format!("451-[\"b\",{seq},{{\"_placeholder\":true,\"num\":0}}]");
            frame::write_server(frame::TEXT, packet.as_bytes(), out);
            frame::write_server(frame::BINARY, pad.as_bytes(), out);
        } else {
            frame::write_server(frame::TEXT, format!("42[\"b\",{seq},\"{pad}\"]").as_bytes(), out);
        }
    }

    fn send_to_all(&mut self, frames: &[u8]) {
        for client in self.streams.iter_mut().flatten().filter(|client| client.is_joined) {
            // A read event reports a stream that is closed.
            let _ = send(&mut client.stream, frames);
        }
    }
}

impl Peer {
    /// Handles the complete frames in the input. Returns `None` when the stream must be closed.
    fn answer(&mut self, index: usize, requests: &mut Vec<Request>) -> Option<()> {
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
                self.handle_text(index, payload, requests)?;
            }
            used += end;
        }
        unread.drain(..used);
        // An idle stream keeps no buffer, because this server is also the baseline for memory.
        self.unread = if unread.is_empty() { Vec::new() } else { unread };
        Some(())
    }

    fn handle_text(
        &mut self,
        index: usize,
        text: &[u8],
        requests: &mut Vec<Request>,
    ) -> Option<()> {
        let text = std::str::from_utf8(text).ok()?;
        if text == "40" {
            self.is_joined = true;
            return self.send(format!("40{{\"sid\":\"{SID}{index}\"}}").as_bytes()).ok();
        }
        let (id, event) = text.strip_prefix("42")?.split_once('[')?;
        if let Some(value) = event.strip_prefix("\"bench:echo\",") {
            return self.send(format!("43{id}[{value}").as_bytes()).ok();
        }
        requests.push(Request::read(id, event)?);
        Some(())
    }

    fn send(&mut self, packet: &[u8]) -> io::Result<()> {
        let mut wire = Vec::with_capacity(packet.len() + 4);
        frame::write_server(frame::TEXT, packet, &mut wire);
        send(&mut self.stream, &wire)
    }
}

/// Calls send(2). When the kernel's buffer is full, it waits for that stream, as the simplest loop would.
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

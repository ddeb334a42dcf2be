//! The floor: a server whose broadcast is a bare loop of send(2) over the same sockets.
//!
//! It speaks just enough of the protocol to be measured by the same generator.

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);

pub fn serve(port: u16) -> Result<(), String> {
    Floor::new(port).and_then(Floor::run).map_err(|error| error.to_string())
}

struct Floor {
    poll: Poll,
    listener: TcpListener,
    /// With what was read and is not complete yet.
    clients: Vec<Option<(TcpStream, Vec<u8>)>>,
    numbers: u64,
}

impl Floor {
    fn new(port: u16) -> io::Result<Self> {
        let poll = Poll::new()?;
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], port)).into())?;
        socket.listen(4096)?;
        socket.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(socket.into());
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        println!("ready {}", std::process::id());
        Ok(Self { poll, listener, clients: Vec::new(), numbers: 0 })
    }

    fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            self.poll.poll(&mut events, None)?;
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    Token(index) => self.read(index),
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((mut stream, _)) => {
                    stream.set_nodelay(true)?;
                    let token = Token(self.clients.len());
                    self.poll.registry().register(&mut stream, token, Interest::READABLE)?;
                    self.clients.push(Some((stream, Vec::new())));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn read(&mut self, index: usize) {
        let mut buffer = [0; 4096];
        loop {
            let Some((stream, input)) = &mut self.clients[index] else { return };
            match stream.read(&mut buffer) {
                Ok(0) => self.clients[index] = None,
                Ok(n) => {
                    input.extend_from_slice(&buffer[..n]);
                    self.handle(index);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.clients[index] = None,
            }
        }
    }

    fn handle(&mut self, index: usize) {
        let Some((_, input)) = &mut self.clients[index] else { return };
        let mut input = std::mem::take(input);
        if input.ends_with(b"\r\n\r\n") {
            let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
            let open = frame("0{\"sid\":\"x\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000}");
            return self.send(index, &[head.as_bytes(), &open].concat());
        }
        // Client frames of the generator: short, masked with zeros.
        while input.len() >= 6 && input.len() >= 6 + usize::from(input[1] & 0x7f) {
            let rest = input.split_off(6 + usize::from(input[1] & 0x7f));
            self.packet(index, &input[6..]);
            input = rest;
        }
        if let Some((_, kept)) = &mut self.clients[index] {
            *kept = input;
        }
    }

    fn packet(&mut self, index: usize, text: &[u8]) {
        let text = String::from_utf8_lossy(text).into_owned();
        if text == "40" {
            self.send(index, &frame("40{\"sid\":\"x\"}"));
        } else if let Some(rest) = text.strip_prefix("421[\"bench:echo\",") {
            self.send(index, &frame(&format!("431[{rest}")));
        } else if let Some(rest) = text.strip_prefix("421[\"bench:broadcast\",") {
            let (count, pad) = rest.trim_end_matches(']').split_once(',').unwrap_or(("1", "48"));
            self.broadcast(count.parse().unwrap_or(1), pad.parse().unwrap_or(48));
            self.send(index, &frame("431[]"));
        }
    }

    fn broadcast(&mut self, count: usize, pad: usize) {
        let pad = "x".repeat(pad);
        for _ in 0..count {
            let bytes = frame(&format!("42[\"b\",{},\"{pad}\"]", self.numbers));
            self.numbers += 1;
            for index in 0..self.clients.len() {
                self.send(index, &bytes);
            }
        }
    }

    fn send(&mut self, index: usize, mut bytes: &[u8]) {
        let Some((stream, _)) = &mut self.clients[index] else { return };
        while !bytes.is_empty() {
            match stream.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait_writable(stream),
                Err(_) => return self.clients[index] = None,
            }
        }
    }
}

fn wait_writable(stream: &TcpStream) {
    let mut poll = libc::pollfd { fd: stream.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    // SAFETY: one valid pollfd, for the time of the call.
    unsafe { libc::poll(&raw mut poll, 1, -1) };
}

fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match text.len() {
        len @ 0..=125 => frame.push(len as u8),
        len => {
            frame.push(126);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(text.as_bytes());
    frame
}

//! One Socket.IO client on a WebSocket: as little of the protocol as a fair measurement needs.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;

use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

/// Connections per source address: a port pair must stay free for each.
const PER_SOURCE: usize = 20_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    Upgrading,
    Opening,
    Joined,
}

/// What a client has received.
pub enum Received {
    Joined,
    /// A broadcast with its number.
    Broadcast(u64),
    Ack(u64),
}

pub struct Client {
    pub stream: TcpStream,
    state: State,
    input: Vec<u8>,
    /// The number the next broadcast must have.
    pub expected: Option<u64>,
    path: String,
}

impl Client {
    pub fn connect(index: usize, addr: SocketAddr, path: &str) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        if index >= PER_SOURCE && addr.ip().is_loopback() {
            let source = Ipv4Addr::new(127, 0, 0, 1 + (index / PER_SOURCE) as u8);
            bind_without_port(&socket);
            socket.bind(&SocketAddr::new(IpAddr::V4(source), 0).into())?;
        }
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        match socket.connect(&addr.into()) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
            _ => {}
        }
        let stream = TcpStream::from_std(socket.into());
        Ok(Self { stream, state: State::Connecting, input: Vec::new(), expected: None, path: path.to_owned() })
    }

    /// The stream can be written: the first time, it asks for the upgrade.
    pub fn writable(&mut self) -> io::Result<()> {
        if self.state == State::Connecting && self.stream.peer_addr().is_ok() {
            self.state = State::Upgrading;
            let request = format!(
                "GET {}?EIO=4&transport=websocket HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n\
                 Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                 Sec-WebSocket-Version: 13\r\n\r\n",
                self.path
            );
            self.stream.write_all(request.as_bytes())?;
        }
        Ok(())
    }

    pub fn send(&mut self, text: &str) -> io::Result<()> {
        let mut frame = vec![0x81];
        match text.len() {
            len @ 0..=125 => frame.push(0x80 | len as u8),
            len => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(len as u16).to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        self.stream.write_all(&frame)
    }

    /// Reads all there is.
    pub fn readable(&mut self, buffer: &mut [u8], received: &mut Vec<Received>) -> io::Result<()> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed a connection")),
                Ok(n) if self.input.is_empty() => {
                    let used = self.take(&buffer[..n], received)?;
                    self.input.extend_from_slice(&buffer[used..n]);
                }
                Ok(n) => {
                    self.input.extend_from_slice(&buffer[..n]);
                    let input = std::mem::take(&mut self.input);
                    let used = self.take(&input, received)?;
                    self.input = input[used..].to_vec();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn take(&mut self, input: &[u8], received: &mut Vec<Received>) -> io::Result<usize> {
        let mut at = 0;
        if self.state == State::Upgrading {
            let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(0) };
            if !input.starts_with(b"HTTP/1.1 101") {
                return Err(io::Error::other(String::from_utf8_lossy(&input[..end]).into_owned()));
            }
            self.state = State::Opening;
            at = end + 4;
        }
        while let Some((start, end, opcode)) = frame(&input[at..]) {
            let payload = &input[at + start..at + end];
            at += end;
            if opcode == 8 {
                return Err(io::Error::other("the server closed the WebSocket"));
            }
            if opcode == 1 {
                self.packet(payload, received)?;
            }
        }
        Ok(at)
    }

    fn packet(&mut self, text: &[u8], received: &mut Vec<Received>) -> io::Result<()> {
        if let Some(rest) = text.strip_prefix(b"42[\"b\",") {
            received.push(Received::Broadcast(number(rest)));
        } else if let Some(rest) = text.strip_prefix(b"43") {
            received.push(Received::Ack(number(rest)));
        } else if text == b"2" {
            self.send("3")?;
        } else if text.starts_with(b"0{") {
            self.send("40")?;
        } else if text.starts_with(b"40{") && self.state == State::Opening {
            self.state = State::Joined;
            received.push(Received::Joined);
        }
        Ok(())
    }
}

/// Lets the port be chosen at connect(2), so that one port may serve several source addresses.
fn bind_without_port(socket: &Socket) {
    let on: libc::c_int = 1;
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: a valid descriptor and a pointer to an int of that length. A failure shows at bind.
    unsafe {
        let value = (&raw const on).cast();
        libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, value, length);
    }
}

/// The first frame: where its payload begins and ends, and its opcode.
fn frame(input: &[u8]) -> Option<(usize, usize, u8)> {
    let (first, second) = (*input.first()?, *input.get(1)?);
    let (start, len) = match second & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(input.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(input.get(2..10)?.try_into().ok()?) as usize),
        len => (2, usize::from(len)),
    };
    (input.len() >= start + len).then_some((start, start + len, first & 0x0f))
}

fn number(text: &[u8]) -> u64 {
    text.iter().take_while(|byte| byte.is_ascii_digit()).fold(0, |n, byte| n * 10 + u64::from(byte - b'0'))
}

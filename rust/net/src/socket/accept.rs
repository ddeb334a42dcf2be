//! Listening sockets and connected streams, TCP or Unix, and how a stream reaches a shard.
//!
//! Descriptors come from the application. Buffers and backlogs are in `stream.rs`.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

use mio::event::Source;
use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::{Domain, Socket};

use crate::peer::Peer;
use crate::socket::listener_config::{ConnectionSlot, ListenerConfig};

/// A connected, non-blocking stream.
#[derive(Debug)]
pub enum Io {
    /// A TCP stream.
    Tcp(TcpStream),
    /// A Unix stream.
    Unix(UnixStream),
}

impl Io {
    /// Takes over a connected stream socket.
    ///
    /// # Errors
    /// When the descriptor is not a socket, or cannot be made non-blocking.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        let socket = Socket::from(fd);
        socket.set_nonblocking(true)?;
        if socket.local_addr()?.domain() == Domain::UNIX {
            let std = std::os::unix::net::UnixStream::from(OwnedFd::from(socket));
            return Ok(Self::Unix(UnixStream::from_std(std)));
        }
        let std = std::net::TcpStream::from(OwnedFd::from(socket));
        Ok(Self::tcp(TcpStream::from_std(std)))
    }

    fn tcp(stream: TcpStream) -> Self {
        // Each write is a complete packet, so Nagle's algorithm would only delay it.
        let _ = stream.set_nodelay(true);
        Self::Tcp(stream)
    }

    /// Releases the descriptor. The stream must be deregistered before.
    pub(crate) fn into_fd(self) -> OwnedFd {
        match self {
            Self::Tcp(stream) => OwnedFd::from(std::net::TcpStream::from(stream)),
            Self::Unix(stream) => OwnedFd::from(std::os::unix::net::UnixStream::from(stream)),
        }
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }

    pub(crate) fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(buffer),
            Self::Unix(stream) => stream.write(buffer),
        }
    }

    pub(crate) fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write_vectored(buffers),
            Self::Unix(stream) => stream.write_vectored(buffers),
        }
    }

    /// Shuts down the sending side.
    pub(crate) fn finish(&mut self) {
        // An error means that the peer is gone already.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(std::net::Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(std::net::Shutdown::Write),
        };
    }

    pub(crate) fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
        }
    }
}

#[derive(Debug)]
enum Socketed {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A listening socket with its settings.
#[derive(Debug)]
pub struct Listener {
    socket: Socketed,
    config: Arc<ListenerConfig>,
}

impl Listener {
    /// Takes over a listening socket.
    ///
    /// # Errors
    /// When the descriptor is not a socket that can be made non-blocking.
    pub fn from_fd(fd: OwnedFd, config: ListenerConfig) -> io::Result<Self> {
        let socket = Socket::from(fd);
        socket.set_nonblocking(true)?;
        let unix = socket.local_addr()?.domain() == Domain::UNIX;
        let fd = OwnedFd::from(socket);
        let socket = if unix {
            Socketed::Unix(UnixListener::from_std(fd.into()))
        } else {
            Socketed::Tcp(TcpListener::from_std(fd.into()))
        };
        Ok(Self { socket, config: Arc::new(config) })
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match &mut self.socket {
            Socketed::Tcp(socket) => registry.register(socket, token, Interest::READABLE),
            Socketed::Unix(socket) => registry.register(socket, token, Interest::READABLE),
        }
    }

    pub(crate) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match &mut self.socket {
            Socketed::Tcp(socket) => registry.deregister(socket),
            Socketed::Unix(socket) => registry.deregister(socket),
        }
    }

    pub(crate) fn accept(&self) -> io::Result<Arrival> {
        let (io, addr) = match &self.socket {
            Socketed::Tcp(socket) => {
                let (stream, addr) = socket.accept()?;
                (Io::tcp(stream), Some(addr))
            }
            Socketed::Unix(socket) => (Io::Unix(socket.accept()?.0), None),
        };
        let peer = Peer { addr, secure: false };
        Ok(Arrival {
            io,
            config: Arc::clone(&self.config),
            connection_slot: self.config.take_slot(),
            peer,
            data: Vec::new(),
            moved: false,
        })
    }
}

impl AsFd for Io {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Socketed::Tcp(socket) => socket.as_fd(),
            Socketed::Unix(socket) => socket.as_fd(),
        }
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        match &self.socket {
            Socketed::Tcp(socket) => socket.as_raw_fd(),
            Socketed::Unix(socket) => socket.as_raw_fd(),
        }
    }
}

/// A stream on its way to a shard.
#[derive(Debug)]
pub struct Arrival {
    /// The stream.
    pub io: Io,
    /// The settings of its listener.
    pub config: Arc<ListenerConfig>,
    /// Counts the stream in the connection limit, if there is one.
    pub connection_slot: Option<ConnectionSlot>,
    /// The peer's address.
    pub peer: Peer,
    /// The bytes that were read from it already.
    pub data: Vec<u8>,
    /// Whether another shard sent it, because its request names a session of this shard.
    pub moved: bool,
}

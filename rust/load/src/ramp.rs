//! How the clients of a run are opened: how fast, from which addresses, within which limits.
//!
//! Above 20,000 clients per source address the next one of 127.0.0.0/8 is bound, and only there.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use mio::net::TcpStream;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{
    Error,
    identity::Identity,
    options::{Options, Target},
};

/// The kernel has 28,232 ports per source address by default.
const CLIENTS_PER_SOURCE: usize = 20_000;
/// Descriptors of this program that are no clients.
const SPARE_DESCRIPTORS: u64 = 64;

/// How clients are opened.
#[derive(Clone, Debug)]
pub(crate) struct Ramp {
    pub(crate) target: Target,
    pub(crate) identity: Identity,
    /// Clients per second; 0 opens as fast as `in_flight` lets it.
    pub(crate) rate: usize,
    /// Handshakes that run at the same time, at most.
    pub(crate) in_flight: usize,
    /// Which address of 127.0.0.0/8 is the first source.
    source: usize,
    /// Offers compression.
    pub(crate) deflate: bool,
    /// The kernel's receive buffer of each client in bytes; 0 leaves it to the kernel.
    receive_buffer: usize,
    /// A run that gets no further for so long has failed.
    pub(crate) stall_timeout: Duration,
}

impl Ramp {
    /// Takes the options of all commands and the URL: the last that a command takes.
    ///
    /// # Errors
    /// Values that are none, no URL, or an option that nobody took.
    pub(crate) fn take(options: &mut Options) -> Result<Self, Error> {
        let ramp = Self {
            rate: options.take("rate", 0)?,
            in_flight: options.take("in-flight", 64_usize)?.max(1),
            source: options.take("source", 1)?,
            deflate: options.take_flag("deflate"),
            receive_buffer: options.take("receive-buffer", 0_usize)?,
            stall_timeout: options.take_seconds("patience", 20.0)?,
            identity: Identity::take(options)?,
            target: options.take_free("URL")?.parse()?,
        };
        options.finish()?;
        Ok(ramp)
    }

    /// Starts the connection of client `number`; a local target gets later ones from 127.0.0.2 and on.
    pub(crate) fn connect(&self, number: usize) -> io::Result<TcpStream> {
        let target = self.target.address;
        let source = self.source + number / CLIENTS_PER_SOURCE;
        let local = u8::try_from(source)
            .ok()
            .filter(|_| target.is_ipv4() && target.ip().is_loopback())
            .filter(|last| *last > 1);
        let socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        if self.receive_buffer > 0 {
            // Before the connection is made, as it decides on the first window.
            socket.set_recv_buffer_size(self.receive_buffer)?;
        }
        if let Some(last) = local {
            socket.bind(&SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0).into())?;
        }
        match socket.connect(&target.into()) {
            // EINPROGRESS: the writable event tells.
            Err(error) if error.raw_os_error() != Some(115) => Err(error),
            _ => Ok(TcpStream::from_std(socket.into())),
        }
    }

    /// Why a connection was not made, with what helps.
    pub(crate) fn reason(&self, error: &io::Error) -> String {
        let address = self.target.address;
        let hint = match error.kind() {
            io::ErrorKind::ConnectionRefused => "does a server listen there?",
            io::ErrorKind::AddrNotAvailable => {
                "no local port is left: the system has about 28,000 per source address and server, and only servers \
                 on 127.0.0.1 get clients from several"
            }
            io::ErrorKind::TimedOut => "the server does not answer",
            _ => return format!("cannot connect to {address}: {error}"),
        };
        format!("cannot connect to {address}: {error}: {hint}")
    }
}

/// Sees to it that the process may have so many clients.
pub(crate) fn allow_descriptors(clients: usize) -> Result<(), String> {
    let needed = clients as u64 + SPARE_DESCRIPTORS;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| error.to_string())?;
    if needed <= soft {
        return Ok(());
    }
    if needed > hard {
        return Err(format!(
            "{clients} clients need {needed} descriptors and this process may have {hard}: raise the limit \
             (`ulimit -n`), or share the clients among several runs with different --source"
        ));
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(|error| error.to_string())
}

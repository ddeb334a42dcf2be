//! How the clients of a run are opened: their rate, their source addresses, and the limits of the system.
//!
//! One source address has ports for 20,000 clients. Further clients of a server on loopback use further addresses of
//! 127.0.0.0/8.

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
/// File descriptors that are not used for clients.
const SPARE_DESCRIPTORS: u64 = 64;

/// The options for opening clients.
#[derive(Clone, Debug)]
pub(crate) struct Ramp {
    pub(crate) target: Target,
    pub(crate) identity: Identity,
    /// Clients per second. With 0, only `in_flight` limits the rate.
    pub(crate) rate: usize,
    /// The maximum number of handshakes at the same time.
    pub(crate) in_flight: usize,
    /// The first source address is 127.0.0.`source`.
    source: usize,
    /// Whether compression is offered.
    pub(crate) deflate: bool,
    /// The size of the kernel's receive buffer of each client, in bytes. With 0, the kernel chooses it.
    receive_buffer: usize,
    /// A run that makes no progress for this time has failed.
    pub(crate) stall_timeout: Duration,
}

impl Ramp {
    /// Takes the options that all commands have, and the URL. A command takes its own options before.
    ///
    /// # Errors
    /// A wrong value, a missing URL, or an option that the command does not have.
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

    /// Starts the connection of client `number`, from the source address for this number.
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
            // It must be set before the connect, because it determines the first TCP window.
            socket.set_recv_buffer_size(self.receive_buffer)?;
        }
        if let Some(last) = local {
            socket.bind(&SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0).into())?;
        }
        match socket.connect(&target.into()) {
            // EINPROGRESS (115) is not an error. A writable event reports the result.
            Err(error) if error.raw_os_error() != Some(115) => Err(error),
            _ => Ok(TcpStream::from_std(socket.into())),
        }
    }

    /// Describes why a connection failed, with a hint.
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

/// Raises the limit of file descriptors if `clients` clients need it.
///
/// # Errors
/// The hard limit is too low.
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

//! `Server` methods of the doors: they take listening sockets and connected streams from Python.

use std::net::IpAddr;
use std::os::fd::{FromRawFd, OwnedFd};
use std::time::Duration;

use net::{AccessLogMode, ListenerConfig, Peer};
use pyo3::prelude::*;

use crate::error::Error;
use crate::server::Server;

/// Which access log lines the application writes: for requests, WebSocket handshakes, WebSocket ends.
type Lines = (bool, bool, bool);

#[pymethods]
impl Server {
    /// Accepts connections on a listening socket. The core owns `fd` from now on.
    #[pyo3(signature = (fd, path, listener, headers = "", date = false, idle = None, most = None, log = (false, false, false)))]
    #[expect(clippy::too_many_arguments, reason = "the keyword arguments of the Python method")]
    fn listen(
        &self,
        fd: i32,
        path: &str,
        listener: u32,
        headers: &str,
        date: bool,
        idle: Option<f64>,
        most: Option<usize>,
        log: Lines,
    ) -> Result<(), Error> {
        let fd = own(fd);
        let idle = idle.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let (path, headers) = (path.into(), headers.into());
        let (listener, log) = (Some(listener), lines(log));
        let config = ListenerConfig {
            path,
            listener,
            headers,
            date,
            idle,
            log,
            limit: None,
            is_polling_only: false,
        };
        Ok(self.router.listen(fd, config, most)?)
    }

    fn unlisten(&self) {
        self.router.unlisten();
    }

    /// Sets the number of connections outside of the shards; returns the number inside. Both count for
    /// the limit `most` of `listen`.
    fn crowd(&self, outside: usize) -> usize {
        self.router.count_connections(outside)
    }

    /// Gives a connected stream to a shard. The core owns `fd` from now on.
    #[pyo3(signature = (fd, path, data, peer, secure, log = (false, false, false), polling_only = false))]
    #[expect(clippy::too_many_arguments, reason = "the keyword arguments of the Python method")]
    fn adopt(
        &self,
        fd: i32,
        path: &str,
        data: Vec<u8>,
        peer: Option<(String, u16)>,
        secure: bool,
        log: Lines,
        polling_only: bool,
    ) -> Result<(), Error> {
        let fd = own(fd);
        let ip = |host: &str| host.parse::<IpAddr>().ok();
        let addr = peer.and_then(|(host, port)| Some((ip(&host)?, port).into()));
        Ok(self.router.adopt(
            fd,
            ListenerConfig::adopted(path, lines(log), polling_only),
            data,
            Peer { addr, secure },
        )?)
    }
}

fn lines((requests, websockets, ends): Lines) -> AccessLogMode {
    AccessLogMode { requests, websockets, ends }
}

/// Takes over a file descriptor that Python has detached or duplicated.
#[expect(unsafe_code, reason = "Rust cannot know the owner of a descriptor from Python")]
fn own(fd: i32) -> OwnedFd {
    // SAFETY: the Python layer passes descriptors it has just duplicated or detached, and never
    // uses them again (`_core.pyi`: "the fd is the core's from now on").
    unsafe { OwnedFd::from_raw_fd(fd) }
}

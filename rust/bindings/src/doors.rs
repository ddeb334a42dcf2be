//! Where streams come from: listening sockets, and connected ones that Python gives.

use std::net::IpAddr;
use std::os::fd::{FromRawFd, OwnedFd};
use std::time::Duration;

use net::{Log, Peer, Site};
use pyo3::prelude::*;

use crate::error::Error;
use crate::server::Server;

/// Which lines of an access log are asked for: of requests, of `WebSockets`, of their ends.
type Lines = (bool, bool, bool);

#[pymethods]
impl Server {
    /// Accepts on a listening socket, which is the core's from now on.
    #[pyo3(signature = (fd, path, listener, headers = "", date = false, idle = None, most = None, log = (false, false, false)))]
    #[expect(clippy::too_many_arguments, reason = "the fields of a site")]
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
        let site =
            Site { path, listener, headers, date, idle, log, crowd: None, is_polling_only: false };
        Ok(self.router.listen(fd, site, most)?)
    }

    fn unlisten(&self) {
        self.router.unlisten();
    }

    /// Notes how many connections are not with the shards; returns how many are. Both count where
    /// `listen` was told that there may be so many only.
    fn crowd(&self, outside: usize) -> usize {
        self.router.count_connections(outside)
    }

    /// Gives a connected stream to a shard.
    #[pyo3(signature = (fd, path, data, peer, secure, log = (false, false, false), polling_only = false))]
    #[expect(clippy::too_many_arguments, reason = "what is known of a stream")]
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
            Site::adopted(path, lines(log), polling_only),
            data,
            Peer { addr, secure },
        )?)
    }
}

fn lines((requests, websockets, ends): Lines) -> Log {
    Log { requests, websockets, ends }
}

/// Takes a descriptor over from Python, which has given it away.
#[expect(unsafe_code, reason = "a descriptor from Python has no owner that Rust knows")]
fn own(fd: i32) -> OwnedFd {
    // SAFETY: the Python layer passes descriptors it has just duplicated or detached, and never
    // uses them again (`_core.pyi`: "the fd is the core's from now on").
    unsafe { OwnedFd::from_raw_fd(fd) }
}

//! Where streams come from: listening sockets, and connected ones that Python gives.

use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use net::{Arrival, Command, Crowd, Io, Listener, Log, Peer, Site};
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
        let net = self.net()?;
        let idle = idle.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let crowd = most.map(|most| self.crowd_of(most));
        let (path, headers) = (path.into(), headers.into());
        let listener = Some(listener);
        let site = Site { path, listener, headers, date, idle, log: lines(log), crowd };
        let listener = Listener::from_fd(fd, site)?;
        net.push(0, Command::Listen(Box::new(listener)));
        Ok(())
    }

    fn unlisten(&self) {
        if let Ok(net) = self.net() {
            net.push_all(|| Command::Unlisten);
        }
        *self.crowd.lock() = None;
    }

    /// Notes how many connections the program has; returns how many the shards have. Both count
    /// where `listen` was told that there may be so many only.
    fn crowd(&self, outside: usize) -> usize {
        self.crowd.lock().as_ref().map_or(0, |crowd| crowd.set_outside(outside))
    }

    /// Gives a connected stream to a shard.
    #[pyo3(signature = (fd, path, data, peer, secure, log = (false, false, false)))]
    fn adopt(
        &self,
        fd: i32,
        path: &str,
        data: Vec<u8>,
        peer: Option<(String, u16)>,
        secure: bool,
        log: Lines,
    ) -> Result<(), Error> {
        let io = Io::from_fd(own(fd))?;
        let net = self.net()?;
        let ip = |host: &str| host.parse::<std::net::IpAddr>().ok();
        let addr = peer.and_then(|(host, port)| Some((ip(&host)?, port).into()));
        let peer = Peer { addr, secure };
        let site = Arc::new(Site::adopted(path, lines(log)));
        let arrival = Arrival { io, site, place: None, peer, data, moved: false };
        // The shards take turns; a stream for a known session goes on to that one's shard.
        let turn = self.adopted.fetch_add(1, Ordering::Relaxed);
        net.push((turn % net.shards()) as u16, Command::Arrive(Box::new(arrival)));
        Ok(())
    }
}

impl Server {
    /// All listeners of a server count together.
    fn crowd_of(&self, most: usize) -> Arc<Crowd> {
        Arc::clone(self.crowd.lock().get_or_insert_with(|| Arc::new(Crowd::new(most))))
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

//! Where streams come from: listening sockets, and connected ones that are given.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use net::{Arrival, Command, Crowd, Io, Listener, Peer, Site};

use crate::error::Error;
use crate::start::Router;

impl Router {
    /// Accepts on a listening socket; with `limit` there may be so many connections only, on all
    /// such listeners together.
    ///
    /// # Errors
    /// When the server does not run, or the socket is none that listens.
    pub fn listen(&self, fd: OwnedFd, site: Site, limit: Option<usize>) -> Result<(), Error> {
        let net = self.net()?;
        let crowd = limit.map(|limit| self.crowd_of(limit));
        let listener = Listener::from_fd(fd, Site { crowd, ..site })?;
        net.push(0, Command::Listen(Box::new(listener)));
        Ok(())
    }

    /// Accepts no more connections.
    pub fn unlisten(&self) {
        if let Ok(net) = self.net() {
            net.push_all(|| Command::Unlisten);
        }
        *self.crowd.lock() = None;
    }

    /// Notes how many connections there are outside of the shards; returns how many these have.
    /// Both count for listeners with a limit.
    pub fn count_connections(&self, outside: usize) -> usize {
        self.crowd.lock().as_ref().map_or(0, |crowd| crowd.set_outside(outside))
    }

    /// Gives a connected stream, of which `data` was read already, to a shard.
    ///
    /// # Errors
    /// When the server does not run, or the descriptor is no stream socket.
    pub fn adopt(&self, fd: OwnedFd, site: Site, data: Vec<u8>, peer: Peer) -> Result<(), Error> {
        let io = Io::from_fd(fd)?;
        let net = self.net()?;
        let arrival = Arrival { io, site: Arc::new(site), place: None, peer, data, moved: false };
        // The shards take turns; a stream for a known session goes on to that one's shard.
        let turn = self.adopted.fetch_add(1, Ordering::Relaxed);
        net.push((turn % net.shards()) as u16, Command::Arrive(Box::new(arrival)));
        Ok(())
    }

    /// All listeners of a server count together.
    fn crowd_of(&self, limit: usize) -> Arc<Crowd> {
        Arc::clone(self.crowd.lock().get_or_insert_with(|| Arc::new(Crowd::new(limit))))
    }
}

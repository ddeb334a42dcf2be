//! Gives the shards their streams: listening sockets, and streams that are connected already.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use net::{Arrival, Command, ConnectionLimit, Io, Listener, ListenerConfig, Peer};

use crate::error::Error;
use crate::start::Router;

impl Router {
    /// Accepts connections on a listening socket. `limit` is the maximum number of connections on all
    /// listeners with a limit together.
    ///
    /// # Errors
    /// When the server does not run, or the socket does not listen.
    pub fn listen(
        &self,
        fd: OwnedFd,
        config: ListenerConfig,
        limit: Option<usize>,
    ) -> Result<(), Error> {
        let net = self.net()?;
        let limit = limit.map(|limit| self.shared_limit(limit));
        let listener = Listener::from_fd(fd, ListenerConfig { limit, ..config })?;
        net.push(0, Command::Listen(Box::new(listener)));
        Ok(())
    }

    /// Stops accepting connections on all listeners.
    pub fn unlisten(&self) {
        if let Ok(net) = self.net() {
            net.push_all(|| Command::Unlisten);
        }
        *self.connection_limit.lock() = None;
    }

    /// Sets the number of connections outside of the shards; returns the number inside. Both count for
    /// listeners with a limit.
    pub fn count_connections(&self, outside: usize) -> usize {
        self.connection_limit.lock().as_ref().map_or(0, |limit| limit.set_outside(outside))
    }

    /// Gives a connected stream to a shard. `data` is what was already read from it.
    ///
    /// # Errors
    /// When the server does not run, or the descriptor is not a stream socket.
    pub fn adopt(
        &self,
        fd: OwnedFd,
        config: ListenerConfig,
        data: Vec<u8>,
        peer: Peer,
    ) -> Result<(), Error> {
        let io = Io::from_fd(fd)?;
        let net = self.net()?;
        let arrival = Arrival {
            io,
            config: Arc::new(config),
            connection_slot: None,
            peer,
            data,
            moved: false,
        };
        // Round robin. A shard passes on a stream that belongs to a session of another shard.
        let turn = self.adopted.fetch_add(1, Ordering::Relaxed);
        net.push((turn % net.shards()) as u16, Command::Arrive(Box::new(arrival)));
        Ok(())
    }

    /// The connection limit that all listeners of this server share.
    fn shared_limit(&self, limit: usize) -> Arc<ConnectionLimit> {
        Arc::clone(
            self.connection_limit
                .lock()
                .get_or_insert_with(|| Arc::new(ConnectionLimit::new(limit))),
        )
    }
}

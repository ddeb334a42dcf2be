//! The [`Router`]: its fields, its start and stop, changes of options, and the push of commands.
//!
//! The methods for sockets, sessions, rooms and queries are in the other files of this crate.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::Parser;
use net::{Command, ConnectionLimit, Options};
use parking_lot::{Mutex, RwLock};
use rooms::{Addr, Registry};

use crate::deferred_flush::DeferredFlush;
use crate::error::Error;

/// The shards of one server, and the registry of its sockets, sessions and rooms.
#[derive(Debug)]
pub struct Router {
    pub(crate) parser: Parser,
    pub(crate) options: Mutex<Arc<Options>>,
    /// The state that queries read without asking a shard.
    pub(crate) registry: Mutex<Registry>,
    /// The high-water mark of the options, in bytes; a copy that is read without the lock.
    pub(crate) high_water_mark: AtomicUsize,
    /// Half of the limit for the backlogs of all clients together, in bytes.
    pub(crate) memory_mark: AtomicUsize,
    net: RwLock<Option<Arc<net::Server>>>,
    pub(crate) deferred: DeferredFlush,
    /// The number of shards that have reported that their last session is closed.
    pub(crate) stopped: AtomicUsize,
    /// The number of adopted streams, which selects the shard of the next one.
    pub(crate) adopted: AtomicUsize,
    /// The connection limit that all listeners with a limit share.
    pub(crate) connection_limit: Mutex<Option<Arc<ConnectionLimit>>>,
}

impl Router {
    /// A router that is not running.
    pub fn new(options: Options) -> Self {
        Self {
            parser: options.engine.parser,
            high_water_mark: AtomicUsize::new(options.mark()),
            memory_mark: AtomicUsize::new(options.max_total_queue_bytes / 2),
            options: Mutex::new(Arc::new(options)),
            registry: Mutex::default(),
            net: RwLock::default(),
            deferred: DeferredFlush::default(),
            stopped: AtomicUsize::default(),
            adopted: AtomicUsize::default(),
            connection_limit: Mutex::default(),
        }
    }

    /// Whether clients are sent msgpack instead of text.
    pub fn is_msgpack(&self) -> bool {
        self.parser == Parser::Msgpack
    }

    /// Starts the shards unless they run already; returns the descriptor that is readable while
    /// [`Router::take`] has something.
    ///
    /// With `defer`, this thread promises to call [`Router::flush`] whenever a method asks for it and
    /// after the events of each [`Router::take`]. It also runs the turns of shards in inline mode.
    /// Without `defer`, every request wakes its shards at once.
    ///
    /// # Errors
    /// When the operating system cannot create a poller or a thread.
    pub fn start(&self, defer: bool) -> io::Result<RawFd> {
        let mut running = self.net.write();
        let net = if let Some(net) = &*running {
            Arc::clone(net)
        } else {
            let options = Arc::clone(&self.options.lock());
            let net = Arc::new(net::Server::start(&options, defer && options.inline_mode)?);
            self.stopped.store(0, Ordering::Relaxed);
            Arc::clone(running.insert(net))
        };
        drop(running);
        self.deferred.begin(defer);
        net.wake();
        Ok(net.fd())
    }

    /// Changes options, also while the server runs; nothing changes when `change` fails.
    ///
    /// # Errors
    /// Whatever `change` returns.
    pub fn change_options<E>(
        &self,
        change: impl FnOnce(&mut Options) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut options = self.options.lock();
        let mut changed = Options::clone(&options);
        change(&mut changed)?;
        *options = Arc::new(changed);
        self.high_water_mark.store(options.mark(), Ordering::Relaxed);
        self.memory_mark.store(options.max_total_queue_bytes / 2, Ordering::Relaxed);
        if let Ok(net) = self.net() {
            net.push_all(|| Command::Options(Arc::clone(&options)));
        }
        Ok(())
    }

    /// Closes every session.
    pub fn shut_down(&self) {
        if let Ok(net) = self.net() {
            net.push_all(|| Command::Shutdown);
        }
    }

    /// Ends the threads of the shards and waits for them.
    pub fn stop(&self) {
        let net = self.net.write().take();
        if let Some(net) = net {
            net.stop();
        }
    }

    /// Wakes the shards for everything that was pushed without a wake.
    pub fn flush(&self) {
        if self.deferred.end()
            && let Ok(net) = self.net()
        {
            net.flush();
        }
    }

    /// Runs a turn of a shard on this thread; `false` when the shard is not in inline mode (any more).
    pub fn take_turn(&self, shard: u16) -> bool {
        self.net().is_ok_and(|net| net.take_turn(shard))
    }

    /// Whether a shard's inbox is full, so that the caller should wait before the next emit.
    pub fn is_full(&self) -> bool {
        self.net().is_ok_and(|net| net.is_full())
    }

    /// The counters of each shard: pairs of name and value.
    pub fn counters(&self) -> Vec<Vec<(&'static str, u64)>> {
        let Ok(net) = self.net() else {
            return Vec::new();
        };
        let values = |counters: &net::Counters| {
            let counted = net::Counter::ALL.iter();
            counted.map(|counter| (counter.name(), counters.value(*counter))).collect()
        };
        net.counters().map(values).collect()
    }

    /// The running shards. The lock is released on return, so there is no lock order to keep with the
    /// registry's lock.
    pub(crate) fn net(&self) -> Result<Arc<net::Server>, Error> {
        self.net.read().clone().ok_or(Error::NotRunning)
    }

    /// Pushes a command to the shard of a session.
    pub(crate) fn push(&self, addr: Addr, command: Command) {
        if let Ok(net) = self.net() {
            self.deferred.push(&net, addr.shard, command);
        }
    }
}

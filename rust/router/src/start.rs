//! The router itself: its parts, when they start and stop, and how commands reach the shards.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::Parser;
use net::{Command, Crowd, Options};
use parking_lot::{Mutex, RwLock};
use rooms::{Addr, Registry};

use crate::deferred_flush::DeferredFlush;
use crate::error::Error;

/// The shards of one server, and the registry of its sockets, sessions and rooms.
#[derive(Debug)]
pub struct Router {
    pub(crate) parser: Parser,
    pub(crate) options: Mutex<Arc<Options>>,
    /// What the application may ask about without asking a shard.
    pub(crate) registry: Mutex<Registry>,
    /// The options' mark, in bytes.
    pub(crate) high_water_mark: AtomicUsize,
    /// Half of what may wait for all clients, in bytes.
    pub(crate) crowd_mark: AtomicUsize,
    net: RwLock<Option<Arc<net::Server>>>,
    pub(crate) deferred: DeferredFlush,
    /// How many shards have said that they closed their last session.
    pub(crate) stopped: AtomicUsize,
    /// How many streams were adopted.
    pub(crate) adopted: AtomicUsize,
    /// The connections of those listeners that have a limit.
    pub(crate) crowd: Mutex<Option<Arc<Crowd>>>,
}

impl Router {
    /// A router that is not running.
    pub fn new(options: Options) -> Self {
        Self {
            parser: options.engine.parser,
            high_water_mark: AtomicUsize::new(options.mark()),
            crowd_mark: AtomicUsize::new(options.max_total_queue_bytes / 2),
            options: Mutex::new(Arc::new(options)),
            registry: Mutex::default(),
            net: RwLock::default(),
            deferred: DeferredFlush::default(),
            stopped: AtomicUsize::default(),
            adopted: AtomicUsize::default(),
            crowd: Mutex::default(),
        }
    }

    /// Whether clients are sent msgpack instead of text.
    pub fn is_msgpack(&self) -> bool {
        self.parser == Parser::Msgpack
    }

    /// Starts the shards unless they run already; returns the descriptor that is readable while
    /// [`Router::take`] has something.
    ///
    /// With `defer`, this thread promises to call [`Router::flush`] whenever a method asks for it
    /// and behind the events of each [`Router::take`], and it takes turns of the shards that lend
    /// themselves. Without, every request wakes its shards at once.
    ///
    /// # Errors
    /// When the system gives no poller or no thread.
    pub fn start(&self, defer: bool) -> io::Result<RawFd> {
        let mut running = self.net.write();
        let net = if let Some(net) = &*running {
            Arc::clone(net)
        } else {
            let options = Arc::clone(&self.options.lock());
            let net = Arc::new(net::Server::start(&options, defer && options.lend_shards)?);
            self.stopped.store(0, Ordering::Relaxed);
            Arc::clone(running.insert(net))
        };
        drop(running);
        self.deferred.begin(defer);
        net.wake();
        Ok(net.fd())
    }

    /// Changes options, also of a server that runs; nothing changes when `change` fails.
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
        self.crowd_mark.store(options.max_total_queue_bytes / 2, Ordering::Relaxed);
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

    /// Has the shards apply what was pushed without a wake.
    pub fn flush(&self) {
        if self.deferred.end()
            && let Ok(net) = self.net()
        {
            net.flush();
        }
    }

    /// Takes a turn of a lent shard on this thread; `false` when it is not lent (any more).
    pub fn take_turn(&self, shard: u16) -> bool {
        self.net().is_ok_and(|net| net.take_turn(shard))
    }

    /// Whether so much waits for a shard that more should not be emitted yet.
    pub fn is_full(&self) -> bool {
        self.net().is_ok_and(|net| net.is_full())
    }

    /// What each shard has counted, by the name of the counter.
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

    /// The shards. No guard is kept: who holds the registry's lock may call this, and the reverse.
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

//! A bus as its users see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::{fmt, io};

use cluster::node::{Bus as Dialect, ReplyTo, Request};
use cluster::{Answer, Message};
use net::Outbox;
use parking_lot::Mutex;
use router::Router;
use tokio::sync::mpsc::{self, UnboundedSender};

use crate::driver::Transport;
use crate::event::BusEvent;
use crate::task;

/// How a node takes part.
#[derive(Clone, Debug)]
pub struct BusOptions {
    /// The node's name, which no other may have.
    pub name: String,
    /// The dialect it speaks.
    pub dialect: Dialect,
    /// What carries the messages.
    pub transport: Transport,
    /// Bytes that may wait to be published, and as many that may wait to be read.
    pub max_bytes: usize,
    /// Whether it only publishes.
    pub write_only: bool,
}

/// What a bus has counted.
#[derive(Debug, Default)]
pub struct Stats {
    /// Messages published.
    pub published: AtomicU64,
    /// Messages received.
    pub received: AtomicU64,
    /// Messages that could not be published, and those that were received faster than they were taken.
    pub lost: AtomicU64,
    /// What was received and is no message.
    pub refused: AtomicU64,
    /// Bytes that wait to be published.
    pub waiting: AtomicUsize,
    /// Whether the bus can be used now.
    pub is_up: AtomicBool,
}

/// A request to the bus's thread.
#[derive(Debug)]
pub(crate) enum Command {
    OpenNamespace(String),
    OpenRoom { namespace: String, room: String },
    CloseRoom { namespace: String, room: String },
    Publish { namespace: String, message: Message },
    Request { token: u64, namespace: String, request: Request, timeout: u64 },
    Answer { reply: ReplyTo, answer: Answer },
    Stop,
}

/// A running bus. It stops when it is dropped.
pub struct Bus {
    commands: UnboundedSender<Command>,
    stats: Arc<Stats>,
    max_bytes: usize,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("stats", &self.stats).finish_non_exhaustive()
    }
}

impl Bus {
    /// Starts the bus's thread. `router` is `None` for a process that only publishes.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        options: BusOptions,
        router: Option<Arc<Router>>,
        outbox: Arc<Outbox<BusEvent>>,
    ) -> io::Result<Self> {
        let (commands, received) = mpsc::unbounded_channel();
        let stats = Arc::new(Stats::default());
        let (max_bytes, shared) = (options.max_bytes, Arc::clone(&stats));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name("fanio-bus".to_owned()).spawn(move || {
            runtime.block_on(task::run(options, router, outbox, received, shared));
        })?;
        Ok(Self { commands, stats, max_bytes, thread: Mutex::new(Some(thread)) })
    }

    /// What was counted.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Whether so much waits to be published that the caller should wait. While the bus is away
    /// nobody has to: what does not fit then is lost, and counted.
    pub fn is_full(&self) -> bool {
        self.stats.is_up.load(Ordering::Relaxed)
            && self.stats.waiting.load(Ordering::Relaxed) > self.max_bytes
    }

    /// A namespace is served here.
    pub fn open_namespace(&self, namespace: &str) {
        self.command(Command::OpenNamespace(namespace.to_owned()));
    }

    /// The first client here has entered a room.
    pub fn open_room(&self, namespace: &str, room: &str) {
        self.command(Command::OpenRoom { namespace: namespace.to_owned(), room: room.to_owned() });
    }

    /// The last client here has left a room.
    pub fn close_room(&self, namespace: &str, room: &str) {
        self.command(Command::CloseRoom { namespace: namespace.to_owned(), room: room.to_owned() });
    }

    /// Tells the other nodes something: one push, whatever the message is.
    pub fn publish(&self, namespace: &str, message: Message) {
        self.stats.waiting.fetch_add(task::size_of(&message), Ordering::Relaxed);
        self.command(Command::Publish { namespace: namespace.to_owned(), message });
    }

    /// Asks all other nodes; [`BusEvent::Done`] with this token has the answers, after `timeout`
    /// milliseconds at the latest.
    pub fn request(&self, token: u64, namespace: &str, request: Request, timeout: u64) {
        self.command(Command::Request { token, namespace: namespace.to_owned(), request, timeout });
    }

    /// Answers a request of another node.
    pub fn answer(&self, reply: ReplyTo, answer: Answer) {
        self.command(Command::Answer { reply, answer });
    }

    fn command(&self, command: Command) {
        // A bus that has stopped does nothing.
        let _ = self.commands.send(command);
    }

    /// Publishes what waits, says goodbye and ends the thread.
    pub fn stop(&self) {
        self.command(Command::Stop);
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.stop();
    }
}

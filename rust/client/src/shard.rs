//! The client shard: one I/O thread for all clients of the process. It never touches Python.

use std::io;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Threads that ask the system for names, at most.
const RESOLVERS: usize = 4;

static SHARED: Mutex<(u32, Weak<Shard>)> = Mutex::new((0, Weak::new()));

/// The thread, as long as somebody uses it.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) runtime: Handle,
    pub(crate) epoch: Instant,
    process: u32,
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Shard {
    /// The shard of this process; it starts with its first user.
    pub(crate) fn shared() -> io::Result<Arc<Self>> {
        let mut shared = SHARED.lock();
        let process = std::process::id();
        // After a fork the thread is the parent's.
        if shared.0 == process
            && let Some(shard) = shared.1.upgrade()
        {
            return Ok(shard);
        }
        let shard = Arc::new(Self::start(process)?);
        *shared = (process, Arc::downgrade(&shard));
        Ok(shard)
    }

    fn start(process: u32) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(RESOLVERS)
            .thread_keep_alive(Duration::from_secs(2))
            .thread_name("fanio-resolver")
            .build()?;
        let handle = runtime.handle().clone();
        let epoch = runtime.block_on(async { Instant::now() });
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("fanio-client".into()).spawn(move || {
            runtime.block_on(stopped.notified());
            // A name that is being looked up does not hold up the program.
            runtime.shutdown_background();
        })?;
        Ok(Self { runtime: handle, epoch, process, stop, thread: Some(thread) })
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take()
            && self.process == std::process::id()
        {
            // It ends at its next turn; a panic there has been counted by nobody else.
            let _ = thread.join();
        }
    }
}

//! The client shard: one I/O thread for all client connections of the process.
//!
//! It starts with its first user and ends with its last. It never touches Python.

use std::io;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle};
use tokio::sync::Notify;
use tokio::time::Instant;

/// The maximum number of threads that resolve host names.
const MAX_RESOLVERS: usize = 4;

static SHARED: Mutex<(u32, Weak<Shard>)> = Mutex::new((0, Weak::new()));

/// The thread and its runtime.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) runtime: Handle,
    pub(crate) epoch: Instant,
    process: u32,
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Shard {
    /// The shard of this process. Starts it if it is not running.
    pub(crate) fn shared() -> io::Result<Arc<Self>> {
        let mut shared = SHARED.lock();
        let process = std::process::id();
        // After a fork, the thread exists only in the parent process.
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
            .max_blocking_threads(MAX_RESOLVERS)
            .thread_keep_alive(Duration::from_secs(2))
            .thread_name("fanio-resolver")
            .build()?;
        let handle = runtime.handle().clone();
        let epoch = runtime.block_on(async { Instant::now() });
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("fanio-client".into()).spawn(move || {
            runtime.block_on(stopped.notified());
            // This does not wait for a name lookup, which may take long.
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
            // The wait is short. A panic of the thread needs no handling: the shard has no users.
            let _ = thread.join();
        }
    }
}

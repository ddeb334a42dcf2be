//! Events on their way from the shards to Python, taken in batches.

use std::sync::OnceLock;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::delivery::Tuples;
use crate::notice::{Notice, notice};
use crate::server::Server;

/// The events that are taken at once.
#[derive(Default)]
struct Batch {
    events: Vec<net::Event>,
    notices: Vec<Notice>,
}

/// What taking events needs from one batch to the next.
#[derive(Default)]
pub(crate) struct Drain {
    /// How many shards have said that they closed their last session.
    stopped: Mutex<usize>,
    /// The fast decoder of JSON.
    loads: OnceLock<Py<PyAny>>,
    /// Room for the events of a batch; empty.
    batch: Mutex<Batch>,
}

impl Drain {
    /// Begins with shards that were started just now.
    pub(crate) fn begin(&self) {
        *self.stopped.lock() = 0;
    }
}

#[pymethods]
impl Server {
    /// Takes up to `limit` events.
    fn drain<'py>(&self, py: Python<'py>, limit: usize) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        let Ok(net) = self.net() else { return Ok(list) };
        self.promise.give();
        // Taken out: what makes the tuples may run the program's code, which may call this again.
        let mut batch = std::mem::take(&mut *self.drain.batch.lock());
        self.note(&net, limit, &mut batch);
        let mut tuples = Tuples::new(py, self.drain.loads.get());
        for notice in batch.notices.drain(..) {
            list.append(tuples.make(notice)?)?;
        }
        *self.drain.batch.lock() = batch;
        if !list.is_empty() {
            // What they kept in memory is dropped by now.
            net.resume();
        }
        Ok(list)
    }

    /// Has `drain` decode the arguments of events without attachments.
    ///
    /// `loads` must be `orjson.loads` or as harmless: it is called with bytes.
    fn decode_with(&self, loads: Py<PyAny>) {
        let _ = self.drain.loads.set(loads);
    }
}

impl Server {
    /// Takes events and notes them in the registry; the last shard's end stands for all.
    fn note(&self, net: &net::Server, limit: usize, batch: &mut Batch) {
        let mut registry = self.registry.lock();
        let mut stopped = self.drain.stopped.lock();
        let mut is_news = |notice: &Notice| {
            let is_end = matches!(notice, Notice::Stopped);
            *stopped += usize::from(is_end);
            !is_end || *stopped == net.shards()
        };
        net.take(limit, &mut batch.events);
        let notices =
            batch.events.drain(..).filter_map(|event| notice(&mut registry, event, self.parser));
        batch.notices.extend(notices.filter(|notice| is_news(notice)));
    }
}

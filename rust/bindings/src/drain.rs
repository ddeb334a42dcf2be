//! Events on their way from the shards to Python, taken in batches.

use std::sync::OnceLock;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyList;
use router::Batch;

use crate::delivery::Tuples;
use crate::server::Server;

/// What taking events needs from one batch to the next.
#[derive(Default)]
pub(crate) struct Drain {
    /// The fast decoder of JSON.
    loads: OnceLock<Py<PyAny>>,
    /// Room for the events of a batch; empty.
    batch: Mutex<Batch>,
}

#[pymethods]
impl Server {
    /// Takes up to `limit` events.
    fn drain<'py>(&self, py: Python<'py>, limit: usize) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        // Taken out: what makes the tuples may run the application's code, which may call this again.
        let mut batch = std::mem::take(&mut *self.drain.batch.lock());
        self.router.take(limit, &mut batch);
        let mut tuples = Tuples::new(py, self.drain.loads.get());
        for inbound in batch.inbound.drain(..) {
            list.append(tuples.make(inbound)?)?;
        }
        *self.drain.batch.lock() = batch;
        if !list.is_empty() {
            // What they kept in memory is dropped by now.
            self.router.resume_reading();
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

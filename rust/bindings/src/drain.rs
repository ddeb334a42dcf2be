//! `Server.drain()`: takes a batch of events from the router and converts it for Python.

use std::sync::OnceLock;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyList;
use router::Batch;

use crate::event_tuple::TupleMaker;
use crate::server::Server;

/// The state that `drain` keeps between two batches.
#[derive(Default)]
pub(crate) struct Drain {
    /// The fast JSON decoder, if there is one.
    loads: OnceLock<Py<PyAny>>,
    /// An empty batch whose capacity is reused.
    batch: Mutex<Batch>,
}

#[pymethods]
impl Server {
    /// Takes up to `limit` events.
    fn drain<'py>(&self, py: Python<'py>, limit: usize) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        // Not locked during the loop: making tuples may run code of the application, which may call
        // `drain` again.
        let mut batch = std::mem::take(&mut *self.drain.batch.lock());
        self.router.take(limit, &mut batch);
        let mut tuples = TupleMaker::new(py, self.drain.loads.get());
        for inbound in batch.inbound.drain(..) {
            list.append(tuples.make(inbound)?)?;
        }
        *self.drain.batch.lock() = batch;
        if !list.is_empty() {
            // The Rust events are freed now, so the shards have room for new ones.
            self.router.resume_reading();
        }
        Ok(list)
    }

    /// Sets the decoder with which `drain` decodes the arguments of events without attachments.
    ///
    /// `loads` is called with `bytes`. It must not run code of the application; `orjson.loads` does not.
    fn decode_with(&self, loads: Py<PyAny>) {
        let _ = self.drain.loads.set(loads);
    }
}

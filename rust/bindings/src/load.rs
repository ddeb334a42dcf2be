//! The Python class of the load generator. Other threads may watch and cancel a run.
//!
//! The load generator is the crate `load`; `fanio bench` uses it.

use std::sync::atomic::{AtomicBool, Ordering};

use load::{Value, Watch};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::Error;

/// One run of the load generator.
#[pyclass(module = "fanio._core", frozen)]
pub(crate) struct Load {
    command: String,
    arguments: Vec<String>,
    watcher: Watcher,
}

/// The state that the thread of the run shares with the threads that watch it.
#[derive(Default)]
struct Watcher {
    cancelled: AtomicBool,
    progress: Mutex<(&'static str, f64, u64)>,
    lines: Mutex<Vec<String>>,
}

impl Watch for Watcher {
    fn progress(&self, phase: &'static str, part: f64, figure: u64) {
        *self.progress.lock() = (phase, part, figure);
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn line(&self, text: &str) {
        self.lines.lock().push(text.to_owned());
    }
}

#[pymethods]
impl Load {
    #[new]
    fn new(command: String, arguments: Vec<String>) -> Self {
        Self { command, arguments, watcher: Watcher::default() }
    }

    /// Runs to the end with the GIL released; returns the figures of the report.
    fn run<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let arguments = self.arguments.iter().cloned();
        let report = py
            .detach(|| load::run(&self.command, arguments, &self.watcher))
            .map_err(Error::Load)?;
        let figures = PyDict::new(py);
        for (name, value) in report.figures() {
            match value {
                Value::Float(number) => figures.set_item(name, number)?,
                Value::Int(number) => figures.set_item(name, number)?,
                Value::Text(text) => figures.set_item(name, text)?,
            }
        }
        Ok(figures)
    }

    fn cancel(&self) {
        self.watcher.cancelled.store(true, Ordering::Relaxed);
    }

    fn progress(&self) -> (&'static str, f64, u64) {
        *self.watcher.progress.lock()
    }

    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.watcher.lines.lock())
    }
}

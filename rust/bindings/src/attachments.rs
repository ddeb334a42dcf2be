//! Converts the attachments of a JSON packet for Python, with the paths of their placeholders.
//!
//! Python puts each attachment into the decoded data at its path.

use std::sync::Arc;

use protocol::json::{Placeholder, Step, placeholders};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

/// The attachments of a packet and the paths of their placeholders in its data.
///
/// The placeholders are valid: the shard closes a session that sends invalid ones.
pub(crate) fn pair<'py>(
    py: Python<'py>,
    body: &[u8],
    attachments: &[Vec<u8>],
) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
    let json = std::str::from_utf8(body).unwrap_or_default();
    let found = placeholders(json, attachments.len() as u32).unwrap_or_default();
    let blobs = PyList::new(py, attachments.iter().map(|data| PyBytes::new(py, data)))?;
    Ok((blobs, places(py, found)?))
}

/// `[(path, num), ...]`: a path is a list of keys and indexes, `num` is an attachment's index.
fn places(py: Python<'_>, found: Vec<Placeholder>) -> PyResult<Bound<'_, PyList>> {
    let mut keys = Keys::default();
    let items = found.into_iter().map(|place| {
        let path = place.path.into_iter().enumerate().map(|(depth, step)| match step {
            Step::Index(index) => index.into_bound_py_any(py),
            Step::Key(key) => Ok(keys.object(py, depth, key).into_any()),
        });
        let path = path.collect::<PyResult<Vec<_>>>()?;
        Ok((PyList::new(py, path)?, place.num))
    });
    let items = items.collect::<PyResult<Vec<_>>>()?;
    PyList::new(py, items)
}

/// The last key at each depth. Placeholders below the same key share one Python string.
#[derive(Default)]
struct Keys<'py>(Vec<Option<(Arc<str>, Bound<'py, PyString>)>>);

impl<'py> Keys<'py> {
    fn object(&mut self, py: Python<'py>, depth: usize, key: Arc<str>) -> Bound<'py, PyString> {
        if self.0.len() <= depth {
            self.0.resize_with(depth + 1, || None);
        }
        let slot = &mut self.0[depth];
        let known = slot.take().filter(|(text, _)| Arc::ptr_eq(text, &key));
        let (_, object) = slot.insert(known.unwrap_or_else(|| {
            let object = PyString::new(py, &key);
            (key, object)
        }));
        object.clone()
    }
}

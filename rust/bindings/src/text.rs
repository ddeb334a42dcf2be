//! Questions about JSON text that Python would have to read the whole of.

use std::borrow::Cow;

use protocol::{integer, socketio};
use pyo3::pyfunction;

/// Whether the text has an integer that does not fit into 64 bits.
#[pyfunction]
pub(crate) fn has_big_integer(data: &[u8]) -> bool {
    integer::has_big_integer(data)
}

/// Returns the name with which the text of an event begins; `None` when that is no string.
#[pyfunction]
pub(crate) fn event_name(data: &[u8]) -> Option<Cow<'_, str>> {
    // A name is short; behind it a character may be cut in two.
    const ENOUGH: usize = 8 * 1024;
    let start = &data[..data.len().min(ENOUGH)];
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&start[..error.valid_up_to()]).ok()?,
    };
    socketio::event_name(text)
}

//! Functions that inspect JSON text without decoding all of it.

use std::borrow::Cow;

use protocol::{integer, socketio};
use pyo3::pyfunction;

/// Whether the text has an integer that does not fit into 64 bits, which `orjson` cannot represent.
#[pyfunction]
pub(crate) fn has_big_integer(data: &[u8]) -> bool {
    integer::has_big_integer(data)
}

/// Returns the name of an event, the first item of the array; `None` when that is not a string.
#[pyfunction]
pub(crate) fn event_name(data: &[u8]) -> Option<Cow<'_, str>> {
    // Names are short, so the rest of a large text need not be checked. The cut may be inside a
    // character.
    const MAX_NAME: usize = 8 * 1024;
    let start = &data[..data.len().min(MAX_NAME)];
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&start[..error.valid_up_to()]).ok()?,
    };
    socketio::event_name(text)
}

//! JSON text that is put into a message, or taken out of it, without being made into values.

use serde_json::value::RawValue;

use crate::error::Error;

/// Text as a value of a message.
///
/// # Errors
/// When it is no JSON.
pub(super) fn raw(text: String) -> Result<Box<RawValue>, Error> {
    Ok(RawValue::from_string(text)?)
}

/// The message as JSON; a message of ours always has a form.
pub(super) fn text(message: &impl serde::Serialize) -> Result<String, Error> {
    Ok(serde_json::to_string(message)?)
}

//! Every way a message from the bus can be wrong.

use std::fmt;

/// What is wrong with a message. Its text says what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// It is neither JSON nor msgpack of the expected shape.
    BadMessage(String),
    /// It holds no placeholder for an attachment, or one too many.
    BadAttachments,
    /// Its values are nested too deeply.
    TooDeep,
    /// This dialect has no form for the message.
    NotInDialect(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadMessage(what) => write!(f, "message from the cluster: {what}"),
            Self::BadAttachments => f.write_str(
                "message from the cluster: expected one placeholder for each attachment",
            ),
            Self::TooDeep => f.write_str("message from the cluster: nested too deeply"),
            Self::NotInDialect(what) => write!(f, "{what} cannot be said in this dialect"),
        }
    }
}

impl std::error::Error for Error {}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::BadMessage(error.to_string())
    }
}

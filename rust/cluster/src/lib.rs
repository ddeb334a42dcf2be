//! Several servers as one: what they tell each other, and how they answer for each other.
//!
//! No sockets, no clock, no Python. The parts:
//!
//! | file | what it owns |
//! |---|---|
//! | `message` | what one node tells or asks the others |
//! | `event` | the data of an event, in the form in which it travels between nodes |
//! | `transcode` | JSON to msgpack and back, attachments included |
//! | `dialect` | messages to bytes and channels: python-socketio's, and the three families of Node's adapters |
//! | `node` | requests and their answers, who is there, deadlines |
//!
//! Nothing that somebody publishes may panic or grow memory without bound: wrong input is an
//! [`Error`], which is counted and logged once.

pub mod dialect;
mod error;
mod event;
mod message;
pub mod node;
mod transcode;

pub use error::Error;
pub use event::EventData;
pub use message::{AckRequest, Answer, Emit, Envelope, Message, Selection};

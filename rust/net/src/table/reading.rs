//! What a shard knows of the reading from its streams.
//!
//! A visit is the handling of one stream's input in a turn. It ends when much of it was handled, so
//! that other streams have their turn. When streams are paused and read again is decided in `throttle`.

use protocol::websocket::{self, Opcode};

/// How much of one stream is handled before other streams are, in bytes.
const VISIT: usize = 128 * 1024;
/// What a message counts for in it, beside its bytes.
const MESSAGE: usize = 128;
/// Bytes of answers to pings that a visit collects.
const MANY_PONGS: usize = 4 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Streams that are not read until the application has taken events.
    paused: Vec<u32>,
    /// Bytes that were handled in this visit.
    handled: usize,
    /// Answers to the pings of this visit.
    pongs: Vec<u8>,
}

impl Reading {
    /// Begins the visit of another stream.
    pub(crate) fn begin_visit(&mut self) {
        self.handled = 0;
        self.pongs.clear();
    }

    /// Counts a message of the stream that is visited.
    pub(crate) fn count_message(&mut self, bytes: usize) {
        self.handled += bytes + MESSAGE;
    }

    /// Whether so much of the stream was handled that other streams have their turn.
    pub(crate) fn is_visit_over(&self) -> bool {
        self.handled >= VISIT
    }

    /// Adds the answer to a ping. Of very many pings only the last ones are answered, as RFC 6455
    /// section 5.5.3 allows.
    pub(crate) fn add_pong(&mut self, data: &[u8]) {
        if self.pongs.len() >= MANY_PONGS {
            self.pongs.clear();
        }
        websocket::encode_frame(Opcode::Pong, data, None, &mut self.pongs);
    }

    /// Takes the answers to the pings of this visit; `None` when there are none.
    pub(crate) fn take_pongs(&mut self) -> Option<Vec<u8>> {
        (!self.pongs.is_empty()).then(|| std::mem::take(&mut self.pongs))
    }

    // --- paused streams; each of them has `paused` set --------------------------------------------

    pub(crate) fn add_paused(&mut self, slot: u32) {
        self.paused.push(slot);
    }

    pub(crate) fn has_paused(&self) -> bool {
        !self.paused.is_empty()
    }

    /// Takes the list of paused streams.
    pub(crate) fn take_paused(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.paused)
    }
}

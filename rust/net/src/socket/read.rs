//! Reads streams. All streams of a shard share one buffer; a stream keeps only incomplete input.
//!
//! HTTP requests are parsed in `http`, WebSocket frames in `websocket.rs`.

use crate::counters::Counter;
use crate::socket::stream::{Role, Stream};
use crate::table::Table;

/// The minimum space for a read in the shared buffer, in bytes. With less, the stream's own input
/// buffer is used.
const ROOM: usize = 16 * 1024;
/// The maximum input that a stream keeps while its request is being answered, in bytes.
const PIPELINE: usize = 64 * 1024;

impl Table {
    /// Does one read and handles its input; false when there is nothing more to read now.
    pub(crate) fn read_once(&mut self, slot: u32, buffer: &mut [u8]) -> bool {
        let Some(stream) = self.streams.get_mut(slot) else {
            return false;
        };
        let has_body = matches!(&stream.role, Role::Http(http) if http.has_body());
        if !stream.input.is_empty() || has_body {
            self.handle_kept(slot);
            if self.reading.is_visit_over() {
                return true;
            }
        }
        let Some(stream) = self.streams.get_mut(slot) else {
            return false;
        };
        if stream.paused && stream.hung_up {
            self.drop_what_is_lost(slot);
            return false;
        }
        let waits = matches!(stream.role, Role::Http(_)) && stream.input.len() >= PIPELINE;
        if !stream.readable || stream.paused || waits {
            return false;
        }
        if matches!(stream.role, Role::Http(_)) || stream.input.len() + ROOM > buffer.len() {
            self.read_into_input(slot)
        } else {
            self.read_into_buffer(slot, buffer)
        }
    }

    /// Reads into the shared buffer, after the input that the stream has kept.
    fn read_into_buffer(&mut self, slot: u32, buffer: &mut [u8]) -> bool {
        let Some(stream) = self.streams.get_mut(slot) else {
            return false;
        };
        let kept = std::mem::take(&mut stream.input);
        buffer[..kept.len()].copy_from_slice(&kept);
        let Some(n) = self.receive_bytes(slot, &mut buffer[kept.len()..]) else {
            if let Some(stream) = self.streams.get_mut(slot) {
                stream.input = kept;
            }
            return false;
        };
        let end = kept.len() + n;
        let used = self.handle(slot, &mut buffer[..end]);
        if used < end
            && let Some(stream) = self.streams.get_mut(slot)
        {
            stream.input = kept;
            stream.input.clear();
            stream.input.extend_from_slice(&buffer[used..end]);
        }
        true
    }

    /// Reads into the stream's own input: for requests, and for messages larger than the shared buffer.
    fn read_into_input(&mut self, slot: u32) -> bool {
        let Some(stream) = self.streams.get_mut(slot) else {
            return false;
        };
        let mut input = std::mem::take(&mut stream.input);
        let kept = input.len();
        let http = matches!(stream.role, Role::Http(_));
        input.resize(kept + if http { ROOM } else { 4 * ROOM }, 0);
        let got = self.receive_bytes(slot, &mut input[kept..]);
        input.truncate(kept + got.unwrap_or(0));
        if let Some(stream) = self.streams.get_mut(slot) {
            stream.input = input;
            if http {
                // Idle streams must not keep large buffers.
                stream.input.shrink_to(1024);
            }
        }
        if got.is_some() {
            self.handle_kept(slot);
        }
        got.is_some()
    }

    /// Reads once; closes the stream on an error or at its end.
    fn receive_bytes(&mut self, slot: u32, space: &mut [u8]) -> Option<usize> {
        let size = space.len();
        let stream = self.streams.get_mut(slot)?;
        match stream.read(space) {
            Ok(None) => None,
            Ok(Some(0)) => {
                self.lose_stream(slot, false);
                None
            }
            Ok(Some(n)) => {
                if n < size && !stream.hung_up {
                    // The poller is edge-triggered: it reports the stream again when more arrives.
                    stream.readable = false;
                }
                self.counters.add_many(Counter::BytesReceived, n as u64);
                Some(n)
            }
            Err(_) => {
                self.lose_stream(slot, true);
                None
            }
        }
    }

    /// Handles the input that a stream has kept.
    fn handle_kept(&mut self, slot: u32) {
        let Some(stream) = self.streams.get_mut(slot) else {
            return;
        };
        if matches!(stream.role, Role::Http(_)) {
            return self.serve(slot);
        }
        let mut input = std::mem::take(&mut stream.input);
        let used = self.handle(slot, &mut input);
        input.drain(..used);
        if let Some(stream) = self.streams.get_mut(slot)
            && !input.is_empty()
        {
            stream.input = input;
        }
    }

    fn handle(&mut self, slot: u32, input: &mut [u8]) -> usize {
        match self.streams.get(slot).map(|stream: &Stream| &stream.role) {
            Some(Role::WebSocket { .. }) => self.websocket_input(slot, input),
            Some(Role::Closing { .. }) => self.closing_input(slot, input),
            // Never reached for HTTP: requests are read into the stream's own input.
            Some(Role::Http(_)) | None => input.len(),
        }
    }
}

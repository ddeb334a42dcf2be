//! One OS socket of a shard: reading, writing straight through, and what could not be written.
//!
//! Only this file writes to a socket. A write goes to the kernel at once; what the kernel does not
//! take waits in the backlog as shared bytes and leaves when the poller reports the stream
//! writable. The registration is edge-triggered, so "ready" is remembered here.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::{Buf, Bytes};
use engine::Time;
use smallvec::SmallVec;

use crate::accept::Io;
use crate::http::Http;
use protocol::websocket::{Decoder, Deflate};

/// A waiting piece shorter than this is copied, so that it does not pin the large joined buffer
/// it is a part of.
const COPY_BELOW: usize = 1024;

/// What a stream is used for.
#[derive(Debug)]
pub(crate) enum Role {
    /// Requests, one after another.
    Http(Box<Http>),
    /// A session's WebSocket; `probe` while the session is still on polling, `deflate` when
    /// compression was agreed on.
    WebSocket { session: u32, probe: bool, deflate: Option<Deflate>, decoder: Decoder },
    /// Everything is said: read to the end, then close.
    Closing { decoder: Option<Decoder> },
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the socket")]
pub(crate) struct Stream {
    pub(crate) io: Io,
    /// Bytes that were read and are not consumed yet.
    pub(crate) input: Vec<u8>,
    backlog: Option<Box<Backlog>>,
    pub(crate) role: Role,
    /// When the stream is closed if nothing happens; `Time(0)` for never.
    pub(crate) deadline: Time,
    /// The wheel entry that is live; `Time(0)` for none.
    pub(crate) filed: Time,
    /// The poller said readable and the kernel has not said "would block" since.
    pub(crate) readable: bool,
    /// The peer has ended its side: a short read does not mean that nothing more is there.
    pub(crate) hung_up: bool,
    /// Reading waits for the program.
    pub(crate) paused: bool,
    /// Shut down the sending side once the backlog is written.
    finishing: bool,
    finished: bool,
}

#[derive(Debug, Default)]
struct Backlog {
    queue: VecDeque<Bytes>,
    bytes: usize,
}

impl Stream {
    pub(crate) fn new(io: Io, input: Vec<u8>, http: Http) -> Self {
        Self {
            io,
            input,
            backlog: None,
            role: Role::Http(Box::new(http)),
            deadline: Time(0),
            filed: Time(0),
            readable: false,
            hung_up: false,
            paused: false,
            finishing: false,
            finished: false,
        }
    }

    /// What was agreed on about compression.
    pub(crate) fn deflate(&self) -> Option<Deflate> {
        match self.role {
            Role::WebSocket { deflate, .. } => deflate,
            Role::Http(_) | Role::Closing { .. } => None,
        }
    }

    /// Bytes the kernel has not taken yet.
    pub(crate) fn waiting(&self) -> usize {
        self.backlog.as_ref().map_or(0, |backlog| backlog.bytes)
    }

    /// Writes the buffers, in order, or queues what the kernel does not take. Returns the bytes
    /// written now.
    ///
    /// # Errors
    /// When the stream is broken.
    pub(crate) fn send<'a>(
        &mut self,
        mut buffers: impl Iterator<Item = &'a Bytes>,
    ) -> io::Result<usize> {
        if self.backlog.is_some() {
            buffers.for_each(|buffer| self.queue(buffer.clone()));
            return Ok(0);
        }
        let Some(first) = buffers.next() else {
            return Ok(0);
        };
        let Some(second) = buffers.next() else {
            return self.send_one(first);
        };
        let all: SmallVec<[&Bytes; 16]> = [first, second].into_iter().chain(buffers).collect();
        self.send_many(&all)
    }

    fn send_one(&mut self, buffer: &Bytes) -> io::Result<usize> {
        let written = written(self.io.write(buffer))?;
        if written < buffer.len() {
            self.queue(buffer.slice(written..));
        }
        Ok(written)
    }

    fn send_many(&mut self, buffers: &[&Bytes]) -> io::Result<usize> {
        let mut total = 0;
        let mut blocked = false;
        for group in buffers.chunks(64) {
            let mut left = 0;
            if !blocked {
                let slices: SmallVec<[IoSlice<'_>; 16]> =
                    group.iter().map(|buffer| IoSlice::new(buffer)).collect();
                left = written(self.io.write_vectored(&slices))?;
                total += left;
                blocked = left < group.iter().map(|buffer| buffer.len()).sum();
            }
            for buffer in group {
                let skip = left.min(buffer.len());
                left -= skip;
                if skip < buffer.len() {
                    self.queue(buffer.slice(skip..));
                }
            }
        }
        Ok(total)
    }

    fn queue(&mut self, buffer: Bytes) {
        let backlog = self.backlog.get_or_insert_default();
        backlog.bytes += buffer.len();
        let short = buffer.len() < COPY_BELOW;
        backlog.queue.push_back(if short { Bytes::copy_from_slice(&buffer) } else { buffer });
    }

    /// Writes what waits until the kernel takes no more.
    ///
    /// # Errors
    /// When the stream is broken.
    pub(crate) fn flush(&mut self) -> io::Result<usize> {
        let mut total = 0;
        while let Some(backlog) = &mut self.backlog {
            let slices: SmallVec<[IoSlice<'_>; 16]> =
                backlog.queue.iter().take(64).map(|buffer| IoSlice::new(buffer)).collect();
            let result = self.io.write_vectored(&slices);
            drop(slices);
            let sent = written(result)?;
            total += sent;
            backlog.advance(sent);
            if backlog.queue.is_empty() {
                self.backlog = None;
            } else if sent == 0 {
                break;
            }
        }
        if self.finishing && self.backlog.is_none() {
            self.finish();
        }
        Ok(total)
    }

    /// Ends the sending side as soon as everything is written.
    pub(crate) fn finish(&mut self) {
        self.finishing = true;
        if self.backlog.is_none() && !self.finished {
            self.finished = true;
            self.io.finish();
        }
    }

    /// Reads into `buffer`: `Ok(None)` when nothing is there now, `Ok(Some(0))` at the end.
    ///
    /// # Errors
    /// When the stream is broken.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.io.read(buffer) {
                Ok(n) => return Ok(Some(n)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    return Ok(None);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Backlog {
    fn advance(&mut self, mut sent: usize) {
        self.bytes -= sent;
        while sent > 0 {
            let Some(front) = self.queue.front_mut() else {
                break;
            };
            if front.len() > sent {
                front.advance(sent);
                break;
            }
            sent -= front.len();
            self.queue.pop_front();
        }
    }
}

/// What "would block" means for a writer: nothing was written.
fn written(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
        {
            Ok(0)
        }
        other => other,
    }
}

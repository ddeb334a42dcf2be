//! One OS socket of a shard, with its input and its backlog. Only this file writes to a socket.
//!
//! A write goes to the kernel at once. Bytes that the kernel does not take stay in the backlog until
//! the poller reports the stream as writable. The poller is edge-triggered, so this file remembers
//! whether a stream is readable.

use std::io::{self, IoSlice};

use bytes::Bytes;
use engine::Time;
use smallvec::SmallVec;

use crate::http::connection::Http;
use crate::queue::entry::Entry;
use crate::queue::queued_memory::QueuedMemory;
use crate::queue::send_batch::{Form, SendBatch, Sent, entry};
use crate::queue::waiting::Waiting;
use crate::socket::accept::Io;
use crate::socket::listener_config::ConnectionSlot;
use protocol::websocket::{Decoder, Deflate};

/// The rest of a buffer is copied when it is shorter than this, in bytes. A slice would keep the whole
/// buffer in memory.
const COPY_REST: usize = 1024;
/// The same limit for parts of joined buffers, which keep more memory alive.
const COPY_CUT: usize = 16 * 1024;
/// The memory that a part of a joined buffer keeps alive at most, unless the part itself is larger.
const JOINED: usize = 64 * 1024;

/// The protocol that a stream carries.
#[derive(Debug)]
pub(crate) enum Role {
    /// HTTP requests, one after another.
    Http(Box<Http>),
    /// A session's WebSocket. `probe` is true while the session still uses polling; `deflate` is set
    /// when compression was negotiated.
    WebSocket { session: u32, probe: bool, deflate: Option<Deflate>, decoder: Decoder },
    /// Everything is sent: the stream is read until the peer closes it.
    Closing { decoder: Option<Decoder> },
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent of each other")]
pub(crate) struct Stream {
    pub(crate) io: Io,
    pub(crate) connection_slot: Option<ConnectionSlot>,
    /// Bytes that were read and not handled yet.
    pub(crate) input: Vec<u8>,
    backlog: Option<Box<Waiting<Bytes>>>,
    pub(crate) role: Role,
    /// When the stream times out; `Time(0)` for never.
    pub(crate) deadline: Time,
    /// The wheel entry that is live; `Time(0)` for none.
    pub(crate) filed: Time,
    /// The poller reported the stream as readable, and no read has returned "would block" since.
    pub(crate) readable: bool,
    /// The peer has shut down its side. After that, a short read does not mean "would block".
    pub(crate) hung_up: bool,
    /// Reading is paused until the application has taken events.
    pub(crate) paused: bool,
    /// The sending side is shut down when the backlog is written.
    finishing: bool,
    finished: bool,
    /// The end of this WebSocket is reported for the access log.
    pub(crate) is_end_logged: bool,
}

impl Stream {
    pub(crate) fn new(io: Io, input: Vec<u8>, http: Http) -> Self {
        Self {
            io,
            connection_slot: None,
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
            is_end_logged: false,
        }
    }

    /// The negotiated compression of a WebSocket.
    pub(crate) fn deflate(&self) -> Option<Deflate> {
        match self.role {
            Role::WebSocket { deflate, .. } => deflate,
            Role::Http(_) | Role::Closing { .. } => None,
        }
    }

    /// The buffers that the kernel has not taken.
    pub(crate) fn backlog(&self) -> Option<&Waiting<Bytes>> {
        self.backlog.as_deref()
    }

    /// The size of the backlog in bytes.
    pub(crate) fn waiting(&self) -> usize {
        self.backlog.as_ref().map_or(0, |backlog| backlog.bytes())
    }

    /// Whether the backlog is over one of the limits.
    pub(crate) fn exceeds(&self, bytes: usize, packets: usize) -> bool {
        self.backlog.as_ref().is_some_and(|backlog| backlog.exceeds(bytes, packets))
    }

    /// Writes the buffers in order and queues what the kernel does not take. Volatile packets are not
    /// queued, and packets with a conflation key replace older ones.
    ///
    /// # Errors
    /// When the stream is broken.
    pub(crate) fn send<'a>(
        &mut self,
        buffers: impl Iterator<Item = &'a Bytes> + Clone,
        batch: SendBatch<'_>,
        form: Form<'_>,
        memory: &mut QueuedMemory,
    ) -> io::Result<Sent> {
        let (bytes, is_whole) = match self.backlog {
            None => self.write_through(buffers.clone())?,
            Some(_) => (0, false),
        };
        if is_whole {
            return Ok(Sent { bytes, packets: batch.packets(), ..Sent::default() });
        }
        let backlog = self.backlog.get_or_insert_default();
        let sent = if batch.may_be_dropped() {
            queue_packets(backlog, bytes, batch, form, memory)
        } else {
            queue_buffers(backlog, bytes, buffers, batch, form, memory)
        };
        if backlog.is_empty() {
            self.backlog = None;
        }
        Ok(Sent { bytes, waits: self.backlog.is_some(), ..sent })
    }

    /// Writes to the kernel; returns the number of bytes, and whether that is all.
    fn write_through<'a>(
        &mut self,
        mut buffers: impl Iterator<Item = &'a Bytes>,
    ) -> io::Result<(usize, bool)> {
        let Some(first) = buffers.next() else {
            return Ok((0, true));
        };
        let Some(second) = buffers.next() else {
            let sent = written(self.io.write(first))?;
            return Ok((sent, sent == first.len()));
        };
        let all: SmallVec<[&Bytes; 16]> = [first, second].into_iter().chain(buffers).collect();
        let mut total = 0;
        for group in all.chunks(64) {
            let slices: SmallVec<[IoSlice<'_>; 16]> =
                group.iter().map(|buffer| IoSlice::new(buffer)).collect();
            let sent = written(self.io.write_vectored(&slices))?;
            total += sent;
            if sent < group.iter().map(|buffer| buffer.len()).sum() {
                return Ok((total, false));
            }
        }
        Ok((total, true))
    }

    /// Writes the backlog until the kernel takes no more.
    ///
    /// # Errors
    /// When the stream is broken.
    pub(crate) fn flush(&mut self, memory: &mut QueuedMemory) -> io::Result<Sent> {
        let mut total = Sent::default();
        while let Some(backlog) = &mut self.backlog {
            let slices: SmallVec<[IoSlice<'_>; 16]> =
                backlog.items().take(64).map(|buffer| IoSlice::new(buffer)).collect();
            let result = self.io.write_vectored(&slices);
            drop(slices);
            let sent = written(result)?;
            total.bytes += sent;
            total.packets += backlog.advance(sent, memory);
            if backlog.is_empty() {
                self.backlog = None;
            } else if sent == 0 {
                total.waits = true;
                break;
            }
        }
        if self.finishing && self.backlog.is_none() {
            self.finish();
        }
        Ok(total)
    }

    /// Drops the backlog; returns the number of packets in it.
    pub(crate) fn discard(&mut self, memory: &mut QueuedMemory) -> u32 {
        self.backlog.take().map_or(0, |backlog| backlog.discard(memory))
    }

    /// Shuts down the sending side as soon as the backlog is written.
    pub(crate) fn finish(&mut self) {
        self.finishing = true;
        if self.backlog.is_none() && !self.finished {
            self.finished = true;
            self.io.finish();
        }
    }

    /// Reads into `buffer`: `Ok(None)` when the read would block, `Ok(Some(0))` at the end.
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

/// Queues the buffers from byte `written` on, without changes.
fn queue_buffers<'a>(
    backlog: &mut Waiting<Bytes>,
    mut written: usize,
    buffers: impl Iterator<Item = &'a Bytes> + Clone,
    batch: SendBatch<'_>,
    form: Form<'_>,
    memory: &mut QueuedMemory,
) -> Sent {
    let mut sent = Sent::default();
    let (own, count) = (batch.own(), buffers.clone().count());
    // A buffer that is partly written counts as the client's own, so that it gets time for its size.
    let mut push = |place, buffer, skip, packets| {
        let (item, pinned) = rest_of(buffer, skip, batch.is_cut());
        let is_own = skip > 0 || own.is(place, count);
        backlog.push(Entry::new(item, pinned, packets, None), is_own, memory);
    };
    let mut some = buffers.clone();
    if let (0, Some(only), None) = (written, some.next(), some.next()) {
        push(0, only, 0, batch.packets());
        return sent;
    }
    // Where each packet ends: together, the buffers are the packets in order.
    let (mut ends, mut end) = (Vec::new(), 0);
    batch.for_each(|frame, packets| {
        end += form(frame).len();
        ends.push((end, packets));
    });
    let mut ends = ends.into_iter().peekable();
    let mut start = 0;
    for (place, buffer) in buffers.enumerate() {
        let skip = written.min(buffer.len());
        written -= skip;
        let (from, to) = (start + skip, start + buffer.len());
        start = to;
        let mut packets = 0;
        while let Some((end, count)) = ends.next_if(|(end, _)| *end <= to) {
            *(if end <= from { &mut sent.packets } else { &mut packets }) += count;
        }
        if from < to {
            push(place, buffer, skip, packets);
        }
    }
    sent
}

/// Queues the packets from byte `written` on. Volatile packets are dropped.
fn queue_packets(
    backlog: &mut Waiting<Bytes>,
    written: usize,
    batch: SendBatch<'_>,
    form: Form<'_>,
    memory: &mut QueuedMemory,
) -> Sent {
    let (mut sent, mut start) = (Sent::default(), 0);
    let (own, mut count, mut place) = (batch.own(), 0, 0);
    batch.for_each(|_, _| count += 1);
    batch.for_each(|frame, packets| {
        let is_own = own.is(place, count);
        place += 1;
        let (form, flags) = (form(frame), frame.flags());
        let end = start + form.len();
        if end <= written {
            sent.packets += packets;
        } else if start < written {
            // A part of the packet is sent, so the client must get the rest.
            let (item, pinned) = rest_of(&form, written - start, false);
            backlog.push(Entry::new(item, pinned, packets, None), true, memory);
        } else if flags.volatile {
            sent.volatile += packets;
        } else {
            sent.conflated += backlog.push(entry(form, packets, flags), is_own, memory);
        }
        start = end;
    });
    sent
}

/// The rest of a buffer from byte `skip` on, and the number of bytes that it keeps in memory.
fn rest_of(buffer: &Bytes, skip: usize, is_cut: bool) -> (Bytes, usize) {
    let rest = buffer.slice(skip..);
    let is_part = is_cut || skip > 0;
    if is_part && rest.len() < if is_cut { COPY_CUT } else { COPY_REST } {
        return (Bytes::copy_from_slice(&rest), rest.len());
    }
    let pinned = if is_cut { buffer.len().max(JOINED) } else { buffer.len() };
    (rest, pinned)
}

/// Treats "would block" and "interrupted" as a write of zero bytes.
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

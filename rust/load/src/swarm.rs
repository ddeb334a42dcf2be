//! All clients of a run, on one thread: it opens them, reads and writes their streams, and passes their packets to the
//! command.
//!
//! It uses mio, whose readiness events are edge-triggered. It knows nothing of the measurement.

use std::{
    io::{self, Read as _, Write as _},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::{
    Watch,
    client::{Client, ClientContext, Stage, Workload, send},
    ramp::{Ramp, allow_descriptors},
    stall_timeout::{NO_FIRST_ANSWER, StallTimeout},
};

const READ_BUFFER: usize = 256 * 1024;

struct Member {
    client: Client,
    stream: TcpStream,
    unread: Vec<u8>,
    unsent: Vec<u8>,
}

/// All clients of a run.
pub(crate) struct Swarm<'w> {
    poll: Poll,
    events: Events,
    members: Vec<Member>,
    joined: usize,
    ramp: Ramp,
    buffer: Box<[u8]>,
    context: ClientContext,
    pub(crate) watch: &'w dyn Watch,
}

impl<'w> Swarm<'w> {
    pub(crate) fn new(ramp: Ramp, watch: &'w dyn Watch) -> Result<Self, String> {
        Ok(Self {
            poll: Poll::new().map_err(|error| error.to_string())?,
            events: Events::with_capacity(1024),
            members: Vec::new(),
            joined: 0,
            context: ClientContext::new(ramp.identity.clone()),
            ramp,
            buffer: vec![0; READ_BUFFER].into_boxed_slice(),
            watch,
        })
    }

    /// Opens clients until `count` have joined.
    ///
    /// # Errors
    /// A client failed, or no client joined for too long.
    pub(crate) fn open<W: Workload>(&mut self, count: usize, work: &mut W) -> Result<(), String> {
        let (start, from) = (Instant::now(), self.members.len());
        allow_descriptors(count)?;
        let mut stall_timeout = self.stall_timeout(self.joined as u64, "");
        while self.joined < count {
            let due = match self.ramp.rate {
                0 => count,
                rate => {
                    count.min(from + 1 + (start.elapsed().as_secs_f64() * rate as f64) as usize)
                }
            };
            while self.members.len() < due && self.members.len() - self.joined < self.ramp.in_flight
            {
                let number = self.members.len();
                self.start().map_err(|error| self.unreachable(number, &error))?;
            }
            self.turn(Duration::from_millis(1), work)?;
            self.watch.progress(
                "connecting",
                self.joined as f64 / count as f64,
                self.joined as u64,
            );
            let waiting = self.members.len() - self.joined;
            let moved = stall_timeout.check(self.joined as u64);
            moved.map_err(|cause| {
                format!("{cause}: {} clients are in, {waiting} handshakes wait", self.joined)
            })?;
        }
        Ok(())
    }

    /// Starts a stall timeout with the limit of the run.
    pub(crate) fn stall_timeout(&self, progress: u64, hint: &'static str) -> StallTimeout {
        StallTimeout::new(progress, self.ramp.stall_timeout, hint)
    }

    /// Runs the clients until `is_done`. `progress` returns a number that grows with the run.
    ///
    /// # Errors
    /// A client failed, or there was no progress for too long.
    pub(crate) fn wait<W: Workload>(
        &mut self,
        work: &mut W,
        is_done: impl Fn(&W) -> bool,
        progress: impl Fn(&W) -> u64,
    ) -> Result<(), String> {
        let begun = progress(work);
        let mut stall_timeout =
            self.stall_timeout(begun, if begun == 0 { NO_FIRST_ANSWER } else { "" });
        while !is_done(work) {
            self.turn(Duration::from_millis(100), work)?;
            stall_timeout.check(progress(work))?;
        }
        Ok(())
    }

    /// Stops reading from the clients with the numbers `from` and above. They stay connected.
    ///
    /// # Errors
    /// An error of the operating system.
    pub(crate) fn stall(&mut self, from: usize) -> Result<(), String> {
        for member in self.members.iter_mut().skip(from) {
            self.poll
                .registry()
                .deregister(&mut member.stream)
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Runs the clients for `time`.
    ///
    /// # Errors
    /// A client failed.
    pub(crate) fn rest<W: Workload>(&mut self, time: Duration, work: &mut W) -> Result<(), String> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.turn(Duration::from_millis(5), work)?;
        }
        Ok(())
    }

    /// Waits for events once, at most for `timeout`, and handles them.
    ///
    /// # Errors
    /// A client failed, or the run was cancelled.
    pub(crate) fn turn<W: Workload>(
        &mut self,
        timeout: Duration,
        work: &mut W,
    ) -> Result<(), String> {
        if self.watch.is_cancelled() {
            return Err("cancelled".into());
        }
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                return Err(error.to_string());
            }
            _ => {}
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let Token(index) = event.token();
            let done = self.handle_event(index, event, work);
            done.map_err(|error| format!("client {index}: {error}"))?;
        }
        self.events = events;
        Ok(())
    }

    /// Sends one Engine.IO packet from client `index`.
    ///
    /// # Errors
    /// The stream is broken.
    pub(crate) fn send(&mut self, index: usize, packet: &str) -> Result<(), String> {
        let mut out = std::mem::take(&mut self.context.out);
        send(packet, &mut out);
        let sent = self.write(index, &out.frames);
        out.frames.clear();
        self.context.out = out;
        sent.map_err(|error| format!("client {index}: {error}"))
    }

    fn start(&mut self) -> io::Result<()> {
        let number = self.members.len();
        let mut stream = self.ramp.connect(number)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(number), interest)?;
        let client = Client::new(number, self.ramp.deflate, Instant::now());
        self.members.push(Member { client, stream, unread: Vec::new(), unsent: Vec::new() });
        Ok(())
    }

    fn handle_event<W: Workload>(
        &mut self,
        index: usize,
        event: &mio::event::Event,
        work: &mut W,
    ) -> Result<(), String> {
        if event.is_writable() {
            self.handle_writable(index)?;
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.read(index, event.is_read_closed(), work)?;
        }
        Ok(())
    }

    fn handle_writable(&mut self, index: usize) -> Result<(), String> {
        let member = &mut self.members[index];
        if member.client.stage == Stage::Connecting {
            if let Some(error) = member.stream.take_error().map_err(|error| error.to_string())? {
                return Err(self.ramp.reason(&error));
            }
            if member.stream.peer_addr().is_err() {
                return Ok(());
            }
            member.stream.set_nodelay(true).map_err(|error| error.to_string())?;
            member.client.stage = Stage::Upgrading;
            let request = member.client.request(&self.ramp.target, &self.ramp.identity);
            return self.write(index, request.as_bytes()).map_err(|error| error.to_string());
        }
        if !member.unsent.is_empty() {
            let rest = std::mem::take(&mut member.unsent);
            return self.write(index, &rest).map_err(|error| error.to_string());
        }
        Ok(())
    }

    /// Reads until the stream is empty. A short read means that it is empty, unless the peer has closed it.
    fn read<W: Workload>(
        &mut self,
        index: usize,
        closed: bool,
        work: &mut W,
    ) -> Result<(), String> {
        loop {
            let member = &mut self.members[index];
            let length = match member.stream.read(&mut self.buffer) {
                Ok(0) => return Err("the server closed the stream".into()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.to_string()),
            };
            self.consume(index, length, work)?;
            if length < self.buffer.len() && !closed {
                return Ok(());
            }
        }
    }

    fn consume<W: Workload>(
        &mut self,
        index: usize,
        length: usize,
        work: &mut W,
    ) -> Result<(), String> {
        let Member { client, unread, .. } = &mut self.members[index];
        let (now, fresh, before) = (Instant::now(), &self.buffer[..length], client.stage);
        if unread.is_empty() {
            let used = client.consume(fresh, now, work, &mut self.context)?;
            unread.extend_from_slice(&fresh[used..]);
        } else {
            unread.extend_from_slice(fresh);
            let used = client.consume(unread, now, work, &mut self.context)?;
            unread.drain(..used);
        }
        if before != Stage::Joined && client.stage == Stage::Joined {
            self.joined += 1;
        }
        if unread.is_empty() && unread.capacity() > READ_BUFFER {
            *unread = Vec::new();
        }
        if self.context.out.frames.is_empty() {
            return Ok(());
        }
        let out = std::mem::take(&mut self.context.out);
        let sent = self.write(index, &out.frames);
        self.context.out = out;
        self.context.out.frames.clear();
        sent.map_err(|error| error.to_string())
    }

    fn unreachable(&self, number: usize, error: &io::Error) -> String {
        format!("client {number}: {}", self.ramp.reason(error))
    }

    fn write(&mut self, index: usize, mut bytes: &[u8]) -> io::Result<()> {
        let Member { stream, unsent, .. } = &mut self.members[index];
        while unsent.is_empty() && !bytes.is_empty() {
            match stream.write(bytes) {
                Ok(length) => bytes = &bytes[length..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        unsent.extend_from_slice(bytes);
        Ok(())
    }
}

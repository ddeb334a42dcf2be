//! Many clients and one poller.

use std::io;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::args::Args;
use crate::client::{Client, Received};

/// Handshakes under way at a time.
const IN_FLIGHT: usize = 128;
/// Nothing heard for so long means that something was lost.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Swarm {
    pub clients: Vec<Client>,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    received: Vec<Received>,
}

impl Swarm {
    /// Connects all clients; returns when each has joined.
    pub fn connect(args: &Args) -> Result<Self, String> {
        let poll = Poll::new().map_err(|error| error.to_string())?;
        let mut swarm = Self {
            clients: Vec::new(),
            poll,
            events: Events::with_capacity(1024),
            buffer: vec![0; 256 * 1024],
            received: Vec::new(),
        };
        let mut joined = 0;
        while joined < args.clients {
            while swarm.clients.len() < args.clients && swarm.clients.len() - joined < IN_FLIGHT {
                swarm.add(args).map_err(|error| format!("client {}: {error}", swarm.clients.len()))?;
            }
            swarm.turn(|_, received| {
                joined += usize::from(matches!(received, Received::Joined));
                Ok(())
            })?;
        }
        Ok(swarm)
    }

    fn add(&mut self, args: &Args) -> io::Result<()> {
        let mut client = Client::connect(self.clients.len(), args.addr, &args.path)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut client.stream, Token(self.clients.len()), interest)?;
        self.clients.push(client);
        Ok(())
    }

    /// Waits for something and hands it over.
    pub fn turn(
        &mut self,
        handle: impl FnMut(&mut Client, &Received) -> Result<(), String>,
    ) -> Result<(), String> {
        let started = Instant::now();
        self.turn_within(PATIENCE, handle)?;
        if started.elapsed() >= PATIENCE {
            return Err("nothing came for a minute: messages were lost".to_owned());
        }
        Ok(())
    }

    pub fn turn_within(
        &mut self,
        timeout: Duration,
        mut handle: impl FnMut(&mut Client, &Received) -> Result<(), String>,
    ) -> Result<(), String> {
        self.poll.poll(&mut self.events, Some(timeout)).map_err(|error| error.to_string())?;
        for event in &self.events {
            let client = &mut self.clients[event.token().0];
            let mut step = || {
                if event.is_writable() {
                    client.writable()?;
                }
                client.readable(&mut self.buffer, &mut self.received)
            };
            step().map_err(|error| format!("client {}: {error}", event.token().0))?;
            for received in self.received.drain(..) {
                handle(client, &received)?;
            }
        }
        Ok(())
    }
}

//! One node of the cluster: what it publishes, whom it has asked, who is there.
//!
//! Neither I/O nor clock: a driver hands in what came from the bus and what time it is, and takes
//! [`Output`]s until there are none. So several nodes can be run in one test on a virtual clock.

mod peers;
mod requests;
mod speech;

use std::collections::VecDeque;

pub use self::requests::{Outcome, Request};
pub use self::speech::{Bus, Channels};

use self::peers::Peers;
use self::requests::{Expected, Requests};
use self::speech::Speech;
use crate::dialect::Publication;
use crate::error::Error;
use crate::event::EventData;
use crate::message::{AckRequest, Answer, Emit, Envelope, Message};

/// What the names of nodes begin with that are on python-socketio's bus and on Node's: such nodes hear
/// each other on Node's only.
const ON_BOTH: &str = "both.";

/// Milliseconds since the node began.
pub type Time = u64;

/// Where the answer to another node's request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    /// Who has asked.
    pub node: String,
    /// The namespace.
    pub namespace: String,
    /// The request.
    pub request: String,
}

/// What the driver or the server has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Publish this; publications stay in order.
    Publish(Publication),
    /// Hear these channels.
    Subscribe(Vec<String>),
    /// Hear all channels that begin with this.
    SubscribePrefix(String),
    /// Hear these no more.
    Unsubscribe(Vec<String>),
    /// Ask the bus how many nodes hear this channel, and give it to [`Node::counted`].
    Count {
        /// The channel.
        channel: String,
        /// Given back with the answer.
        request: String,
    },
    /// Something for the clients or handlers of this node.
    Local(Local),
    /// A request has its answers, or its time is over.
    Done(Outcome),
    /// A client of another node was asked, or has answered, for a broadcast of this node.
    Acknowledged {
        /// The number of the request, as it was made.
        token: u64,
        /// How many more were asked, or what one has answered.
        answer: Answer,
    },
    /// The bus brought something that is no message; to be counted, and logged once.
    Refused(Error),
}

/// What another node wants of this one.
#[derive(Clone, Debug, PartialEq)]
pub enum Local {
    /// Send an event to clients here. Acknowledgements go to `reply`, or by
    /// [`Node::publish`] as [`Message::Callback`] where the emit names one.
    Emit {
        /// The namespace.
        namespace: String,
        /// The event.
        emit: Emit,
        /// Who has emitted.
        from: String,
        /// Where counts and acknowledgements go.
        reply: Option<ReplyTo>,
    },
    /// Do this to clients here: a join, a leave, a disconnect, or the end of a room.
    Change {
        /// The namespace.
        namespace: String,
        /// What to do.
        message: Message,
    },
    /// Answer with [`Node::answer`].
    Question {
        /// What is asked: clients with their data, sids, or rooms.
        message: Message,
        /// Where the answer goes.
        reply: ReplyTo,
    },
    /// An event for this server itself.
    ServerSide {
        /// The namespace.
        namespace: String,
        /// Name and arguments.
        event: EventData,
        /// Where an answer goes, when one is wanted.
        reply: Option<ReplyTo>,
    },
    /// An answer for a function of this node.
    Callback {
        /// The namespace.
        namespace: String,
        /// The room that was emitted to.
        room: String,
        /// The number of the function.
        id: u64,
        /// The array of its arguments.
        arguments: EventData,
    },
}

/// A node of a cluster over one bus.
#[derive(Debug)]
pub struct Node {
    name: String,
    speech: Speech,
    requests: Requests,
    peers: Peers,
    now: Time,
    outputs: VecDeque<Output>,
}

impl Node {
    /// A node with this name, which no other may have.
    pub fn new(name: impl Into<String>, bus: Bus, now: Time) -> Self {
        let name = name.into();
        let mut node = Self {
            speech: Speech::new(bus, &name),
            requests: Requests::default(),
            peers: Peers::new(now),
            now,
            outputs: VecDeque::new(),
            name,
        };
        let first = node.speech.first_channels();
        node.subscribe(first);
        node
    }

    /// The node's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// A namespace is served here from now on.
    pub fn open_namespace(&mut self, namespace: &str) {
        let channels = self.speech.open(namespace);
        self.subscribe(channels);
        if self.speech.has_heartbeats() {
            self.say(namespace, &Message::Hello);
        }
    }

    fn subscribe(&mut self, channels: Channels) {
        if let Some(prefix) = channels.prefix {
            self.outputs.push_back(Output::SubscribePrefix(prefix));
        }
        if !channels.exact.is_empty() {
            self.outputs.push_back(Output::Subscribe(channels.exact));
        }
    }

    /// The first client of this node has entered a room.
    pub fn open_room(&mut self, namespace: &str, room: &str) {
        if let Some(channel) = self.speech.room_channel(namespace, room) {
            self.outputs.push_back(Output::Subscribe(vec![channel]));
        }
    }

    /// The last client of this node has left a room.
    pub fn close_room(&mut self, namespace: &str, room: &str) {
        if let Some(channel) = self.speech.room_channel(namespace, room) {
            self.outputs.push_back(Output::Unsubscribe(vec![channel]));
        }
    }

    /// Tells the others something.
    ///
    /// # Errors
    /// When the dialect has no form for it.
    pub fn publish(&mut self, namespace: &str, message: &Message) -> Result<(), Error> {
        let publication = self.speech.encode(namespace, message)?;
        self.outputs.push_back(Output::Publish(publication));
        self.peers.spoke(self.now);
        Ok(())
    }

    /// The same for a message that every dialect with such messages has a form for.
    fn say(&mut self, namespace: &str, message: &Message) {
        if let Err(error) = self.publish(namespace, message) {
            self.outputs.push_back(Output::Refused(error));
        }
    }

    /// Answers a request of another node.
    pub fn answer(&mut self, reply: &ReplyTo, answer: Answer) {
        let (to, request) = (reply.node.clone(), reply.request.clone());
        self.say(&reply.namespace, &Message::Answer { to, request, answer });
    }

    /// Asks all other nodes; the answers come as [`Output::Done`] with `token`, within `timeout`
    /// milliseconds.
    ///
    /// # Errors
    /// When the dialect has no form for it.
    pub fn request(
        &mut self,
        token: u64,
        namespace: &str,
        request: Request,
        timeout: u64,
    ) -> Result<(), Error> {
        let id = random_id();
        let asked = request.asked();
        let message = request.into_message(&id);
        // Whoever cannot say it is told at once.
        self.speech.encode(namespace, &message)?;
        let expected = if self.speech.has_heartbeats() {
            Expected::Nodes(self.peers.names(namespace))
        } else {
            Expected::Uncounted(Box::new(message.clone()))
        };
        let is_counted = matches!(expected, Expected::Nodes(_));
        self.requests.insert(&id, token, namespace, asked, expected, self.now + timeout);
        if asked == speech::Asked::Acks || is_counted {
            // Acknowledgements come until the time is over: nobody has to be counted.
            self.requests.count(&id, None);
            self.publish(namespace, &message)?;
        } else {
            let channel = self.speech.count_channel(namespace);
            self.outputs.push_back(Output::Count { channel, request: id.clone() });
        }
        self.finish(&id);
        Ok(())
    }

    /// So many nodes, this one included, hear the channel that was to be counted.
    pub fn counted(&mut self, request: &str, nodes: usize) {
        let Some((namespace, message)) = self.requests.count(request, Some(nodes)) else {
            return;
        };
        if nodes > 1 {
            self.say(&namespace, &message);
        }
        self.finish(request);
    }

    /// Takes what the bus has brought.
    pub fn received(&mut self, channel: &str, body: &[u8]) {
        let asked = |id: &str| self.requests.asked(id);
        match self.speech.decode(channel, body, asked) {
            Ok(Some(envelope)) => self.take(envelope),
            Ok(None) => {}
            Err(error) => self.outputs.push_back(Output::Refused(error)),
        }
    }

    /// Whether a message comes over Node's bus as well: from a node that is on both, as this one is.
    fn comes_twice(&self, from: &str, message: &Message) -> bool {
        self.speech.is_pythons()
            && from.starts_with(ON_BOTH)
            && self.name.starts_with(ON_BOTH)
            && !matches!(message, Message::Callback { .. })
    }

    fn take(&mut self, envelope: Envelope) {
        let Envelope { from, namespace, message } = envelope;
        if self.comes_twice(&from, &message) {
            return;
        }
        let is_own = from == self.name;
        if self.speech.has_heartbeats() && !is_own {
            self.peers.heard(&namespace, &from, &message, self.now);
        }
        match message {
            Message::Hello if !is_own => self.say(&namespace, &Message::Heartbeat),
            Message::Bye => self.lose(&namespace, &from),
            Message::Answer { request, answer, .. } => self.take_answer(&from, &request, answer),
            Message::Callback { to, room, id, arguments } if to == self.name => {
                self.local(Local::Callback { namespace, room, id, arguments });
            }
            Message::Hello | Message::Heartbeat | Message::Callback { .. } => {}
            // The node has acted by itself before it has told the others.
            _ if is_own => {}
            message => self.take_from_other(from, namespace, message),
        }
    }

    fn local(&mut self, local: Local) {
        self.outputs.push_back(Output::Local(local));
    }

    fn take_from_other(&mut self, from: String, namespace: String, message: Message) {
        let reply = |request: &String| ReplyTo {
            node: from.clone(),
            namespace: namespace.clone(),
            request: request.clone(),
        };
        let local = match message {
            Message::Emit(emit) => {
                let reply = match &emit.ack {
                    Some(AckRequest::Counted { request }) => Some(reply(request)),
                    _ => None,
                };
                Local::Emit { namespace, emit, from, reply }
            }
            Message::ServerSideEmit { request, event } => {
                let reply = request.as_ref().map(reply);
                Local::ServerSide { namespace, event, reply }
            }
            Message::FetchSockets { ref request, .. }
            | Message::SocketIds { ref request, .. }
            | Message::AllRooms { ref request } => {
                let reply = reply(request);
                Local::Question { message, reply }
            }
            message => Local::Change { namespace, message },
        };
        self.local(local);
    }

    fn take_answer(&mut self, from: &str, request: &str, answer: Answer) {
        if matches!(answer, Answer::ClientCount(_) | Answer::Ack(_)) {
            if let Some(token) = self.requests.token(request) {
                self.outputs.push_back(Output::Acknowledged { token, answer });
            }
            return;
        }
        self.requests.add(request, from, answer);
        self.finish(request);
    }

    /// Ends a request that has all its answers.
    fn finish(&mut self, request: &str) {
        if let Some(outcome) = self.requests.take_complete(request) {
            self.outputs.push_back(Output::Done(outcome));
        }
    }

    /// A node is gone: nobody waits for its answers any more.
    fn lose(&mut self, namespace: &str, node: &str) {
        self.peers.remove(namespace, node);
        for outcome in self.requests.forget(namespace, node) {
            self.outputs.push_back(Output::Done(outcome));
        }
    }

    /// Says goodbye in every namespace.
    pub fn close(&mut self) {
        if self.speech.has_heartbeats() {
            for namespace in self.speech.namespaces() {
                self.say(&namespace, &Message::Bye);
            }
        }
    }

    /// When [`Node::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        let heartbeat = self.speech.has_heartbeats().then(|| self.peers.due());
        [self.requests.due(), heartbeat].into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = now;
        for outcome in self.requests.expire(now) {
            self.outputs.push_back(Output::Done(outcome));
        }
        if !self.speech.has_heartbeats() {
            return;
        }
        if self.peers.must_speak(now) {
            for namespace in self.speech.namespaces() {
                self.say(&namespace, &Message::Heartbeat);
            }
        }
        for (namespace, node) in self.peers.dead(now) {
            self.lose(&namespace, &node);
        }
    }

    /// How many nodes serve a namespace, this one included; `None` where the bus has to be asked.
    pub fn server_count(&self, namespace: &str) -> Option<usize> {
        self.speech.has_heartbeats().then(|| 1 + self.peers.names(namespace).len())
    }
}

/// Sixteen hexadecimal digits.
fn random_id() -> String {
    let mut bytes = [0; 8];
    // Without random numbers the system cannot make sessions either.
    let _ = getrandom::fill(&mut bytes);
    format!("{:016x}", u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests;

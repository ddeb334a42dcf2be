//! What this node has asked the others, and what they have answered.

use std::collections::{BTreeSet, HashMap};

use super::Time;
use super::speech::Asked;
use crate::event::EventData;
use crate::message::{AckRequest, Answer, Emit, Message, Selection};

/// A question to all other nodes.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Which clients are there, with their data.
    FetchSockets(Selection),
    /// The sids of clients in any of these rooms.
    SocketIds(Vec<String>),
    /// The names of all rooms.
    AllRooms,
    /// An event for the other servers, which answer it.
    ServerSideEmit(EventData),
    /// An event for clients, each of which acknowledges it.
    Emit(Emit),
}

impl Request {
    pub(super) fn asked(&self) -> Asked {
        match self {
            Self::FetchSockets(_) => Asked::Sockets,
            Self::SocketIds(_) => Asked::SocketIds,
            Self::AllRooms => Asked::Rooms,
            Self::ServerSideEmit(_) => Asked::ServerSide,
            Self::Emit(_) => Asked::Acks,
        }
    }

    pub(super) fn into_message(self, id: &str) -> Message {
        let request = id.to_owned();
        match self {
            Self::FetchSockets(who) => Message::FetchSockets { request, who },
            Self::SocketIds(rooms) => Message::SocketIds { request, rooms },
            Self::AllRooms => Message::AllRooms { request },
            Self::ServerSideEmit(event) => {
                Message::ServerSideEmit { request: Some(request), event }
            }
            Self::Emit(emit) => {
                Message::Emit(Emit { ack: Some(AckRequest::Counted { request }), ..emit })
            }
        }
    }
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The number that the request was made with.
    pub token: u64,
    /// What the others have answered, in the order in which the answers came.
    pub answers: Vec<Answer>,
    /// How many did not answer in time.
    pub missing: usize,
    /// Their names, where they are known.
    pub missing_nodes: Vec<String>,
}

/// Who has to answer.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    /// It is not known yet; what is asked is published when it is.
    Uncounted(Box<Message>),
    /// So many.
    Count(usize),
    /// These.
    Nodes(BTreeSet<String>),
    /// Nobody knows; it ends with its time.
    Unknown,
}

#[derive(Debug)]
struct Pending {
    token: u64,
    namespace: String,
    asked: Asked,
    expected: Expected,
    answers: Vec<Answer>,
    deadline: Time,
}

/// The requests that wait.
#[derive(Debug, Default)]
pub(super) struct Requests {
    pending: HashMap<String, Pending>,
}

impl Requests {
    pub(super) fn insert(
        &mut self,
        id: &str,
        token: u64,
        namespace: &str,
        asked: Asked,
        expected: Expected,
        deadline: Time,
    ) {
        let (namespace, answers) = (namespace.to_owned(), Vec::new());
        let pending = Pending { token, namespace, asked, expected, answers, deadline };
        self.pending.insert(id.to_owned(), pending);
    }

    /// What this request has asked for.
    pub(super) fn asked(&self, id: &str) -> Option<Asked> {
        self.pending.get(id).map(|pending| pending.asked)
    }

    pub(super) fn token(&self, id: &str) -> Option<u64> {
        self.pending.get(id).map(|pending| pending.token)
    }

    /// It is known how many nodes there are, this one included, or that nobody knows; returns what
    /// is to be published now.
    pub(super) fn count(&mut self, id: &str, nodes: Option<usize>) -> Option<(String, Message)> {
        let pending = self.pending.get_mut(id)?;
        if !matches!(pending.expected, Expected::Uncounted(_)) {
            return None;
        }
        let others = nodes.map(|nodes| nodes.saturating_sub(1));
        let expected = others.map_or(Expected::Unknown, Expected::Count);
        match std::mem::replace(&mut pending.expected, expected) {
            Expected::Uncounted(message) => Some((pending.namespace.clone(), *message)),
            _ => None,
        }
    }

    pub(super) fn add(&mut self, id: &str, from: &str, answer: Answer) {
        let Some(pending) = self.pending.get_mut(id) else {
            return;
        };
        pending.answers.push(answer);
        if let Expected::Nodes(nodes) = &mut pending.expected {
            nodes.remove(from);
        }
    }

    /// Takes a request out that has all its answers.
    pub(super) fn take_complete(&mut self, id: &str) -> Option<Outcome> {
        let is_complete = self.pending.get(id)?.missing() == Some(0);
        if is_complete { self.pending.remove(id).map(Pending::end) } else { None }
    }

    /// A node is gone: takes the requests out that waited for nobody else.
    pub(super) fn forget(&mut self, namespace: &str, node: &str) -> Vec<Outcome> {
        for pending in self.pending.values_mut().filter(|pending| pending.namespace == namespace) {
            if let Expected::Nodes(nodes) = &mut pending.expected {
                nodes.remove(node);
            }
        }
        self.take(|pending| pending.missing() == Some(0))
    }

    /// Takes the requests out whose time is over.
    pub(super) fn expire(&mut self, now: Time) -> Vec<Outcome> {
        self.take(|pending| pending.deadline <= now)
    }

    fn take(&mut self, is_over: impl Fn(&Pending) -> bool) -> Vec<Outcome> {
        let over = self.pending.extract_if(|_, pending| is_over(pending));
        let mut outcomes: Vec<_> = over.map(|(_, pending)| pending.end()).collect();
        outcomes.sort_unstable_by_key(|outcome| outcome.token);
        outcomes
    }

    pub(super) fn due(&self) -> Option<Time> {
        self.pending.values().map(|pending| pending.deadline).min()
    }
}

impl Pending {
    /// How many answers are missing, if anybody knows.
    fn missing(&self) -> Option<usize> {
        match &self.expected {
            Expected::Uncounted(_) | Expected::Unknown => None,
            Expected::Count(count) => Some(count.saturating_sub(self.answers.len())),
            Expected::Nodes(nodes) => Some(nodes.len()),
        }
    }

    fn end(self) -> Outcome {
        // Nobody has counted the others: the bus is away, and with it at least one that may be there.
        let is_uncounted = matches!(self.expected, Expected::Uncounted(_));
        let missing = self.missing().unwrap_or(usize::from(is_uncounted));
        let missing_nodes = match self.expected {
            Expected::Nodes(nodes) => nodes.into_iter().collect(),
            _ => Vec::new(),
        };
        Outcome { token: self.token, answers: self.answers, missing, missing_nodes }
    }
}

//! Who is there, by their heartbeats: where the bus cannot be asked how many listen.

use std::collections::{BTreeMap, BTreeSet};

use super::Time;
use crate::message::Message;

/// After so much silence a node says that it is there; milliseconds.
const INTERVAL: Time = 5_000;
/// After so much silence a node is gone.
const PATIENCE: Time = 10_000;
/// How often it is looked who is gone.
const LOOK: Time = 1_000;
/// What an emitter calls itself: a process that only publishes.
const EMITTER: &str = "emitter";

/// The other nodes, by namespace.
#[derive(Debug)]
pub(super) struct Peers {
    seen: BTreeMap<String, BTreeMap<String, Time>>,
    spoke: Time,
    looked: Time,
}

impl Peers {
    pub(super) fn new(now: Time) -> Self {
        Self { seen: BTreeMap::new(), spoke: now, looked: now }
    }

    /// This node has said something.
    pub(super) fn spoke(&mut self, now: Time) {
        self.spoke = now;
    }

    /// Another node has said something.
    pub(super) fn heard(&mut self, namespace: &str, node: &str, message: &Message, now: Time) {
        if node.is_empty() || node == EMITTER || *message == Message::Bye {
            return;
        }
        self.seen.entry(namespace.to_owned()).or_default().insert(node.to_owned(), now);
    }

    pub(super) fn remove(&mut self, namespace: &str, node: &str) {
        if let Some(nodes) = self.seen.get_mut(namespace) {
            nodes.remove(node);
        }
    }

    /// The others that serve a namespace.
    pub(super) fn names(&self, namespace: &str) -> BTreeSet<String> {
        self.seen.get(namespace).into_iter().flat_map(|nodes| nodes.keys().cloned()).collect()
    }

    /// Those that were silent for too long.
    pub(super) fn dead(&mut self, now: Time) -> Vec<(String, String)> {
        self.looked = now;
        let all = self.seen.iter().flat_map(|(namespace, nodes)| {
            nodes.iter().map(move |(node, seen)| (namespace.clone(), node.clone(), *seen))
        });
        let dead = all.filter(|(_, _, seen)| now.saturating_sub(*seen) > PATIENCE);
        dead.map(|(namespace, node, _)| (namespace, node)).collect()
    }

    /// Whether this node must say that it is there.
    pub(super) fn must_speak(&self, now: Time) -> bool {
        now >= self.spoke + INTERVAL
    }

    /// When something is to be done.
    pub(super) fn due(&self) -> Time {
        (self.spoke + INTERVAL).min(self.looked + LOOK)
    }
}

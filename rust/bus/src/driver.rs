//! What every transport can do, as messages to its task.

use cluster::dialect::Publication;
use tokio::sync::mpsc;

use crate::redis::RedisOptions;

/// How messages are carried.
#[derive(Clone, Debug)]
pub enum Transport {
    /// By Redis or Valkey.
    Redis(RedisOptions),
}

/// What a transport's task is asked to do.
#[derive(Debug)]
pub(crate) enum Order {
    Publish(Publication),
    Subscribe(Vec<String>),
    SubscribePrefix(String),
    Unsubscribe(Vec<String>),
    Count { channel: String, request: String },
}

pub(crate) type Orders = mpsc::UnboundedReceiver<Order>;

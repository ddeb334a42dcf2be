//! A node on its bus: commands in, messages in and out, deadlines.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cluster::Message;
use cluster::node::{Local, Node, Output, Time};
use net::Outbox;
use router::Router;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep_until};

use crate::driver::{Order, Transport};
use crate::event::BusEvent;
use crate::handle::{BusOptions, Command, Stats};
use crate::queue::{Report, Reports};
use crate::{local, redis};

/// Commands that are carried out before the bus is looked at again.
const COMMANDS: usize = 256;
/// How long a stopping node waits until what it has said is published; not while the bus is away.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The bytes that a message keeps alive, roughly.
pub(crate) fn size_of(message: &Message) -> usize {
    let event = match message {
        Message::Emit(emit) => &emit.event,
        Message::ServerSideEmit { event, .. } => event,
        _ => return 64,
    };
    64 + event.json.len() + event.attachments.iter().map(bytes::Bytes::len).sum::<usize>()
}

struct Task {
    node: Node,
    router: Option<Arc<Router>>,
    orders: UnboundedSender<Order>,
    outbox: Arc<Outbox<BusEvent>>,
    events: Vec<BusEvent>,
    stats: Arc<Stats>,
    began: Instant,
    was_refused: bool,
}

/// Runs a node until it is told to stop.
pub(crate) async fn run(
    options: BusOptions,
    router: Option<Arc<Router>>,
    outbox: Arc<Outbox<BusEvent>>,
    mut commands: UnboundedReceiver<Command>,
    stats: Arc<Stats>,
) {
    let reports = Arc::new(Reports::new(options.max_bytes.max(1 << 20)));
    let (orders, received) = mpsc::unbounded_channel();
    let driver = match options.transport {
        Transport::Redis(redis) => redis::run(
            redis,
            options.write_only,
            received,
            Arc::clone(&reports),
            Arc::clone(&stats),
            options.max_bytes,
        ),
    };
    let driver = tokio::spawn(driver);
    let node = Node::new(options.name, options.dialect, 0);
    let (events, began) = (Vec::new(), Instant::now());
    let mut task = Task { node, router, orders, outbox, events, stats, began, was_refused: false };
    task.act();
    let mut batch = Vec::with_capacity(COMMANDS);
    loop {
        let due = task.node.poll_timeout().map(|due| began + Duration::from_millis(due));
        let timeout = sleep_until(due.unwrap_or_else(|| Instant::now() + Duration::from_hours(1)));
        let goes_on = tokio::select! {
            biased;
            count = commands.recv_many(&mut batch, COMMANDS) => {
                count > 0 && batch.drain(..).all(|command| task.obey(command))
            }
            (taken, dropped) = reports.take() => {
                task.stats.lost.fetch_add(dropped, Ordering::Relaxed);
                for report in taken {
                    task.take(report);
                }
                true
            }
            () = timeout => true,
        };
        task.node.handle_timeout(task.now());
        task.act();
        if !goes_on {
            break;
        }
    }
    task.node.close();
    task.act();
    drop(task);
    // It ends when it has published what it was given.
    let _ = tokio::time::timeout(LAST_WORDS, driver).await;
}

impl Task {
    fn now(&self) -> Time {
        self.began.elapsed().as_millis() as Time
    }

    /// Carries out a command; `false` when it is the last.
    fn obey(&mut self, command: Command) -> bool {
        match command {
            Command::OpenNamespace(namespace) => self.node.open_namespace(&namespace),
            Command::OpenRoom { namespace, room } => self.node.open_room(&namespace, &room),
            Command::CloseRoom { namespace, room } => self.node.close_room(&namespace, &room),
            Command::Publish { namespace, message } => {
                self.stats.waiting.fetch_sub(size_of(&message), Ordering::Relaxed);
                if let Err(error) = self.node.publish(&namespace, &message) {
                    self.refuse(&error);
                }
            }
            Command::Request { token, namespace, request, timeout } => {
                if let Err(error) = self.node.request(token, &namespace, request, timeout) {
                    self.events.push(BusEvent::Failed { token, error: error.to_string() });
                }
            }
            Command::Answer { reply, answer } => self.node.answer(&reply, answer),
            Command::Stop => return false,
        }
        true
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Up => {
                self.stats.is_up.store(true, Ordering::Relaxed);
                self.events.push(BusEvent::Up);
            }
            Report::Down(why) => {
                self.stats.is_up.store(false, Ordering::Relaxed);
                self.events.push(BusEvent::Down(why));
            }
            Report::Message { channel, body } => {
                self.stats.received.fetch_add(1, Ordering::Relaxed);
                self.node.received(&channel, &body);
                self.act();
            }
            Report::Counted { request, nodes } => self.node.counted(&request, nodes),
            Report::Lost(count) => {
                self.stats.lost.fetch_add(count, Ordering::Relaxed);
            }
        }
    }

    /// The first is said, all are counted.
    fn refuse(&mut self, error: &cluster::Error) {
        self.stats.refused.fetch_add(1, Ordering::Relaxed);
        if !std::mem::replace(&mut self.was_refused, true) {
            self.events.push(BusEvent::Refused(error.to_string()));
        }
    }

    /// Does what the node has asked for.
    fn act(&mut self) {
        while let Some(output) = self.node.poll_output() {
            let order = match output {
                Output::Publish(publication) => {
                    self.stats.waiting.fetch_add(publication.body.len(), Ordering::Relaxed);
                    Order::Publish(publication)
                }
                Output::Subscribe(channels) => Order::Subscribe(channels),
                Output::SubscribePrefix(prefix) => Order::SubscribePrefix(prefix),
                Output::Unsubscribe(channels) => Order::Unsubscribe(channels),
                Output::Count { channel, request } => Order::Count { channel, request },
                Output::Local(local) => {
                    self.act_here(local);
                    continue;
                }
                Output::Done(outcome) => {
                    self.events.push(BusEvent::Done(outcome));
                    continue;
                }
                Output::Acknowledged { token, answer } => {
                    self.events.push(BusEvent::Acknowledged { token, answer });
                    continue;
                }
                Output::Refused(error) => {
                    self.refuse(&error);
                    continue;
                }
            };
            // It ends after this task.
            let _ = self.orders.send(order);
        }
        if !self.events.is_empty() {
            self.outbox.publish(0, &mut self.events);
        }
    }

    fn act_here(&mut self, local: Local) {
        let Some(router) = &self.router else { return };
        match local {
            Local::Emit { namespace, emit, .. } if emit.ack.is_none() => {
                local::emit(router, &namespace, &emit);
            }
            Local::Emit { namespace, emit, from, reply } => {
                self.events.push(BusEvent::Emit { namespace, emit, from, reply });
            }
            Local::Change { namespace, message } => local::change(router, &namespace, &message),
            Local::Question { message, reply } => {
                match local::answer(router, &reply.namespace, &message) {
                    Some(answer) => self.node.answer(&reply, answer),
                    None => self.events.push(BusEvent::FetchSockets { message, reply }),
                }
            }
            Local::ServerSide { namespace, event, reply } => {
                self.events.push(BusEvent::ServerSide { namespace, event, reply });
            }
            Local::Callback { room, id, arguments, .. } => {
                self.events.push(BusEvent::Callback { room, id, arguments });
            }
        }
    }
}

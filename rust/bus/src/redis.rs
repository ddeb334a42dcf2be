//! Redis and Valkey: a connection that publishes and one that listens, made again when they are lost.

mod connect;
mod options;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cluster::dialect::Publication;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, PushInfo, PushKind, RedisError, RedisResult, Value};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

pub use self::options::RedisOptions;

use self::connect::Connection;
use crate::driver::{Order, Orders};
use crate::handle::Stats;
use crate::queue::{Report, Reports};

/// Publications in one round trip.
const BATCH: usize = 256;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the transport hears, in the order in which it begins: other nodes count those who hear a
/// channel, and who is counted must hear the rest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subscription {
    Prefix(String),
    Channel(String),
}

impl Subscription {
    /// What begins it, or ends it.
    fn command(&self, sharded: bool, on: bool) -> Cmd {
        let (name, argument) = match (self, sharded, on) {
            (Self::Channel(channel), false, true) => ("SUBSCRIBE", channel.clone()),
            (Self::Channel(channel), false, false) => ("UNSUBSCRIBE", channel.clone()),
            (Self::Channel(channel), true, true) => ("SSUBSCRIBE", channel.clone()),
            (Self::Channel(channel), true, false) => ("SUNSUBSCRIBE", channel.clone()),
            (Self::Prefix(prefix), _, true) => ("PSUBSCRIBE", format!("{}*", escaped(prefix))),
            (Self::Prefix(prefix), _, false) => ("PUNSUBSCRIBE", format!("{}*", escaped(prefix))),
        };
        let mut command = redis::cmd(name);
        command.arg(argument);
        command
    }
}

struct Driver {
    options: RedisOptions,
    write_only: bool,
    orders: Orders,
    reports: Arc<Reports>,
    stats: Arc<Stats>,
    max_bytes: usize,
    wanted: BTreeSet<Subscription>,
    waiting: VecDeque<Publication>,
    bytes: usize,
    counts: VecDeque<(String, String)>,
    /// No more orders come.
    is_over: bool,
}

/// Carries messages until no more orders come and all are published.
pub(crate) async fn run(
    options: RedisOptions,
    write_only: bool,
    orders: Orders,
    reports: Arc<Reports>,
    stats: Arc<Stats>,
    max_bytes: usize,
) {
    let (wanted, waiting, counts) = (BTreeSet::new(), VecDeque::new(), VecDeque::new());
    let mut driver = Driver {
        options,
        write_only,
        orders,
        reports,
        stats,
        max_bytes,
        wanted,
        waiting,
        bytes: 0,
        counts,
        is_over: false,
    };
    let mut pause = FIRST_PAUSE;
    let mut is_down = false;
    // A process that ends right after it has emitted still connects, and publishes that.
    loop {
        let error = match driver.connect().await {
            Ok(mut lines) => {
                pause = FIRST_PAUSE;
                is_down = false;
                driver.reports.push(Report::Up);
                match driver.serve(&mut lines).await {
                    Ok(()) => return,
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        // Said once for each time that it is lost.
        if !std::mem::replace(&mut is_down, true) {
            driver.reports.push(Report::Down(error.to_string()));
        }
        driver.rest(pause).await;
        if driver.is_over {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The connections while they are up.
struct Lines {
    publisher: Connection,
    listener: Option<Connection>,
    lost: Arc<Notify>,
}

/// Opens the connections, and hears these channels.
async fn open(
    options: RedisOptions,
    write_only: bool,
    wanted: BTreeSet<Subscription>,
    reports: Arc<Reports>,
) -> RedisResult<Lines> {
    let lost = Arc::new(Notify::new());
    let publisher = Connection::open(&options, None).await?;
    if write_only {
        return Ok(Lines { publisher, listener: None, lost });
    }
    let gone = Arc::clone(&lost);
    let on_push = Box::new(move |push| take_push(&reports, &gone, push));
    let mut listener = Connection::open(&options, Some(on_push)).await?;
    for subscription in wanted {
        listener.req_packed_command(&subscription.command(options.sharded, true)).await?;
    }
    Ok(Lines { publisher, listener: Some(listener), lost })
}

impl Driver {
    /// Opens the connections, and hears what is wanted. Orders that come meanwhile are noted.
    async fn connect(&mut self) -> RedisResult<Lines> {
        let heard = self.wanted.clone();
        let (options, reports) = (self.options.clone(), Arc::clone(&self.reports));
        let opening = open(options, self.write_only, heard.clone(), reports);
        let mut lines = self.note_while(opening).await?;
        let late = self.wanted.difference(&heard).map(|added| (added.clone(), true));
        let gone = heard.difference(&self.wanted).map(|removed| (removed.clone(), false));
        let changes = late.chain(gone).collect();
        self.change(&mut lines, changes).await?;
        Ok(lines)
    }

    /// Waits for something, noting orders meanwhile.
    async fn note_while<T>(&mut self, something: impl Future<Output = T>) -> T {
        tokio::pin!(something);
        loop {
            tokio::select! {
                done = &mut something => return done,
                order = self.orders.recv(), if !self.is_over => self.take(order),
            }
        }
    }

    /// Waits before it is tried again, noting orders meanwhile; not when no more come.
    async fn rest(&mut self, pause: Duration) {
        let end = Instant::now() + pause;
        while !self.is_over {
            tokio::select! {
                () = sleep_until(end) => return,
                order = self.orders.recv() => self.take(order),
            }
        }
    }

    fn take(&mut self, order: Option<Order>) {
        match order {
            Some(order) => {
                self.note(order);
            }
            None => self.is_over = true,
        }
    }

    /// Notes an order; a change of subscriptions is returned, for who listens now.
    fn note(&mut self, order: Order) -> Vec<(Subscription, bool)> {
        let mut changes = Vec::new();
        let mut want = |wanted: &mut BTreeSet<_>, subscription: Subscription, on: bool| {
            let is_new =
                if on { wanted.insert(subscription.clone()) } else { wanted.remove(&subscription) };
            if is_new {
                changes.push((subscription, on));
            }
        };
        match order {
            Order::Publish(publication) => self.queue(publication),
            Order::Subscribe(channels) => channels
                .into_iter()
                .for_each(|channel| want(&mut self.wanted, Subscription::Channel(channel), true)),
            Order::SubscribePrefix(prefix) => {
                want(&mut self.wanted, Subscription::Prefix(prefix), true);
            }
            Order::Unsubscribe(channels) => channels
                .into_iter()
                .for_each(|channel| want(&mut self.wanted, Subscription::Channel(channel), false)),
            Order::Count { channel, request } => self.counts.push_back((channel, request)),
        }
        changes
    }

    /// The oldest are kept: those who emit wait while the bus is up, and nobody waits while it is away.
    fn queue(&mut self, publication: Publication) {
        let size = publication.body.len();
        if self.bytes + size > 2 * self.max_bytes && !self.waiting.is_empty() {
            self.stats.waiting.fetch_sub(size, Ordering::Relaxed);
            self.reports.push(Report::Lost(1));
            return;
        }
        self.bytes += size;
        self.waiting.push_back(publication);
    }

    /// Publishes and listens until the connections break, or everything is done.
    async fn serve(&mut self, lines: &mut Lines) -> RedisResult<()> {
        let lost = Arc::clone(&lines.lost);
        loop {
            self.publish(&mut lines.publisher).await?;
            self.count(&mut lines.publisher).await?;
            if self.is_over {
                return Ok(());
            }
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => {
                        let mut changes = self.note(order);
                        while let Ok(order) = self.orders.try_recv() {
                            changes.extend(self.note(order));
                        }
                        self.change(lines, changes).await?;
                    }
                    None => self.is_over = true,
                },
                () = lost.notified() => {
                    return Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
                }
            }
        }
    }

    async fn change(
        &self,
        lines: &mut Lines,
        changes: Vec<(Subscription, bool)>,
    ) -> RedisResult<()> {
        let Some(listener) = &mut lines.listener else { return Ok(()) };
        for (subscription, on) in changes {
            listener.req_packed_command(&subscription.command(self.options.sharded, on)).await?;
        }
        Ok(())
    }

    /// Publishes what waits, in order, a batch in each round trip.
    async fn publish(&mut self, publisher: &mut Connection) -> RedisResult<()> {
        while !self.waiting.is_empty() {
            let count = self.waiting.len().min(BATCH);
            let mut pipe = Pipeline::with_capacity(count);
            for publication in self.waiting.iter().take(count) {
                let name = if self.options.sharded { "SPUBLISH" } else { "PUBLISH" };
                pipe.cmd(name).arg(&publication.channel).arg(&publication.body[..]).ignore();
            }
            // Those of a batch that fails are published again: a message may come twice then, none is lost.
            let _: () = publisher.query(&pipe).await?;
            for publication in self.waiting.drain(..count) {
                self.bytes -= publication.body.len();
                self.stats.waiting.fetch_sub(publication.body.len(), Ordering::Relaxed);
            }
            self.stats.published.fetch_add(count as u64, Ordering::Relaxed);
            // Orders that came meanwhile go into the next batch.
            if count < BATCH {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn count(&mut self, publisher: &mut Connection) -> RedisResult<()> {
        while let Some((channel, request)) = self.counts.front().cloned() {
            let mut command = redis::cmd("PUBSUB");
            command.arg(if self.options.sharded { "SHARDNUMSUB" } else { "NUMSUB" }).arg(&channel);
            let found: Vec<Value> = command.query_async(publisher).await?;
            let nodes = found.get(1).map_or(Ok(0), redis::from_redis_value_ref)?;
            self.counts.pop_front();
            self.reports.push(Report::Counted { request, nodes });
        }
        Ok(())
    }
}

/// A prefix as a pattern that means just itself.
fn escaped(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len());
    for character in prefix.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

/// Takes what the listening connection is sent; called on its task, so it must not wait.
fn take_push(reports: &Reports, lost: &Notify, push: PushInfo) {
    let mut data = push.data.into_iter();
    match push.kind {
        PushKind::Disconnection => lost.notify_one(),
        PushKind::Message | PushKind::SMessage => message(reports, data.next(), data.next()),
        PushKind::PMessage => {
            data.next();
            message(reports, data.next(), data.next());
        }
        _ => {}
    }
}

fn message(reports: &Reports, channel: Option<Value>, body: Option<Value>) {
    if let (Some(Value::BulkString(channel)), Some(Value::BulkString(body))) = (channel, body) {
        let channel = String::from_utf8_lossy(&channel).into_owned();
        reports.push(Report::Message { channel, body: body.into() });
    }
}

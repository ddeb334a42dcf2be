//! socketioxide on axum, as a peer of the load generator: `socketioxide-peer PORT`.
//!
//! One thread, as every peer here has one core; mimalloc, which its authors use; queues long enough that a client
//! misses nothing. The handlers do what fanio/bench/handlers.py does, but without yielding between emits: so each
//! writer task finds many messages and joins them, which is the best that this server can do (four times as good).

use std::{
    str::FromStr as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
    socket::Sid,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The default of 128 loses messages in a burst.
const QUEUE: usize = 100_000;

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Error> {
    let port: u16 = std::env::args().nth(1).ok_or("PORT is missing")?.parse()?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(port))
}

async fn serve(port: u16) -> Result<(), Error> {
    let (layer, io) = SocketIo::builder().max_buffer_size(QUEUE).build_layer();
    let (server, seq) = (io.clone(), Arc::new(AtomicU64::new(0)));
    io.ns("/", async move |socket: SocketRef| install(&socket, &server, &seq));
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    let listener = socket.listen(4096)?;
    println!("ready {}", std::process::id());
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, axum::Router::new().layer(layer)).await?;
    Ok(())
}

/// The arguments of the event: how many, of how many bytes, and "binary" when these are an attachment.
#[derive(Deserialize)]
struct Broadcast(u64, usize, #[serde(default)] Option<String>);

fn install(socket: &SocketRef, io: &SocketIo, seq: &Arc<AtomicU64>) {
    let (server, numbers) = (io.clone(), Arc::clone(seq));
    socket.on(
        "bench:broadcast",
        async move |Data(Broadcast(count, size, kind)), ack: AckSender| {
            let is_binary = kind.is_some();
            let (text, bytes) = ("x".repeat(size), Bytes::from(vec![b'x'; size]));
            for _ in 0..count {
                let seq = numbers.fetch_add(1, Ordering::Relaxed);
                let sent = if is_binary {
                    server.emit("b", &(seq, &bytes)).await
                } else {
                    server.emit("b", &(seq, &text)).await
                };
                complain(sent);
            }
            complain(ack.send(&[(); 0]));
        },
    );
    let (server, numbers) = (io.clone(), Arc::clone(seq));
    socket.on(
        "bench:mixed",
        async move |Data::<(usize, Vec<String>)>((size, targets)), ack: AckSender| {
            let pad = "x".repeat(size);
            for target in targets {
                let message = (numbers.fetch_add(1, Ordering::Relaxed), &pad);
                if target.is_empty() {
                    complain(server.emit("b", &message).await);
                } else if let Some(client) =
                    Sid::from_str(&target).ok().and_then(|sid| server.get_socket(sid))
                {
                    complain(client.emit("b", &message));
                } else {
                    complain(server.to(target).emit("b", &message).await);
                }
            }
            complain(ack.send(&[(); 0]));
        },
    );
    socket.on(
        "bench:join",
        async |socket: SocketRef, Data::<Vec<String>>(rooms), ack: AckSender| {
            socket.join(rooms);
            complain(ack.send(&[(); 0]));
        },
    );
    socket
        .on("bench:echo", async |Data::<Value>(value), ack: AckSender| complain(ack.send(&value)));
}

/// A message that could not be sent is missed by the generator; this says why.
fn complain<E: std::fmt::Display>(result: Result<(), E>) {
    if let Err(error) = result {
        eprintln!("{error}");
    }
}

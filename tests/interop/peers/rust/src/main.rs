//! A client of `rust_socketio` that stays: peer sync|async TRANSPORT URL; a line for every connect,
//! disconnect and echo.

use std::thread::sleep;
use std::time::Duration;

use futures_util::FutureExt;
use rust_socketio::asynchronous::{Client as AsyncClient, ClientBuilder as AsyncBuilder};
use rust_socketio::{ClientBuilder, Event, Payload, RawClient, TransportType};
use serde_json::json;

fn transport(name: &str) -> TransportType {
    match name {
        "polling" => TransportType::Polling,
        "websocket" => TransportType::Websocket,
        _ => TransportType::Any,
    }
}

fn stay(name: &str, url: &str) {
    let connected = |_: Payload, socket: RawClient| {
        println!("connect");
        let _ = socket.emit("message", json!("hello"));
    };
    let client = ClientBuilder::new(url)
        .transport_type(transport(name))
        .reconnect(true)
        .reconnect_delay(50, 200)
        .on(Event::Connect, connected)
        .on(Event::Close, |_, _| println!("disconnect"))
        .on("message-back", |_, _| println!("event hello"))
        .connect();
    let _client = client.expect("the first connection");
    sleep(Duration::from_secs(600));
}

async fn stay_async(name: &str, url: &str) {
    let client = AsyncBuilder::new(url)
        .transport_type(transport(name))
        .reconnect(true)
        .reconnect_delay(50, 200)
        .on(Event::Connect, |_: Payload, socket: AsyncClient| {
            async move {
                println!("connect");
                let _ = socket.emit("message", json!("hello")).await;
            }
            .boxed()
        })
        .on(Event::Close, |_, _| async { println!("disconnect") }.boxed())
        .on("message-back", |_, _| async { println!("event hello") }.boxed())
        .connect()
        .await;
    let _client = client.expect("the first connection");
    tokio::time::sleep(Duration::from_secs(600)).await;
}

fn main() {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [way, name, url] = &args[..] else { panic!("peer sync|async TRANSPORT URL") };
    if way == "sync" {
        return stay(name, url);
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(stay_async(name, url));
}

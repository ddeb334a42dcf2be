//! Measures any Socket.IO v4 server: many WebSocket clients in one thread, and the server's CPU.
//!
//! The server must answer two events: `bench:broadcast` (count, pad length) by emitting
//! `["b", n, pad]` count times to everybody, n counting up over its whole life, then acknowledging;
//! and `bench:echo` (value) by acknowledging with the value.

mod args;
mod cases;
mod client;
mod floor;
mod process;
mod swarm;

fn main() {
    let args = args::Args::parse();
    let outcome = match args.command.as_str() {
        "broadcast" => cases::broadcast(&args),
        "connect" => cases::connect(&args),
        "echo" => cases::echo(&args),
        "floor" => floor::serve(args.port),
        "idle" => cases::idle(&args),
        other => Err(format!("unknown command {other:?}\n{}", args::USAGE)),
    };
    if let Err(error) = outcome {
        eprintln!("load: {error}");
        std::process::exit(1);
    }
}

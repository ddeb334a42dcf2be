//! `load`: measures any Socket.IO v4 server over WebSocket from one thread, and is itself the floor to compare with.
//!
//! One file per command; `swarm` drives the clients, `client` is one of them, `meter` reads the server's CPU time.
//! Speaks the wire by itself: it must not share a mistake with the server it measures.

mod broadcast;
mod client;
mod connect;
mod echo;
mod floor;
mod frame;
mod idle;
mod meter;
mod options;
mod process;
mod report;
mod swarm;
mod upgrade;

use std::process::ExitCode;

use options::Options;
use report::Report;

const USAGE: &str = "\
load COMMAND [options] URL          URL: [ws://]host:port[/path/], default path /socket.io/

  broadcast  --clients N --size B --count C [--burst K] [--warmup C] [--seconds S]
  echo       --clients N --count C [--warmup C] [--seconds S]
  connect    --clients N [--warmup N]
  idle       --clients N [--settle S] [--receive] [--emit '[\"join\",\"room\"]'] [--seconds S]
             stays until standard input closes (and S seconds have passed) or a signal comes
  all:       [--rate R] clients opened per second, 0 = no limit   [--in-flight M] handshakes at once, 64
             [--source K] first source address 127.0.0.K          [--pid P]... processes of the server
             [--json]

load floor [--join J] PORT          the bare loop of send(2); J frames in each send

Exit status 1: a message was lost, doubled or out of order, an answer was wrong, or a client failed.";

fn measure(command: &str, mut options: Options) -> Result<(), String> {
    let json = command != "idle" && options.take_flag("json");
    let run: fn(&mut Options) -> Result<Report, String> = match command {
        "broadcast" => broadcast::run,
        "echo" => echo::run,
        "connect" => connect::run,
        "idle" => return idle::run(&mut options),
        "floor" => return floor::run(&mut options),
        _ => return Err(format!("no command {command}\n\n{USAGE}")),
    };
    let report = run(&mut options)?;
    println!("{}", if json { report.json() } else { report.line() });
    Ok(())
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(command) = arguments.next() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let done = Options::parse(arguments).and_then(|options| measure(&command, options));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load {command}: {error}");
            ExitCode::FAILURE
        }
    }
}

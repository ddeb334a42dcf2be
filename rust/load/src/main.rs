//! The command `load`: the commands of the library, and the floor server, which is the baseline.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command prints to its terminal")]

mod floor;
mod request;

use std::{
    io::{Read as _, Write as _},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use load::{Error, Report, Watch, options::Options};

const USAGE: &str = "\
load COMMAND [options] URL          URL: [http://]host[:port][/path/][?query], default path /socket.io/

  broadcast  --clients N --size B --count C [--burst K | --pace R] [--binary] [--stalled S] [--warmup C] [--seconds S]
  mixed      --clients N --size B --count C [--burst K] [--warmup C] [--seconds S]
  echo       --clients N --count C [--warmup C] [--seconds S]
  connect    --clients N [--warmup N]
  idle       --clients N [--settle S] [--receive] [--emit '[\"join\",\"room\"]'] [--seconds S]
             stays for S seconds; without it until standard input closes or a signal comes
  all:       [--rate R] clients opened per second, 0 = no limit   [--in-flight M] handshakes at once, 64
             [--source K] first source address 127.0.0.K          [--pid P]... processes of the server
             [--patience S] without progress a run fails, 20      [--deflate] offers permessage-deflate
             [--receive-buffer B] the kernel's, of each client      [--json]
             [--namespace /NAME]  [--auth JSON]  [--header 'Name: value']...

load floor [--join J] PORT          the bare loop of send(2); J frames in each send

Exit status 1: a message was lost, doubled or out of order, an answer was wrong, or a client failed; 2: wrong options.";

/// Prints lines to the terminal. It can cancel the run when standard input closes.
#[derive(Default)]
struct Terminal {
    is_closed: Arc<AtomicBool>,
}

impl Watch for Terminal {
    fn is_cancelled(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    fn line(&self, text: &str) {
        eprintln!("{text}");
    }
}

impl Terminal {
    fn cancel_when_standard_input_closes(&self) {
        let flag = Arc::clone(&self.is_closed);
        std::thread::spawn(move || {
            let mut buffer = [0; 256];
            while std::io::stdin().read(&mut buffer).is_ok_and(|length| length > 0) {}
            flag.store(true, Ordering::Relaxed);
        });
    }
}

fn run(command: &str, arguments: Vec<String>) -> Result<(), Error> {
    if command == "floor" {
        return floor::run(&mut Options::parse(arguments)?);
    }
    let (flags, arguments): (Vec<_>, Vec<_>) =
        arguments.into_iter().partition(|argument| argument == "--json");
    let terminal = Terminal::default();
    if command == "idle" && !arguments.iter().any(|argument| argument == "--seconds") {
        terminal.cancel_when_standard_input_closes();
    }
    let report: Report = load::run(command, arguments, &terminal)?;
    let text = if flags.is_empty() { report.line() } else { report.json() };
    // The reader of standard output may have closed it.
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(())
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(command) = arguments.next() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&command, arguments.collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load {command}: {error}");
            ExitCode::from(if matches!(error, Error::Usage(_)) { 2 } else { 1 })
        }
    }
}

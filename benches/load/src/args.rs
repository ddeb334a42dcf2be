//! The command line.

use std::net::SocketAddr;

pub const USAGE: &str = "\
usage: load COMMAND [OPTIONS] http://HOST:PORT
  broadcast --clients N --size BYTES --count C [--burst K] [--pid P]   messages to every client, K per request
  echo      --clients N --count C [--pid P]                            events with ack, C per client
  connect   --clients N [--pid P]                                      connect, then close
  idle      --clients N [--pid P]                                      connect and hold until stdin closes
  floor     --port PORT                                                the bare loop of send(2), as a server
options: --json prints one JSON line; --path PATH (default /socket.io/)";

pub struct Args {
    pub command: String,
    pub clients: usize,
    pub size: usize,
    pub count: usize,
    pub burst: usize,
    pub pid: Option<u32>,
    pub port: u16,
    pub json: bool,
    pub path: String,
    pub addr: SocketAddr,
}

impl Args {
    pub fn parse() -> Self {
        Self::from(std::env::args().skip(1)).unwrap_or_else(|error| {
            eprintln!("load: {error}\n{USAGE}");
            std::process::exit(2);
        })
    }

    fn from(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let command = words.next().ok_or("expected a command")?;
        let addr = SocketAddr::from(([127, 0, 0, 1], 8000));
        let path = "/socket.io/".to_owned();
        let mut args = Self {
            command, clients: 100, size: 64, count: 100, burst: 1, pid: None, port: 8000, json: false, path, addr,
        };
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|text| text.parse().ok()).ok_or(format!("{word}: expected a number"));
            match word.as_str() {
                "--clients" => args.clients = number()?,
                "--size" => args.size = number()?,
                "--count" => args.count = number()?,
                "--burst" => args.burst = number()?.max(1),
                "--pid" => args.pid = Some(number()? as u32),
                "--port" => args.port = number()? as u16,
                "--json" => args.json = true,
                "--path" => args.path = words.next().ok_or("--path: expected a path")?,
                url => args.addr = address(url)?,
            }
        }
        Ok(args)
    }
}

fn address(url: &str) -> Result<SocketAddr, String> {
    let host = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
    host.parse().map_err(|_| format!("{url:?}: expected http://IP:PORT"))
}

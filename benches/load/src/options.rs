//! The command line: `load COMMAND [--name value]… [URL]`.
//!
//! Each command takes the options it knows by name; one that nobody took is an error, so that a misspelt option never
//! measures something else than was asked.

use std::{
    net::{SocketAddr, ToSocketAddrs as _},
    str::FromStr,
};

use crate::process::Processes;

/// Options that take no value.
const FLAGS: [&str; 2] = ["json", "receive"];

/// What stands after the command.
#[derive(Debug, Default)]
pub struct Options {
    named: Vec<(String, String)>,
    free: Vec<String>,
}

impl Options {
    /// Sorts the arguments into options and the rest.
    ///
    /// # Errors
    /// An option without its value.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix("--") {
                Some(name) if FLAGS.contains(&name) => options.named.push((name.into(), String::new())),
                Some(name) => {
                    let value = arguments.next().ok_or_else(|| format!("--{name} needs a value"))?;
                    options.named.push((name.into(), value));
                }
                None => options.free.push(argument),
            }
        }
        Ok(options)
    }

    /// Takes an option's value, or the default.
    ///
    /// # Errors
    /// A value that is not of the type.
    pub fn take<T: FromStr>(&mut self, name: &str, default: T) -> Result<T, String> {
        Ok(self.take_all(name)?.pop().unwrap_or(default))
    }

    /// Takes every value of an option that may be repeated.
    ///
    /// # Errors
    /// A value that is not of the type.
    pub fn take_all<T: FromStr>(&mut self, name: &str) -> Result<Vec<T>, String> {
        let mut values = Vec::new();
        for (_, value) in self.named.extract_if(.., |(key, _)| key == name) {
            values.push(value.parse().map_err(|_| format!("--{name} {value}: not a value it takes"))?);
        }
        Ok(values)
    }

    /// Takes an option that has no value.
    pub fn take_flag(&mut self, name: &str) -> bool {
        self.named.extract_if(.., |(key, _)| key == name).count() > 0
    }

    /// Takes `--pid`, which may be repeated.
    ///
    /// # Errors
    /// A value that is not a number.
    pub fn take_processes(&mut self) -> Result<Processes, String> {
        self.take_all("pid").map(Processes)
    }

    /// Takes the one argument that is no option.
    ///
    /// # Errors
    /// When there is none.
    pub fn take_free(&mut self, what: &str) -> Result<String, String> {
        self.free.pop().ok_or_else(|| format!("{what} is missing"))
    }

    /// Checks that everything was taken.
    ///
    /// # Errors
    /// The first option or argument that this command does not know.
    pub fn finish(&mut self) -> Result<(), String> {
        let options = self.named.drain(..).map(|(name, _)| format!("--{name}"));
        match options.chain(self.free.drain(..)).next() {
            Some(unknown) => Err(format!("{unknown}: this command does not take it")),
            None => Ok(()),
        }
    }
}

/// Where the server is.
#[derive(Clone, Debug)]
pub struct Target {
    pub address: SocketAddr,
    pub host: String,
    pub path: String,
}

impl FromStr for Target {
    type Err = String;

    /// Reads `[ws://|http://]host:port[/path/]`; the path defaults to `/socket.io/`.
    fn from_str(url: &str) -> Result<Self, String> {
        let rest = ["ws://", "http://"].iter().find_map(|scheme| url.strip_prefix(scheme)).unwrap_or(url);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = if path.is_empty() { "/socket.io/".into() } else { format!("/{path}") };
        let with_port = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let mut found = with_port.to_socket_addrs().map_err(|error| format!("{url}: {error}"))?;
        let address = found.find(SocketAddr::is_ipv4).ok_or_else(|| format!("{url}: no IPv4 address"))?;
        Ok(Self { address, host: host.into(), path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Options {
        Options::parse(line.split_whitespace().map(str::to_owned)).expect("well formed")
    }

    #[test]
    fn options_are_taken_by_name() {
        let mut options = options("--clients 5 --pid 1 --pid 2 --json ws://127.0.0.1:1");
        assert_eq!(options.take("clients", 1_usize), Ok(5));
        assert_eq!(options.take("rate", 7_usize), Ok(7));
        assert_eq!(options.take_processes().expect("numbers").0, [1, 2]);
        assert!(options.take_flag("json"));
        assert_eq!(options.take_free("URL").as_deref(), Ok("ws://127.0.0.1:1"));
        assert_eq!(options.finish(), Ok(()));
    }

    #[test]
    fn what_nobody_took_is_an_error() {
        assert!(options("--cleints 5").finish().is_err());
        assert!(options("a").finish().is_err());
        assert!(options("--clients x").take("clients", 1_usize).is_err());
    }

    #[test]
    fn a_target_has_the_usual_path() {
        let target: Target = "http://127.0.0.1:8000".parse().expect("an address");
        assert_eq!((target.path.as_str(), target.address.port()), ("/socket.io/", 8000));
        let target: Target = "ws://127.0.0.1:8000/live/".parse().expect("an address");
        assert_eq!((target.path.as_str(), target.host.as_str()), ("/live/", "127.0.0.1:8000"));
    }
}

//! The command line: `load COMMAND [--name value]… [URL]`.
//!
//! Each command takes its options by name. An option that remains is an error, so that a misspelt option is not ignored.

use std::{
    net::{SocketAddr, ToSocketAddrs as _},
    str::FromStr,
    time::Duration,
};

use crate::{Error, process::Processes};

/// The options without a value.
const FLAGS: [&str; 4] = ["binary", "deflate", "json", "receive"];

/// The arguments after the command.
#[derive(Debug, Default)]
pub struct Options {
    named: Vec<(String, String)>,
    free: Vec<String>,
}

impl Options {
    /// Separates options from other arguments.
    ///
    /// # Errors
    /// The value of an option is missing.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, Error> {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix("--") {
                Some(name) if FLAGS.contains(&name) => {
                    options.named.push((name.into(), String::new()));
                }
                Some(name) => {
                    let value = arguments
                        .next()
                        .ok_or_else(|| Error::Usage(format!("--{name} needs a value")))?;
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
    /// The value does not have the type `T`.
    pub fn take<T: FromStr>(&mut self, name: &str, default: T) -> Result<T, Error> {
        Ok(self.take_all(name)?.pop().unwrap_or(default))
    }

    /// Takes a duration in seconds.
    ///
    /// # Errors
    /// The value is not a duration.
    pub fn take_seconds(&mut self, name: &str, default: f64) -> Result<Duration, Error> {
        let seconds = self.take(name, default)?;
        Duration::try_from_secs_f64(seconds)
            .map_err(|_| Error::Usage(format!("--{name} {seconds}: not a length of time")))
    }

    /// Takes every value of an option that may be repeated.
    ///
    /// # Errors
    /// A value does not have the type `T`.
    pub fn take_all<T: FromStr>(&mut self, name: &str) -> Result<Vec<T>, Error> {
        let mut values = Vec::new();
        for (_, value) in self.named.extract_if(.., |(key, _)| key == name) {
            let parsed = value
                .parse()
                .map_err(|_| Error::Usage(format!("--{name} {value}: not a value it takes")))?;
            values.push(parsed);
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
    /// A value is not a number.
    pub(crate) fn take_processes(&mut self) -> Result<Processes, Error> {
        self.take_all("pid").map(Processes)
    }

    /// Takes the last argument that is not an option. `what` is its name for the error.
    ///
    /// # Errors
    /// There is no such argument.
    pub fn take_free(&mut self, what: &str) -> Result<String, Error> {
        self.free.pop().ok_or_else(|| Error::Usage(format!("{what} is missing")))
    }

    /// Checks that no argument is left.
    ///
    /// # Errors
    /// An option or argument that the command does not take.
    pub fn finish(&mut self) -> Result<(), Error> {
        let options = self.named.drain(..).map(|(name, _)| format!("--{name}"));
        match options.chain(self.free.drain(..)).next() {
            Some(unknown) => Err(Error::Usage(format!("{unknown}: this command does not take it"))),
            None => Ok(()),
        }
    }
}

/// The server, as its URL names it.
#[derive(Clone, Debug)]
pub struct Target {
    /// The address to connect to.
    pub address: SocketAddr,
    /// The value of the `Host` header.
    pub host: String,
    /// The Socket.IO path, with a slash at both ends.
    pub path: String,
    /// The query of the URL with a leading `&`, or an empty text.
    pub query: String,
}

impl FromStr for Target {
    type Err = Error;

    /// Parses `[ws://|http://]host[:port][/path/][?query]`. The default path is `/socket.io/`.
    fn from_str(url: &str) -> Result<Self, Error> {
        let wrong = |reason: &dyn std::fmt::Display| Error::Usage(format!("{url}: {reason}"));
        let rest = match url.split_once("://") {
            Some(("http" | "ws", rest)) => rest,
            Some(("https" | "wss", _)) => {
                return Err(wrong(
                    &"TLS is not supported; use the plain address behind the proxy (http://host:port)",
                ));
            }
            Some(_) => return Err(wrong(&"expected http://host:port")),
            None => url,
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let query = if query.is_empty() { String::new() } else { format!("&{query}") };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = path.trim_end_matches('/');
        let path = if path.is_empty() { "/socket.io/".into() } else { format!("/{path}/") };
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let with_port = if has_port { host.to_owned() } else { format!("{host}:80") };
        let found: Vec<SocketAddr> =
            with_port.to_socket_addrs().map_err(|error| wrong(&error))?.collect();
        let first = found.iter().find(|address| address.is_ipv4()).or_else(|| found.first());
        let address = *first.ok_or_else(|| wrong(&"no address"))?;
        Ok(Self { address, host: host.into(), path, query })
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
        assert_eq!(options.take_free("URL"), Ok("ws://127.0.0.1:1".to_owned()));
        assert_eq!(options.finish(), Ok(()));
    }

    #[test]
    fn an_argument_that_is_not_taken_is_an_error() {
        assert!(options("--cleints 5").finish().is_err());
        assert!(options("a").finish().is_err());
        assert!(options("--clients x").take("clients", 1_usize).is_err());
    }

    #[test]
    fn a_url_is_split_into_its_parts() {
        let target: Target = "http://127.0.0.1:8000".parse().expect("an address");
        assert_eq!((target.path.as_str(), target.address.port()), ("/socket.io/", 8000));
        let target: Target = "ws://127.0.0.1:8000/live/".parse().expect("an address");
        assert_eq!((target.path.as_str(), target.host.as_str()), ("/live/", "127.0.0.1:8000"));
        let target: Target = "127.0.0.1/live?x=1#y".parse().expect("an address");
        assert_eq!((target.path.as_str(), target.address.port()), ("/live/", 80));
        assert_eq!(target.query, "&x=1");
        let target: Target = "127.0.0.1:81?x=1".parse().expect("an address");
        assert_eq!((target.path.as_str(), target.query.as_str()), ("/socket.io/", "&x=1"));
    }

    #[test]
    fn a_wrong_url_says_what_is_expected() {
        for (url, part) in
            [("https://h", "TLS"), ("ftp://h", "expected http"), ("http://:x", "http://:x")]
        {
            let Err(Error::Usage(text)) = url.parse::<Target>() else { panic!("{url}") };
            assert!(text.contains(part), "{text}");
        }
    }
}

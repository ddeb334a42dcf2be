//! The namespace, the auth data and the HTTP headers of all clients of a run.

use std::borrow::Cow;

use crate::{Error, client::excerpt, options::Options};

/// The headers that the generator writes itself.
const RESERVED: [&str; 6] = [
    "connection",
    "host",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
    "upgrade",
];

/// The identity that all clients of a run share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    /// The namespace. It is empty for the default namespace.
    pub(crate) namespace: String,
    /// The data of CONNECT as JSON. It may be empty.
    pub(crate) auth: String,
    /// Header lines for the request, each with its line end.
    pub(crate) headers: String,
}

impl Identity {
    /// Takes `--namespace`, `--auth` and `--header`, which may be repeated.
    ///
    /// # Errors
    /// A namespace without a slash, or an invalid header.
    pub(crate) fn take(options: &mut Options) -> Result<Self, Error> {
        let namespace: String = options.take("namespace", String::new())?;
        if !namespace.is_empty() && (!namespace.starts_with('/') || namespace.contains([',', '?']))
        {
            return Err(Error::Usage(format!(
                "--namespace {namespace}: expected a name that begins with a slash, such as /chat"
            )));
        }
        let namespace = if namespace == "/" { String::new() } else { namespace };
        let headers: Vec<String> = options.take_all("header")?;
        let headers = headers.iter().map(|header| line(header)).collect::<Result<_, _>>()?;
        Ok(Self { namespace, auth: options.take("auth", String::new())?, headers })
    }

    /// Removes the namespace from a Socket.IO packet. `packet` is an Engine.IO packet with its type.
    ///
    /// # Errors
    /// A packet of another namespace.
    pub(crate) fn without_namespace<'p>(&self, packet: &'p [u8]) -> Result<Cow<'p, [u8]>, String> {
        let [b'4', kind, ..] = packet else { return Ok(Cow::Borrowed(packet)) };
        if self.namespace.is_empty() {
            return Ok(Cow::Borrowed(packet));
        }
        // A binary packet has the number of its attachments before the namespace.
        let is_binary = matches!(kind, b'5' | b'6');
        let dash = if is_binary { packet.iter().position(|byte| *byte == b'-') } else { Some(1) };
        let (kind, rest) = packet.split_at(dash.map_or(2, |at| at + 1));
        let rest = rest.strip_prefix(self.namespace.as_bytes());
        match rest.and_then(|rest| rest.strip_prefix(b",")) {
            Some(rest) => Ok(Cow::Owned([kind, rest].concat())),
            None => Err(format!(
                "the server sent {:?}, which is not of {}",
                excerpt(packet),
                self.namespace
            )),
        }
    }
}

/// Checks a header and returns it as a line of the request.
fn line(header: &str) -> Result<String, Error> {
    let wrong = |reason: &str| Error::Usage(format!("--header {header:?}: {reason}"));
    let (name, value) = header.split_once(':').ok_or_else(|| wrong("expected 'Name: value'"))?;
    let (name, value) = (name.trim(), value.trim());
    if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
        return Err(wrong("the generator writes this one itself"));
    }
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) || value.contains(char::is_control) {
        return Err(wrong("expected 'Name: value'"));
    }
    Ok(format!("{name}: {value}\r\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(arguments: &[&str]) -> Result<Identity, Error> {
        let mut options = Options::parse(arguments.iter().map(ToString::to_string))?;
        Identity::take(&mut options)
    }

    #[test]
    fn valid_options_are_accepted() {
        let identity = take(&["--namespace", "/a", "--header", "Cookie: a=1", "--header", "X-Y:2"]);
        let identity = identity.expect("well formed");
        assert_eq!((&*identity.namespace, &*identity.headers), ("/a", "Cookie: a=1\r\nX-Y: 2\r\n"));
        assert_eq!(take(&["--namespace", "/"]).expect("the default").namespace, "");
    }

    #[test]
    fn the_error_describes_a_wrong_option() {
        for (name, value, part) in [
            ("--namespace", "chat", "slash"),
            ("--namespace", "/a,b", "slash"),
            ("--header", "Cookie", "Name: value"),
            ("--header", "A: b\r\nC: d", "Name: value"),
            ("--header", "A b: c", "Name: value"),
            ("--header", "upgrade: x", "itself"),
        ] {
            let Err(Error::Usage(text)) = take(&[name, value]) else { panic!("{value}") };
            assert!(text.contains(part), "{text}");
        }
    }
}

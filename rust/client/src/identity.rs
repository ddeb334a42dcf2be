//! What names a session in its requests: the session id, and the cookies the server has set.

use hyper::header::{HeaderMap, SET_COOKIE};
use parking_lot::Mutex;

/// Bytes of cookies that are kept of a server; more are not taken.
const MAX_COOKIES: usize = 8 * 1024;

/// Shared by the requests of one session.
#[derive(Debug, Default)]
pub(crate) struct Identity(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    sid: String,
    cookies: Vec<(String, String)>,
}

impl Identity {
    /// The session id, empty before the handshake.
    pub(crate) fn sid(&self) -> String {
        self.0.lock().sid.clone()
    }

    pub(crate) fn set_sid(&self, sid: &str) {
        sid.clone_into(&mut self.0.lock().sid);
    }

    /// Takes the cookies of a response: sticky balancers know a session by theirs.
    pub(crate) fn take_cookies(&self, headers: &HeaderMap) {
        for value in headers.get_all(SET_COOKIE) {
            let pair = value.to_str().ok().and_then(|text| text.split(';').next());
            if let Some((name, value)) = pair.and_then(|pair| pair.split_once('=')) {
                self.set_cookie(name.trim(), value.trim());
            }
        }
    }

    fn set_cookie(&self, name: &str, value: &str) {
        let mut inner = self.0.lock();
        inner.cookies.retain(|(known, _)| known != name);
        let held: usize = inner.cookies.iter().map(|(n, v)| n.len() + v.len()).sum();
        if held + name.len() + value.len() <= MAX_COOKIES {
            inner.cookies.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The `Cookie` header: the program's own, then the server's that it does not name itself.
    pub(crate) fn cookie_header(&self, own: Option<&str>) -> Option<String> {
        let mut pairs: Vec<String> = own.iter().map(|text| (*text).to_owned()).collect();
        let named = |name: &str| {
            own.is_some_and(|own| {
                own.split(';').any(|pair| pair.trim().split('=').next() == Some(name))
            })
        };
        let inner = self.0.lock();
        let theirs = inner.cookies.iter().filter(|(name, _)| !named(name));
        pairs.extend(theirs.map(|(name, value)| format!("{name}={value}")));
        if pairs.is_empty() { None } else { Some(pairs.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_of_the_server_are_sent_again() {
        let identity = Identity::default();
        assert_eq!(identity.cookie_header(None), None);
        let mut headers = HeaderMap::new();
        for text in ["io=abc; Path=/; HttpOnly", "route=1", "route=2", "mine=theirs", "broken"] {
            headers.append(SET_COOKIE, text.parse().unwrap());
        }
        identity.take_cookies(&headers);
        let header = identity.cookie_header(Some("mine=x; other=y"));
        assert_eq!(header.as_deref(), Some("mine=x; other=y; io=abc; route=2"));
    }

    #[test]
    fn cookies_are_limited() {
        let identity = Identity::default();
        for number in 0..1000 {
            identity.set_cookie(&format!("c{number}"), &"x".repeat(100));
        }
        assert!(identity.cookie_header(None).unwrap().len() < MAX_COOKIES + 400);
    }
}

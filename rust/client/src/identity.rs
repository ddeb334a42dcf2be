//! What identifies a session in its requests: the session id and the cookies of the server.

use hyper::header::{HeaderMap, SET_COOKIE};
use parking_lot::Mutex;

/// The maximum size of all cookies of a server, in bytes. Further cookies are ignored.
const MAX_COOKIES: usize = 8 * 1024;

/// The identity of one session. Its requests share it.
#[derive(Debug, Default)]
pub(crate) struct Identity(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    sid: String,
    cookies: Vec<(String, String)>,
}

impl Identity {
    /// The session id. It is empty before the handshake.
    pub(crate) fn sid(&self) -> String {
        self.0.lock().sid.clone()
    }

    pub(crate) fn set_sid(&self, sid: &str) {
        sid.clone_into(&mut self.0.lock().sid);
    }

    /// Stores the cookies of a response. Load balancers with sticky sessions need them.
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

    /// The value of the `Cookie` header: the application's cookies, followed by the server's. A
    /// cookie of the application hides the server's cookie with the same name.
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
    fn cookies_of_the_server_are_sent_back() {
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
    fn the_size_of_cookies_is_limited() {
        let identity = Identity::default();
        for number in 0..1000 {
            identity.set_cookie(&format!("c{number}"), &"x".repeat(100));
        }
        assert!(identity.cookie_header(None).unwrap().len() < MAX_COOKIES + 400);
    }
}

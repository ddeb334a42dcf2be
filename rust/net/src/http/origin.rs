//! Checks the `Origin` of requests and makes the CORS headers.
//!
//! A request without an `Origin` does not come from a page of another site, so it is allowed, as in all
//! Socket.IO servers. `X-Forwarded-*` headers are used only when the peer is a trusted proxy.

use std::net::IpAddr;

use protocol::http1::Request;

use crate::options::{Cors, Options, Trusted};
use crate::peer::Peer;

/// The result of the check.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Allowed, with these header lines.
    Allowed(String),
    /// Not allowed.
    Denied,
}

/// Checks a request's origin.
pub(crate) fn check(options: &Options, request: &Request<'_>, peer: &Peer) -> Verdict {
    if options.cors == Cors::Off || request.count("origin") == 0 {
        return Verdict::Allowed(String::new());
    }
    let origin = match (request.count("origin"), request.header("origin")) {
        (1, Some(value)) => std::str::from_utf8(value).ok().filter(|text| is_clean(text)),
        _ => None,
    };
    let Some(origin) = origin else {
        return Verdict::Denied;
    };
    let allowed = match &options.cors {
        Cors::Any | Cors::Ask | Cors::Off => true,
        Cors::List(list) => list.contains(&origin.to_ascii_lowercase()),
        Cors::Same => own_origin(options, request, peer)
            .is_some_and(|own| normal(origin).is_some_and(|origin| origin == own)),
    };
    if allowed { Verdict::Allowed(headers(options, origin)) } else { Verdict::Denied }
}

fn headers(options: &Options, origin: &str) -> String {
    if options.cors == Cors::Any && !options.cors_credentials {
        return "Access-Control-Allow-Origin: *\r\n".to_owned();
    }
    let credentials =
        if options.cors_credentials { "Access-Control-Allow-Credentials: true\r\n" } else { "" };
    format!("Access-Control-Allow-Origin: {origin}\r\n{credentials}Vary: Origin\r\n")
}

fn is_clean(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The origin of pages that this server itself serves.
fn own_origin(options: &Options, request: &Request<'_>, peer: &Peer) -> Option<String> {
    let forwarded = |name| {
        let value = request.header(name).filter(|_| is_trusted(&options.trusted, peer))?;
        let first = std::str::from_utf8(value).ok()?.split(',').next()?.trim();
        (!first.is_empty()).then_some(first)
    };
    let scheme =
        forwarded("x-forwarded-proto").unwrap_or(if peer.secure { "https" } else { "http" });
    let host = match forwarded("x-forwarded-host") {
        Some(host) => host,
        None => std::str::from_utf8(request.header("host")?).ok()?,
    };
    normal(&format!("{scheme}://{host}"))
}

/// Whether the peer is a trusted proxy.
fn is_trusted(trusted: &Trusted, peer: &Peer) -> bool {
    match trusted {
        Trusted::Any => true,
        Trusted::List(list) => peer.addr.is_some_and(|addr| {
            let ip = canonical(addr.ip());
            list.iter().any(|network| network.contains(ip))
        }),
    }
}

/// Converts an IPv4-mapped IPv6 address into the IPv4 address.
fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// The origin in lower case, without the scheme's default port; `None` when it is not valid.
fn normal(origin: &str) -> Option<String> {
    let lower = origin.to_ascii_lowercase();
    let (scheme, host) = lower.split_once("://")?;
    let default = match scheme {
        "http" | "ws" => ":80",
        "https" | "wss" => ":443",
        _ => return None,
    };
    let clean = !host.is_empty() && !host.contains(['/', '@', '?', '#', '\\', ' ']);
    let host = host.strip_suffix(default).unwrap_or(host);
    let scheme = scheme.replace("ws", "http");
    clean.then(|| format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::http1::parse_request;

    fn verdict(options: &Options, headers: &str, peer: &Peer) -> bool {
        let text = format!("GET /socket.io/ HTTP/1.1\r\n{headers}\r\n");
        let (request, _) = parse_request(text.as_bytes()).unwrap().unwrap();
        check(options, &request, peer) != Verdict::Denied
    }

    #[test]
    fn same_origin_compares_scheme_host_and_port() {
        let options = Options::default();
        let peer = Peer::default();
        for (headers, allowed) in [
            ("Host: a.example\r\n", true),
            ("Host: a.example\r\nOrigin: http://a.example\r\n", true),
            ("Host: a.example:80\r\nOrigin: http://A.example\r\n", true),
            ("Host: a.example\r\nOrigin: https://a.example\r\n", false),
            ("Host: a.example\r\nOrigin: http://a.example:81\r\n", false),
            ("Host: a.example\r\nOrigin: http://a.example.evil.com\r\n", false),
            ("Host: a.example\r\nOrigin: http://x@a.example\r\n", false),
            ("Host: a.example\r\nOrigin: null\r\n", false),
            ("Host: a.example\r\nOrigin: http://a.example\r\nOrigin: http://a.example\r\n", false),
            ("Host: a.example\r\nX-Forwarded-Host: evil.com\r\nOrigin: http://evil.com\r\n", false),
        ] {
            assert_eq!(verdict(&options, headers, &peer), allowed, "{headers:?}");
        }
    }

    #[test]
    fn any_origin_is_named_only_when_credentials_are_allowed() {
        let text = "GET /socket.io/ HTTP/1.1\r\nHost: h\r\nOrigin: http://a.example\r\n\r\n";
        let (request, _) = parse_request(text.as_bytes()).unwrap().unwrap();
        for (cors_credentials, expected) in [
            (
                true,
                "Access-Control-Allow-Origin: http://a.example\r\n\
                 Access-Control-Allow-Credentials: true\r\nVary: Origin\r\n",
            ),
            (false, "Access-Control-Allow-Origin: *\r\n"),
        ] {
            let options = Options { cors: Cors::Any, cors_credentials, ..Options::default() };
            let verdict = check(&options, &request, &Peer::default());
            assert_eq!(verdict, Verdict::Allowed(expected.to_owned()));
        }
    }

    #[test]
    fn a_trusted_proxy_names_scheme_and_host() {
        let options = Options { trusted: Trusted::Any, ..Options::default() };
        let headers = "Host: inner:8000\r\nX-Forwarded-Host: a.example\r\n\
                       X-Forwarded-Proto: https\r\nOrigin: https://a.example\r\n";
        assert!(verdict(&options, headers, &Peer::default()));
    }
}

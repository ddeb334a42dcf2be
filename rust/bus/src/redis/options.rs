//! Where Redis is and how it is spoken to.

use std::fmt;

use redis::{ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo, RedisError};

/// Where Redis is. Its text never shows a password.
#[derive(Clone)]
pub struct RedisOptions {
    pub(super) place: Place,
    /// Whether Redis 7's sharded publish and subscribe are used.
    pub(super) sharded: bool,
}

#[derive(Clone)]
pub(super) enum Place {
    Server(Box<ConnectionInfo>),
    Sentinel {
        sentinels: Vec<ConnectionInfo>,
        service: String,
        node: RedisConnectionInfo,
        tls: bool,
    },
    Cluster(Vec<ConnectionInfo>),
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions").field("sharded", &self.sharded).finish_non_exhaustive()
    }
}

/// What is wrong with a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadUrl(String);

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadUrl {}

const FORMS: &str = "expected redis://, rediss://, valkey://, valkeys:// or unix:// with user:password@host:port/db, \
    redis+sentinel://host:port,host:port/db/service, or redis+cluster://host:port,host:port";

impl RedisOptions {
    /// Reads a URL.
    ///
    /// # Errors
    /// When it is none of the known forms. The text does not quote it, for it may hold a password.
    pub fn from_url(url: &str, sharded: bool) -> Result<Self, BadUrl> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| BadUrl(FORMS.to_owned()))?;
        let place = match scheme {
            "redis+sentinel" | "valkey+sentinel" => sentinel(rest, false)?,
            "rediss+sentinel" | "valkeys+sentinel" => sentinel(rest, true)?,
            "redis+cluster" | "valkey+cluster" => Place::Cluster(several("redis", rest)?.0),
            "rediss+cluster" | "valkeys+cluster" => Place::Cluster(several("rediss", rest)?.0),
            _ => Place::Server(Box::new(one(url)?)),
        };
        Ok(Self { place, sharded })
    }
}

fn bad(_: RedisError) -> BadUrl {
    BadUrl(FORMS.to_owned())
}

/// RESP3, in which messages and answers come over one connection.
fn one(url: &str) -> Result<ConnectionInfo, BadUrl> {
    let info = url.into_connection_info().map_err(bad)?;
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    Ok(info.set_redis_settings(redis))
}

/// Hosts with commas between them, a user in front of the first; and the path behind.
fn several(scheme: &str, rest: &str) -> Result<(Vec<ConnectionInfo>, String), BadUrl> {
    let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, hosts) = hosts
        .rsplit_once('@')
        .map_or((String::new(), hosts), |(user, hosts)| (format!("{user}@"), hosts));
    let infos = hosts.split(',').map(|host| one(&format!("{scheme}://{user}{host}")));
    Ok((infos.collect::<Result<_, _>>()?, path.to_owned()))
}

/// `redis+sentinel://host:port,host:port/db/service`, as python-socketio reads it.
fn sentinel(rest: &str, tls: bool) -> Result<Place, BadUrl> {
    let scheme = if tls { "rediss" } else { "redis" };
    let (sentinels, path) = several(scheme, rest)?;
    let (db, service) = path.split_once('/').unwrap_or(("0", &path));
    let db: i64 =
        if db.is_empty() { 0 } else { db.parse().map_err(|_| BadUrl(FORMS.to_owned()))? };
    let service = if service.is_empty() { "mymaster" } else { service };
    let node = sentinels
        .first()
        .ok_or_else(|| BadUrl(FORMS.to_owned()))?
        .redis_settings()
        .clone()
        .set_db(db);
    Ok(Place::Sentinel { service: service.to_owned(), node, tls, sentinels })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_url_is_read() {
        for url in [
            "redis://localhost",
            "redis://:secret@localhost:6380/2",
            "rediss://u:p@h",
            "valkey://h",
            "valkeys://h",
            "unix:///tmp/redis.sock",
            "redis+sentinel://:p@a:1,b:2/0/main",
            "redis+sentinel://a:1/main",
            "redis+cluster://a:1,b:2",
        ] {
            assert!(RedisOptions::from_url(url, false).is_ok(), "{url}");
        }
        for url in ["", "localhost", "http://localhost", "redis+sentinel://a:1/x/main"] {
            let error = RedisOptions::from_url(url, false).unwrap_err().to_string();
            assert!(error.contains("redis+sentinel://"), "{error}");
        }
    }

    #[test]
    fn a_password_is_shown_nowhere() {
        let options = RedisOptions::from_url("redis://:secret@localhost", false).unwrap();
        assert!(!format!("{options:?}").contains("secret"));
        let error = RedisOptions::from_url("redis://:secret@localhost:port", false).unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }
}

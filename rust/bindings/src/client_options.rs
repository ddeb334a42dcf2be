//! Converts the options dictionary of a Python client into `client::Options`.

use std::time::Duration;

use client::{Address, Options, PerMessageDeflate, Proxy, TlsOptions};
use engine::{Config, Parser, Transport};
use pyo3::conversion::FromPyObjectOwned;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::Error;

/// Converts the dictionary. Every key is required; a wrong value raises `TypeError` with its name.
pub(crate) fn from_dict(options: &Bound<'_, PyDict>) -> PyResult<Options> {
    let transports: Vec<String> = get(options, "transports")?;
    let transports = transports.iter().map(|name| transport(name)).collect::<Result<_, _>>()?;
    let timeout = seconds("timeout", get(options, "timeout")?)?;
    let engine = Config {
        allow_upgrades: get(options, "upgrade")?,
        connect_timeout: timeout,
        max_attachments: get(options, "max_attachments")?,
        max_payload: get(options, "max_http_buffer_size")?,
        parser: parser(&get::<String>(options, "parser")?)?,
        ..Config::default()
    };
    let unix: Option<std::path::PathBuf> = get(options, "unix")?;
    let address = match unix {
        Some(path) => Address::Unix(path),
        None => Address::Tcp(get(options, "host")?, get(options, "port")?),
    };
    let proxy: Option<(String, u16, Option<String>)> = get(options, "proxy")?;
    let deflate: Option<(usize, u32)> = get(options, "per_message_deflate")?;
    Ok(Options {
        address,
        authority: get(options, "authority")?,
        path: get(options, "path")?,
        query: get(options, "query")?,
        headers: get(options, "headers")?,
        transports,
        try_all: get(options, "try_all_transports")?,
        tls: tls(options)?,
        proxy: proxy.map(|(host, port, authorization)| Proxy { host, port, authorization }),
        per_message_deflate: deflate
            .map(|(threshold, level)| PerMessageDeflate { threshold, level }),
        timestamp: get(options, "timestamp_requests")?,
        timeout,
        engine,
    })
}

fn tls(options: &Bound<'_, PyDict>) -> PyResult<Option<TlsOptions>> {
    if !get::<bool>(options, "secure")? {
        return Ok(None);
    }
    Ok(Some(TlsOptions {
        verify: get(options, "ssl_verify")?,
        check_hostname: get(options, "ssl_check_hostname")?,
        authorities: get(options, "ssl_ca")?,
        certificate: get(options, "ssl_cert")?,
        server_name: get(options, "server_name")?,
    }))
}

fn get<'py, T: FromPyObjectOwned<'py>>(options: &Bound<'py, PyDict>, name: &str) -> PyResult<T> {
    let value = options.get_item(name)?;
    let value = value.ok_or_else(|| bad(name, "a value"))?;
    value.extract().map_err(Into::into)
}

fn parser(name: &str) -> Result<Parser, Error> {
    match name {
        "msgpack" => Ok(Parser::Msgpack),
        "raw" => Ok(Parser::Raw),
        "socketio" => Ok(Parser::SocketIo),
        _ => Err(bad("parser", "msgpack, raw or socketio")),
    }
}

fn transport(name: &str) -> Result<Transport, Error> {
    Transport::named(name).ok_or_else(|| bad("transports", "polling or websocket"))
}

fn seconds(name: &str, value: f64) -> Result<Duration, Error> {
    Duration::try_from_secs_f64(value).map_err(|_| bad(name, "a number of seconds, not negative"))
}

fn bad(name: &str, expected: &'static str) -> Error {
    Error::Option { name: name.to_owned(), expected }
}

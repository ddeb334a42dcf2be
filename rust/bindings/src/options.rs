//! Converts the options dictionary of a Python server into `net::Options`.

use std::time::Duration;

use engine::Parser;
use net::{Cookie, Cors, Network, Options, PerMessageDeflate, Trusted};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::error::Error;

/// Converts the dictionary. Options that are not in it have their defaults.
pub(crate) fn from_dict(options: &Bound<'_, PyDict>) -> PyResult<Options> {
    let mut result = Options::default();
    for (name, value) in options {
        set(&mut result, &name.extract::<String>()?, &value)?;
    }
    Ok(result)
}

/// Sets one option; raises `TypeError` for an unknown name or a wrong value.
pub(crate) fn set(options: &mut Options, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let engine = &mut options.engine;
    match name {
        "admission" => options.admission = value.extract()?,
        "ask_requests" => options.ask_requests = value.extract()?,
        "allow_upgrades" => engine.allow_upgrades = value.extract()?,
        "body_timeout" => options.body_timeout = seconds(name, value)?,
        "compression_threshold" => options.compression.threshold = value.extract()?,
        "connect_timeout" => engine.connect_timeout = seconds(name, value)?,
        "cookie" => options.cookie = cookie(value)?,
        "cors" => options.cors = cors(value)?,
        "cors_credentials" => options.cors_credentials = value.extract()?,
        "head_timeout" => options.head_timeout = seconds(name, value)?,
        "high_water_mark" => options.high_water_mark = value.extract()?,
        "http_compression" => options.compression.on = value.extract()?,
        "inline_mode" => options.inline_mode = value.extract()?,
        "max_attachments" => engine.max_attachments = value.extract()?,
        "max_http_buffer_size" => engine.max_payload = value.extract()?,
        "max_inbox_bytes" => options.max_inbox_bytes = value.extract()?,
        "max_queue_age" => {
            let age: Option<f64> = value.extract()?;
            options.max_queue_age = match age {
                Some(_) => seconds(name, value)?,
                None => Duration::MAX,
            };
        }
        "max_queue_bytes" => options.max_queue_bytes = limit(value)?,
        "max_queue_packets" => options.max_queue_packets = limit(value)?,
        "max_total_unread_bytes" => options.max_total_unread_bytes = limit(value)?,
        "max_total_queue_bytes" => options.max_total_queue_bytes = limit(value)?,
        "not_sent_low_water" => options.not_sent_low_water = value.extract()?,
        "parser" => engine.parser = parser(value)?,
        "per_message_deflate" => {
            let pair: Option<(usize, u32)> = value.extract()?;
            options.per_message_deflate =
                pair.map(|(threshold, level)| PerMessageDeflate { threshold, level });
        }
        "ping_grace" => options.ping_grace = seconds(name, value)?,
        "ping_interval" => engine.ping_interval = seconds(name, value)?,
        "ping_timeout" => engine.ping_timeout = seconds(name, value)?,
        "report_refusals" => options.report_refusals = value.extract()?,
        "send_buffer" => options.send_buffer = value.extract()?,
        "shards" => {
            if let Some(shards) = value.extract::<Option<usize>>()? {
                options.shards = shards.clamp(1, 64);
            }
        }
        "transports" => {
            let names: Vec<String> = value.extract()?;
            engine.polling = names.iter().any(|name| name == "polling");
            engine.websocket = names.iter().any(|name| name == "websocket");
        }
        "trusted_proxies" => options.trusted = trusted(name, value)?,
        "write_timeout" => options.write_timeout = seconds(name, value)?,
        "upgrade_timeout" => engine.upgrade_timeout = seconds(name, value)?,
        _ => return Err(bad(name, "a name the core knows").into()),
    }
    Ok(())
}

fn bad(name: &str, expected: &'static str) -> Error {
    Error::Option { name: name.to_owned(), expected }
}

fn seconds(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value.extract()?)
        .map_err(|_| bad(name, "a number of seconds, not negative").into())
}

fn parser(value: &Bound<'_, PyAny>) -> PyResult<Parser> {
    match value.extract::<String>()?.as_str() {
        "msgpack" => Ok(Parser::Msgpack),
        "application" => Ok(Parser::Application),
        "raw" => Ok(Parser::Raw),
        "socketio" => Ok(Parser::SocketIo),
        _ => Err(bad("parser", "'application', 'msgpack', 'raw' or 'socketio'").into()),
    }
}

/// `None` means no limit.
fn limit(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    Ok(value.extract::<Option<usize>>()?.unwrap_or(usize::MAX))
}

fn cookie(value: &Bound<'_, PyAny>) -> PyResult<Option<Cookie>> {
    let pair: Option<(String, String)> = value.extract()?;
    Ok(pair.map(|(name, attributes)| Cookie { name, attributes }))
}

fn cors(value: &Bound<'_, PyAny>) -> PyResult<Cors> {
    if let Ok(word) = value.cast::<PyString>() {
        return match word.to_str()? {
            "*" => Ok(Cors::Any),
            "ask" => Ok(Cors::Ask),
            "off" => Ok(Cors::Off),
            "same" => Ok(Cors::Same),
            _ => Err(bad("cors", "'same', '*', 'off', 'ask' or a list of origins").into()),
        };
    }
    let origins: Vec<String> = value.extract()?;
    Ok(Cors::List(origins.into_iter().map(|origin| origin.to_ascii_lowercase()).collect()))
}

fn trusted(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Trusted> {
    if value.cast::<PyString>().is_ok() {
        return Ok(Trusted::Any);
    }
    let addresses: Vec<String> = value.extract()?;
    let parsed: Option<Vec<_>> = addresses.iter().map(|text| Network::parse(text)).collect();
    Ok(Trusted::List(
        parsed.ok_or_else(|| bad(name, "'*' or a list of IP addresses and networks"))?,
    ))
}

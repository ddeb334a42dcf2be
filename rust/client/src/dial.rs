//! Opens a stream to the server: a Unix socket or TCP, directly or through a proxy, with or without TLS.

use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::{Method, Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;

use crate::failure::Failure;
use crate::http::MAX_HEAD;
use crate::options::{Address, Options, Proxy};
use crate::stream::{Plain, Stream};
use crate::tls;

/// Opens a stream within `options.timeout`.
pub(crate) async fn dial(options: &Options) -> Result<Stream, Failure> {
    let opening = timeout(options.timeout, open(options)).await;
    opening.unwrap_or_else(|_| Err(Failure::new("the connection was not opened in time")))
}

async fn open(options: &Options) -> Result<Stream, Failure> {
    let plain = match (&options.address, &options.proxy) {
        (Address::Unix(path), _) => {
            let stream = UnixStream::connect(path).await;
            Plain::Unix(stream.map_err(|error| unreachable(&path.display().to_string(), &error))?)
        }
        (Address::Tcp(host, port), None) => Plain::Tcp(tcp(host, *port).await?),
        (Address::Tcp(host, port), Some(proxy)) => tunnel(proxy, host, *port).await?,
    };
    match &options.tls {
        Some(tls) => tls::wrap(plain, tls).await,
        None => Ok(Stream::Plain(plain)),
    }
}

fn unreachable(place: &str, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot connect to {place}: {error}"))
}

/// Tries the addresses of the host in the order in which the resolver returns them.
async fn tcp(host: &str, port: u16) -> Result<TcpStream, Failure> {
    let place =
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let found = lookup_host((host, port)).await.map_err(|error| unreachable(&place, &error))?;
    let mut last = None;
    for address in found {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Without this option the kernel may delay small packets. They still arrive.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    let last = last.unwrap_or_else(|| std::io::Error::other("the name has no address"));
    Err(unreachable(&place, &last))
}

/// Opens a tunnel to the host through an HTTP proxy.
async fn tunnel(proxy: &Proxy, host: &str, port: u16) -> Result<Plain, Failure> {
    let what = |error: &dyn std::fmt::Display| Failure::while_doing("proxy", error);
    let stream = Plain::Tcp(tcp(&proxy.host, proxy.port).await?);
    let place =
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut request =
        Request::builder().method(Method::CONNECT).uri(&place).header(header::HOST, &place);
    if let Some(value) = &proxy.authorization {
        request = request.header(header::PROXY_AUTHORIZATION, value);
    }
    let request = request.body(Empty::<&[u8]>::new()).map_err(|error| what(&error))?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| what(&error))?;
    tokio::spawn(connection.with_upgrades());
    let response = sender.send_request(request).await.map_err(|error| what(&error))?;
    if !response.status().is_success() {
        return Err(Failure::new(format!("the proxy refused: {}", response.status())));
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(|error| what(&error))?;
    match upgraded.downcast::<TokioIo<Plain>>() {
        Ok(parts) if parts.read_buf.is_empty() => Ok(parts.io.into_inner()),
        _ => Err(Failure::new("proxy: expected no data after its response, but it sent some")),
    }
}

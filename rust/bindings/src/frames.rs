//! The WebSocket frame codec of the ASGI bridge, which is a WebSocket client of a shard.
//!
//! The codec itself is in `protocol::websocket` (RFC 6455).

use protocol::websocket::{self, Opcode, WireMessage};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::Error;

/// The largest message that the bridge accepts from a shard, in bytes.
const MAX_MESSAGE: usize = 1 << 30;

/// Splits the bytes that a shard sends into messages.
#[pyclass(module = "fanio._core")]
pub(crate) struct FrameReader {
    decoder: websocket::Decoder,
    input: Vec<u8>,
}

#[pymethods]
impl FrameReader {
    #[new]
    fn new() -> Self {
        Self { decoder: websocket::Decoder::client(), input: Vec::new() }
    }

    /// Returns the complete messages as (opcode, payload).
    fn feed<'py>(
        &mut self,
        py: Python<'py>,
        data: &[u8],
    ) -> Result<Vec<(u8, Bound<'py, PyBytes>)>, Error> {
        self.input.extend_from_slice(data);
        let mut messages = Vec::new();
        let mut used = 0;
        loop {
            let step = self.decoder.decode(&mut self.input[used..], MAX_MESSAGE);
            let (n, message) = step.map_err(Error::BadFrame)?;
            if n == 0 {
                break;
            }
            used += n;
            messages.extend(message.map(|message| to_python(py, &message)));
        }
        self.input.drain(..used);
        Ok(messages)
    }
}

fn to_python<'py>(py: Python<'py>, message: &WireMessage<'_>) -> (u8, Bound<'py, PyBytes>) {
    let (opcode, payload) = match message {
        WireMessage::Text(text) => (Opcode::Text, text.as_bytes().to_vec()),
        // The bridge does not offer compression, so no message is compressed.
        WireMessage::Binary(data) | WireMessage::Deflated { data, .. } => {
            (Opcode::Binary, data.to_vec())
        }
        WireMessage::Ping(data) => (Opcode::Ping, data.to_vec()),
        WireMessage::Pong(data) => (Opcode::Pong, data.to_vec()),
        WireMessage::Close { code, reason } => {
            let mut body = code.map_or(Vec::new(), |code| code.to_be_bytes().to_vec());
            body.extend_from_slice(reason.as_bytes());
            (Opcode::Close, body)
        }
    };
    (opcode as u8, PyBytes::new(py, &payload))
}

/// Decodes the base64 of a binary message on HTTP long-polling, with the core's rules.
#[pyfunction]
pub(crate) fn decode_base64<'py>(
    py: Python<'py>,
    text: &str,
) -> Result<Bound<'py, PyBytes>, Error> {
    let data = protocol::engineio::decode_base64(text).map_err(Error::BadFrame)?;
    Ok(PyBytes::new(py, &data))
}

/// Encodes one masked client frame.
#[pyfunction]
pub(crate) fn encode_frame<'py>(
    py: Python<'py>,
    opcode: u8,
    payload: &[u8],
) -> Result<Bound<'py, PyBytes>, Error> {
    let opcode = match opcode {
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        other => return Err(Error::BadOpcode(other)),
    };
    let mut frame = Vec::with_capacity(payload.len() + 14);
    // A mask protects proxies between a browser and a server; here both ends are in this process.
    websocket::encode_frame(opcode, payload, Some([0; 4]), &mut frame);
    Ok(PyBytes::new(py, &frame))
}

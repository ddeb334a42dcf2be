//! A blocking WebSocket client for tests.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use protocol::websocket::{Opcode, encode_frame};

pub(crate) struct WebSocket(TcpStream);

impl WebSocket {
    /// Opens a session.
    pub(crate) fn open(addr: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let head = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: h\r\n\
                    Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let (mut answer, mut byte) = (Vec::new(), [0]);
        while !answer.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 101 "));
        let mut socket = Self(stream);
        assert!(socket.read().starts_with(r#"0{"sid":""#));
        socket
    }

    /// Sends a text message.
    pub(crate) fn send(&mut self, text: &str) {
        let mut frame = Vec::new();
        encode_frame(Opcode::Text, text.as_bytes(), Some([1, 2, 3, 4]), &mut frame);
        self.0.write_all(&frame).unwrap();
    }

    /// Reads the next message, which must be text.
    pub(crate) fn read(&mut self) -> String {
        let (opcode, payload) = self.frame();
        assert_eq!(opcode, Opcode::Text as u8, "{payload:?}");
        String::from_utf8(payload).unwrap()
    }

    /// Reads the next message, which must be binary.
    pub(crate) fn read_binary(&mut self) -> Vec<u8> {
        let (opcode, payload) = self.frame();
        assert_eq!(opcode, Opcode::Binary as u8, "{payload:?}");
        payload
    }

    /// Whether the server closes the stream; what it sent before is ignored.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.0.read_to_end(&mut Vec::new()) {
            Ok(_) => true,
            // The kernel sends a reset when the server closes a stream with unread data.
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).unwrap();
        let length = match head[1] {
            126 => {
                let mut long = [0; 2];
                self.0.read_exact(&mut long).unwrap();
                usize::from(u16::from_be_bytes(long))
            }
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).unwrap();
        (head[0] & 0x0f, payload)
    }
}

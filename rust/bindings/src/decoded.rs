//! `Server` methods that report packets which the application's own packet class has decoded.
//!
//! The rules are in `router::decoded`.

use pyo3::prelude::*;

use crate::error::Error;
use crate::query::text;
use crate::server::Server;

#[pymethods]
impl Server {
    /// Registers a CONNECT packet; returns the new sid, or `None` when the session is closed.
    fn receive_connect(&self, session_id: &str, namespace: &str) -> Result<Option<String>, Error> {
        Ok(self.router.decoded_connect(session_id, namespace)?.map(text))
    }

    /// Registers a DISCONNECT packet; returns the sid of the socket that left.
    fn receive_disconnect(&self, session_id: &str, namespace: &str) -> Option<String> {
        self.router.decoded_disconnect(session_id, namespace).map(text)
    }

    /// Registers the end of a socket that a DISCONNECT event has reported; false when it was
    /// registered before.
    fn receive_end(&self, sid: &str) -> bool {
        self.router.decoded_end(sid)
    }

    /// Returns the sid of the socket that sent an event or an ack; `None` when the packet is to be
    /// dropped. For an ack, `event` is `None`.
    #[pyo3(signature = (session_id, namespace, event))]
    fn receive_data(
        &self,
        session_id: &str,
        namespace: &str,
        event: Option<&str>,
    ) -> Result<Option<String>, Error> {
        Ok(self.router.decoded_data(session_id, namespace, event)?.map(text))
    }
}

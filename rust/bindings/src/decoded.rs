//! Packets that a packet class of the application has decoded.

use pyo3::prelude::*;

use crate::error::Error;
use crate::query::text;
use crate::server::Server;

#[pymethods]
impl Server {
    /// Notes a CONNECT packet; returns the new sid, or `None` when the session is gone.
    fn receive_connect(&self, session_id: &str, namespace: &str) -> Result<Option<String>, Error> {
        Ok(self.router.decoded_connect(session_id, namespace)?.map(text))
    }

    /// Notes a DISCONNECT packet; returns the sid of who has left.
    fn receive_disconnect(&self, session_id: &str, namespace: &str) -> Option<String> {
        self.router.decoded_disconnect(session_id, namespace).map(text)
    }

    /// Notes the end of a socket, which an event has told; false when it was noted before.
    fn receive_end(&self, sid: &str) -> bool {
        self.router.decoded_end(sid)
    }

    /// Returns who has sent an event, or an ack, which has no name; `None` when it is to be dropped.
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

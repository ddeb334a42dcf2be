//! The data of an event as it travels between nodes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use protocol::json;

use crate::error::Error;
use crate::transcode;

/// A JSON value as text, and the bytes that its placeholders stand for.
///
/// Of an event it is the array of the name and the arguments: just what a client gets in a packet.
/// So text that came from a node or goes to one is handed on and never made into values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventData {
    /// The text, with `{"_placeholder":true,"num":n}` for each attachment.
    pub json: String,
    /// The attachments, in the order of their numbers.
    pub attachments: Vec<Bytes>,
}

impl EventData {
    /// Data without attachments.
    pub fn text(json: impl Into<String>) -> Self {
        Self { json: json.into(), attachments: Vec::new() }
    }

    /// Reads msgpack; bytes in it become attachments.
    ///
    /// # Errors
    /// When it is no msgpack, or nested too deeply.
    pub fn from_msgpack(data: &[u8]) -> Result<Self, Error> {
        transcode::to_json(data)
    }

    /// The same as msgpack, with the attachments in their places.
    ///
    /// # Errors
    /// When the text is no JSON, or a placeholder names an attachment that is not there.
    pub fn to_msgpack(&self) -> Result<Vec<u8>, Error> {
        transcode::to_msgpack(&self.json, &self.attachments)
    }

    /// Checks that each placeholder names an attachment: a client closes its connection otherwise.
    ///
    /// # Errors
    /// When one does not.
    pub fn check(&self) -> Result<(), Error> {
        if self.attachments.is_empty() {
            return Ok(());
        }
        let count = u32::try_from(self.attachments.len()).map_err(|_| Error::BadAttachments)?;
        let mut met = vec![false; self.attachments.len()];
        for placeholder in
            json::placeholders(&self.json, count).map_err(|_| Error::BadAttachments)?
        {
            met[placeholder.num as usize] = true;
        }
        if met.iter().all(|met| *met) { Ok(()) } else { Err(Error::BadAttachments) }
    }

    /// Splits an event into its name, as JSON, and the array of its arguments, as JSON.
    pub fn split_event(&self) -> Option<(&str, String)> {
        let inner = self.json.trim().strip_prefix('[')?.strip_suffix(']')?.trim_start();
        let end = json::string_end(inner.as_bytes(), 0)?;
        let (name, rest) = inner.split_at(end);
        let rest = rest.trim_start();
        let arguments = rest.strip_prefix(',').unwrap_or(rest);
        Some((name, format!("[{}]", arguments.trim())))
    }

    /// Puts an event together from its name and the array of its arguments, both as JSON.
    pub fn join_event(name: &str, arguments: &str, attachments: Vec<Bytes>) -> Option<Self> {
        let inner = arguments.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
        let comma = if inner.is_empty() { "" } else { "," };
        Some(Self { json: format!("[{name}{comma}{inner}]"), attachments })
    }

    /// The attachments as base64.
    pub(crate) fn base64(&self) -> impl Iterator<Item = String> + '_ {
        self.attachments.iter().map(|data| STANDARD.encode(data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_split_and_put_together() {
        for (event, name, arguments) in
            [(r#"["a"]"#, r#""a""#, "[]"), (r#"[ "a,\"" , 1,[2] ]"#, r#""a,\"""#, "[1,[2]]")]
        {
            let data = EventData::text(event);
            let (found, rest) = data.split_event().unwrap();
            assert_eq!((found, rest.as_str()), (name, arguments));
            let joined = EventData::join_event(found, &rest, Vec::new()).unwrap();
            assert_eq!(joined.split_event(), Some((name, arguments.to_owned())));
        }
        assert_eq!(EventData::text("{}").split_event(), None);
        assert_eq!(EventData::text("[1]").split_event(), None);
    }

    #[test]
    fn each_attachment_needs_its_placeholder() {
        let one = r#"["a",{"_placeholder":true,"num":0}]"#;
        let data = |json: &str, count| EventData {
            json: json.to_owned(),
            attachments: vec![Bytes::from_static(b"x"); count],
        };
        assert_eq!(data(one, 1).check(), Ok(()));
        assert_eq!(data(one, 2).check(), Err(Error::BadAttachments));
        assert_eq!(data(r#"["a"]"#, 1).check(), Err(Error::BadAttachments));
        let other = r#"["a",{"_placeholder":true,"num":1}]"#;
        assert_eq!(data(other, 1).check(), Err(Error::BadAttachments));
    }
}

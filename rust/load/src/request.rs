//! Reads the requests of the generator for the floor server. The generator writes no spaces and no escapes.

/// One request, which is an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The ack id.
    pub(crate) id: Option<u64>,
    pub(crate) kind: Kind,
}

/// The kind of a request, with its parameters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Broadcast { count: usize, size: usize, is_binary: bool },
    Join(Vec<String>),
    Mixed { size: usize, targets: Vec<String> },
}

impl Request {
    /// Reads a request from the ack id of an event and the text after its `[`.
    pub(crate) fn read(id: &str, event: &str) -> Option<Self> {
        let id = if id.is_empty() { None } else { Some(id.parse().ok()?) };
        if let Some(rooms) = event.strip_prefix("\"bench:join\",") {
            return Some(Self { id, kind: Kind::Join(strings(rooms)) });
        }
        if let Some(rest) = event.strip_prefix("\"bench:mixed\",") {
            let (size, targets) = rest.split_once(',')?;
            return Some(Self {
                id,
                kind: Kind::Mixed { size: size.parse().ok()?, targets: strings(targets) },
            });
        }
        let mut parts = event.strip_prefix("\"bench:broadcast\",")?.strip_suffix(']')?.split(',');
        let (count, size) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { id, kind: Kind::Broadcast { count, size, is_binary: parts.next().is_some() } })
    }
}

/// The strings in `["a","b"]`. Every second piece between quotes is a string.
fn strings(list: &str) -> Vec<String> {
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(event: &str, kind: Kind) {
        assert_eq!(Request::read("7", event), Some(Request { id: Some(7), kind }));
    }

    #[test]
    fn requests_are_read() {
        check(
            "\"bench:broadcast\",3,64]",
            Kind::Broadcast { count: 3, size: 64, is_binary: false },
        );
        check(
            "\"bench:broadcast\",1,2,\"binary\"]",
            Kind::Broadcast { count: 1, size: 2, is_binary: true },
        );
        check("\"bench:join\",[\"r1\",\"r2\"]]", Kind::Join(vec!["r1".into(), "r2".into()]));
        let targets = vec![String::new(), "floor-1".into()];
        check("\"bench:mixed\",64,[\"\",\"floor-1\"]]", Kind::Mixed { size: 64, targets });
        assert_eq!(Request::read("7", "\"other\"]"), None);
        assert_eq!(Request::read("x", "\"bench:join\",[]]"), None);
        assert_eq!(
            Request::read("", "\"bench:join\",[]]"),
            Some(Request { id: None, kind: Kind::Join(vec![]) })
        );
    }
}

//! What a client offers of `permessage-deflate` (RFC 7692 section 7.1), and the answers it takes.
//!
//! Each message is compressed by itself, both ways: no connection keeps a window.

use crate::websocket::deflate::{parameters, window_bits};

/// The value of the request's `Sec-WebSocket-Extensions`.
pub const DEFLATE_OFFER: &str =
    "permessage-deflate; client_no_context_takeover; server_no_context_takeover";

/// Whether the response takes the offer: its `Sec-WebSocket-Extensions`, joined by commas.
///
/// `None` when it names what was not offered, or would refer to messages before: a server that takes
/// the offer confirms `server_no_context_takeover` (section 7.1.1.1).
pub fn takes_deflate_offer(answer: &str) -> Option<bool> {
    if answer.trim().is_empty() {
        return Some(false);
    }
    let mut keeps_no_window = false;
    for (name, value) in parameters(answer)? {
        match (name, value) {
            ("server_no_context_takeover", None) => keeps_no_window = true,
            ("client_no_context_takeover", None) => {}
            ("server_max_window_bits", Some(bits)) => drop(window_bits(bits)?),
            _ => return None,
        }
    }
    keeps_no_window.then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_keep_to_the_offer_are_taken() {
        for answer in [
            DEFLATE_OFFER,
            "permessage-deflate; server_no_context_takeover",
            "permessage-deflate;server_max_window_bits=\"9\" ; server_no_context_takeover",
        ] {
            assert_eq!(takes_deflate_offer(answer), Some(true), "{answer}");
        }
        assert_eq!(takes_deflate_offer(""), Some(false));
    }

    #[test]
    fn others_are_not() {
        for answer in [
            "permessage-deflate",
            "permessage-deflate; client_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; server_no_context_takeover; client_max_window_bits=15",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=16",
            "permessage-deflate; server_no_context_takeover; x",
            "permessage-deflate; server_no_context_takeover, permessage-deflate",
            "permessage-bzip2; server_no_context_takeover",
        ] {
            assert_eq!(takes_deflate_offer(answer), None, "{answer}");
        }
    }
}

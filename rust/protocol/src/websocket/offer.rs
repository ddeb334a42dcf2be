//! The offer of `permessage-deflate` that a client makes, and the check of the server's answer
//! (RFC 7692 section 7.1).
//!
//! Both sides compress each message on its own, so no connection keeps a window.

use crate::websocket::deflate::{parameters, window_bits};

/// The value of `Sec-WebSocket-Extensions` in the request.
pub const DEFLATE_OFFER: &str =
    "permessage-deflate; client_no_context_takeover; server_no_context_takeover";

/// Whether the server accepts the offer. `answer` is the value of its `Sec-WebSocket-Extensions`;
/// several headers are joined with commas.
///
/// Returns `None` when the answer contains anything that was not offered, or does not confirm
/// `server_no_context_takeover` (section 7.1.1.1).
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
    fn answers_that_match_the_offer_are_accepted() {
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
    fn other_answers_are_refused() {
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

//! WebSocket (RFC 6455): the opening handshake, frames, masking, and compression (RFC 7692).
//!
//! This module decodes and encodes bytes. The `net` and `client` crates own the streams.

mod deflate;
mod frame;
mod handshake;
mod mask;
mod offer;

pub use deflate::{Deflate, Deflater, Inflater};
pub use frame::{
    Decoder, Opcode, WireMessage, encode_deflated_frame, encode_deflated_header, encode_frame,
    encode_header, header_len,
};
pub use handshake::{Refusal, accept_key, check_upgrade, encode_key};
pub use mask::apply_mask;
pub use offer::{DEFLATE_OFFER, takes_deflate_offer};

//! WebSocket (RFC 6455): the opening handshake, frames and masks. No extension is offered.

mod frame;
mod handshake;
mod mask;

pub use frame::{Decoder, Message, Opcode, encode_frame, encode_header};
pub use handshake::{Refusal, accept_key, check_upgrade};
pub use mask::apply_mask;

//! The kinds of events: the first item of each event tuple. `_core.pyi` documents the other items.

pub(crate) const CONNECT: u8 = 0;
pub(crate) const EVENT: u8 = 1;
pub(crate) const ACK: u8 = 2;
pub(crate) const DISCONNECT: u8 = 3;
pub(crate) const HANDOFF: u8 = 4;
pub(crate) const ADMISSION: u8 = 5;
pub(crate) const STOPPED: u8 = 6;
pub(crate) const OPEN: u8 = 7;
pub(crate) const MESSAGE: u8 = 8;
pub(crate) const CLOSED: u8 = 9;
pub(crate) const REFUSED: u8 = 10;
pub(crate) const ANSWERED: u8 = 11;
pub(crate) const ENDED: u8 = 12;
pub(crate) const INLINE: u8 = 13;
pub(crate) const EARLY_EVENT: u8 = 14;
pub(crate) const SLOW: u8 = 15;
pub(crate) const TOO_LARGE: u8 = 16;

// Of servers and clients.
pub(crate) const DRAINED: u8 = 33;

// Of clients only.
pub(crate) const CONNECT_ERROR: u8 = 32;
pub(crate) const FAILED: u8 = 34;
pub(crate) const UPGRADED: u8 = 35;

//! One libFuzzer target per parser and one on the session machine; the feature says which.
//!
//! `run.sh` builds each with coverage counters on the stable compiler and links it with clang's
//! libFuzzer runtime. A target must hold what its comment says for any input, or abort.

#![allow(dead_code)]

mod targets;

/// libFuzzer's entry point.
///
/// # Safety
/// libFuzzer passes a valid pointer and length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, size: usize) -> i32 {
    let data = if size == 0 {
        &[]
    } else {
        // SAFETY: libFuzzer owns `size` bytes at `data` for the time of the call.
        unsafe { std::slice::from_raw_parts(data, size) }
    };
    #[cfg(feature = "deflate")]
    targets::deflate(data);
    #[cfg(feature = "engineio")]
    targets::engineio(data);
    #[cfg(feature = "http1")]
    targets::http1(data);
    #[cfg(feature = "json")]
    targets::json(data);
    #[cfg(feature = "msgpack")]
    targets::msgpack(data);
    #[cfg(feature = "session")]
    targets::session(data);
    #[cfg(feature = "socketio")]
    targets::socketio(data);
    #[cfg(feature = "websocket")]
    targets::websocket(data);
    let _ = data;
    0
}

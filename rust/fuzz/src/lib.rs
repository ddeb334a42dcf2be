//! libFuzzer targets: one for each parser and one for the session's state machine.
//!
//! A feature selects the target. `run.sh` builds each target with coverage counters on the stable
//! compiler, and links it with clang's libFuzzer runtime. A target aborts if the property in its
//! comment does not hold for an input.

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
        // SAFETY: libFuzzer guarantees `size` readable bytes at `data` during the call.
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

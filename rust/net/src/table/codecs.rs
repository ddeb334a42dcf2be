//! The encoders of a shard: control packets, polling payloads, compression.
//!
//! Encoders and compressors are shared by all clients of a shard, as each is used for one message at a
//! time. The formats are in `protocol`.

use bytes::Bytes;
use protocol::websocket::{Deflate, Deflater, Inflater};
use rooms::{Frame, Run};
use smallvec::SmallVec;

use crate::counters::{Counter, Counters};
use crate::http::bodies::{Bodies, Encoding};
use crate::options::{Options, PerMessageDeflate};
use crate::queue::send_batch::form;

/// The packets that are the same for every client.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) ping: Frame,
    pub(crate) pong_probe: Frame,
    pub(crate) noop: Frame,
    pub(crate) close: Frame,
}

#[derive(Debug)]
pub(crate) struct Codecs {
    control: Control,
    bodies: Bodies,
    deflate: Option<PerMessageDeflate>,
    deflater: Deflater,
    inflater: Inflater,
}

impl Codecs {
    pub(crate) fn new(options: &Options) -> Self {
        let frame = |text: &[u8]| Frame::new(text, &[]);
        let control = Control {
            ping: frame(b"2"),
            pong_probe: frame(b"3probe"),
            noop: frame(b"6"),
            close: frame(b"1"),
        };
        Self {
            control,
            bodies: Bodies::default(),
            deflate: options.per_message_deflate,
            deflater: deflater(options),
            inflater: Inflater::new(),
        }
    }

    pub(crate) fn set_options(&mut self, options: &Options) {
        if options.per_message_deflate != self.deflate {
            self.deflate = options.per_message_deflate;
            self.deflater = deflater(options);
        }
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    // --- WebSocket messages ----------------------------------------------------------------------

    /// The bytes of a frame for a WebSocket that has agreed to this about compression.
    #[inline]
    pub(crate) fn form(&mut self, frame: &Frame, agreed: Option<Deflate>) -> Bytes {
        form(frame, agreed, self.deflate_from(), &mut self.deflater)
    }

    /// The same for all packets of a run.
    pub(crate) fn deflated(
        &mut self,
        run: &Run<'_>,
        agreed: Deflate,
        counters: &Counters,
    ) -> SmallVec<[Bytes; 2]> {
        let buffers = run.deflated(agreed, self.deflate_from(), &mut self.deflater);
        counters.add_many(Counter::Deflates, self.deflater.take_count());
        buffers
    }

    /// The size in bytes from which on messages are compressed for clients that have agreed to it.
    fn deflate_from(&self) -> usize {
        self.deflate.map_or(usize::MAX, |deflate| deflate.threshold)
    }

    /// Takes the inflater out, as a message borrows from it; [`Codecs::keep_inflater`] puts it back.
    pub(crate) fn take_inflater(&mut self) -> Inflater {
        std::mem::take(&mut self.inflater)
    }

    pub(crate) fn keep_inflater(&mut self, inflater: Inflater) {
        self.inflater = inflater;
    }

    // --- polling payloads ------------------------------------------------------------------------

    /// The body of a response to a poll; see [`Bodies::body`].
    pub(crate) fn body(
        &mut self,
        frames: Vec<Frame>,
        encoding: Encoding,
        threshold: Option<usize>,
        counters: &Counters,
    ) -> (Bytes, Encoding) {
        self.bodies.body(frames, encoding, threshold, counters)
    }

    /// Drops bodies that no other client waits for.
    pub(crate) fn sweep_bodies(&mut self) {
        self.bodies.sweep();
    }
}

fn deflater(options: &Options) -> Deflater {
    Deflater::new(options.per_message_deflate.map_or(0, |deflate| deflate.level))
}

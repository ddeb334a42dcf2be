//! Bodies of polling responses. Clients that get the same packets share one encoded and compressed
//! body.
//!
//! A body is kept while all its frames are shared: then another client may have the same packets in
//! its backlog. The number of bodies and their bytes are limited.

use std::collections::VecDeque;
use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use protocol::engineio::SEPARATOR;
use rooms::Frame;

use crate::counters::{Counter, Counters};

/// The maximum number of bodies that are kept.
const KEPT: usize = 32;
/// The maximum bytes of all kept bodies; a single body may be larger.
const KEPT_BYTES: usize = 1 << 20;
const LEVEL: u32 = 6;

/// How a response is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Deflate,
    Gzip,
    Identity,
}

/// The shared bodies of a shard.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    /// The most recently used body is first.
    kept: VecDeque<Body>,
    bytes: usize,
}

/// The body of some packets, in the encodings that were requested.
#[derive(Debug)]
struct Body {
    frames: Vec<Frame>,
    plain: Bytes,
    gzip: Option<Bytes>,
    deflate: Option<Bytes>,
}

impl Bodies {
    /// The body of these packets, and the encoding it has. It is compressed with `encoding` when it has
    /// at least `threshold` bytes and one of the packets may be compressed.
    pub(crate) fn body(
        &mut self,
        frames: Vec<Frame>,
        encoding: Encoding,
        threshold: Option<usize>,
        counters: &Counters,
    ) -> (Bytes, Encoding) {
        let mut body = self.take(frames, counters);
        let allowed = body.frames.iter().any(|frame| frame.flags().compress)
            && threshold.is_some_and(|threshold| body.plain.len() >= threshold);
        let encoding = if allowed { encoding } else { Encoding::Identity };
        let result = body.encoded(encoding, counters);
        // One owner of each frame is this body. More owners are other clients with the same packets.
        if body.frames.iter().all(|frame| frame.owners() > 1) {
            self.keep(body);
        }
        result
    }

    /// Removes the kept body of these packets, or makes a new one.
    fn take(&mut self, frames: Vec<Frame>, counters: &Counters) -> Body {
        let at = self.kept.iter().position(|body| body.is_of(&frames));
        if let Some(body) = at.and_then(|at| self.kept.remove(at)) {
            self.bytes -= body.bytes();
            return body;
        }
        let plain = match &frames[..] {
            [frame] => frame.payload().clone(),
            several => {
                counters.add(Counter::PollBodies);
                join(several)
            }
        };
        Body { frames, plain, gzip: None, deflate: None }
    }

    fn keep(&mut self, body: Body) {
        self.bytes += body.bytes();
        self.kept.push_front(body);
        while self.kept.len() > KEPT || (self.bytes > KEPT_BYTES && self.kept.len() > 1) {
            self.bytes -= self.kept.pop_back().map_or(0, |body| body.bytes());
        }
    }

    /// Drops the bodies whose packets are in no client's backlog any more.
    pub(crate) fn sweep(&mut self) {
        self.kept.retain(|body| body.frames.iter().all(|frame| frame.owners() > 1));
        self.bytes = self.kept.iter().map(Body::bytes).sum();
    }
}

impl Body {
    fn is_of(&self, frames: &[Frame]) -> bool {
        self.frames.len() == frames.len()
            && self.frames.iter().zip(frames).all(|(kept, frame)| kept.is_same(frame))
    }

    fn bytes(&self) -> usize {
        let all = [Some(&self.plain), self.gzip.as_ref(), self.deflate.as_ref()];
        all.into_iter().flatten().map(Bytes::len).sum()
    }

    fn encoded(&mut self, encoding: Encoding, counters: &Counters) -> (Bytes, Encoding) {
        let kept = match encoding {
            Encoding::Identity => return (self.plain.clone(), encoding),
            Encoding::Deflate => &mut self.deflate,
            Encoding::Gzip => &mut self.gzip,
        };
        if kept.is_none() {
            counters.add(Counter::PollCompressions);
            *kept = compress(encoding, &self.plain);
        }
        match kept {
            Some(small) => (small.clone(), encoding),
            None => (self.plain.clone(), Encoding::Identity),
        }
    }
}

fn join(frames: &[Frame]) -> Bytes {
    let size = frames.iter().map(|frame| frame.payload().len() + 1).sum();
    let mut body = Vec::with_capacity(size);
    for frame in frames {
        if !body.is_empty() {
            body.push(SEPARATOR);
        }
        body.extend_from_slice(frame.payload());
    }
    body.into()
}

fn compress(encoding: Encoding, body: &[u8]) -> Option<Bytes> {
    let level = Compression::new(LEVEL);
    let small = match encoding {
        Encoding::Identity => return None,
        Encoding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), level);
            encoder.write_all(body).and_then(|()| encoder.finish())
        }
        Encoding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(body).and_then(|()| encoder.finish())
        }
    };
    small.ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(size: usize) -> Frame {
        Frame::new(&vec![b'4'; size], &[])
    }

    #[test]
    fn the_same_packets_are_joined_and_compressed_once() {
        let (mut bodies, counters) = (Bodies::default(), Counters::default());
        let frames = vec![frame(400), frame(600)];
        for _ in 0..10 {
            for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::Identity] {
                let (body, used) = bodies.body(frames.clone(), encoding, Some(1000), &counters);
                assert_eq!(used, encoding);
                assert_eq!(body.len() < 100, encoding != Encoding::Identity);
            }
        }
        assert_eq!(counters.value(Counter::PollBodies), 1);
        assert_eq!(counters.value(Counter::PollCompressions), 2);
    }

    #[test]
    fn bodies_of_packets_without_other_owners_are_not_kept() {
        let (mut bodies, counters) = (Bodies::default(), Counters::default());
        let waits = [frame(10), frame(10)];
        bodies.body(vec![waits[0].clone(), frame(10)], Encoding::Gzip, None, &counters);
        assert!(bodies.kept.is_empty());
        bodies.body(waits.to_vec(), Encoding::Gzip, None, &counters);
        assert_eq!(bodies.kept.len(), 1);
        drop(waits);
        bodies.sweep();
        assert_eq!((bodies.kept.len(), bodies.bytes), (0, 0));
    }

    #[test]
    fn kept_bodies_are_limited_in_number_and_bytes() {
        let (mut bodies, counters) = (Bodies::default(), Counters::default());
        let frames: Vec<_> = (0..100).map(|_| frame(100_000)).collect();
        for frame in &frames {
            bodies.body(vec![frame.clone()], Encoding::Identity, None, &counters);
            assert!(bodies.bytes <= KEPT_BYTES && bodies.kept.len() <= KEPT);
        }
        let large = frame(2 * KEPT_BYTES);
        bodies.body(vec![large.clone()], Encoding::Identity, None, &counters);
        assert_eq!(bodies.kept.len(), 1);
    }

    #[test]
    fn packets_with_compress_false_are_not_compressed() {
        let (mut bodies, counters) = (Bodies::default(), Counters::default());
        let flags = rooms::Flags { compress: false, ..Default::default() };
        let secret = Frame::with_flags(&[b'4'; 2000], &[], flags);
        let (_, used) = bodies.body(vec![secret], Encoding::Gzip, Some(1000), &counters);
        assert_eq!(used, Encoding::Identity);
    }
}

//! A stream adapter that percent-encodes request targets as they are read.

use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::web::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connections::Connection;
use super::framing::{Edit, Framing, Step, rewrite};
use super::pace::Awaited;
use super::watch::Watch;

/// An accepted connection. Reads return what the client sent, with the bytes of request targets that actix refuses
/// percent-encoded; writes pass through.
///
/// Whole and legal requests, the usual case, stay in the reader's buffer and are not copied.
pub struct Lenient<Io> {
    io: Io,
    framing: Framing,
    /// An incomplete head.
    held: BytesMut,
    /// Bytes ready for the reader that did not fit into its buffer.
    ready: BytesMut,
    watch: Option<Watch>,
    raw_targets: RawTargets,
}

/// How request targets with bytes that actix refuses are treated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RawTargets {
    /// Percent-encoded.
    #[default]
    Encoded,
    /// Passed unchanged; actix answers 400.
    Untouched,
}

impl<Io> Lenient<Io> {
    /// Wraps a connection from which nothing has been read.
    pub fn new(io: Io) -> Self {
        Self {
            io,
            framing: Framing::default(),
            held: BytesMut::new(),
            ready: BytesMut::new(),
            watch: None,
            raw_targets: RawTargets::default(),
        }
    }

    /// Wraps a connection with slow-client timeouts.
    pub(super) fn watched(io: Io, watch: Watch, raw_targets: RawTargets) -> Self {
        Self { watch: Some(watch), raw_targets, ..Self::new(io) }
    }

    /// The connection, if it is watched.
    pub(super) fn connection(&self) -> Option<Arc<Connection>> {
        self.watch.as_ref().map(Watch::connection)
    }

    /// Processes bytes just read; returns how many of them stay in the reader's buffer.
    fn take_in(&mut self, fresh: &[u8]) -> usize {
        let mut kept = 0;
        let mut step = None;
        let mut head_ended = false;
        if self.held.is_empty() {
            while kept < fresh.len() {
                let in_head = matches!(self.framing, Framing::Head(_));
                match self.framing.advance(&fresh[kept..]) {
                    Step::Pass(count) => {
                        head_ended |= in_head;
                        kept += count;
                    }
                    other => {
                        step = Some(other);
                        break;
                    }
                }
            }
        }
        self.held.extend_from_slice(&fresh[kept..]);
        while !self.held.is_empty() {
            let in_head = matches!(self.framing, Framing::Head(_));
            match step.take().unwrap_or_else(|| self.framing.advance(&self.held)) {
                Step::Hold => break,
                Step::Pass(count) => {
                    head_ended |= in_head;
                    self.ready.extend_from_slice(&self.held.split_to(count));
                }
                Step::Rewrite { head, mut edits } => {
                    head_ended = true;
                    if self.raw_targets == RawTargets::Untouched {
                        edits.retain(|edit| matches!(edit, Edit::Drop(_)));
                    }
                    rewrite(&self.held.split_to(head), &edits, &mut self.ready);
                }
            }
        }
        // An idle connection keeps no memory here.
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
        if let Some(watch) = &mut self.watch {
            let awaited = match self.framing {
                Framing::Head(_) if self.held.is_empty() => Awaited::Request,
                Framing::Head(_) => Awaited::Head,
                Framing::Body(_) => Awaited::Body,
                Framing::Lost => Awaited::Unknown,
            };
            watch.read(fresh.len(), awaited, head_ended);
        }
        kept
    }

    /// Moves ready bytes into the reader's buffer, as many as fit.
    fn give_out(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.ready.len().min(buf.remaining());
        buf.put_slice(&self.ready.split_to(count));
        if self.ready.is_empty() {
            self.ready = BytesMut::new();
        }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Lenient<Io> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // If the buffer is full, reading nothing must not look like the end of the stream.
        while this.ready.is_empty() && buf.remaining() > 0 {
            let before = buf.filled().len();
            let read = Pin::new(&mut this.io).poll_read(cx, buf);
            if read.is_pending() {
                return match &mut this.watch {
                    // `Ok` without bytes is the end of the stream.
                    Some(watch) => watch.poll_end(cx).map(Ok),
                    None => Poll::Pending,
                };
            }
            ready!(read)?;
            if buf.filled().len() == before {
                // The stream ended inside a head: actix's parser decides how to answer.
                this.framing = Framing::Lost;
                this.ready = std::mem::take(&mut this.held);
                break;
            }
            let kept = this.take_in(&buf.filled()[before..]);
            buf.set_filled(before + kept);
            if kept > 0 {
                return Poll::Ready(Ok(()));
            }
        }
        this.give_out(buf);
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Lenient<Io> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(watch) = &this.watch {
            watch.refuses(cx)?;
            if watch.ending().is_silent() {
                return Poll::Ready(Ok(buf.len()));
            }
        }
        let written = Pin::new(&mut this.io).poll_write(cx, buf);
        match &mut this.watch {
            Some(watch) => watch.write(cx, written),
            None => written,
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(watch) = &this.watch {
            watch.refuses(cx)?;
            if watch.ending().is_silent() {
                return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
            }
        }
        let written = Pin::new(&mut this.io).poll_write_vectored(cx, bufs);
        match &mut this.watch {
            Some(watch) => watch.write(cx, written),
            None => written,
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = ready!(Pin::new(&mut this.io).poll_flush(cx));
        if let Some(watch) = &this.watch {
            watch.ending().flushed(cx);
        }
        Poll::Ready(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::task::Waker;

    use proptest::prelude::*;

    use super::*;

    /// A stream that returns at most one fragment per read; an empty fragment is `Pending`.
    struct Fragments(VecDeque<Vec<u8>>);

    impl AsyncRead for Fragments {
        fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            let fragments = &mut self.get_mut().0;
            let Some(mut fragment) = fragments.pop_front() else { return Poll::Ready(Ok(())) };
            if fragment.is_empty() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let rest = fragment.split_off(fragment.len().min(buf.remaining()));
            buf.put_slice(&fragment);
            if !rest.is_empty() {
                fragments.push_front(rest);
            }
            Poll::Ready(Ok(()))
        }
    }

    /// Reads all fragments through `Lenient` with a buffer of `room` bytes.
    fn read(fragments: impl IntoIterator<Item = Vec<u8>>, room: usize) -> Vec<u8> {
        let mut stream = Lenient::new(Fragments(fragments.into_iter().collect()));
        let mut all = Vec::new();
        loop {
            let mut space = vec![0; room + 1];
            let mut buf = ReadBuf::new(&mut space);
            buf.put_slice(b"=");
            match Pin::new(&mut stream).poll_read(&mut Context::from_waker(Waker::noop()), &mut buf) {
                Poll::Pending => assert_eq!(buf.filled(), b"="),
                Poll::Ready(result) => {
                    result.unwrap();
                    assert_eq!(buf.filled()[0], b'=', "what the reader had is untouched");
                    if buf.filled().len() == 1 {
                        return all;
                    }
                    all.extend_from_slice(&buf.filled()[1..]);
                }
            }
        }
    }

    fn whole(input: &[u8]) -> Vec<u8> {
        read([input.to_vec()], 1 << 20)
    }

    /// Splits `input` into fragments of the lengths in `cuts`, repeated as needed.
    fn cut(input: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
        let (mut rest, mut fragments) = (input, Vec::new());
        for &length in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (fragment, behind) = rest.split_at(length.min(rest.len()));
            fragments.push(fragment.to_vec());
            rest = behind;
        }
        fragments
    }

    fn cuts() -> impl Strategy<Value = Vec<usize>> {
        // A cut of 0 is a `Pending`; the last cut is at least 1 so that reading makes progress.
        (prop::collection::vec(0_usize..60, 0..20), 1_usize..60).prop_map(|(mut cuts, last)| {
            cuts.push(last);
            cuts
        })
    }

    fn request(target: &str, body: &str) -> String {
        let length = match body.len() {
            0 => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        format!("PUT {target} HTTP/1.1\r\nHost: \"ö\" <x>\r\n{length}\r\n{body}")
    }

    /// Requests as a client may write them, and as they must be read.
    fn requests(target: &'static str) -> impl Strategy<Value = (String, String)> {
        let body = prop_oneof![Just(String::new()), "[ -~\r\n]{0,40}", Just(request("/?\"", ""))];
        let one = (target, body).prop_map(|(target, body)| {
            let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
            let encoded = path.replace('`', "%60") + &query.replace('"', "%22");
            let encoded = encoded.replace(' ', "%20").replace('<', "%3C").replace('>', "%3E").replace('ö', "%C3%B6");
            (request(&target, &body), request(&encoded, &body))
        });
        prop::collection::vec(one, 1..5).prop_map(|all| all.into_iter().unzip())
    }

    proptest! {
        #[test]
        fn raw_targets_are_encoded_and_nothing_else_however_the_stream_is_cut(
            (sent, expected) in requests("/[a `\"<>ö%]{0,6}(\\?[a `\"<>ö%?]{0,20}( HTTP/1\\.1)?)?"),
            cuts in cuts(),
            room in 1_usize..200,
        ) {
            prop_assert_eq!(&read(cut(sent.as_bytes(), &cuts), room), expected.as_bytes());
            prop_assert_eq!(&whole(sent.as_bytes()), expected.as_bytes());
        }

        #[test]
        fn legal_requests_go_through_as_they_came(
            (sent, _) in requests("/[!-~&&[^`<>?#]]{0,20}(\\?[!-~&&[^\"<>#]]{0,20})?"),
            cuts in cuts(),
            room in 1_usize..200,
        ) {
            prop_assert_eq!(&read(cut(sent.as_bytes(), &cuts), room), sent.as_bytes());
        }

        #[test]
        fn how_a_stream_is_cut_makes_no_difference_whatever_it_contains(
            pieces in prop::collection::vec(
                "GET /\\?\" HTTP/1\\.1\r\n|Host: x\r\n|Content-Length: [0-9]{1,2}\r\n|\r\n|[ -~]|[\r\n\t\u{80}]|(x: y\r\n){20}",
                0..40,
            ),
            cuts in cuts(),
            room in 1_usize..200,
        ) {
            let sent = pieces.concat();
            prop_assert_eq!(read(cut(sent.as_bytes(), &cuts), room), whole(sent.as_bytes()));
        }
    }

    #[test]
    fn a_stream_that_ends_inside_a_head_ends_with_what_came() {
        assert_eq!(whole(b"GET /\" HTTP/1.1\r\nHos"), b"GET /\" HTTP/1.1\r\nHos");
    }

    #[test]
    fn a_reader_without_room_does_not_end_the_stream() {
        let mut stream = Lenient::new(Fragments([b"GET /\" HTTP/1.1\r\n\r\n".to_vec()].into()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut stream).poll_read(&mut context, &mut ReadBuf::new(&mut [])).is_ready());
        assert!(matches!(stream.framing, Framing::Head(_)));
    }

    #[test]
    fn a_long_head_is_read_encoded_up_to_the_limit_and_untouched_beyond_it() {
        for (length, encoded) in [(super::super::framing::LONGEST_HEAD, true), (70_000, false)] {
            let head = format!("GET /?\" HTTP/1.1\r\nX:{}\r\n\r\n", "y".repeat(length - 24));
            for cuts in [&[1][..], &[1000], &[1_000_000]] {
                let read = read(cut(head.as_bytes(), cuts), 8192);
                assert_eq!(read.starts_with(b"GET /?%22 "), encoded, "{length} {cuts:?}");
            }
        }
    }
}

//! The bytes of a connection: percent-encoding request targets before actix's parser moves no request and no body.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use actix_codec::Decoder as _;
use actix_http::ServiceConfig;
use actix_http::h1::{Codec, Message};
use actix_web::web::BytesMut;
use tessera::http::wire::Lenient;
use tokio::io::{AsyncRead, ReadBuf};

/// A stream in fragments; an empty fragment is `Pending`.
struct Pieces(VecDeque<Vec<u8>>);

impl AsyncRead for Pieces {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let pieces = &mut self.get_mut().0;
        let Some(mut piece) = pieces.pop_front() else { return Poll::Ready(Ok(())) };
        if piece.is_empty() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let rest = piece.split_off(piece.len().min(buf.remaining()));
        buf.put_slice(&piece);
        if !rest.is_empty() {
            pieces.push_front(rest);
        }
        Poll::Ready(Ok(()))
    }
}

/// Reads the whole stream with a buffer of the given size.
fn read(pieces: VecDeque<Vec<u8>>, room: usize) -> Vec<u8> {
    let mut stream = Lenient::new(Pieces(pieces));
    let mut all = Vec::new();
    let mut space = vec![0; room + 1];
    loop {
        let mut buf = ReadBuf::new(&mut space);
        buf.put_slice(b"=");
        match Pin::new(&mut stream).poll_read(&mut Context::from_waker(Waker::noop()), &mut buf) {
            Poll::Pending => assert_eq!(buf.filled(), b"="),
            Poll::Ready(result) => {
                result.expect("readable");
                assert_eq!(buf.filled()[0], b'=');
                if buf.filled().len() == 1 {
                    return all;
                }
                all.extend_from_slice(&buf.filled()[1..]);
            }
        }
    }
}

thread_local! {
    static ACTIX: (actix_web::rt::SystemRunner, ServiceConfig) = {
        let system = actix_web::rt::System::new();
        let config = system.block_on(async { ServiceConfig::default() });
        (system, config)
    };
}

/// A stream as actix parses it.
struct Seen {
    /// Where requests begin.
    starts: Vec<usize>,
    /// The bytes of all bodies.
    body: Vec<u8>,
    /// Where actix stops.
    end: usize,
    /// Whether actix stops at bytes that it refuses.
    failed: bool,
}

fn seen(bytes: &[u8]) -> Seen {
    ACTIX.with(|(system, config)| {
        system.block_on(async {
            let mut codec = Codec::new(config.clone());
            let mut stream = BytesMut::from(bytes);
            let mut seen = Seen { starts: Vec::new(), body: Vec::new(), end: 0, failed: false };
            loop {
                seen.end = bytes.len() - stream.len();
                match codec.decode(&mut stream) {
                    Ok(Some(Message::Item(_))) => seen.starts.push(seen.end),
                    Ok(Some(Message::Chunk(Some(chunk)))) => seen.body.extend_from_slice(&chunk),
                    Ok(Some(Message::Chunk(None))) => seen.body.extend_from_slice(b"<eof>"),
                    Ok(None) => return seen,
                    Err(_) => {
                        seen.failed = true;
                        return seen;
                    }
                }
            }
        })
    })
}

/// The first eight bytes say how the others are cut.
pub fn wire(data: &[u8]) {
    let Some((cuts, sent)) = data.split_first_chunk::<8>() else { return };
    let room = 1 + usize::from(cuts[0]) * if cuts[1] & 1 == 1 { 40 } else { 1 };
    let (mut pieces, mut rest, mut turn) = (VecDeque::new(), sent, 0);
    while !rest.is_empty() {
        let size = usize::from(cuts[2 + turn % 6]) + usize::from(turn % 6 == 5);
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        pieces.push_back(piece.to_vec());
        rest = behind;
        turn += 1;
    }
    let out = read([sent.to_vec()].into(), sent.len() * 3 + 100);
    assert_eq!(read(pieces, room), out, "it depends on how the stream is cut");
    // `Upgrade` offers are dropped; the tests of `http/wire` check where.
    if sent.to_ascii_lowercase().windows(7).any(|word| word == b"upgrade") {
        return;
    }
    if !seen(sent).failed {
        assert_eq!(out, sent, "a legal stream is altered");
    }
    let (encoded, placed, map) = align(sent, &out);
    if !encoded.is_empty() {
        only_targets(sent, &encoded, &seen(&placed));
        same_frames(sent, &seen(&placed), &seen(&out), &map);
    }
}

/// The encoded bytes, the stream with harmless bytes in their places, and where each byte went.
fn align(sent: &[u8], out: &[u8]) -> (Vec<usize>, Vec<u8>, Vec<usize>) {
    let (mut at, mut encoded, mut map, mut placed) = (0, Vec::new(), vec![0; sent.len() + 1], sent.to_vec());
    for (index, &byte) in sent.iter().enumerate() {
        map[index] = at;
        if out[at] == byte {
            at += 1;
        } else {
            assert!(matches!(byte, b' ' | b'<' | b'>' | b'"' | b'`' | 0x80..), "byte {byte:#x}");
            assert_eq!(&out[at..at + 3], format!("%{byte:02X}").as_bytes());
            encoded.push(index);
            placed[index] = b'x';
            at += 3;
        }
    }
    map[sent.len()] = at;
    assert_eq!(at, out.len());
    (encoded, placed, map)
}

/// Every encoded byte is in the target of a request line.
fn only_targets(sent: &[u8], encoded: &[usize], placed: &Seen) {
    for &index in encoded.iter().filter(|index| **index < placed.end) {
        let start = placed.starts.iter().copied().filter(|start| *start <= index).max().expect("a head before it");
        let length = sent[start..].windows(2).position(|pair| pair == b"\r\n").expect("an end of the line");
        let line = &sent[start..start + length];
        let space = line.iter().position(|&byte| byte == b' ').expect("a space");
        assert!(space > 0 && line[..space].iter().all(u8::is_ascii_uppercase));
        assert!(line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0"));
        assert!(index > start + space && index < start + length - 9, "outside of the target");
    }
}

/// Requests and bodies are where they are with harmless bytes in place of the encoded ones.
fn same_frames(sent: &[u8], placed: &Seen, out: &Seen, map: &[usize]) {
    for (one, other) in placed.starts.iter().zip(&out.starts) {
        assert_eq!(map[*one], *other, "a request begins elsewhere");
    }
    if sent.len() < 20_000 {
        assert_eq!(placed.starts.len(), out.starts.len(), "there are more requests, or fewer");
        assert_eq!(placed.body, out.body, "bodies differ");
    }
}

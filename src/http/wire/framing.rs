//! Parses a stream of HTTP/1.x requests just enough to know where each request head begins (RFC 9112).

use std::ops::Range;

use actix_web::web::BytesMut;
use memchr::memchr2;

use super::target::{self, Judgement};

/// The longest request head that is parsed, in bytes.
pub(super) const LONGEST_HEAD: usize = 64 * 1024;

/// What to do with the bytes at the front of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Pass this many bytes on unchanged.
    Pass(usize),
    /// The first `head` bytes are a request head: pass them on with these edits, which are in order.
    Rewrite { head: usize, edits: Vec<Edit> },
    /// An incomplete head: call again with the same bytes and more.
    Hold,
}

/// A change to a part of a head.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// Percent-encode the part.
    Encode(Range<usize>),
    /// Leave the part out.
    Drop(Range<usize>),
}

/// Appends `head` to `out` with the edits applied.
pub(super) fn rewrite(head: &[u8], edits: &[Edit], out: &mut BytesMut) {
    let mut done = 0;
    for edit in edits {
        let (Edit::Encode(part) | Edit::Drop(part)) = edit;
        out.extend_from_slice(&head[done..part.start]);
        if let Edit::Encode(target) = edit {
            target::encode(&head[target.clone()], out);
        }
        done = part.end;
    }
    out.extend_from_slice(&head[done..]);
}

/// A position in a stream of requests.
///
/// When it is not certain that actix sees the same boundaries, it stops parsing the connection for good (`Lost`): a
/// wrong guess about where a head begins would alter a request body or allow request smuggling (RFC 9112 section 11.2).
/// What it does not check, such as control characters in field values, actix refuses and then reads no further.
#[derive(Debug)]
pub(super) enum Framing {
    /// In a head.
    Head(Head),
    /// In a body with this many bytes left.
    Body(u64),
    /// No longer parsed: every byte passes unchanged.
    Lost,
}

/// Parsing state of an incomplete head.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Where the current line begins; 0 is the request line.
    line: usize,
    /// Where to continue searching, so that a head in many fragments is searched once.
    searched: usize,
    /// Edits to the lines read so far.
    edits: Vec<Edit>,
    content_length: Option<u64>,
    /// Whether the framing is lost after this head (`Transfer-Encoding`).
    ends_lost: bool,
}

impl Default for Framing {
    fn default() -> Self {
        Self::Head(Head::default())
    }
}

impl Framing {
    /// Decides what to do with the front of `input`, which is not empty, and advances past it.
    pub(super) fn advance(&mut self, input: &[u8]) -> Step {
        match self {
            Self::Lost => Step::Pass(input.len()),
            Self::Body(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= taken as u64;
                if *left == 0 {
                    *self = Self::default();
                }
                Step::Pass(taken)
            }
            Self::Head(head) => match head.search(input) {
                Some(Search::Unfinished) => Step::Hold,
                Some(Search::Ended(end)) => {
                    let edits = std::mem::take(&mut head.edits);
                    *self = match head.content_length {
                        _ if head.ends_lost => Self::Lost,
                        None | Some(0) => Self::default(),
                        Some(length) => Self::Body(length),
                    };
                    if edits.is_empty() { Step::Pass(end) } else { Step::Rewrite { head: end, edits } }
                }
                None => {
                    *self = Self::Lost;
                    Step::Pass(input.len())
                }
            },
        }
    }
}

enum Search {
    Unfinished,
    Ended(usize),
}

impl Head {
    /// Reads the lines that have arrived; `None` if the head is not fully understood.
    fn search(&mut self, input: &[u8]) -> Option<Search> {
        // The first byte rules out most of what is not HTTP/1 (a TLS handshake, for example) without waiting for a line
        // end.
        if !input[0].is_ascii_uppercase() {
            return None;
        }
        loop {
            let Some(found) = memchr2(b'\r', b'\n', &input[self.searched..]) else {
                self.searched = input.len();
                break;
            };
            let (cr, next) = (self.searched + found, self.searched + found + 2);
            self.searched = cr;
            match &input[cr..] {
                [b'\r', b'\n', ..] if next <= LONGEST_HEAD => {}
                [b'\r'] => break,
                // A bare LF or CR is ambiguous: neither a line end nor text.
                _ => return None,
            }
            let line = &input[self.line..cr];
            if self.line == 0 {
                self.read_request_line(line)?;
            } else if line.is_empty() {
                return Some(Search::Ended(next));
            } else {
                self.read_field(line)?;
            }
            (self.line, self.searched) = (next, next);
        }
        (input.len() < LONGEST_HEAD).then_some(Search::Unfinished)
    }

    /// Parses `METHOD SP target SP HTTP/1.x`; the target may contain spaces, so it ends at the last one.
    fn read_request_line(&mut self, line: &[u8]) -> Option<()> {
        let method = line.iter().position(|byte| !byte.is_ascii_uppercase())?;
        let rest = line.strip_suffix(b" HTTP/1.1").or_else(|| line.strip_suffix(b" HTTP/1.0"))?;
        let target = rest.get(method..)?.strip_prefix(b" ")?;
        // The bytes after a CONNECT are not HTTP requests (RFC 9110 section 9.3.6).
        if target.is_empty() || &line[..method] == b"CONNECT" {
            return None;
        }
        match target::judge(target) {
            Judgement::Keep => {}
            Judgement::Encode => self.edits.push(Edit::Encode(method + 1..rest.len())),
            Judgement::Refuse => return None,
        }
        Some(())
    }

    /// Parses the fields that decide where the request ends (RFC 9112 section 6.3), and drops `Upgrade` offers, which a
    /// server may ignore (RFC 9110 section 7.8). Otherwise actix answers `connection: upgrade` and closes the
    /// connection without announcing it.
    fn read_field(&mut self, line: &[u8]) -> Option<()> {
        match line[0].to_ascii_lowercase() {
            b'c' | b't' | b'u' => {}
            b'a'..=b'z' => return Some(()),
            // A folded line, or a field name that clients do not send.
            _ => return None,
        }
        let (name, value) = line.split_at(line.iter().position(|&byte| byte == b':')?);
        // Refuses a space before the colon.
        if !name.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.ends_lost = true;
        }
        if name.eq_ignore_ascii_case(b"upgrade") {
            self.edits.push(Edit::Drop(self.line..self.line + line.len() + 2));
        }
        if name.eq_ignore_ascii_case(b"connection") {
            let mut at = self.line + name.len() + 1;
            for option in value[1..].split(|&byte| byte == b',') {
                if option.trim_ascii().eq_ignore_ascii_case(b"upgrade") {
                    self.edits.push(Edit::Drop(at..at + option.len()));
                }
                at += option.len() + 1;
            }
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let digits = value[1..].trim_ascii();
            if self.content_length.is_some() || !digits.iter().all(u8::is_ascii_digit) {
                return None;
            }
            self.content_length = Some(str::from_utf8(digits).ok()?.parse().ok()?);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(head: &str) -> Step {
        Framing::default().advance(head.as_bytes())
    }

    fn encode(head: usize, target: Range<usize>) -> Step {
        Step::Rewrite { head, edits: vec![Edit::Encode(target)] }
    }

    fn is_lost(head: &str) -> bool {
        let mut framing = Framing::default();
        matches!(framing.advance(head.as_bytes()), Step::Pass(_)) && matches!(framing, Framing::Lost)
    }

    #[test]
    fn a_legal_head_passes_and_the_next_one_begins_behind_it() {
        let mut framing = Framing::default();
        assert_eq!(framing.advance(b"GET /a?b=%22 HTTP/1.1\r\nHost: x\r\n\r\nGET"), Step::Pass(34));
        assert!(matches!(framing, Framing::Head(_)));
    }

    #[test]
    fn the_target_ends_at_the_last_version() {
        let head = "GET /a?b= HTTP/1.1 HTTP/1.1\r\n\r\n";
        assert_eq!(step(head), encode(head.len(), 4..18));
    }

    #[test]
    fn a_body_is_counted_and_not_looked_at() {
        let mut framing = Framing::default();
        let head = b"POST /a?\" HTTP/1.1\r\ncontent-LENGTH: \t 07 \r\n\r\n";
        assert_eq!(framing.advance(head), encode(head.len(), 5..9));
        assert_eq!(framing.advance(b"GET /"), Step::Pass(5));
        assert_eq!(framing.advance(b"\"\nGET / HTTP/1.1\r\n\r\n"), Step::Pass(2));
        assert_eq!(framing.advance(b"GET / HTTP/1.1\r\n\r\n"), Step::Pass(18));
    }

    #[test]
    fn a_head_without_its_end_is_held() {
        for end in 1.."GET /\" HTTP/1.1\r\nHost: x\r\n\r\n".len() {
            assert_eq!(step(&"GET /\" HTTP/1.1\r\nHost: x\r\n\r\n"[..end]), Step::Hold, "{end}");
        }
    }

    #[test]
    fn what_is_not_fully_understood_is_not_followed_any_further() {
        for field in [
            "Content-Length: 1\r\nContent-Length: 1",
            "Content-Length: +1",
            "Content-Length: 1, 1",
            "Content-Length: 0x1",
            "Content-Length:",
            "Content-Length: 99999999999999999999",
            "Content-Length : 1",
            "X: y\r\n Content-Length: 1",
            "X: y\n",
            "X: y\rz",
            ": y",
            "content",
        ] {
            assert!(is_lost(&format!("GET /?\" HTTP/1.1\r\n{field}\r\n\r\n")), "{field}");
        }
    }

    #[test]
    fn what_follows_a_transfer_coding_is_not_followed() {
        for field in ["Transfer-Encoding: chunked", "transfer-encoding: identity"] {
            let mut framing = Framing::default();
            let head = format!("GET /?\" HTTP/1.1\r\n{field}\r\n\r\n");
            assert_eq!(framing.advance(head.as_bytes()), encode(head.len(), 4..7));
            assert!(matches!(framing, Framing::Lost), "{field}");
        }
    }

    #[test]
    fn an_offer_of_another_protocol_is_left_out() {
        for (fields, left) in [
            ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n", "Connection:, HTTP2-Settings\r\n"),
            ("upgrade: websocket\r\nconnection: keep-alive, upgrade\r\n", "connection: keep-alive,\r\n"),
            ("Connection: upgrade\r\n", "Connection:\r\n"),
            ("Connection: close\r\n", "Connection: close\r\n"),
            ("Connection: x-upgrade\r\nX-Upgrade: h2c\r\n", "Connection: x-upgrade\r\nX-Upgrade: h2c\r\n"),
            ("Upgrade: h2c\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\n"),
        ] {
            let head = format!("GET / HTTP/1.1\r\n{fields}Host: x\r\n\r\n");
            let kept = match step(&head) {
                Step::Rewrite { head: end, edits } => {
                    let mut kept = BytesMut::new();
                    rewrite(&head.as_bytes()[..end], &edits, &mut kept);
                    String::from_utf8(kept.to_vec()).unwrap()
                }
                Step::Pass(end) => head[..end].to_owned(),
                Step::Hold => panic!("{head}"),
            };
            assert_eq!(kept, format!("GET / HTTP/1.1\r\n{left}Host: x\r\n\r\n"));
        }
    }

    #[test]
    fn a_request_line_of_another_shape_is_not_followed_any_further() {
        for line in [
            "PRI * HTTP/2.0",
            "GET /\"",
            "GET /\" HTTP/1.2",
            "GET /\" HTTP/1.1 ",
            "GET HTTP/1.1",
            "GET  HTTP/1.1",
            "CONNECT h:1 HTTP/1.1",
            "get /\" HTTP/1.1",
            "GET /\"\t HTTP/1.1",
            "GET /\"\x7f HTTP/1.1",
            "GET\t/ HTTP/1.1",
            "\r\nGET / HTTP/1.1",
            "GET / HTTP/1.1\n",
        ] {
            assert!(is_lost(&format!("{line}\r\n\r\n")), "{line}");
        }
    }

    #[test]
    fn a_head_that_cannot_become_one_is_not_waited_for() {
        assert!(is_lost("\x16\x03\x01"));
        assert!(is_lost("GET / HTTP/1.0\n"));
    }

    #[test]
    fn a_head_is_followed_up_to_its_longest() {
        let head = |length| format!("GET /?\" HTTP/1.1\r\nX:{}\r\n\r\n", "y".repeat(length - 24));
        assert_eq!(step(&head(LONGEST_HEAD)), encode(LONGEST_HEAD, 4..7));
        assert!(is_lost(&head(LONGEST_HEAD + 1)));
        assert!(is_lost(&head(LONGEST_HEAD + 1)[..LONGEST_HEAD]));
    }
}

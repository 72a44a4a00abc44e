//! Follows a stream of HTTP/1.x requests just far enough to know where each head begins (RFC 9112).

use std::ops::Range;

use memchr::memchr2;

use super::target::{self, Judgement};

/// The longest request head that is looked at, in bytes.
pub(super) const LONGEST_HEAD: usize = 64 * 1024;

/// What to do with the bytes at the front of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The first so many bytes go on as they are.
    Pass(usize),
    /// The first `head` bytes are a request head and go on with the bytes of `target` percent-encoded.
    Encode { head: usize, target: Range<usize> },
    /// They are a head without its end: ask again with the same bytes and more.
    Hold,
}

/// A position in a stream of requests.
///
/// Where it is not sure that actix sees the same boundaries it stops looking, for good: a wrong guess about where a
/// head begins would alter the body of a request, or let one be smuggled in (RFC 9112 section 11.2). What it overlooks,
/// such as control characters in field values, actix refuses, and reads no further.
#[derive(Debug)]
pub(super) enum Framing {
    /// In a head.
    Head(Head),
    /// In a body with so many bytes to come.
    Body(u64),
    /// Not followed any more: every byte goes on as it is.
    Lost,
}

/// What is known of a head that has not ended yet.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Where the current line begins; 0 is the request line.
    line: usize,
    /// Where to search on, so that a head in many fragments is searched once.
    searched: usize,
    /// The part of the request line to encode.
    target: Option<Range<usize>>,
    content_length: Option<u64>,
}

impl Default for Framing {
    fn default() -> Self {
        Self::Head(Head::default())
    }
}

impl Framing {
    /// Decides about the front of `input`, which is not empty, and moves past what goes on.
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
                    let target = head.target.take();
                    *self = match head.content_length {
                        None | Some(0) => Self::default(),
                        Some(length) => Self::Body(length),
                    };
                    target.map_or(Step::Pass(end), |target| Step::Encode { head: end, target })
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
    /// Reads the lines that have arrived; `None` is a head that is not fully understood.
    fn search(&mut self, input: &[u8]) -> Option<Search> {
        // Most of what is not HTTP/1 (a TLS greeting, say) is told by its first byte, before any line end is awaited.
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
                // A bare LF or CR is taken neither for a line end nor for text.
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

    /// `METHOD SP target SP HTTP/1.x`, where the target may contain spaces and therefore ends at the last one.
    fn read_request_line(&mut self, line: &[u8]) -> Option<()> {
        let method = line.iter().position(|byte| !byte.is_ascii_uppercase())?;
        let rest = line.strip_suffix(b" HTTP/1.1").or_else(|| line.strip_suffix(b" HTTP/1.0"))?;
        let target = rest.get(method..)?.strip_prefix(b" ")?;
        // What follows a CONNECT is not framed as requests (RFC 9110 section 9.3.6).
        if target.is_empty() || &line[..method] == b"CONNECT" {
            return None;
        }
        self.target = match target::judge(target) {
            Judgement::Keep => None,
            Judgement::Encode => Some(method + 1..rest.len()),
            Judgement::Refuse => return None,
        };
        Some(())
    }

    /// Looks for the fields that decide where the request ends (RFC 9112 section 6.3).
    fn read_field(&mut self, line: &[u8]) -> Option<()> {
        match line[0].to_ascii_lowercase() {
            b'c' | b't' | b'u' => {}
            b'a'..=b'z' => return Some(()),
            // A folded line, or nothing that clients send.
            _ => return None,
        }
        let (name, value) = line.split_at(line.iter().position(|&byte| byte == b':')?);
        // No space before the colon.
        if !name.iter().all(u8::is_ascii_graphic)
            || name.eq_ignore_ascii_case(b"transfer-encoding")
            || name.eq_ignore_ascii_case(b"upgrade")
        {
            return None;
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
        assert_eq!(step(head), Step::Encode { head: head.len(), target: 4..18 });
    }

    #[test]
    fn a_body_is_counted_and_not_looked_at() {
        let mut framing = Framing::default();
        let head = b"POST /a?\" HTTP/1.1\r\ncontent-LENGTH: \t 07 \r\n\r\n";
        assert_eq!(framing.advance(head), Step::Encode { head: head.len(), target: 5..9 });
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
            "Transfer-Encoding: chunked",
            "transfer-encoding: identity",
            "Upgrade: websocket",
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
        assert_eq!(step(&head(LONGEST_HEAD)), Step::Encode { head: LONGEST_HEAD, target: 4..7 });
        assert!(is_lost(&head(LONGEST_HEAD + 1)));
        assert!(is_lost(&head(LONGEST_HEAD + 1)[..LONGEST_HEAD]));
    }
}

//! Redacts tokens in texts that clients write and others read: log lines, request ids.

use std::borrow::Cow;

use super::base62::WORD;
use super::token::{CHECKSUM, LENGTH, LONGEST_SEALED, PREFIX, checksum_digits};

/// The beginning of every JWT: its header is a JSON object whose first member follows at once.
const JWT: &str = "eyJ";

/// The place of a token in a text.
#[derive(Debug, Clone, Copy)]
struct TokenSpan {
    at: usize,
    /// How many characters of the token may be shown.
    shown: usize,
    length: usize,
}

/// Redacts JWTs, and tokens of this format with any prefix.
#[must_use]
pub fn redacted(text: &str) -> Cow<'_, str> {
    let mut from = 0;
    let mut safe = String::new();
    while let Some(TokenSpan { at, shown, length }) = next_token(&text.as_bytes()[from..]) {
        safe += &text[from..from + at + shown];
        safe.push('…');
        from += at + length;
    }
    if from == 0 { Cow::Borrowed(text) } else { Cow::Owned(safe + &text[from..]) }
}

/// Whether a text contains a JWT, or a token of this format with any prefix.
#[must_use]
pub fn has_token(text: &str) -> bool {
    next_token(text.as_bytes()).is_some()
}

/// Whether a text contains a token of this format with any prefix. JWTs of other issuers do not count.
#[must_use]
pub fn has_opaque_token(text: &str) -> bool {
    next_opaque(text.as_bytes()).is_some()
}

fn next_token(text: &[u8]) -> Option<TokenSpan> {
    [next_opaque(text), next_jwt(text)].into_iter().flatten().min_by_key(|found| found.at)
}

/// The first token with a prefix and a right checksum, with any text after it.
fn next_opaque(text: &[u8]) -> Option<TokenSpan> {
    memchr::memchr_iter(b'_', text).filter_map(|at| at.checked_sub(PREFIX - 1)).find_map(|at| {
        let (prefix, rest) = text[at..].split_at(PREFIX);
        if !prefix[..PREFIX - 1].iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let digits = rest.iter().take(LONGEST_SEALED).take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let mut crc = crc32fast::Hasher::new();
        crc.update(prefix);
        let mut checked = PREFIX;
        // One pass: the checksum may follow any word.
        for word in rest[..digits].chunks_exact(WORD) {
            crc.update(word);
            checked += WORD;
            let length = checked + CHECKSUM;
            let checksum = text[at..].get(checked..length);
            if LENGTH <= length && checksum == Some(&checksum_digits(crc.clone().finalize())) {
                return Some(TokenSpan { at, shown: PREFIX, length });
            }
        }
        None
    })
}

/// The first JWT: three parts in base64url with dots between them.
fn next_jwt(text: &[u8]) -> Option<TokenSpan> {
    let part = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')).count()
    };
    let mut tried = 0;
    memchr::memmem::find_iter(text, JWT).find_map(|at| {
        // Every beginning in a run that is no head is passed over: the cost stays linear.
        if at < tried {
            return None;
        }
        let head = at + part(at);
        let claims = head + 1 + part(head + 1);
        let end = claims + 1 + part(claims + 1);
        let dots = [head, claims].map(|dot| text.get(dot) == Some(&b'.'));
        let is_jwt = dots == [true; 2] && claims > head + 1 && end > claims + 1;
        tried = head;
        is_jwt.then_some(TokenSpan { at, shown: JWT.len(), length: end - at })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entropy::Entropy;
    use crate::domain::token::{ParsedToken, Prefixes, TokenKind, sealed_plaintext};

    fn minted(kind: TokenKind, prefixes: &Prefixes) -> String {
        ParsedToken::mint(kind, Entropy::SYSTEM).unwrap().plaintext(prefixes).unwrap().expose()
    }

    #[test]
    fn tokens_of_any_installation_are_redacted_wherever_they_are_in_a_text() {
        let foreign = minted(TokenKind::ApiKey, &"acm,acp,acs".parse().unwrap());
        let own = minted(TokenKind::Session, &Prefixes::default());
        assert_eq!(redacted(&format!("/ä{own}/{foreign}{own}ö")), "/ätss_…/acm_…tss_…ö");
        assert_eq!(redacted(&own), "tss_…");
        for harmless in ["", "tsk_", &own[1..], &own[..75]] {
            assert!(matches!(redacted(harmless), Cow::Borrowed(text) if text == harmless));
        }
    }

    #[test]
    fn tokens_of_children_are_redacted_also_with_letters_around_them() {
        for length in [80, 88, 400] {
            let opaque = sealed_plaintext(&vec![7; length], &Prefixes::default()).unwrap().expose();
            assert_eq!(redacted(&format!("/a/{opaque}abc/b")), "/a/tsc_…abc/b");
        }
        let jwt = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
        assert_eq!(redacted(&format!("/a/{jwt}/b?eyJ={jwt}")), "/a/eyJ…/b?eyJ=eyJ…");
        for harmless in ["eyJ", "eyJhbGciOiJFUzI1NiJ9", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0", "eyJ..a", "eyJ.a."] {
            assert!(!has_token(harmless), "{harmless}");
        }
    }
}

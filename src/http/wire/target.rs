//! Percent-encodes the bytes of a request target that actix refuses (RFC 3986 section 2.1).

use actix_web::web::BytesMut;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// What to do with a request target.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Leave it unchanged: actix accepts it, or would refuse it encoded as well.
    Keep,
    /// Percent-encode it: actix refuses it unchanged and accepts it encoded.
    Encode,
    /// Leave it and the rest of the connection unchanged: with control characters its end is ambiguous.
    Refuse,
}

/// Decides what to do with a request target (the bytes between the method and the version).
///
/// Only the origin form (`/path?query`, RFC 9112 section 3.2.1) is ever encoded: in the other forms an encoded byte
/// could name another host. A target with `#` is not encoded either, because actix cuts it off there and the rest is
/// ambiguous.
pub(super) fn judge(target: &[u8]) -> Judgement {
    // `fold` has no early exit, so the compiler vectorizes it; nearly all targets return here.
    if !target.iter().fold(false, |any, &byte| any | is_suspect(byte)) {
        return Judgement::Keep;
    }
    if target.iter().any(u8::is_ascii_control) {
        return Judgement::Refuse;
    }
    let (path, query) = target.split_at(query_start(target));
    let refused = path.iter().any(|&byte| refused_in_path(byte)) || query.iter().any(|&byte| refused_in_query(byte));
    if refused && target.starts_with(b"/") && !target.contains(&b'#') { Judgement::Encode } else { Judgement::Keep }
}

/// Appends `target` with every refused byte percent-encoded and every other byte, `%` included, as it is.
pub(super) fn encode(target: &[u8], out: &mut BytesMut) {
    let (path, query) = target.split_at(query_start(target));
    encode_part(path, refused_in_path, out);
    encode_part(query, refused_in_query, out);
}

fn query_start(target: &[u8]) -> usize {
    target.iter().position(|&byte| byte == b'?').unwrap_or(target.len())
}

// The bytes that `PathAndQuery` of `http` 0.2 refuses, observed through a socket. The quote is legal in a path, the
// backtick in a query.
fn refused_in_path(byte: u8) -> bool {
    matches!(byte, b' ' | b'<' | b'>' | b'`' | 0x80..)
}

fn refused_in_query(byte: u8) -> bool {
    matches!(byte, b' ' | b'<' | b'>' | b'"' | 0x80..)
}

fn is_suspect(byte: u8) -> bool {
    !(0x21..=0x7e).contains(&byte) | refused_in_path(byte) | refused_in_query(byte)
}

fn encode_part(part: &[u8], refused: fn(u8) -> bool, out: &mut BytesMut) {
    for &byte in part {
        if refused(byte) {
            out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        } else {
            out.extend_from_slice(&[byte]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(target: &[u8]) -> Vec<u8> {
        let mut out = BytesMut::new();
        encode(target, &mut out);
        out.to_vec()
    }

    #[test]
    fn a_java_filter_is_encoded_where_it_must_be_and_nowhere_else() {
        let target = "/a?sort=-createdAt&filter={\"n\":\"my töken\"}".as_bytes();
        assert_eq!(judge(target), Judgement::Encode);
        assert_eq!(encoded(target), b"/a?sort=-createdAt&filter={%22n%22:%22my%20t%C3%B6ken%22}");
    }

    #[test]
    fn what_is_encoded_already_is_not_encoded_again() {
        assert_eq!(judge(b"/a%20b?c=%22+%7B"), Judgement::Keep);
        assert_eq!(encoded(b"/a%20b?c=%22 "), b"/a%20b?c=%22%20");
    }

    #[test]
    fn a_quote_is_legal_in_a_path_and_a_backtick_in_a_query() {
        assert_eq!(judge(b"/\"?`"), Judgement::Keep);
        assert_eq!(encoded(b"/`\"?`\""), b"/%60\"?`%22");
    }

    #[test]
    fn every_byte_is_encoded_exactly_when_the_uri_parser_refuses_it() {
        for byte in (0x20..=0xff).filter(|byte| !matches!(byte, 0x7f | b'#')) {
            for target in [[b'/', byte, b'p', b'p', b'p'], [b'/', b'?', b'q', byte, b'q']] {
                let legal = actix_web::http::Uri::try_from(&target[..]).is_ok();
                assert_eq!(judge(&target) == Judgement::Keep, legal, "{byte:#x} in {target:?}");
                assert!(actix_web::http::Uri::try_from(encoded(&target)).is_ok(), "{byte:#x}");
            }
        }
    }

    #[test]
    fn a_control_character_spoils_a_target() {
        for byte in (0..=0x1f).chain([0x7f]) {
            assert_eq!(judge(&[b'/', b'?', b'"', byte]), Judgement::Refuse);
        }
    }

    #[test]
    fn targets_that_do_not_begin_with_a_slash_or_have_a_fragment_are_left_alone() {
        assert_eq!(judge(b"http://h\"/?\""), Judgement::Keep);
        assert_eq!(judge(b" /?\""), Judgement::Keep);
        assert_eq!(judge(b"/?\"#"), Judgement::Keep);
    }
}

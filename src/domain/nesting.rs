//! Limits on nesting and size of JSON and GraphQL texts, checked in one pass over their bytes before parsing.
//!
//! JSON and GraphQL parsers recurse for every bracket, and the GraphQL parser has no limit for values: a few kilobytes
//! of `[` overflow a thread's stack. So every protocol front end calls this module first, and the parser never gets
//! deeper text. The scan may count more than a parser would, never less.

mod members;

use serde::Deserialize;
use serde::de::DeserializeSeed as _;

use self::members::DuplicateFinder;

/// The deepest nesting of JSON; `serde_json` itself stops at 128.
pub const JSON_DEPTH: usize = 64;
/// The most values, members and brackets in one JSON text: the smallest object takes 8 bytes of text and 700 of memory.
pub const JSON_TOKENS: usize = 65_536;
/// The deepest nesting of brackets of any kind in a GraphQL document.
pub const GRAPHQL_DEPTH: usize = 64;
/// The most names, numbers, strings and punctuators in a GraphQL document.
pub const GRAPHQL_TOKENS: usize = 4000;
/// The longest name or number in a GraphQL document, in bytes, because error messages repeat names.
pub const GRAPHQL_NAME: usize = 256;
/// The longest GraphQL document, in bytes.
pub const GRAPHQL_LENGTH: usize = 65_536;

/// The limit that a text exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// Nesting depth.
    #[error("is nested deeper than {0} levels")]
    Depth(usize),
    /// Number of tokens.
    #[error("has more than {0} tokens")]
    Tokens(usize),
    /// Length of a name.
    #[error("has a name of more than {0} bytes")]
    Name(usize),
    /// Length of the text.
    #[error("has more than {0} bytes")]
    Length(usize),
}

/// The exceeded limit, and the byte at which it was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{limit}")]
pub struct LimitExceeded {
    /// The exceeded limit.
    pub limit: Limit,
    /// Offset in bytes.
    pub at: usize,
}

/// A duplicate member of an object.
#[derive(Debug, thiserror::Error)]
#[error("has the member `{0}` twice")]
pub struct DuplicateMember(String);

/// Why a JSON text was not read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The JSON exceeds a limit.
    #[error(transparent)]
    LimitExceeded(#[from] LimitExceeded),
    /// An object has a duplicate member: parsers differ in which one counts.
    #[error(transparent)]
    DuplicateMember(#[from] DuplicateMember),
    /// The text is no valid JSON, or does not fit the expected type.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// A JSON text without the byte order mark that some programs write first (RFC 8259, section 8.1).
#[must_use]
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

/// Parses a JSON text within the limits.
///
/// # Errors
/// The exceeded limit, or the parser's error.
pub fn read_json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Unreadable> {
    let bytes = without_mark(bytes);
    check_json(bytes)?;
    check_members(bytes)?;
    Ok(serde_json::from_slice(bytes)?)
}

/// Like [`read_json`], but ignores surplus closing brackets at the end: DataHub's documentation has such a body, and
/// DataHub accepts it.
///
/// # Errors
/// The exceeded limit, or the parser's error.
pub fn read_json_overclosed<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Unreadable> {
    let bytes = without_mark(bytes);
    check_json(bytes)?;
    check_members(bytes)?;
    let mut json = serde_json::Deserializer::from_slice(bytes).into_iter();
    match json.next() {
        Some(Ok(value)) => {
            let rest = &bytes[json.byte_offset().min(bytes.len())..];
            if rest.iter().all(|byte| byte.is_ascii_whitespace() || b"}]".contains(byte)) {
                return Ok(value);
            }
        }
        Some(Err(error)) => return Err(error.into()),
        None => {}
    }
    // Fails with the parser's error about the rest.
    Ok(serde_json::from_slice(bytes)?)
}

/// Several JSON texts of one request, which share the token limit of one text.
pub struct Texts {
    left: usize,
}

impl Default for Texts {
    fn default() -> Self {
        Self { left: JSON_TOKENS }
    }
}

impl Texts {
    /// Parses the next text.
    ///
    /// # Errors
    /// The exceeded limit, or the parser's error.
    pub fn read<'a, T: Deserialize<'a>>(&mut self, bytes: &'a [u8]) -> Result<T, Unreadable> {
        self.left -= count_json(bytes, self.left)?;
        check_members(bytes)?;
        Ok(serde_json::from_slice(bytes)?)
    }
}

/// Counts open brackets and tokens.
struct Counter {
    open: usize,
    tokens: usize,
    depth: usize,
    most: usize,
}

impl Counter {
    fn new(depth: usize, most: usize) -> Self {
        Self { open: 0, tokens: 0, depth, most }
    }

    fn token(&mut self, at: usize) -> Result<(), LimitExceeded> {
        self.tokens += 1;
        if self.tokens > self.most { Err(LimitExceeded { limit: Limit::Tokens(self.most), at }) } else { Ok(()) }
    }

    fn open(&mut self, at: usize) -> Result<(), LimitExceeded> {
        self.open += 1;
        if self.open > self.depth { Err(LimitExceeded { limit: Limit::Depth(self.depth), at }) } else { self.token(at) }
    }

    fn close(&mut self) {
        self.open = self.open.saturating_sub(1);
    }
}

/// Checks a JSON text before it is parsed.
///
/// # Errors
/// The exceeded limit.
pub fn check_json(bytes: &[u8]) -> Result<(), LimitExceeded> {
    count_json(bytes, JSON_TOKENS).map(drop)
}

/// Finds a duplicate member in a JSON text within the nesting limit. Invalid JSON is left to the parser to report.
///
/// # Errors
/// The name of the first duplicate member.
pub fn check_members(bytes: &[u8]) -> Result<(), DuplicateMember> {
    let mut twice = None;
    let once = DuplicateFinder { twice: &mut twice };
    let _not_json = once.deserialize(&mut serde_json::Deserializer::from_slice(bytes)).is_err();
    twice.map_or(Ok(()), |name| Err(DuplicateMember(name)))
}

/// The number of tokens of a JSON text, of at most `most`.
fn count_json(bytes: &[u8], most: usize) -> Result<usize, LimitExceeded> {
    let mut counter = Counter::new(JSON_DEPTH, most);
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'[' | b'{' => counter.open(at)?,
            b']' | b'}' => counter.close(),
            b',' => counter.token(at)?,
            b'"' => at = text_end(bytes, at + 1),
            _ => {}
        }
        at += 1;
    }
    Ok(counter.tokens)
}

/// The position of the closing quote of the string that begins there, or the end of input.
fn text_end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes.get(at) {
            Some(b'\\') => at += 2,
            None | Some(b'"') => return at,
            Some(_) => at += 1,
        }
    }
}

/// Checks a GraphQL document before it is parsed.
///
/// # Errors
/// The exceeded limit.
pub fn check_graphql(document: &str) -> Result<(), LimitExceeded> {
    if document.len() > GRAPHQL_LENGTH {
        return Err(LimitExceeded { limit: Limit::Length(GRAPHQL_LENGTH), at: GRAPHQL_LENGTH });
    }
    let bytes = document.as_bytes();
    let mut counter = Counter::new(GRAPHQL_DEPTH, GRAPHQL_TOKENS);
    let mut at = 0;
    // The parser reads an unclosed `"""` as the string `""` and the beginning of another. Then no later one is closed
    // either, so the rest is searched only once.
    let mut blocks_close = true;
    while let Some(byte) = bytes.get(at) {
        let begin = at;
        at += 1;
        match byte {
            b' ' | b',' | b'\t' | b'\n' | b'\r' | 0xEF | 0xBB | 0xBF => continue,
            b'#' => {
                at += bytes[at..].iter().take_while(|byte| !matches!(byte, b'\n' | b'\r')).count();
                continue;
            }
            b'{' | b'[' | b'(' => {
                counter.open(begin)?;
                continue;
            }
            b'}' | b']' | b')' => counter.close(),
            b'"' if blocks_close && bytes[at..].starts_with(b"\"\"") => {
                let end = block_end(bytes, at + 2);
                blocks_close = end.is_some();
                at = end.unwrap_or(at + 1);
            }
            b'"' => at = text_end(bytes, at) + 1,
            b'.' => at += bytes[at..].iter().take(2).take_while(|byte| **byte == b'.').count(),
            byte if is_of_name(*byte) => {
                at += bytes[at..].iter().take_while(|byte| is_of_name(**byte)).count();
                if at - begin > GRAPHQL_NAME {
                    return Err(LimitExceeded { limit: Limit::Name(GRAPHQL_NAME), at: begin });
                }
            }
            _ => {}
        }
        counter.token(begin)?;
    }
    Ok(())
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The position after the closing quotes of the block string that begins there.
fn block_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let rest = bytes.get(at..)?;
        if rest.starts_with(b"\\\"\"\"") {
            at += 4;
        } else if rest.starts_with(b"\"\"\"") {
            return Some(at + 3);
        } else if rest.is_empty() {
            return None;
        } else {
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn nested(open: &str, middle: &str, close: &str, levels: usize) -> String {
        format!("{}{middle}{}", open.repeat(levels), close.repeat(levels))
    }

    #[test]
    fn json_is_read_up_to_the_depth_and_refused_beyond_it() {
        for (open, middle, close) in [("[", "1", "]"), ("{\"a\":", "1", "}"), ("[\"]]\\\"]\",", "1", "]")] {
            assert!(read_json::<Value>(nested(open, middle, close, JSON_DEPTH).as_bytes()).is_ok(), "{open}");
            let over = read_json::<Value>(nested(open, middle, close, JSON_DEPTH + 1).as_bytes());
            assert_eq!(over.unwrap_err().to_string(), "is nested deeper than 64 levels", "{open}");
        }
    }

    #[test]
    fn brackets_in_texts_and_comments_do_not_count() {
        let brackets = "[{(".repeat(GRAPHQL_DEPTH);
        assert_eq!(check_json(format!("\"\\\\\\\"{brackets}\"").as_bytes()), Ok(()));
        for document in [
            format!("{{ a(b: \"\\\"{brackets}\") }}"),
            format!("{{ a(b: \"\"\"\\\"\"\" \" {brackets}\"\"\") }}"),
            format!("{{ # \" {brackets}\n a }}"),
        ] {
            assert_eq!(check_graphql(&document), Ok(()), "{document}");
        }
    }

    #[test]
    fn a_comment_or_a_text_hides_no_bracket_that_the_parser_sees() {
        let deep = "[".repeat(GRAPHQL_DEPTH + 1);
        for hidden in ["\"\"", "\"x\"", "\"\"\"x\"", "\"\"\"\"", "\"\"\" \"\"\"", "# \"\"\"\n", "# \"\r", "\"\\\\\""] {
            let document = format!("{{ a(b: [{hidden} {deep}");
            let refused = check_graphql(&document).unwrap_err();
            assert_eq!(refused.limit, Limit::Depth(GRAPHQL_DEPTH), "{document}");
        }
    }

    #[test]
    fn tokens_names_and_bytes_are_counted() {
        let fields = |count: usize| format!("{{{}}}", " a".repeat(count));
        assert_eq!(check_graphql(&fields(GRAPHQL_TOKENS - 2)), Ok(()));
        let over = LimitExceeded { limit: Limit::Tokens(GRAPHQL_TOKENS), at: 2 * GRAPHQL_TOKENS - 1 };
        assert_eq!(check_graphql(&fields(GRAPHQL_TOKENS - 1)), Err(over));
        assert_eq!(check_graphql(&format!("{{{}}}", "a".repeat(GRAPHQL_NAME))), Ok(()));
        let long = check_graphql(&format!("{{{}}}", "a".repeat(GRAPHQL_NAME + 1))).unwrap_err();
        assert_eq!(long.limit, Limit::Name(GRAPHQL_NAME));
        assert_eq!(check_graphql(&" ".repeat(GRAPHQL_LENGTH)), Ok(()));
        let large = check_graphql(&" ".repeat(GRAPHQL_LENGTH + 1)).unwrap_err();
        assert_eq!(large.limit, Limit::Length(GRAPHQL_LENGTH));
        let values = |count: usize| format!("[{}]", vec!["0"; count].join(","));
        assert_eq!(check_json(values(JSON_TOKENS).as_bytes()), Ok(()));
        let many = check_json(values(JSON_TOKENS + 1).as_bytes()).unwrap_err();
        assert_eq!(many.limit, Limit::Tokens(JSON_TOKENS));
    }
}

//! Parses `Forwarded` (RFC 7239, section 4) with its quoted strings (RFC 9110, section 5.6.4).

/// What stands for an element that names no address.
const UNKNOWN: &str = "unknown";

/// The value of `for` of each element of a line, from left to right; `unknown` for an element without one. A line that
/// does not follow the grammar is a single `unknown`: where its elements end is then a matter of opinion.
///
/// Values without quotes may hold `:` and brackets, which the grammar reserves: proxies write `for=2001:db8::1`.
#[must_use]
pub fn nodes(line: &[u8]) -> Vec<String> {
    Line(line).elements().unwrap_or_else(|| vec![UNKNOWN.to_owned()])
}

/// The rest of a line.
struct Line<'a>(&'a [u8]);

impl<'a> Line<'a> {
    fn elements(&mut self) -> Option<Vec<String>> {
        let mut nodes = Vec::new();
        loop {
            nodes.extend(self.element()?);
            if self.0.is_empty() {
                return Some(nodes);
            }
            self.skip(b',').then_some(())?;
        }
    }

    /// The value of `for` in the next element; the inner `None` for an empty element, which does not count.
    #[expect(clippy::option_option, reason = "the outer one is that of the parser")]
    fn element(&mut self) -> Option<Option<String>> {
        let (mut node, mut is_empty) = (None, true);
        loop {
            self.skip_space();
            let name = self.word(is_token);
            if !name.is_empty() {
                is_empty = false;
                self.skip(b'=').then_some(())?;
                let value = self.value()?;
                // Which one the proxy wrote is unknown.
                if name.eq_ignore_ascii_case(b"for") && node.replace(value).is_some() {
                    return None;
                }
                self.skip_space();
            }
            if !self.skip(b';') {
                return Some((!is_empty).then(|| node.unwrap_or_else(|| UNKNOWN.to_owned())));
            }
            is_empty = false;
        }
    }

    fn value(&mut self) -> Option<String> {
        let value = if self.skip(b'"') {
            self.quoted()?
        } else {
            let word = self.word(|byte| is_token(byte) || b":[]".contains(&byte));
            (!word.is_empty()).then(|| word.to_vec())?
        };
        Some(String::from_utf8_lossy(&value).into_owned())
    }

    /// A quoted string behind its opening quote, without its escapes.
    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            match byte {
                b'"' => return Some(text),
                b'\\' => {
                    let (&escaped, rest) = self.0.split_first()?;
                    self.0 = rest;
                    text.push(escaped);
                }
                _ => text.push(byte),
            }
        }
    }

    fn word(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|&byte| !belongs(byte)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        word
    }

    fn skip_space(&mut self) {
        self.word(|byte| byte == b' ' || byte == b'\t');
    }

    fn skip(&mut self, byte: u8) -> bool {
        let rest = self.0.strip_prefix(&[byte]);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

/// Whether a byte may be in a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_and_pairs_end_outside_quotes_only() {
        for (line, read) in [
            ("for=1.2.3.7", &["1.2.3.7"][..]),
            ("for=1.2.3.7;host=\"a,for=9.9.9.9;x\";proto=http", &["1.2.3.7"]),
            ("host=\"a;for=9.9.9.9;b\";for=1.2.3.7", &["1.2.3.7"]),
            ("for=1.2.3.7;host=\"a\\\",for=9.9.9.9;x=\\\"\"", &["1.2.3.7"]),
            ("For=\"[2001:db8::1]:47\\11\"", &["[2001:db8::1]:4711"]),
            ("for=2001:db8::1 ; by=x ,\tfor=_hidden", &["2001:db8::1", "_hidden"]),
            ("by=x,proto=https;,;", &["unknown", "unknown", "unknown"]),
            (", ,for=a,,", &["a"]),
            ("", &[]),
        ] {
            assert_eq!(nodes(line.as_bytes()), read, "{line}");
        }
    }

    #[test]
    fn a_line_with_another_grammar_is_unknown() {
        for line in [
            "for=1.2.3.7;host=\"a",
            "for=1.2.3.7;host=\"a\\",
            "for=1.2.3.7;host=\"a\"b",
            "for=1.2.3.7;host=a\"b\"",
            "for=1.2.3.7;for=9.9.9.9",
            "nonsense,for=1.2.3.7",
            "for=,for=1.2.3.7",
            "for =1.2.3.7",
            "for=1.2.3.7 9.9.9.9",
            "=1.2.3.7",
            "for=1.2.3.7;host=a/b",
            "for=1.2.3.7;host=\u{e9}",
        ] {
            assert_eq!(nodes(line.as_bytes()), ["unknown"], "{line}");
        }
    }
}

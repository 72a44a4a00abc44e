//! Patterns of `$like` and `$ilike`.

use crate::domain::text::fold;

/// A pattern: `%` stands for any characters, including none; a backslash makes `%`, `_` and itself literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// The literal pieces between the wildcards.
    pub pieces: Vec<String>,
    /// Whether case matters.
    pub case: Case,
}

/// Whether case matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// `$like`
    Sensitive,
    /// `$ilike`
    Ignored,
}

impl Pattern {
    /// Reads a pattern.
    pub(super) fn parse(text: &str, case: Case) -> Self {
        let mut pieces = vec![String::new()];
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            if character == '%' {
                pieces.push(String::new());
                continue;
            }
            let escaped =
                (character == '\\').then(|| characters.next_if(|next| matches!(next, '%' | '_' | '\\'))).flatten();
            if let Some(piece) = pieces.last_mut() {
                piece.push(escaped.unwrap_or(character));
            }
        }
        Self { pieces, case }
    }

    /// Whether a text matches the pattern.
    pub(in crate::domain) fn matches(&self, text: &str) -> bool {
        let fold = |text: &str| if self.case == Case::Ignored { fold(text) } else { text.to_owned() };
        let text = fold(text);
        let pieces: Vec<String> = self.pieces.iter().map(|piece| fold(piece)).collect();
        let [first, middle @ .., last] = pieces.as_slice() else {
            return pieces.first().is_none_or(|only| *only == text);
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else {
            return false;
        };
        middle.iter().all(|piece| match rest.find(piece.as_str()) {
            Some(at) => {
                rest = &rest[at + piece.len()..];
                true
            }
            None => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::parse(pattern, Case::Ignored).matches(text)
    }

    #[test]
    fn a_percent_sign_stands_for_anything_and_an_escaped_one_for_itself() {
        assert!(matches("$%", "$admin") && !matches("$%", "admin"));
        assert!(matches("%ETL%", "my etl job") && matches("a%b%c", "aXbYc") && !matches("a%b%c", "acb"));
        assert!(matches("", "") && !matches("", "x") && matches("%", ""));
        assert!(matches("100\\%", "100%") && !matches("100\\%", "1000"));
        assert!(!matches("aa%aa", "aaa"), "the pieces do not overlap");
    }
}

//! Checked display names and descriptions.

use super::error::Violation;

/// The longest name, in characters.
pub const NAME_LENGTH: usize = 255;
/// The longest description, in characters.
pub const DESCRIPTION_LENGTH: usize = 4096;

/// Whether a character is a bidirectional control (Unicode UAX 9) or a byte order mark: it can make one name look like
/// another.
fn is_deceptive(each: char) -> bool {
    matches!(each, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether a character is invisible: a format character, or a character that fonts without a glyph ignore
/// (`Default_Ignorable_Code_Point`). Two names that differ only in such characters look the same.
fn is_invisible(each: char) -> bool {
    is_deceptive(each)
        || matches!(each,
            '\u{ad}' | '\u{34f}' | '\u{70f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a character is forbidden in identifiers: a control or invisible character.
#[must_use]
pub fn is_hidden(each: char) -> bool {
    each.is_control() || is_invisible(each)
}

/// Whether a display name contains a character without visible effect. Joiners between two non-ASCII characters, and
/// emoji variation selectors after one, have a visible effect; beside ASCII they have none.
fn has_invisible(name: &str) -> bool {
    let shown = |each: Option<char>| each.is_some_and(|each| !each.is_ascii() && !is_deceptive(each));
    let joins = |each: char| matches!(each, '\u{200c}' | '\u{200d}');
    let mut before = None;
    let mut rest = name.chars().peekable();
    while let Some(each) = rest.next() {
        let is_shown = match each {
            '\u{200c}' | '\u{200d}' => {
                [before, rest.peek().copied()].into_iter().all(|beside| shown(beside) && !beside.is_some_and(joins))
            }
            '\u{fe0f}' => before.is_some_and(|before| !before.is_ascii() && !is_invisible(before)),
            _ => !is_invisible(each),
        };
        if !is_shown {
            return true;
        }
        before = Some(each);
    }
    false
}

const INVISIBLE: &str = "must not contain characters that are not shown";
const DECEPTIVE: &str = "must not contain characters that change the direction of text, nor byte order marks";

/// A display name: 1 to 255 characters without surrounding white space and without hidden characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// Trims and checks a name.
    ///
    /// # Errors
    /// A message that says what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = text.trim();
        match name.chars().count() {
            0 => Err("must not be blank".to_owned()),
            1..=NAME_LENGTH if name.chars().any(char::is_control) => {
                Err("must not contain control characters".to_owned())
            }
            1..=NAME_LENGTH if name.chars().any(is_deceptive) => Err(DECEPTIVE.to_owned()),
            1..=NAME_LENGTH if has_invisible(name) => Err(INVISIBLE.to_owned()),
            1..=NAME_LENGTH => Ok(Self(name.to_owned())),
            length => Err(format!("must have at most {NAME_LENGTH} characters, not {length}")),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Free text: at most 4096 characters; of the control characters only line breaks and tabs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    /// Checks a description.
    ///
    /// # Errors
    /// A message that says what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let length = text.chars().count();
        if length > DESCRIPTION_LENGTH {
            return Err(format!("must have at most {DESCRIPTION_LENGTH} characters, not {length}"));
        }
        if text.chars().any(is_deceptive) {
            return Err(DECEPTIVE.to_owned());
        }
        if text.chars().any(|each| each.is_control() && !matches!(each, '\n' | '\r' | '\t')) {
            return Err("must not contain control characters other than line breaks and tabs".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Case-folds a text for comparison: letter by letter, so that a piece of a name folds to a piece of the folded name.
#[must_use]
pub fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// The integer value of a floating-point number; `None` for fractions and beyond 2^53.
#[must_use]
pub fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "checked")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// Adds the field name to a parse error.
///
/// # Errors
/// The message as a [`Violation`] of `field`.
pub fn at<T>(field: &str, parsed: Result<T, String>) -> Result<T, Violation> {
    parsed.map_err(|message| Violation::new(field, message))
}

/// User input for a message, cut to 64 characters.
#[must_use]
pub fn clip(text: &str) -> String {
    const LENGTH: usize = 64;
    if text.chars().count() <= LENGTH {
        return text.to_owned();
    }
    text.chars().take(LENGTH).chain("…".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_names_nor_descriptions_hold_characters_that_reorder_text() {
        let hidden =
            ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}').chain("\u{61c}\u{200e}\u{200f}\u{feff}".chars());
        for each in hidden {
            for text in [format!("{each}ab"), format!("a{each}b"), format!("ab{each}")] {
                assert!(DisplayName::parse(&text).is_err(), "{text:?}");
                assert!(Description::parse(&text).is_err(), "{text:?}");
            }
        }
    }

    #[test]
    fn text_in_any_script_is_taken() {
        for text in
            ["日本語", "שלום", "مرحبا", "naïve 👩\u{200d}🔬", "می\u{200c}خواهم", "❤\u{fe0f}\u{200d}🔥", "क्\u{200d}ष"]
        {
            assert!(DisplayName::parse(text).is_ok() && Description::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn names_hold_nothing_that_is_not_shown() {
        let invisible = "\u{ad}\u{34f}\u{115f}\u{1160}\u{17b4}\u{180e}\u{200b}\u{200c}\u{200d}\u{2060}\u{2064}\u{206a}\u{3164}\u{fe00}\u{fe0f}\u{ffa0}\u{fff9}\u{e0001}\u{e0041}\u{e0100}";
        for each in invisible.chars() {
            for text in [format!("{each}ab"), format!("a{each}b"), format!("ab{each}")] {
                assert!(DisplayName::parse(&text).is_err(), "{text:?}");
            }
            assert!(is_hidden(each), "{each:?}");
        }
        for text in ["日\u{200d}a", "日\u{200d}", "日\u{200d}\u{200d}本", "日\u{fe0f}\u{fe0f}", "日\u{200b}本"] {
            assert!(DisplayName::parse(text).is_err(), "{text:?}");
        }
    }
}

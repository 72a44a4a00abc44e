//! Names and descriptions as people write them, checked once.

use super::error::Violation;

/// The longest name, in characters.
pub const NAME_LENGTH: usize = 255;
/// The longest description, in characters.
pub const DESCRIPTION_LENGTH: usize = 4096;

/// Whether a character is seen only by what it does to others: it changes the direction in which the text around it is
/// shown (Unicode UAX 9), or it is a byte order mark. With them one name can be shown as another.
fn is_deceptive(each: char) -> bool {
    matches!(each, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether a character has no place in a name.
#[must_use]
pub fn is_hidden(each: char) -> bool {
    each.is_control() || is_deceptive(each)
}

const DECEPTIVE: &str = "must not contain characters that change the direction of text, nor byte order marks";

/// A name for people: 1 to 255 characters without white space around them and without hidden characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// Trims and checks.
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

/// Free text: at most 4096 characters; line breaks and tabs are the only hidden characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    /// Checks.
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

/// The form in which names are compared when case does not matter: letter by letter, so that a piece of a name folds
/// to a piece of the folded name.
#[must_use]
pub fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Names the field of a failed parse.
///
/// # Errors
/// The message as a [`Violation`] of `field`.
pub fn at<T>(field: &str, parsed: Result<T, String>) -> Result<T, Violation> {
    parsed.map_err(|message| Violation::new(field, message))
}

/// User input for a message, cut to a length that a message can bear.
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
        for text in ["日本語", "שלום", "مرحبا", "naïve 👩\u{200d}🔬", "a\u{200b}b"] {
            assert!(DisplayName::parse(text).is_ok() && Description::parse(text).is_ok(), "{text}");
        }
    }
}

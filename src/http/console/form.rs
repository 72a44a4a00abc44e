//! Submitted forms, and the errors shown beside their fields.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;

use crate::domain::edition::{Edition, Expected};
use crate::domain::error::{Error, Violation};
use crate::http::problem::Failure;

/// Submitted fields with their names, in order.
pub(super) type Fields = Vec<(String, String)>;

/// The form field of the password that confirms a dangerous action.
pub(super) const PASSWORD: &str = "confirm_password";

/// The form field of the CSRF token.
pub(super) const CSRF: &str = "csrf";

/// The fields of a form, in order. A list repeats the name of its field.
#[derive(Debug, Default)]
pub struct Form(Vec<(String, String)>);

/// The most fields of a form: about twice what a key form with every offered persona has.
const FIELDS: usize = 2_000;

impl Form {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// When the content type is not a form's, or there are too many fields.
    pub(super) fn parse(request: &HttpRequest, bytes: &[u8]) -> Result<Self, Failure> {
        let declared = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = declared.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Failure::Body("a form is sent as `application/x-www-form-urlencoded`".to_owned()));
        }
        let fields: Vec<(String, String)> = form_urlencoded::parse(bytes).into_owned().take(FIELDS + 1).collect();
        if fields.len() > FIELDS {
            return Err(Failure::Body(format!("a form has at most {FIELDS} fields")));
        }
        Ok(Self(fields))
    }

    /// Reads fields from a query string; fields beyond `FIELDS` are dropped.
    #[must_use]
    pub fn of_query(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().take(FIELDS).collect())
    }

    /// The first value of a field, or the empty string.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The values of a list, without empty ones.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Whether the field is there: the box is ticked, or the button was pressed.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The edition of the record that the form was loaded with.
    pub(super) fn edition(&self) -> Expected {
        Expected::OneOf(vec![Edition(self.text("edition").to_owned())])
    }

    /// The fields that send the form again from another page, which has a CSRF token of its own: never a password.
    pub(super) fn to_send_again(&self) -> Fields {
        self.without(&[PASSWORD, "confirm_username", CSRF]).cloned().collect()
    }

    /// Every field except those with these names.
    pub(super) fn without<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a (String, String)> {
        self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()))
    }
}

/// The errors of a form, shown beside its fields.
#[derive(Debug, Default)]
pub struct FormErrors(Vec<Violation>);

impl FormErrors {
    /// The parsed value; on an error, keeps the message for `field` and returns `None`.
    pub fn keep<T>(&mut self, field: &str, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|message| self.add(field, message)).ok()
    }

    /// Adds an error; an empty field name means the whole form.
    pub fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(Violation::new(field, message));
    }

    /// The errors of a use case that the user can correct. `fields` maps the services' field names to the form's.
    ///
    /// # Errors
    /// Every other error.
    pub fn from_error(error: Error, fields: &[(&str, &str)]) -> Result<Self, Failure> {
        let here = |violation: Violation| {
            let found = fields.iter().find(|(theirs, _)| *theirs == violation.field);
            Violation::new(found.map_or(violation.field.as_str(), |(_, ours)| ours), violation.message)
        };
        match error {
            Error::Invalid(violations) => Ok(Self(violations.into_iter().map(here).collect())),
            Error::Forbidden(message) | Error::Conflict(message) => Ok(Self(vec![Violation::new("", message)])),
            other => Err(other.into()),
        }
    }

    /// Whether there are no errors.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The errors of a field, as sentences; empty if there are none.
    #[must_use]
    pub fn at(&self, field: &str) -> String {
        let of_field = self.0.iter().filter(|fault| fault.field == field);
        of_field.map(|fault| sentence(&fault.message)).collect::<Vec<_>>().join(" ")
    }

    /// The errors of the whole form, and of fields that are not in `fields`.
    #[must_use]
    pub fn except(&self, fields: &[&str]) -> String {
        let of_others = self.0.iter().filter(|fault| !fields.contains(&fault.field.as_str()));
        let told = of_others.map(|fault| match fault.field.as_str() {
            "" => sentence(&fault.message),
            field => sentence(&format!("{field} {}", fault.message)),
        });
        told.collect::<Vec<_>>().join(" ")
    }
}

/// Why a form did nothing.
#[derive(Debug, Default)]
pub struct NotDone {
    pub errors: FormErrors,
    /// Whether another request has changed the record since the form was loaded: the user decides about it as it is now.
    pub has_changed: bool,
}

impl NotDone {
    /// The errors of a use case that the user can correct, and that the record has changed.
    ///
    /// # Errors
    /// Every other error.
    pub fn of(error: Error, fields: &[(&str, &str)]) -> Result<Self, Failure> {
        match error {
            Error::Changed => Ok(Self { has_changed: true, ..Self::default() }),
            error => FormErrors::from_error(error, fields).map(Self::from),
        }
    }

    /// Deletes something if the form has its name, typed to confirm it; `None` if it is deleted.
    ///
    /// # Errors
    /// Those of deleting it that the user cannot correct.
    pub async fn of_deletion(
        form: &Form,
        name: &str,
        deletion: impl Future<Output = Result<(), Error>>,
    ) -> Result<Option<Self>, Failure> {
        if form.text("name").trim() != name {
            return Ok(Some(FormErrors(vec![Violation::new("name", "this is not the name")]).into()));
        }
        match deletion.await {
            Ok(()) => Ok(None),
            Err(error) => Self::of(error, &[]).map(Some),
        }
    }

    /// The status of the page that shows the form again, or for the first time.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        if self.errors.is_empty() && !self.has_changed { StatusCode::OK } else { StatusCode::BAD_REQUEST }
    }
}

impl From<FormErrors> for NotDone {
    fn from(errors: FormErrors) -> Self {
        Self { errors, has_changed: false }
    }
}

/// Turns a message of the services into a sentence: a capital letter, a full stop, and “…” instead of backticks.
#[must_use]
pub fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let ends = message.ends_with(['.', '!', '?']);
    let mut opens = message.starts_with('`');
    let quoted = |each: char| match each {
        '`' => {
            opens = !opens;
            if opens { '“' } else { '”' }
        }
        other => other,
    };
    first
        .map(|each| if each == '`' { '“' } else { each })
        .chain(letters.map(quoted))
        .chain((!ends).then_some('.'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_message_becomes_a_sentence() {
        assert_eq!(sentence("`x` is no `y`"), "“x” is no “y”.");
        assert_eq!(sentence("must be `a` or `b`"), "Must be “a” or “b”.");
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence(""), ".");
    }
}

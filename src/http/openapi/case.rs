//! The errors of each operation, with an example that fits the operation.

use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{Components, RefOr, Schema};

use crate::domain::error::{Error, Refusal, Violation};
use crate::domain::listing::MAX_LIMIT;
use crate::http::problem::{Failure, answers_as_oauth};

/// A status of an operation, with an example.
pub(super) struct Case {
    /// The status.
    pub(super) status: u16,
    /// Distinguishes it from other cases of the status, as a part of the component's name.
    pub(super) suffix: String,
    /// The example; `None` if the failures of the status have nothing in common.
    pub(super) failure: Option<Failure>,
}

impl Case {
    /// The case of an operation with this status.
    pub(super) fn of(path: &str, operation: &Operation, components: &Components, status: u16) -> Self {
        let (suffix, failure) = match status {
            400 if answers_as_oauth(path) => plain(Failure::Body("the form must have one `token`".to_owned())),
            400 | 404 if is_datahub(operation) => (String::new(), None),
            400 => bad_request(operation, components),
            401 if answers_as_oauth(path) => plain(Failure::Client(Refusal::Invalid)),
            401 if path == "/api/service/sessions" => named("Password", Error::Unauthenticated(Refusal::WrongPassword)),
            401 => plain(Error::Unauthenticated(Refusal::Invalid)),
            403 if ["/logIn", "/signUp", "/logOut"].contains(&path) => ("Page".to_owned(), None),
            403 if path == "/api/service/sessions" => named("PasswordsOff", Error::PasswordsOff),
            403 => forbidden(operation),
            404 => not_found(path),
            409 => conflict(path),
            412 => plain(Error::Changed),
            408 => plain(Failure::Slow),
            413 => plain(Failure::TooLarge(262_144)),
            415 => plain(Failure::Encoded),
            429 => plain(Error::Busy),
            503 => plain(Failure::Unavailable("not shown".into())),
            504 => plain(Failure::Timeout),
            _ => plain(Failure::Panic),
        };
        Self { status, suffix, failure }
    }
}

/// Whether an operation answers with DataHub's error bodies.
pub(super) fn is_datahub(operation: &Operation) -> bool {
    operation.tags.iter().flatten().any(|tag| tag == "DataHub")
}

type Example = (String, Option<Failure>);

fn plain(failure: impl Into<Failure>) -> Example {
    named("", failure)
}

fn named(suffix: &str, failure: impl Into<Failure>) -> Example {
    (suffix.to_owned(), Some(failure.into()))
}

/// `attr:qualifiedName` and `MANAGE_APIKEYS` as parts of a name: `AttrQualifiedName`, `ManageApikeys`.
fn part_of_name(text: &str) -> String {
    let text = if text.chars().any(char::is_lowercase) { text.to_owned() } else { text.to_lowercase() };
    let words = text.split(|each: char| !each.is_ascii_alphanumeric());
    words.map(|word| word[..1.min(word.len())].to_uppercase() + word.get(1..).unwrap_or_default()).collect()
}

/// A missing member, an invalid parameter, or more than one credential.
fn bad_request(operation: &Operation, components: &Components) -> Example {
    let violation = |field: &str, message: String| named(&part_of_name(field), Violation::new(field, message));
    if let Some(RefOr::T(body)) = &operation.request_body {
        let schema = body.content.values().find_map(|content| match content {
            RefOr::T(content) => content.schema.as_ref(),
            RefOr::Ref(_) => None,
        });
        let required = schema.and_then(|schema| first_required(schema, components));
        return match required {
            Some(field) => violation(field, "is missing".to_owned()),
            None => named("Body", Failure::Body("the body is not JSON".to_owned())),
        };
    }
    let parameters = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.as_str()),
        _ => None,
    });
    let repeatable = ["guid", "persona", "permission"];
    let names: Vec<&str> = parameters.filter(|name| !repeatable.contains(name)).collect();
    match names.first() {
        Some(_) if names.contains(&"limit") => violation("limit", format!("must be a number from 0 to {MAX_LIMIT}")),
        Some(name) => violation(name, "is given more than once".to_owned()),
        None => plain(Failure::Credentials("the request has more than one credential")),
    }
}

fn first_required<'a>(schema: &'a RefOr<Schema>, components: &'a Components) -> Option<&'a str> {
    match schema {
        RefOr::Ref(reference) => {
            first_required(components.schemas.get(reference.ref_location.rsplit('/').next()?)?, components)
        }
        RefOr::T(Schema::Object(object)) => object.required.first().map(String::as_str),
        RefOr::T(_) => None,
    }
}

/// The missing permission that the description names; otherwise an address that the key does not allow.
fn forbidden(operation: &Operation) -> Example {
    let text = operation.description.as_deref().unwrap_or_default().replace('\n', " ");
    let required = ["Requires the permission", "requires the permission", "require the permission"];
    let rest = required.into_iter().find_map(|words| Some(text.split_once(words)?.1.trim_start()));
    match rest.and_then(|rest| rest.strip_prefix('`')?.split('`').next()) {
        Some(permission) => {
            let message = format!(
                "`service-account-apikey-01a205f3-fb6b-777b-b71f-c9b5970ce30f` lacks the permission `{permission}`"
            );
            named(&part_of_name(permission), Error::Forbidden(message))
        }
        None => plain(Error::ForeignAddress),
    }
}

fn not_found(path: &str) -> Example {
    let id = "01a205f3-fb6b-777b-b71f-c9b5970ce30f".to_owned();
    let unknown = |suffix: &str, kind: &'static str| named(suffix, Error::NotFound { kind, id: id.clone() });
    match path {
        _ if path.starts_with("/api/service/audit/") => unknown("Change", "change"),
        _ if path.contains("/apikeys/") => unknown("ApiKey", "API key"),
        _ if path.contains("/personas/") => unknown("Persona", "persona"),
        _ if path.contains("/explain") => unknown("Actor", "actor"),
        _ if path.contains("/uniqueAttribute/") => {
            let named_instance =
                Failure::NoNamedInstance { type_name: "Table".to_owned(), name: "default/a".to_owned() };
            named("NamedEntity", named_instance)
        }
        _ if path.contains("/entity/") => named("Entity", Failure::NoInstance(id)),
        _ => plain(Failure::NoEndpoint),
    }
}

fn conflict(path: &str) -> Example {
    let conflict = |suffix: &str, message: &str| named(suffix, Error::Conflict(message.to_owned()));
    match path {
        "/api/service/sessions/current" => conflict("Session", "this request was not made with a session"),
        "/api/service/audit/{id}/proof" => {
            conflict("NotInLog", "this change is not in the log yet, try again in a second")
        }
        "/api/service/apikeys" => conflict("Gone", "the API key that this request created has been deleted"),
        _ if path.contains("/apikeys/") => {
            conflict("Expired", "the API key has expired, and an expired key stays expired")
        }
        "/entities" | "/aspects" => conflict(
            "LastAdministrator",
            "`admin` is the last enabled user with the role `$admin`: only the command line can take that away",
        ),
        _ => conflict("Name", "a persona with the name `Data engineers` exists"),
    }
}

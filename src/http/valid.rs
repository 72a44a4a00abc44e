//! Parses and validates bodies and query strings.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_path_to_error::{Path, Segment, Track};
use validator::{Validate, ValidationErrors};

use super::bodies::{Sender, UNAUTHENTICATED_LENGTH};
use super::problem::Failure;
use super::state::{State, state};
use crate::domain::error::{Error, Violation};
use crate::domain::listing::clip;
use crate::domain::nesting::{Unreadable, check_json, check_members, read_json, without_mark};
use crate::domain::network::Network;

/// A request body that is read but not yet parsed: an actor without permission gets no parse errors.
pub struct Body<T> {
    bytes: Result<web::Bytes, Failure>,
    declared: Declared,
    parsed: PhantomData<T>,
}

/// The `Content-Type` of a body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// JSON.
    Json,
    /// No `Content-Type`.
    Nothing,
    /// Another type.
    Otherwise,
}

impl Declared {
    /// Reads the `Content-Type` of a request.
    pub fn by(request: &HttpRequest) -> Self {
        let Some(value) = request.headers().get(CONTENT_TYPE) else { return Self::Nothing };
        let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") { Self::Json } else { Self::Otherwise }
    }
}

/// Type parameter of a body that is not parsed as JSON here.
pub enum Raw {}

impl Body<Raw> {
    /// The bytes of the body.
    ///
    /// # Errors
    /// When the body could not be read.
    pub fn bytes(self) -> Result<web::Bytes, Failure> {
        self.bytes
    }
}

impl<T> Body<T> {
    /// Reads the body of a request, up to `longest` bytes.
    pub async fn read(state: &State, request: &HttpRequest, payload: Payload, longest: usize, sender: Sender) -> Self {
        let bytes = state.bodies.read(request, payload, longest, sender).await;
        Self { bytes, declared: Declared::by(request), parsed: PhantomData }
    }
}

impl<T: DeserializeOwned> Body<T> {
    /// Parses the body as a JSON object and refuses unknown members. The values of members are validated elsewhere.
    ///
    /// # Errors
    /// The errors in the body.
    pub fn strict(self) -> Result<T, Failure> {
        if self.declared == Declared::Otherwise {
            return Err(not_json());
        }
        parse(&self.bytes?, Members::Known)
    }

    /// Parses the body as a JSON object and ignores unknown members. `Content-Type` must be JSON.
    ///
    /// # Errors
    /// The errors in the body.
    pub fn lenient(self) -> Result<T, Failure> {
        if self.declared != Declared::Json {
            return Err(not_json());
        }
        parse(&self.bytes?, Members::Any)
    }
}

impl<T: DeserializeOwned + Validate> Body<T> {
    /// Parses the body like `known`, and validates it by the rules that its type declares.
    ///
    /// # Errors
    /// The errors in the body.
    pub fn valid(self) -> Result<T, Failure> {
        let body = self.strict()?;
        body.validate().map_err(|errors| Violations::from(&errors).into_error())?;
        Ok(body)
    }
}

/// Reads the body of an unauthenticated request, of at most `UNAUTHENTICATED_LENGTH` bytes.
impl<T> FromRequest for Body<T> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let state = state(&request)?;
            let sender = Sender::Stranger(Network::of(state.trusted.client_address(&request)));
            Ok(Self::read(&state, &request, payload, UNAUTHENTICATED_LENGTH.min(state.bodies.longest()), sender).await)
        })
    }
}

fn not_json() -> Failure {
    Failure::Body("the body must be sent as `Content-Type: application/json`".to_owned())
}

/// Parses a JSON body that may have unknown members.
///
/// # Errors
/// The body exceeds a limit of `domain::nesting` or has a member twice; otherwise the violation that `wrong` returns.
pub fn read_or<'a, T: Deserialize<'a>>(bytes: &'a [u8], wrong: impl Fn() -> Violation) -> Result<T, Failure> {
    read_json(bytes).map_err(|error| match error {
        Unreadable::LimitExceeded(excess) => excess.into(),
        Unreadable::DuplicateMember(twice) => twice.into(),
        Unreadable::Json(_) => wrong().into(),
    })
}

/// At most this many unknown members are named.
const NAMED: usize = 20;
/// How often a body is parsed at most to find further wrong members.
const READINGS: usize = 8;

/// Which members a body may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Members {
    /// Only the members of its type.
    Known,
    /// Any members; unknown ones are ignored.
    Any,
}

/// Parses a JSON object, and reports all wrong members at once, by name.
fn parse<T: DeserializeOwned>(bytes: &[u8], members: Members) -> Result<T, Failure> {
    let bytes = without_mark(bytes);
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Failure::Body("the body must be a JSON object".to_owned()));
    }
    check_json(bytes)?;
    check_members(bytes)?;
    let (mut violations, mut unknown) = (Vec::new(), Vec::new());
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let body = match read(&mut json, &mut unknown) {
        Ok(body) => {
            json.end().map_err(|error| Failure::Body(format!("the body is not JSON: {error}")))?;
            Some(body)
        }
        Err(wrong) => {
            violations = all_wrong::<T>(bytes, wrong, &mut unknown)?;
            None
        }
    };
    if members == Members::Known {
        violations.extend(unknown);
    }
    match body {
        Some(body) if violations.is_empty() => Ok(body),
        _ => Err(Error::Invalid(violations).into()),
    }
}

/// An error in one member, with the member's path.
struct Wrong {
    error: serde_json::Error,
    path: Path,
}

/// Makes a value of JSON, and notes the members that it does not have.
fn read<'de, T, D>(json: D, unknown: &mut Vec<Violation>) -> Result<T, Wrong>
where
    T: Deserialize<'de>,
    D: Deserializer<'de, Error = serde_json::Error>,
{
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(json, &mut track);
    let parsed = serde_ignored::deserialize(tracked, |path| {
        let name = clip(&bracketed(&path.to_string()));
        if unknown.len() < NAMED && unknown.iter().all(|violation: &Violation| violation.field != name) {
            unknown.push(Violation::new(name, "is not a member of this body that a client may set"));
        }
    });
    parsed.map_err(|error| Wrong { error, path: track.path() })
}

/// A violation for every wrong member, not only the first: removes the wrong member and parses the rest again. Of an array
/// only the first wrong member is reported, because removing it would renumber the others.
fn all_wrong<T: DeserializeOwned>(
    bytes: &[u8],
    first: Wrong,
    unknown: &mut Vec<Violation>,
) -> Result<Vec<Violation>, Failure> {
    let mut violations = Vec::new();
    let mut left_out = Vec::new();
    let mut next = Some(first);
    let mut rest = None;
    while let Some(wrong) = next.take() {
        let missing = missing(&wrong);
        match &missing {
            Some(name) if left_out.contains(name) => {}
            Some(name) => violations.push(Violation::new(name.clone(), "is missing")),
            None => match explain(&wrong.error, &wrong.path.to_string()) {
                Ok(violation) => violations.push(violation),
                // Only the first is parsed from the text, and so may be no violation.
                Err(failure) if violations.is_empty() => return Err(failure),
                Err(_) => break,
            },
        }
        let rest = rest.get_or_insert_with(|| serde_json::from_slice(bytes).unwrap_or(Value::Null));
        let Some(name) = leave_out(rest, &wrong.path) else { break };
        left_out.push(name);
        if left_out.len() < READINGS {
            next = read::<T, _>(&*rest, unknown).err();
        }
    }
    Ok(violations)
}

/// The path of the missing member, if the error is a missing member.
fn missing(wrong: &Wrong) -> Option<String> {
    let message = wrong.error.to_string();
    let name = message.strip_prefix("missing field `")?.split('`').next()?;
    let path = wrong.path.to_string();
    Some(if path == "." { name.to_owned() } else { format!("{path}.{name}") })
}

/// Removes the member at the path, or the array that it is in, and returns the path of what was removed.
fn leave_out(value: &mut Value, path: &Path) -> Option<String> {
    let names: Vec<&str> = path
        .iter()
        .map_while(|segment| match segment {
            Segment::Map { key } => Some(key.as_str()),
            _ => None,
        })
        .collect();
    let (last, objects) = names.split_last()?;
    let mut object = value;
    for name in objects {
        object = object.get_mut(name)?;
    }
    object.as_object_mut()?.remove(*last)?;
    Some(names.join("."))
}

/// Turns `entities.0.guid` into `entities[0].guid`, the notation used everywhere else.
fn bracketed(path: &str) -> String {
    let mut name = String::new();
    // `serde_ignored` writes `?` for an optional member.
    for part in path.split('.').filter(|part| *part != "?") {
        if !name.is_empty() && !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            name.extend(["[", part, "]"]);
        } else {
            name += if name.is_empty() { "" } else { "." };
            name += part;
        }
    }
    name
}

/// Says what was expected but not what was found, which may be a secret.
fn explain(error: &serde_json::Error, path: &str) -> Result<Violation, Failure> {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = message.strip_suffix(&place).unwrap_or(&message);
    match message.rsplit_once("expected ") {
        _ if !error.is_data() => Err(Failure::Body(format!("the body is not JSON: {message}{place}"))),
        Some((_, expected)) => Ok(Violation::new(path, format!("must be {}", in_json(expected)))),
        None => Err(Failure::Body(format!("the body is not valid: {message}"))),
    }
}

/// Translates serde's name of the expected type to JSON terms.
fn in_json(expected: &str) -> &str {
    match expected {
        "i64" => "a whole number",
        "a boolean" => "`true` or `false`",
        "a sequence" => "an array",
        "a map" => "an object",
        "u32" => "a whole number, not negative",
        rust if rust.starts_with("struct ") => "an object",
        other => other,
    }
}

/// Collects the violations of a body.
#[derive(Default)]
pub struct Violations(Vec<Violation>);

impl From<&ValidationErrors> for Violations {
    fn from(errors: &ValidationErrors) -> Self {
        let all = errors.field_errors().into_iter().flat_map(|(member, errors)| {
            errors.iter().map(move |error| Violation::new(member.as_ref(), error.to_string()))
        });
        Self(all.collect())
    }
}

impl Violations {
    /// The parsed value of a member, or `None` after recording its violation.
    pub fn keep<T>(&mut self, member: &str, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|message| self.0.push(Violation::new(member, message))).ok()
    }

    /// One error with all violations, sorted by member.
    pub fn into_error(mut self) -> Error {
        self.0.sort_by(|one, other| one.field.cmp(&other.field));
        Error::Invalid(self.0)
    }

    /// Succeeds if there is no violation.
    ///
    /// # Errors
    /// All violations.
    pub fn into_result(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }
}

/// The parameters of a query string.
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Parses a form-encoded query string.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The parameters whose names do not begin with `prefix`.
    #[must_use]
    pub fn without_prefix(mut self, prefix: &str) -> Self {
        self.0.retain(|(name, _)| !name.starts_with(prefix));
        self
    }

    /// Refuses unknown parameters: a mistyped `filter` would otherwise return everything.
    ///
    /// # Errors
    /// A violation that names the first unknown parameter.
    pub fn only(&self, known: &[&str]) -> Result<(), Violation> {
        let Some((name, _)) = self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) else { return Ok(()) };
        let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        Err(Violation::new(clip(name), format!("is no parameter of this operation, which has {}", known.join(", "))))
    }

    /// Whether a parameter is present.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// Every value of a parameter, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter, or the empty string.
    ///
    /// # Errors
    /// A violation when the parameter is given more than once.
    pub fn get(&self, name: &str) -> Result<&str, Violation> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Violation::new(name, "is given more than once")),
            (Some((_, value)), None) => Ok(value),
            (None, None) => Ok(""),
        }
    }
}

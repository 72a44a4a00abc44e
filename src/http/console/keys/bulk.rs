//! `POST /keys/bulk`: deletes, links or unlinks several keys, after a preview of the changes, or exports them.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::row::Row;
use super::{id_of, list};
use crate::clock::DAY;
use crate::domain::api_key::{ApiKey, ApiKeyUpdate};
use crate::domain::edition::{Edition, Expected};
use crate::domain::error::{Error, Result as DomainResult, Violation};
use crate::domain::ids::PrincipalId;
use crate::domain::permission::Permission;
use crate::domain::text::at;
use crate::http::console::changed::persona_names;
use crate::http::console::confirm;
use crate::http::console::export::Format;
use crate::http::console::form::{Form, sentence};
use crate::http::console::{Page, SignedInRequest, SubmittedForm, safe_redirect_target};
use crate::http::problem::Failure;
use crate::service::keys::{api_keys, changeable};

/// The most keys of a request: no less than a page of the list has.
const MOST: usize = 50;

/// The change to make to each key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http::console) enum BulkAction {
    Delete,
    Link(String),
    Unlink(String),
}

impl BulkAction {
    /// Reads `operation`, and the persona in `with`.
    fn read(form: &Form) -> Result<Self, Violation> {
        let persona = || match form.text("with") {
            "" => Err(Violation::new("with", "choose a persona")),
            name if name.contains('\0') => Err(Violation::new("with", "must not contain a zero character")),
            name => Ok(name.to_owned()),
        };
        match form.text("operation") {
            "delete" => Ok(Self::Delete),
            "link" => Ok(Self::Link(persona()?)),
            "unlink" => Ok(Self::Unlink(persona()?)),
            _ => Err(Violation::new("operation", "must be `delete`, `link`, `unlink`, `csv` or `json`")),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Link(_) => "link",
            Self::Unlink(_) => "unlink",
        }
    }

    fn persona(&self) -> &str {
        match self {
            Self::Delete => "",
            Self::Link(persona) | Self::Unlink(persona) => persona,
        }
    }

    /// The change to a key in words, with the persona's display name; `None` if nothing changes.
    fn change(&self, key: &ApiKey, persona: &str) -> Option<String> {
        let linked = |name: &str| key.personas.iter().any(|persona| persona.qualified_name == name);
        match self {
            Self::Delete => Some("is deleted, for good".to_owned()),
            Self::Link(name) => (!linked(name)).then(|| format!("gains the persona {persona}")),
            Self::Unlink(name) => linked(name).then(|| format!("loses the persona {persona}")),
        }
    }
}

/// What the preview showed of a key, which the form sends back.
struct Seen {
    id: PrincipalId,
    edition: Edition,
    was_in_use: bool,
    name: String,
}

impl Seen {
    /// Reads `ID EDITION yes|no NAME`.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ' ');
        let id = PrincipalId::parse(parts.next()?)?;
        let (edition, was_in_use) = (Edition(parts.next()?.to_owned()), parts.next()? == "yes");
        Some(Self { id, edition, was_in_use, name: parts.next()?.to_owned() })
    }

    fn write(key: &ApiKey, is_in_use: bool) -> String {
        let used = if is_in_use { "yes" } else { "no" };
        format!("{} {} {used} {}", key.id, key.edition().0, key.display_name)
    }

    /// What has changed since the preview, in words; `None` if nothing has that matters for `operation`.
    fn difference(&self, keys: &[ApiKey], operation: &BulkAction, now: i64) -> Option<String> {
        let Some(key) = keys.iter().find(|key| key.id == self.id) else {
            return Some(format!("“{}” was deleted.", self.name));
        };
        if key.display_name != self.name {
            return Some(format!("“{}” was changed, and is now called “{}”.", self.name, key.display_name));
        }
        if key.edition() != self.edition {
            return Some(format!("“{}” was changed.", self.name));
        }
        let matters = !self.was_in_use && is_in_use(key, now) && !matches!(operation, BulkAction::Link(_));
        matters.then(|| format!("“{}” was used.", self.name))
    }
}

/// What has changed since the preview, a sentence for each key. A key that the preview did not show is one, too.
fn differences(form: &Form, keys: &[ApiKey], operation: &BulkAction, now: i64) -> Vec<String> {
    let seen: Vec<Seen> = form.all("seen").take(MOST).filter_map(Seen::parse).collect();
    let unseen = keys.iter().filter(|key| seen.iter().all(|seen| seen.id != key.id));
    let unseen = unseen.map(|key| format!("“{}” was not shown.", key.display_name));
    seen.iter().filter_map(|seen| seen.difference(keys, operation, now)).chain(unseen).collect()
}

fn is_in_use(key: &ApiKey, now: i64) -> bool {
    key.last_used_at > now - 7 * DAY
}

/// A key in the preview or in the result.
struct Line {
    row: Row,
    /// What the form sends back: see [`Seen`].
    seen: String,
    /// Empty if nothing changes.
    change: String,
    is_in_use: bool,
    /// Why the change is or was refused; empty if it is not.
    refusal: String,
}

impl Line {
    fn changes(&self) -> bool {
        !self.change.is_empty() && self.refusal.is_empty()
    }
}

#[derive(Template)]
#[template(path = "keys/bulk.html")]
struct Bulk {
    page: Page,
    lines: Vec<Line>,
    operation: BulkAction,
    changes: usize,
    in_use: usize,
    is_done: bool,
    error: &'static str,
    /// What has changed since the preview was shown.
    differences: Vec<String>,
}

impl Bulk {
    fn new(
        request: &SignedInRequest,
        lines: Vec<Line>,
        operation: BulkAction,
        is_done: bool,
        error: &'static str,
    ) -> Result<Self, Failure> {
        Ok(Self {
            page: request.page("Several keys", "keys")?,
            changes: lines.iter().filter(|line| line.changes()).count(),
            in_use: lines.iter().filter(|line| line.is_in_use && line.changes()).count(),
            lines,
            operation,
            is_done,
            error,
            differences: Vec::new(),
        })
    }
}

/// The question which persona several keys are linked to or unlinked from.
#[derive(Template)]
#[template(path = "keys/bulk_persona.html")]
struct WhichPersona {
    page: Page,
    rows: Vec<Row>,
    /// `link` or `unlink`
    operation: String,
    personas: Vec<list::PersonaOption>,
    error: String,
}

/// The page of a form that names no persona: the keys stay chosen.
async fn which_persona(
    request: &SignedInRequest,
    form: &Form,
    keys: Vec<ApiKey>,
    broken: &Violation,
) -> Result<HttpResponse, Failure> {
    let now = request.now();
    let page = WhichPersona {
        page: request.page("Several keys", "keys")?,
        rows: keys.into_iter().map(|key| Row::of(key, now)).collect(),
        operation: form.text("operation").to_owned(),
        personas: list::choices(request, "").await?.offered,
        error: sentence(&broken.message),
    };
    request.answer(StatusCode::BAD_REQUEST, &page)
}

/// The list that the form was sent from, which says that no key was chosen.
fn none_chosen(form: &Form) -> String {
    let is_list = |target: &&str| *target == "keys" || target.starts_with("keys?");
    let list = safe_redirect_target(form.text("list")).filter(is_list).unwrap_or("keys");
    let mark = if list.contains('?') { '&' } else { '?' };
    format!("{list}{mark}done={}", list::NONE_CHOSEN)
}

/// `POST /keys/bulk`
///
/// # Errors
/// [`Error::Forbidden`], except for an export; violations; [`Error::NotFound`]; when the storage fails.
pub async fn act(mut submitted: SubmittedForm) -> Result<HttpResponse, Failure> {
    let exported = Format::find(submitted.form.text("operation"));
    if exported.is_none() {
        submitted.actor.require(Permission::ManageApiKeys)?;
    }
    let goes_ahead = exported.is_none() && submitted.form.text("step") == "go";
    if goes_ahead && let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let (request, form) = (&submitted.request, &submitted.form);
    let ids: Vec<&str> = form.all("key").take(MOST + 1).collect();
    if ids.is_empty() || ids.len() > MOST {
        return Ok(request.redirect(&none_chosen(form)));
    }
    let mut keys = Vec::new();
    for id in ids {
        match api_keys::get(&request.state.service, &request.actor, id_of(id)?).await {
            Ok(key) => keys.push(key),
            // Already deleted, or not to be seen: nothing to do.
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if let Some(format) = exported {
        return list::file_of(&keys, format);
    }
    let operation = match BulkAction::read(form) {
        Ok(operation) => operation,
        Err(broken) if broken.field == "with" => return which_persona(request, form, keys, &broken).await,
        Err(broken) => return Err(broken.into()),
    };
    let mut names = persona_names(request, std::iter::once(operation.persona())).await?;
    let persona = names.remove(operation.persona()).unwrap_or_else(|| operation.persona().to_owned());
    let refusals = refusals(request, &operation, &persona, &keys).await?;
    let now = request.now();
    let counted = form.text("count").trim() == keys.len().to_string();
    let differences = if goes_ahead { differences(form, &keys, &operation, now) } else { Vec::new() };
    if goes_ahead && differences.is_empty() && (operation != BulkAction::Delete || counted) {
        let lines = carry_out(request, &operation, &persona, keys).await?;
        return request.answer(StatusCode::OK, &Bulk::new(request, lines, operation, true, "")?);
    }
    let line = |key: ApiKey| Line {
        change: operation.change(&key, &persona).unwrap_or_default(),
        is_in_use: is_in_use(&key, now),
        refusal: refusals.get(&key.id).cloned().unwrap_or_default(),
        seen: Seen::write(&key, is_in_use(&key, now)),
        row: Row::of(key, now),
    };
    let lines = keys.into_iter().map(line).collect();
    let error = if goes_ahead && differences.is_empty() { "This is not how many keys there are." } else { "" };
    let status = match (goes_ahead, differences.is_empty()) {
        (false, _) => StatusCode::OK,
        (true, true) => StatusCode::BAD_REQUEST,
        (true, false) => StatusCode::CONFLICT,
    };
    request.answer(status, &Bulk { differences, ..Bulk::new(request, lines, operation, false, error)? })
}

/// Why keys would not be changed, in words.
async fn refusals(
    request: &SignedInRequest,
    operation: &BulkAction,
    persona: &str,
    keys: &[ApiKey],
) -> Result<HashMap<PrincipalId, String>, Failure> {
    let (service, actor) = (&request.state.service, &request.actor);
    let ids = keys.iter().map(|key| key.id).collect();
    let mut refusals = changeable::refused_keys(service, actor, ids).await?;
    if let BulkAction::Link(name) = operation
        && changeable::refused_personas(service, actor, vec![name.clone()]).await?.contains(name)
    {
        let beyond = format!("You cannot link the persona {persona}: it may allow more than you may do yourself.");
        for key in keys.iter().filter(|key| operation.change(key, persona).is_some()) {
            refusals.insert(key.id, beyond.clone());
        }
    }
    Ok(refusals)
}

/// Changes the keys one by one; a refusal for one key does not stop the others.
async fn carry_out(
    request: &SignedInRequest,
    operation: &BulkAction,
    persona: &str,
    keys: Vec<ApiKey>,
) -> Result<Vec<Line>, Failure> {
    let (mut lines, now) = (Vec::new(), request.now());
    for key in keys {
        let change = operation.change(&key, persona).unwrap_or_default();
        let outcome = if change.is_empty() { Ok(()) } else { to_one(request, operation, &key).await };
        let refusal = match outcome {
            Ok(()) => String::new(),
            Err(error @ (Error::Storage(_) | Error::Unavailable(_) | Error::Internal(_))) => return Err(error.into()),
            Err(error) => sentence(&error.to_string()),
        };
        let is_in_use = is_in_use(&key, now);
        lines.push(Line { change, is_in_use, refusal, seen: String::new(), row: Row::of(key, now) });
    }
    Ok(lines)
}

/// Changes one key, unless another request has changed it since it was read.
///
/// # Errors
/// Those of the use case.
pub(in crate::http::console) async fn to_one(
    request: &SignedInRequest,
    operation: &BulkAction,
    key: &ApiKey,
) -> DomainResult<()> {
    let service = &request.state.service;
    let mut personas: Vec<String> = key.personas.iter().map(|persona| persona.qualified_name.clone()).collect();
    match operation {
        BulkAction::Delete => return api_keys::delete(service, &request.actor, key.id).await,
        BulkAction::Link(name) => personas.push(name.clone()),
        BulkAction::Unlink(name) => personas.retain(|linked| linked != name),
    }
    let update = ApiKeyUpdate { personas, ..at("name", key.unchanged())? };
    let expected = Expected::OneOf(vec![key.edition()]);
    api_keys::update(service, &request.actor, key.id, update, expected).await.map(|_| ())
}

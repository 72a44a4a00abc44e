//! `/audit`: who changed what, and its export.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::export::{self, Format};
use super::list::{ActiveFilter, ListUrl, begins_with, contains, is};
use super::trail::Entry;
use super::{Page, SignedInRequest};
use crate::domain::change::{Action, Change};
use crate::domain::error::Violation;
use crate::domain::fields::ChangeField;
use crate::domain::filter::{Comparison, Filter, Test, Value};
use crate::domain::permission::Permission;
use crate::http::problem::Failure;
use crate::service::upkeep::audit;

const FILTERS: [&str; 5] = ["actor", "action", "subject", "about", "days"];

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    page: Page,
    url: ListUrl,
    active_filters: Vec<ActiveFilter>,
    entries: Vec<Entry>,
    kinds: Vec<ActionKind>,
    next: Option<String>,
    /// The URLs of the exports, with the filters of the page.
    csv: String,
    json: String,
}

/// The actions whose names begin alike: `apikey.`
struct ActionKind {
    prefix: String,
    title: String,
}

/// The kinds of actions, as the filter offers them.
fn kinds() -> Vec<ActionKind> {
    let mut kinds: Vec<ActionKind> = Vec::new();
    for (kind, _) in Action::NAMES.iter().filter_map(|name| name.split_once('.')) {
        let prefix = format!("{kind}.");
        if kinds.iter().all(|known| known.prefix != prefix) {
            kinds.push(ActionKind { prefix, title: title(kind) });
        }
    }
    kinds
}

fn title(kind: &str) -> String {
    let text = match kind {
        "apikey" => "API keys",
        "access_token" => "access tokens",
        "child" => "child tokens",
        "user" => "people",
        "token" => "leaked tokens",
        "invites" => "invitation links",
        "installation" => "this installation",
        "policy" => "policies",
        other => &format!("{}s", other.replace('_', " ")),
    };
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// `GET /audit`
///
/// # Errors
/// [`crate::domain::error::Error::Forbidden`] without `VIEW_AUDIT`; violations of the parameters.
pub async fn show(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    request.actor.require(Permission::ViewAudit)?;
    let list_url = ListUrl::parse("audit", &request.params(), &FILTERS)?;
    let (service, now) = (&request.state.service, request.now());
    let query = list_url.query(service, filter(&list_url, now)?)?;
    let found = audit::list(service, &request.actor, query).await?;
    let next = list_url.next(service, &found);
    let first = list_url.first();
    let export = |format: &str| first.replacen("audit", &format!("audit/export/{format}"), 1);
    let active_filters =
        [
            list_url.active_filter("actor", "By", str::to_owned),
            list_url.active_filter("action", "Action", str::to_owned),
            list_url.active_filter("subject", "What", str::to_owned),
            list_url.active_filter("about", "About", str::to_owned),
            list_url.active_filter("days", "Since", |days| {
                if days == "1" { "a day".to_owned() } else { format!("{days} days") }
            }),
        ];
    let audit = Audit {
        page: request.page("Audit", "audit")?,
        active_filters: active_filters.into_iter().flatten().collect(),
        entries: Entry::all(&request, found.records).await?,
        kinds: kinds(),
        next,
        csv: export("csv"),
        json: export("json"),
        url: list_url,
    };
    request.answer(StatusCode::OK, &audit)
}

fn filter(list_url: &ListUrl, now: i64) -> Result<Filter<ChangeField>, Failure> {
    let mut wanted = Vec::new();
    match list_url.value("action") {
        "" => {}
        text => wanted.push(begins_with(ChangeField::Action, text)),
    }
    for (name, field) in [("actor", ChangeField::Actor), ("subject", ChangeField::Subject)] {
        match list_url.value(name) {
            "" => {}
            text => wanted.push(contains(field, text)),
        }
    }
    match list_url.value("about") {
        "" => {}
        id => wanted.push(is(ChangeField::SubjectId, id)),
    }
    match list_url.value("days") {
        "" => {}
        text => match text.parse::<i64>() {
            Ok(days) if (1..=3_650).contains(&days) => {
                let since = Value::Instant(now - days * crate::clock::DAY);
                wanted.push(Filter::Test(ChangeField::ChangedAt, Test::Compare(Comparison::GreaterOrEqual, since)));
            }
            _ => return Err(Violation::new("days", "must be 1 to 3650").into()),
        },
    }
    Ok(Filter::All(wanted))
}

const COLUMNS: [&str; 12] = [
    "id",
    "changedAt",
    "actorId",
    "actor",
    "actedBy",
    "action",
    "subjectKind",
    "subjectId",
    "subject",
    "requestId",
    "authenticatedBy",
    "address",
];

fn cells(change: &Change) -> [String; 12] {
    [
        change.id.to_string(),
        change.changed_at.to_string(),
        change.actor_id.to_string(),
        change.actor_name.clone(),
        change.acted_by.clone(),
        change.action.clone(),
        change.subject_kind.clone(),
        change.subject_id.to_string(),
        change.subject_name.clone(),
        change.request_id.clone(),
        change.authenticated_by.clone(),
        change.address.clone(),
    ]
}

/// `GET /audit/export/{format}`: the entries that match the filters, the latest first.
///
/// # Errors
/// [`crate::domain::error::Error::Forbidden`] without `VIEW_AUDIT`; violations of the parameters.
pub async fn export(request: SignedInRequest, format: web::Path<String>) -> Result<HttpResponse, Failure> {
    request.actor.require(Permission::ViewAudit)?;
    let format = Format::find(&format).ok_or(Failure::NoEndpoint)?;
    let list_url = ListUrl::parse("audit", &request.params(), &FILTERS)?;
    let (service, now) = (&request.state.service, request.now());
    let query = list_url.query(service, filter(&list_url, now)?)?;
    let list = async |query| audit::list(service, &request.actor, query).await;
    export::export(&request, (format, "audit"), &COLUMNS, query, list, cells).await
}

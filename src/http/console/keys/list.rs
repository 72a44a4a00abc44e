//! `GET /keys`: the list of API keys, and its export.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::row::Row;
use crate::clock::DAY;
use crate::domain::api_key::{ApiKey, NEVER};
use crate::domain::error::Violation;
use crate::domain::fields::{ApiKeyField, PersonaField};
use crate::domain::filter::{Comparison, Filter, Test, Value};
use crate::domain::ids::PrincipalId;
use crate::domain::listing::Query;
use crate::domain::permission::Permission;
use crate::domain::persona::Persona;
use crate::domain::principal::{CLIENT_ID_PREFIX, SERVICE_ACCOUNT_PREFIX, client_id as client_id_of};
use crate::http::console::export::{self, Format, Rows};
use crate::http::console::list::{ActiveFilter, Column, ListUrl, contains, is};
use crate::http::console::{Page, SignedInRequest};
use crate::http::problem::Failure;
use crate::service::catalogue::personas;
use crate::service::keys::api_keys;

/// The value of `done` after a form for several keys that chose none, or too many.
pub(super) const NONE_CHOSEN: &str = "none-chosen";

const FILTERS: [&str; 6] = ["q", "status", "persona", "creator", "expires", "used"];

#[derive(Template)]
#[template(path = "keys/list.html")]
struct List {
    page: Page,
    url: ListUrl,
    active_filters: Vec<ActiveFilter>,
    personas: PersonaOptions,
    name: Column,
    expires: Column,
    last_used: Column,
    created: Column,
    rows: Vec<Row>,
    next: Option<String>,
    notice: &'static str,
    /// Why a form of the list was refused; empty if none was.
    problem: &'static str,
    may_create: bool,
    /// Whether the user sees the keys of others.
    sees_all: bool,
    csv: String,
    json: String,
}

/// `GET /keys`
///
/// # Errors
/// Violations of the parameters; when the storage fails.
pub async fn show(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    let params = request.params();
    let list_url = ListUrl::parse("keys", &params, &FILTERS)?;
    let notice = match params.get("done")? {
        "deleted" => "The key is deleted: no request with it is let in any more.",
        _ => "",
    };
    let problem = match params.get("done")? {
        NONE_CHOSEN => "Nothing was done: choose 1 to 50 keys in the list first.",
        _ => "",
    };
    let (service, now) = (&request.state.service, request.now());
    let query = list_url.query(service, filter(&list_url, now)?)?;
    let found = api_keys::list(service, &request.actor, query).await?;
    let next = list_url.next(service, &found);
    let personas = choices(&request, list_url.value("persona")).await?;
    let first = list_url.first();
    let list = List {
        csv: first.replacen("keys", "keys/export/csv", 1),
        json: first.replacen("keys", "keys/export/json", 1),
        page: request.page("API keys", "keys")?,
        active_filters: active_filters(&list_url, &personas.offered),
        personas,
        name: list_url.column(ApiKeyField::DisplayName),
        expires: list_url.column(ApiKeyField::ExpiresAt),
        last_used: list_url.column(ApiKeyField::LastUsedAt),
        created: list_url.column(ApiKeyField::CreatedAt),
        rows: Row::all(&request, found.records).await?,
        next,
        url: list_url,
        notice,
        problem,
        may_create: request.actor.permissions().contains(Permission::ManageApiKeys),
        sees_all: request.actor.permissions().contains(Permission::ViewApiKeys),
    };
    request.answer(StatusCode::OK, &list)
}

const COLUMNS: [&str; 13] = [
    "id",
    "clientId",
    "displayName",
    "description",
    "createdBy",
    "createdAt",
    "expiresAt",
    "lastUsedAt",
    "useCount",
    "personaQualifiedNames",
    "workspacePermissions",
    "allowedAddresses",
    "rateLimit",
];

/// The row of a key in an export: never its token, which is not stored.
fn cells(key: &ApiKey) -> [String; 13] {
    let instant = |instant: i64| if instant == NEVER || instant == 0 { String::new() } else { instant.to_string() };
    let personas: Vec<&str> = key.personas.iter().map(|persona| persona.qualified_name.as_str()).collect();
    let permissions: Vec<&str> = key.permissions.iter().map(Permission::name).collect();
    let addresses: Vec<String> = key.limits.addresses.texts().collect();
    [
        key.id.to_string(),
        client_id_of(key.id),
        key.display_name.clone(),
        key.description.clone(),
        key.created_by.clone(),
        instant(key.created_at),
        instant(key.expires_at),
        instant(key.last_used_at),
        key.use_count.to_string(),
        personas.join(" "),
        permissions.join(" "),
        addresses.join(" "),
        key.limits.rate.map(|rate| format!("{}/{}", rate.requests, rate.seconds)).unwrap_or_default(),
    ]
}

/// The file with these keys.
///
/// # Errors
/// A violation when there is too much in them.
pub(super) fn file_of(keys: &[ApiKey], format: Format) -> Result<HttpResponse, Failure> {
    let mut rows = Rows::default();
    rows.add(keys.iter().map(cells))?;
    Ok(rows.file(format, "keys", &COLUMNS))
}

/// `GET /keys/export/{format}`: the keys that match the filters.
///
/// # Errors
/// Violations of the parameters; when the storage fails.
pub async fn export(request: SignedInRequest, format: web::Path<String>) -> Result<HttpResponse, Failure> {
    let format = Format::find(&format).ok_or(Failure::NoEndpoint)?;
    let list_url = ListUrl::parse("keys", &request.params(), &FILTERS)?;
    let service = &request.state.service;
    let query = list_url.query(service, filter(&list_url, request.now())?)?;
    let list = async |query| api_keys::list(service, &request.actor, query).await;
    export::export(&request, (format, "keys"), &COLUMNS, query, list, cells).await
}

/// The personas in a select.
pub(super) struct PersonaOptions {
    pub(super) offered: Vec<PersonaOption>,
    /// Whether there are more than are offered.
    pub(super) has_more: bool,
}

/// A persona in a select.
pub(super) struct PersonaOption {
    pub(super) qualified_name: String,
    pub(super) name: String,
}

/// The most personas that are offered: they are in the page twice, and it stays light.
const PERSONAS: i64 = 80;

/// The personas offered as a filter and for several keys: the first by name, and the chosen one. Without it, the next search
/// would drop the filter.
pub(super) async fn choices(request: &SignedInRequest, chosen: &str) -> Result<PersonaOptions, Failure> {
    let service = &request.state.service;
    let option =
        |persona: Persona| PersonaOption { qualified_name: persona.qualified_name, name: persona.display_name };
    let query = Query::first_page(Filter::EVERYTHING, "name", PERSONAS)?;
    let found = personas::list(service, &request.actor, query).await?;
    let has_more = found.next.is_some();
    let mut offered: Vec<PersonaOption> = found.records.into_iter().map(option).collect();
    if !["", "none"].contains(&chosen) && offered.iter().all(|persona| persona.qualified_name != chosen) {
        let query = Query::first_page(is(PersonaField::QualifiedName, chosen), "", 1)?;
        let found = personas::list(service, &request.actor, query).await?.records.pop();
        let unknown = || PersonaOption { qualified_name: chosen.to_owned(), name: chosen.to_owned() };
        offered.push(found.map_or_else(unknown, option));
    }
    Ok(PersonaOptions { offered, has_more })
}

/// The filter that the URL asks for.
fn filter(list_url: &ListUrl, now: i64) -> Result<Filter<ApiKeyField>, Failure> {
    use ApiKeyField::{CreatedBy, ExpiresAt, LastUsedAt, PersonaQualifiedName};
    let unknown = |name: &str, allowed: &str| Failure::from(Violation::new(name, format!("must be {allowed}")));
    let compare = |field, comparison, instant| Filter::Test(field, Test::Compare(comparison, Value::Instant(instant)));
    let ends_within = |days| {
        Filter::All(vec![
            compare(ExpiresAt, Comparison::Greater, now),
            compare(ExpiresAt, Comparison::LessOrEqual, now + days * DAY),
        ])
    };
    let mut wanted = Vec::new();
    match list_url.value("q") {
        "" => {}
        text => wanted.push(searched(text)),
    }
    match list_url.value("status") {
        "" => {}
        status @ ("active" | "expired") => wanted.push(is(ApiKeyField::Status, status)),
        _ => return Err(unknown("status", "`active` or `expired`")),
    }
    match list_url.value("persona") {
        "" => {}
        "none" => wanted.push(Filter::Not(Box::new(Filter::Test(PersonaQualifiedName, Test::Exists)))),
        name => wanted.push(is(PersonaQualifiedName, name)),
    }
    match list_url.value("creator") {
        "" => {}
        name => wanted.push(is(CreatedBy, name)),
    }
    match list_url.value("expires") {
        "" => {}
        "7" => wanted.push(ends_within(7)),
        "30" => wanted.push(ends_within(30)),
        "90" => wanted.push(ends_within(90)),
        "never" => wanted.push(Filter::Not(Box::new(Filter::Test(ExpiresAt, Test::Exists)))),
        _ => return Err(unknown("expires", "`7`, `30`, `90` or `never`")),
    }
    match list_url.value("used") {
        "" => {}
        "day" => wanted.push(compare(LastUsedAt, Comparison::GreaterOrEqual, now - DAY)),
        "idle" => wanted.push(compare(LastUsedAt, Comparison::Less, now - 90 * DAY)),
        "never" => wanted.push(Filter::Not(Box::new(Filter::Test(LastUsedAt, Test::Exists)))),
        _ => return Err(unknown("used", "`day`, `idle` or `never`")),
    }
    Ok(Filter::All(wanted))
}

/// The keys that a search text finds: by their names, or the one with that client id.
pub(in crate::http::console) fn searched(text: &str) -> Filter<ApiKeyField> {
    match client_id(text) {
        Some(id) => is(ApiKeyField::ClientId, &id),
        None => contains(ApiKeyField::DisplayName, text),
    }
}

/// The client id in a search text, which may lack the prefixes; `None` if it is none.
fn client_id(text: &str) -> Option<String> {
    let text = text.strip_prefix(SERVICE_ACCOUNT_PREFIX).unwrap_or(text);
    let id = PrincipalId::parse(text.strip_prefix(CLIENT_ID_PREFIX).unwrap_or(text))?;
    Some(format!("{CLIENT_ID_PREFIX}{id}"))
}

fn active_filters(list_url: &ListUrl, personas: &[PersonaOption]) -> Vec<ActiveFilter> {
    let named = |name: &str| {
        let known = personas.iter().find(|persona| persona.qualified_name == name);
        known.map_or_else(|| name.to_owned(), |persona| persona.name.clone())
    };
    let all = [
        list_url.active_filter("status", "Status", str::to_owned),
        list_url.active_filter("persona", "Persona", named),
        list_url.active_filter("creator", "Created by", str::to_owned),
        list_url.active_filter("expires", "Expires", |value| match value {
            "never" => "never".to_owned(),
            days => format!("within {days} days"),
        }),
        list_url.active_filter("used", "Last used", |value| {
            match value {
                "day" => "within a day",
                "idle" => "90 days ago or more",
                _ => "never",
            }
            .to_owned()
        }),
    ];
    all.into_iter().flatten().collect()
}

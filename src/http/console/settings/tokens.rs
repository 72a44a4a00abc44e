//! `GET /settings/tokens`: DataHub's page of access tokens (docs/contracts/datahub.md, section 6).

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use crate::domain::access_token::{AccessToken, AccessTokenField};
use crate::domain::actor::Actor;
use crate::domain::error::Violation;
use crate::domain::filter::{Comparison, Filter, Test, Value};
use crate::domain::listing::Query;
use crate::domain::permission::Permission;
use crate::http::console::list::{ActiveFilter, Column, ListUrl, contains, is};
use crate::http::console::notice::Notice;
use crate::http::console::status::Status;
use crate::http::console::words::DisplayTime;
use crate::http::console::{Page, SignedInRequest};
use crate::http::datahub;
use crate::http::datahub::settings::Authentication;
use crate::http::problem::Failure;
use crate::service::keys::access_tokens;
use crate::service::people::users;

/// The most user names that are suggested.
const SUGGESTED: i64 = 200;

const FILTERS: [&str; 3] = ["q", "status", "owner"];

#[derive(Template)]
#[template(path = "settings/tokens.html")]
struct Tokens {
    page: Page,
    url: ListUrl,
    active_filters: Vec<ActiveFilter>,
    expires: Option<Column>,
    rows: Vec<Row>,
    next: Option<String>,
    notice: Notice,
    may_generate: bool,
    /// Whether the user sees the tokens of all users.
    sees_all: bool,
    is_open: bool,
    /// Names to suggest for the filter by owner.
    owners: Vec<String>,
}

/// An access token, in words.
pub(in crate::http::console) struct Row {
    pub(in crate::http::console) id: String,
    pub(in crate::http::console) name: String,
    pub(in crate::http::console) description: String,
    pub(in crate::http::console) status: Status,
    pub(in crate::http::console) expires: Option<DisplayTime>,
    pub(in crate::http::console) created: Option<DisplayTime>,
    pub(in crate::http::console) last_used: Option<DisplayTime>,
    pub(in crate::http::console) actor: String,
    pub(in crate::http::console) owner: String,
}

impl Row {
    pub(in crate::http::console) fn of(token: AccessToken, now: i64) -> Self {
        Self {
            status: Status::of(token.expires_at, now),
            expires: DisplayTime::of(token.expires_at, now),
            created: DisplayTime::of(token.created_at, now),
            last_used: DisplayTime::of(token.last_used_at, now),
            id: token.id,
            name: token.name,
            description: token.description,
            actor: token.actor.username,
            owner: token.owner.username,
        }
    }
}

/// Whether an actor may generate tokens of their own.
pub(in crate::http::console) fn may_generate(actor: &Actor) -> bool {
    let held = actor.permissions();
    held.contains(Permission::GeneratePersonalAccessTokens) || held.contains(Permission::ManageAccessTokens)
}

/// `GET /settings/tokens`
///
/// # Errors
/// Violations of the parameters; when the storage fails.
pub async fn show(request: SignedInRequest, settings: web::Data<datahub::DoorRules>) -> Result<HttpResponse, Failure> {
    let params = request.params();
    let list_url = ListUrl::parse("settings/tokens", &params, &FILTERS)?;
    let notice = match params.get("done")? {
        "revoked" => Notice::Good("The token is revoked: no request with it is let in any more."),
        "gone" => Notice::Warning("There was no such token any more: it was revoked before, or its user was removed."),
        _ => Notice::None,
    };
    let (service, now) = (&request.state.service, request.now());
    let sees_all = request.actor.permissions().contains(Permission::ManageAccessTokens);
    let mut filter = filter(&list_url, now)?;
    if !sees_all {
        let own = is(AccessTokenField::Owner, &request.actor.username().to_string());
        filter = Filter::All(vec![own, filter]);
    }
    let query = list_url.query(service, filter)?;
    let found = access_tokens::list_seen(service, &request.actor, query).await?;
    let next = list_url.next(service, &found);
    let tokens = Tokens {
        page: request.page("Access tokens", "settings")?,
        active_filters: [
            list_url.active_filter("status", "Status", str::to_owned),
            list_url.active_filter("owner", "Owner", str::to_owned),
        ]
        .into_iter()
        .flatten()
        .collect(),
        expires: Some(list_url.column(AccessTokenField::ExpiresAt)),
        rows: found.records.into_iter().map(|token| Row::of(token, now)).collect(),
        next,
        url: list_url,
        notice,
        may_generate: may_generate(&request.actor),
        sees_all,
        owners: if sees_all { names(&request).await? } else { Vec::new() },
        is_open: settings.authentication != Authentication::On,
    };
    request.answer(StatusCode::OK, &tokens)
}

/// The first user names, for suggestions.
pub(super) async fn names(request: &SignedInRequest) -> Result<Vec<String>, Failure> {
    let query = Query::first_page(Filter::EVERYTHING, "username", SUGGESTED)?;
    let found = users::list(&request.state.service, &request.actor, query).await?;
    Ok(found.records.into_iter().map(|user| user.principal.username().to_string()).collect())
}

fn filter(list_url: &ListUrl, now: i64) -> Result<Filter<AccessTokenField>, Failure> {
    let ended =
        || Filter::Test(AccessTokenField::ExpiresAt, Test::Compare(Comparison::LessOrEqual, Value::Instant(now)));
    let mut wanted = Vec::new();
    match list_url.value("q") {
        "" => {}
        text => wanted.push(contains(AccessTokenField::Name, text)),
    }
    match list_url.value("status") {
        "" => {}
        "expired" => wanted.push(ended()),
        "active" => wanted.push(Filter::Not(Box::new(ended()))),
        _ => return Err(Violation::new("status", "must be `active` or `expired`").into()),
    }
    match list_url.value("owner") {
        "" => {}
        name => wanted.push(is(AccessTokenField::Owner, name)),
    }
    Ok(Filter::All(wanted))
}

//! `/`: the start page, with counts of keys that need attention and the latest keys.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::keys::row::Row;
use super::settings::tokens::may_generate;
use super::words::{counted, elapsed};
use super::{Page, SignedInRequest};
use crate::clock::DAY;
use crate::domain::fields::ApiKeyField;
use crate::domain::filter::{Comparison, Filter, Test, Value};
use crate::domain::listing::Query;
use crate::domain::permission::Permission;
use crate::http::problem::Failure;
use crate::service::keys::{api_keys, usage};
use crate::service::upkeep::maintenance;

#[derive(Template)]
#[template(path = "start.html")]
struct Start {
    page: Page,
    tiles: Vec<Tile>,
    latest: Vec<Row>,
    refused: Vec<Refused>,
    /// What keeps the database from working; empty if it works.
    trouble: &'static str,
    /// How many processes serve this installation.
    nodes: usize,
    /// How long the latest changes took to come into force; empty if there was none since the start of the process.
    promptness: String,
    may_create: bool,
    sees_keys: bool,
    may_generate: bool,
}

/// A count with a link to the keys that it counts.
struct Tile {
    count: String,
    text: &'static str,
    to: &'static str,
    is_urgent: bool,
}

/// A key and how often it was refused in the last day.
struct Refused {
    id: String,
    name: String,
    times: String,
}

/// Counting stops here, which bounds its cost: more keys are shown as `99+`.
const MOST: usize = 99;

/// The number of latest keys that are shown.
const LATEST: i64 = 6;

/// `GET /`
///
/// # Errors
/// When the storage fails.
pub async fn show(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    let now = request.now();
    let compare = |field, comparison, instant| Filter::Test(field, Test::Compare(comparison, Value::Instant(instant)));
    let ends_within = |days: i64| {
        Filter::All(vec![
            compare(ApiKeyField::ExpiresAt, Comparison::Greater, now),
            compare(ApiKeyField::ExpiresAt, Comparison::LessOrEqual, now + days * DAY),
        ])
    };
    let unused = Filter::Not(Box::new(Filter::Test(ApiKeyField::LastUsedAt, Test::Exists)));
    let idle = compare(ApiKeyField::LastUsedAt, Comparison::Less, now - 90 * DAY);
    let tiles = vec![
        tile(&request, ends_within(7), "expiresAt", "expire within 7 days", "keys?expires=7&sort=expiresAt").await?,
        tile(&request, ends_within(30), "expiresAt", "expire within 30 days", "keys?expires=30&sort=expiresAt").await?,
        tile(&request, idle, "lastUsedAt", "unused for 90 days", "keys?used=idle&sort=lastUsedAt").await?,
        tile(&request, unused, "lastUsedAt", "never used", "keys?used=never&sort=lastUsedAt").await?,
    ];
    let latest = list(&request, Filter::EVERYTHING, "-createdAt", LATEST).await?;
    let service = &request.state.service;
    let refused = usage::most_refused(service, &request.actor).await?;
    let refused = refused.into_iter().map(|(key, times)| Refused {
        id: key.id.to_string(),
        name: key.display_name,
        times: counted(times, "time"),
    });
    let trouble = maintenance::check_writes(service).await.err().unwrap_or_default();
    let held = request.actor.permissions();
    let start = Start {
        page: request.page("Start", "start")?,
        tiles,
        latest,
        refused: refused.collect(),
        trouble,
        promptness: maintenance::promptness(service).map_or_else(String::new, |told| {
            let changes = i64::try_from(told.changes).unwrap_or(i64::MAX);
            let (median, longest) = (elapsed(told.median), elapsed(told.longest));
            format!("{median} at the median, {longest} at most, of the latest {}", counted(changes, "change"))
        }),
        nodes: maintenance::count_nodes(service).await?,
        may_create: held.contains(Permission::ManageApiKeys),
        sees_keys: held.contains(Permission::ViewApiKeys),
        may_generate: may_generate(&request.actor),
    };
    request.answer(StatusCode::OK, &start)
}

async fn list(
    request: &SignedInRequest,
    filter: Filter<ApiKeyField>,
    sort: &str,
    limit: i64,
) -> Result<Vec<Row>, Failure> {
    let query = Query::first_page(filter, sort, limit)?;
    let found = api_keys::list(&request.state.service, &request.actor, query).await?;
    Row::all(request, found.records).await
}

async fn tile(
    request: &SignedInRequest,
    filter: Filter<ApiKeyField>,
    sort: &str,
    text: &'static str,
    to: &'static str,
) -> Result<Tile, Failure> {
    let limit = i64::try_from(MOST + 1).unwrap_or(i64::MAX);
    let count = list(request, filter, sort, limit).await?.len();
    let is_urgent = count > 0 && to.contains("expires=7");
    let count = if count > MOST { format!("{MOST}+") } else { count.to_string() };
    Ok(Tile { count, text, to, is_urgent })
}

//! `/api/service/apikeys/{guid}/uses`: how often a key was used and refused, over time.

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::apikeys::parse_guid;
use crate::domain::actor::Actor;
use crate::domain::error::Violation;
use crate::domain::usage::{Interval, NetworkUsage, Usage};
use crate::http::openapi::{AnyError, Fails, sets};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::http::valid::Params;
use crate::service::keys::usage::{self, KeyUsage, Period};

/// List how often an API key was used
///
/// Uses and refusals in every hour, day or month (of UTC) of a period. Hours are kept for 31 days unless configured
/// otherwise, days and months for 400 days. A refusal is a request with the key's genuine token that is answered 401,
/// 403 or 429. Uses appear at once on the node that served them, and within seconds on others. For actors that see the
/// key.
#[utoipa::path(
    tag = "API keys",
    operation_id = "list_api_key_uses",
    params(
        ("guid" = String, Path, description = "The `id` of the API key"),
        ("by" = inline(Option<By>), Query, description = "The length of the intervals; `hour` if left out"),
        ("from" = Option<i64>, Query, minimum = 0, description = "Start of the period in epoch milliseconds; a day, \
            30 days or 365 days before `to` if left out"),
        ("to" = Option<i64>, Query, minimum = 0, description = "End of the period (exclusive) in epoch milliseconds; \
            now if left out"),
    ),
    responses((status = 200, description = "The uses", body = KeyUses), AnyError, Fails<403>, Fails<404>),
)]
#[get("/api/service/apikeys/{guid}/uses")]
pub async fn read(
    state: web::Data<State>,
    actor: Actor,
    guid: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let params = Params::parse(request.query_string());
    params.only(&["by", "from", "to"])?;
    let by = if params.has("by") { Interval::parse(params.get("by")?)? } else { Interval::Hour };
    let period = Period { by, from: instant(&params, "from")?, to: instant(&params, "to")? };
    let id = parse_guid(&guid)?;
    let KeyUsage { series, networks } = usage::of_key(&state.service, &actor, id, period).await?;
    Ok(HttpResponse::Ok().json(KeyUses {
        by: by.name(),
        uses: series.iter().map(|each| each.uses).sum(),
        refusals: series.iter().map(|each| each.refusals).sum(),
        records: series.into_iter().map(UsageView::from).collect(),
        networks: networks.into_iter().map(NetworkUsageView::from).collect(),
    }))
}

fn instant(params: &Params, name: &'static str) -> Result<Option<i64>, Failure> {
    if !params.has(name) {
        return Ok(None);
    }
    let instant = params.get(name)?.parse().ok().filter(|instant: &i64| *instant >= 0);
    Ok(Some(instant.ok_or_else(|| Violation::new(name, "must be an instant in epoch milliseconds"))?))
}

/// The names of [`Interval`].
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its documentation is used")]
enum By {
    Hour,
    Day,
    Month,
}

/// The uses of a key over time.
#[derive(Serialize, ToSchema)]
pub struct KeyUses {
    /// The length of the intervals.
    #[schema(schema_with = sets::intervals)]
    by: &'static str,
    /// All uses of the period.
    uses: i64,
    /// All refusals of the period.
    refusals: i64,
    /// Every interval of the period, in ascending order, also without uses.
    records: Vec<UsageView>,
    /// From where the key was used or refused, at any time: at most the 100 networks that were seen last.
    networks: Vec<NetworkUsageView>,
}

/// The uses of one interval.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Usage)]
pub struct UsageView {
    /// Start of the interval, in epoch milliseconds.
    starts_at: i64,
    /// Accepted requests, and verifications and introspections by others.
    uses: i64,
    /// Refused requests.
    refusals: i64,
}

/// When a key was used or refused in requests from one network.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NetworkUsage)]
pub struct NetworkUsageView {
    /// An IPv4 address, or the /64 of an IPv6 address.
    network: String,
    /// The first request in epoch milliseconds, exact to the hour.
    first_seen_at: i64,
    /// The last request in epoch milliseconds, exact to the hour.
    last_seen_at: i64,
    /// How often the key was refused.
    refusals: i64,
}

impl From<NetworkUsage> for NetworkUsageView {
    fn from(NetworkUsage { network, first_seen_at, last_seen_at, refusals, .. }: NetworkUsage) -> Self {
        Self { network, first_seen_at, last_seen_at, refusals }
    }
}

impl From<Usage> for UsageView {
    fn from(Usage { starts_at, uses, refusals }: Usage) -> Self {
        Self { starts_at, uses, refusals }
    }
}

//! Query parameters of every collection: `filter`, `sort`, `limit`, `offset`, `cursor` (keyset pagination) and `count`.

use actix_web::http::header::LINK;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::problem::Failure;
use super::valid::Params;
use crate::domain::cursor::CursorSeal;
use crate::domain::error::Violation;
use crate::domain::filter::Filter;
use crate::domain::listing::{DEFAULT_LIMIT, Field, MAX_LIMIT, Page, Query, Sort, Start, Totals};
use crate::service::Service;

/// The parameters of a collection. Atlan's SDKs also send `columns` and `maxLoginEvents` to choose what a record
/// contains; both are ignored, and records are returned whole.
const PARAMETERS: [&str; 8] = ["filter", "sort", "limit", "offset", "cursor", "count", "columns", "maxLoginEvents"];

/// A parsed request for one page, and what the link to the next page needs.
pub struct ListRequest<F> {
    /// The query for the service.
    pub query: Query<F>,
    seal: CursorSeal,
    filter: String,
    sort: String,
}

impl<F: Field> ListRequest<F> {
    /// Reads the query string of a request.
    ///
    /// # Errors
    /// Violations that name the parameter and what is allowed.
    pub fn parse(request: &HttpRequest, service: &Service) -> Result<Self, Failure> {
        let params = Params::parse(request.query_string());
        params.only(&PARAMETERS)?;
        let (filter, sort) = (params.get("filter")?, params.get("sort")?);
        let path = request.path();
        let seal = CursorSeal::new(service.peppers.derive("cursor"), &[path, filter, sort]);
        let offset = number(&params, "offset", 0, i64::MAX)?;
        let (start, paged) = match (params.get("cursor")?, offset) {
            ("", offset) => (Start::Offset(offset.unwrap_or(0)), Paged::ByOffset),
            (cursor, None | Some(0)) => (Start::After(seal.read(cursor)?), Paged::ByCursor),
            (_, Some(_)) => return Err(Violation::new("offset", "cannot be combined with `cursor`").into()),
        };
        let limit = match number(&params, "limit", 0, MAX_LIMIT)? {
            None => DEFAULT_LIMIT,
            Some(0) => MAX_LIMIT,
            Some(limit) => limit,
        };
        let query = Query {
            filter: Filter::parse(filter)?,
            sort: Sort::parse(sort)?,
            limit,
            start,
            totals: totals(&params, paged)?,
        };
        let (filter, sort) = (filter.to_owned(), sort.to_owned());
        Ok(Self { query, seal, filter, sort })
    }

    /// Answers with the page in Atlan's envelope, and a `Link` header to the next page.
    pub fn respond<T, V: Serialize>(&self, page: Page<T>, view: impl FnMut(T) -> V) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        let page = page.map(view);
        if let Some(next) = &page.next {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("limit", &self.query.limit.to_string())
                .append_pair("sort", &self.sort)
                .append_pair("filter", &self.filter)
                .append_pair("cursor", &self.seal.write(next))
                .finish();
            // Relative, so that it works behind a proxy that adds a path prefix.
            response.insert_header((LINK, format!("<?{query}>; rel=\"next\"")));
        }
        response.json(Records {
            total_record: page.counts.map(|counts| counts.total),
            filter_record: page.counts.map(|counts| counts.filtered),
            records: page.records,
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Paged {
    ByOffset,
    ByCursor,
}

/// Whether to count the collection. Pages by offset always have totals, whatever `count` says (Atlan's Go SDK crashes
/// without them). Pages by cursor have them only with `count=true`, because counting costs as much as many pages.
fn totals(params: &Params, paged: Paged) -> Result<Totals, Violation> {
    match (params.get("count")?.to_ascii_lowercase().as_str(), paged) {
        ("", _) if params.has("count") => Err(Violation::new("count", "must be `true` or `false`")),
        ("" | "true" | "false", Paged::ByOffset) | ("true", Paged::ByCursor) => Ok(Totals::Exact),
        ("" | "false", Paged::ByCursor) => Ok(Totals::Skipped),
        _ => Err(Violation::new("count", "must be `true` or `false`")),
    }
}

fn number(params: &Params, name: &str, least: i64, most: i64) -> Result<Option<i64>, Violation> {
    match params.get(name)? {
        "" if !params.has(name) => Ok(None),
        text => match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(Violation::new(name, format!("must be a number from {least} to {most}"))),
        },
    }
}

/// Atlan's envelope of a collection.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names on the wire")]
pub struct Records<T> {
    /// The size of the whole collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_record: Option<i64>,
    /// How many records match the filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_record: Option<i64>,
    /// One page of the matching records.
    records: Vec<T>,
}

impl<T> Records<T> {
    /// The envelope of a collection that is held in memory.
    pub fn of(total: usize, filtered: usize, records: Vec<T>) -> Self {
        let count = |size: usize| i64::try_from(size).ok();
        Self { total_record: count(total), filter_record: count(filtered), records }
    }
}

//! `/connections`: connections and collections.

pub mod one;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::list::{ActiveFilter, ListUrl, ROWS};
use super::words::DisplayTime;
use super::{Page, SignedInRequest};
use crate::domain::asset::{Asset, Relation};
use crate::domain::entity::{Entity, EntityState, term};
use crate::domain::error::Violation;
use crate::domain::search::{Clause, Order, Search};
use crate::http::problem::Failure;
use crate::service::catalogue::search::search;

/// A type of asset that has pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Connection,
    Collection,
}

impl Container {
    const ALL: [Self; 2] = [Self::Connection, Self::Collection];

    /// The name of the type.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connection => "Connection",
            Self::Collection => "Collection",
        }
    }

    fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The title of the lists of those who may change it.
    fn title(self) -> &'static str {
        match self {
            Self::Connection => "Admins",
            Self::Collection => "Editors",
        }
    }

    /// One of those who may change it.
    pub(super) fn admins(self) -> &'static str {
        match self {
            Self::Connection => "admin",
            Self::Collection => "editor",
        }
    }
}

#[derive(Template)]
#[template(path = "connections/list.html")]
struct List {
    page: Page,
    url: ListUrl,
    active_filters: Vec<ActiveFilter>,
    rows: Vec<Row>,
    next: Option<String>,
}

/// A connection or a collection, in words.
struct Row {
    id: String,
    name: String,
    qualified_name: String,
    container: Container,
    /// How many members the lists of admins have, and those of viewers.
    admins: usize,
    viewers: usize,
    created: Option<DisplayTime>,
}

impl Row {
    fn of(asset: Asset, container: Container, now: i64) -> Self {
        let count = |relation: Relation| {
            asset.people.iter().filter(|(list, _)| list.relation() == relation).map(|(_, members)| members.len()).sum()
        };
        Self {
            id: asset.id.to_string(),
            admins: count(Relation::Admin),
            viewers: count(Relation::Viewer),
            created: DisplayTime::of(asset.created_at, now),
            name: asset.name,
            qualified_name: asset.qualified_name,
            container,
        }
    }
}

/// `GET /connections`
///
/// # Errors
/// Violations of the parameters; when the storage fails.
pub async fn list(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    let list_url = ListUrl::parse("connections", &request.params(), &["q", "kind"])?;
    let service = &request.state.service;
    let from = list_url.skipped(service)?;
    let query = Search { condition: condition(&list_url)?, order: Order::Descending, size: ROWS, from };
    let found = search(service, &request.actor, query).await?;
    let next = (found.total > from + ROWS).then(|| list_url.after(service, from + ROWS));
    let now = request.now();
    let row = |entity| match entity {
        Entity::Asset(asset) => Container::find(&asset.type_name).map(|container| Row::of(asset, container, now)),
        _ => None,
    };
    let chip = list_url.active_filter("kind", "Kind", str::to_owned);
    let list = List {
        page: request.page("Connections and collections", "connections")?,
        active_filters: chip.into_iter().collect(),
        rows: found.entities.into_iter().filter_map(row).collect(),
        next,
        url: list_url,
    };
    request.answer(StatusCode::OK, &list)
}

/// The condition that the URL asks for.
fn condition(list_url: &ListUrl) -> Result<Clause, Failure> {
    let is = |field: &str, values: Vec<String>| Clause::OneOf(field.to_owned(), values);
    let folded = |name: &str| term(name).unwrap_or_default();
    let kinds = match list_url.value("kind") {
        "" => Container::ALL.to_vec(),
        "connection" => vec![Container::Connection],
        "collection" => vec![Container::Collection],
        _ => return Err(Violation::new("kind", "must be `connection` or `collection`").into()),
    };
    let mut all = vec![
        is("__state", vec![folded(EntityState::Active.name())]),
        is("__typeName", kinds.into_iter().map(|kind| folded(kind.name())).collect()),
    ];
    match list_url.value("q") {
        "" => {}
        text => {
            let text = term(text).ok_or_else(|| Violation::new("q", "must have at most 512 bytes"))?;
            let begins = |field: &str| Clause::Prefix(field.to_owned(), text.clone());
            all.push(Clause::Any(vec![begins("name"), begins("qualifiedName")]));
        }
    }
    Ok(Clause::All(all))
}

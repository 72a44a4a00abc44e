//! Keyset pagination of search results (section 8.2).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::actor::Actor;
use crate::domain::cursor::{Cursor, CursorSeal};
use crate::domain::error::{Error, Result, Violation};
use crate::domain::filter::Value;
use crate::http::state::State;
use crate::http::whole;
use crate::service::authz::search_access::{CANDIDATES, Results, Window};

/// The requested page of results.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct PageRequest {
    /// The `next_token` of the page before. The rest of the request must be unchanged.
    token: Option<String>,
    /// The most results in the page, at most 1000.
    #[serde(default, deserialize_with = "whole::read_or_null")]
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    limit: Option<u32>,
}

/// The position of the next page.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageResponse {
    /// The `token` of the next request; empty on the last page.
    next_token: String,
    /// The number of results in this page.
    #[schema(value_type = i32, minimum = 0)]
    count: usize,
}

/// The pages of one search.
pub struct Pages {
    seal: CursorSeal,
    window: Window,
    asked: bool,
}

impl Pages {
    /// Parses the requested page. A token is valid only for the same search by the same actor.
    ///
    /// # Errors
    /// A violation for a token of another search or another limit.
    pub fn new(state: &State, actor: &Actor, page: Option<PageRequest>, question: &impl Serialize) -> Result<Self> {
        let question = serde_json::to_string(question).map_err(|error| Error::Internal(error.into()))?;
        let seal = state.service.peppers.derive("cursor");
        let seal = CursorSeal::new(seal, &["/access/v1/search", &actor.id().to_string(), &question]);
        let most = |limit: u32| usize::try_from(limit).map_or(CANDIDATES, |limit| limit.min(CANDIDATES));
        let asked = page.is_some();
        if page.as_ref().and_then(|page| page.limit).is_some_and(|limit| limit > i32::MAX.cast_unsigned()) {
            return Err(Violation::new("page.limit", format!("must be at most {}", i32::MAX)).into());
        }
        let PageRequest { token, limit } = page.unwrap_or(PageRequest { token: None, limit: None });
        let limit = limit.map(most);
        let window = match token.filter(|token| !token.is_empty()) {
            None => Window { after: String::new(), limit: limit.unwrap_or(CANDIDATES) },
            Some(token) => {
                let cursor = seal.read(&token).map_err(|_| foreign("token"))?;
                let before = match cursor.values.as_slice() {
                    [Value::Instant(before)] => usize::try_from(*before).ok(),
                    _ => None,
                };
                let before = before.ok_or_else(|| foreign("token"))?;
                if limit.is_some_and(|limit| limit != before) {
                    return Err(foreign("limit").into());
                }
                Window { after: cursor.id, limit: before }
            }
        };
        Ok(Self { seal, window, asked })
    }

    /// The range of results of the page.
    pub fn window(&self) -> Window {
        self.window.clone()
    }

    /// The results, with page information if the request had `page` or if there are more results.
    pub fn answer(&self, results: Results) -> (Vec<String>, Option<PageResponse>) {
        let Results { names, end } = results;
        let has_page = self.asked || end.is_some();
        let next_token = end.map_or_else(String::new, |id| {
            let limit = i64::try_from(self.window.limit).unwrap_or(i64::MAX);
            self.seal.write(&Cursor { values: vec![Value::Instant(limit)], id })
        });
        let count = names.len();
        (names, has_page.then_some(PageResponse { next_token, count }))
    }
}

fn foreign(member: &str) -> Violation {
    Violation::new(format!("page.{member}"), "must be that of the answer before, with the same question")
}

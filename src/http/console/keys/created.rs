//! The page that shows the token of a new key, once.

use askama::Template;

use super::row::Row;
use crate::domain::api_key::CreatedApiKey;
use crate::http::console::{Page, SignedInRequest};
use crate::http::problem::Failure;

#[derive(Template)]
#[template(path = "keys/created.html")]
pub(super) struct Created {
    page: Page,
    row: Row,
    token: String,
    url: String,
}

impl Created {
    pub(super) fn of(request: &SignedInRequest, url: String, created: CreatedApiKey) -> Result<Self, Failure> {
        let CreatedApiKey { api_key, token } = created;
        Ok(Self {
            page: request.page("New key", "keys")?,
            row: Row::of(api_key, request.now()),
            token: token.expose(),
            url,
        })
    }
}

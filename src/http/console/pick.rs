//! Picks a key or a user by a search.

use super::SignedInRequest;
use super::key_names::key_of;
use super::keys::list::searched;
use super::list::contains;
use crate::domain::api_key::ApiKey;
use crate::domain::error::{Error, Violation};
use crate::domain::fields::UserField;
use crate::domain::filter::{Field, Filter};
use crate::domain::ids::PrincipalId;
use crate::domain::listing::{Query, Sort, Start, Totals};
use crate::domain::principal::{client_id, service_account_username};
use crate::domain::user::{User, is_username};
use crate::http::problem::Failure;
use crate::service::keys::api_keys;
use crate::service::people::users;

/// The most keys, and the most users, that a search shows.
const SHOWN: i64 = 10;

/// A key or a user that was found.
pub struct Candidate {
    /// The user name, which identifies it in a form.
    pub username: String,
    pub name: String,
    /// The client id of a key; the address of a user.
    pub under: String,
    /// `None` for a user.
    pub key: Option<ApiKey>,
    /// Whether it is a member already.
    pub is_member: bool,
}

/// The keys and users that match a text and that the user sees, the keys first.
///
/// # Errors
/// When the storage fails.
pub async fn find(request: &SignedInRequest, text: &str) -> Result<Vec<Candidate>, Failure> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let service = &request.state.service;
    let keys = api_keys::list(service, &request.actor, query(searched(text))?).await?.records;
    let matching = Filter::Any(vec![contains(UserField::Username, text), contains(UserField::Email, text)]);
    let people = users::list(service, &request.actor, query(matching)?).await?.records;
    let key = |key: ApiKey| Candidate {
        username: service_account_username(key.id),
        under: client_id(key.id),
        name: key.display_name.clone(),
        key: Some(key),
        is_member: false,
    };
    let user = |user: User| Candidate {
        username: user.principal.username().to_string(),
        name: user.principal.username().to_string(),
        under: user.email,
        key: None,
        is_member: false,
    };
    Ok(keys.into_iter().map(key).chain(people.into_iter().map(user)).collect())
}

fn query<F: Field>(filter: Filter<F>) -> Result<Query<F>, Error> {
    Ok(Query { filter, sort: Sort::parse("")?, limit: SHOWN, start: Start::Offset(0), totals: Totals::Skipped })
}

/// A key or a user, as a form names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picked {
    Key(PrincipalId),
    User(String),
}

impl Picked {
    /// Reads a user name.
    ///
    /// # Errors
    /// A violation unless it is the name of a key's service account or can be a user's.
    pub fn read(username: &str) -> Result<Self, Violation> {
        match key_of(username) {
            Some(id) => Ok(Self::Key(id)),
            None if is_username(username) => Ok(Self::User(username.to_owned())),
            None => Err(Violation::new("member", "must be the user name of a key or a user")),
        }
    }
}

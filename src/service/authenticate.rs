//! Who is this? The one answer for every door.

use super::Service;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::principal::PrincipalKind;
use crate::domain::token::ParsedToken;
use crate::storage::credentials;

impl Service {
    /// The actor a bearer token authenticates.
    ///
    /// # Errors
    /// The refusal; what it tells depends on whether the token is genuine. [`Error::Storage`] when an unknown token
    /// could not be looked up.
    pub async fn authenticate(&self, bearer: &str) -> Result<Actor> {
        let refused = Error::Unauthenticated(Refusal::Invalid);
        let Some(token) = ParsedToken::parse(bearer, &self.prefixes) else { return Err(refused) };
        let read = || self.look_up(move |connection| credentials::find(connection, token.key_id));
        let Some(record) = self.directory.get(token.key_id, read).await? else { return Err(refused) };
        let now = self.clock.now();
        let actor = record.admit(&token, &self.peppers, now)?;
        if actor.principal().kind == PrincipalKind::ServiceAccount {
            self.directory.note_use(&record, now);
        }
        Ok(actor)
    }
}

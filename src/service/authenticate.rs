//! Who is this? The one answer for every door.

use std::net::IpAddr;
use std::sync::Arc;

use super::Service;
use crate::directory::Record;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::principal::PrincipalKind;
use crate::domain::token::ParsedToken;
use crate::storage::credentials;

impl Service {
    /// The actor a bearer token authenticates, for a request from `address`.
    ///
    /// # Errors
    /// The refusal; what it tells depends on whether the token is genuine. [`Error::RateLimited`], or
    /// [`Error::Forbidden`] from a foreign address. [`Error::Storage`] when an unknown token could not be looked up.
    pub async fn authenticate(&self, bearer: &str, address: Option<IpAddr>) -> Result<Actor> {
        let counts = &self.directory.counts;
        let timed = counts.begin_verification();
        let outcome = self.admit(bearer, address).await;
        if let Some(started) = timed {
            counts.verification.observe(started.elapsed().as_secs_f64());
        }
        outcome
    }

    async fn admit(&self, bearer: &str, address: Option<IpAddr>) -> Result<Actor> {
        let (token, record) = self.recall(bearer).await?;
        let now = self.clock.now();
        let actor = record.admit(&token, &self.peppers, now, address)?;
        if actor.principal().kind == PrincipalKind::ServiceAccount {
            self.directory.note_use(&record, now);
        }
        Ok(actor)
    }

    /// The same without using it: no use is noted, and no limit is applied.
    ///
    /// # Errors
    /// The refusal.
    pub(super) async fn recognise(&self, bearer: &str) -> Result<Actor> {
        let (token, record) = self.recall(bearer).await?;
        record.recognise(&token, &self.peppers, self.clock.now())
    }

    async fn recall(&self, bearer: &str) -> Result<(ParsedToken, Arc<Record>)> {
        let refused = Error::Unauthenticated(Refusal::Invalid);
        let Some(token) = ParsedToken::parse(bearer, &self.prefixes) else { return Err(refused) };
        if let Some(record) = self.directory.find(token.key_id) {
            return Ok((token, record));
        }
        let read = || self.look_up(move |connection| credentials::find(connection, token.key_id));
        let record = self.directory.get(token.key_id, &self.clock, read).await?;
        record.map(|record| (token, record)).ok_or(refused)
    }
}

//! Who is this? The one answer for every door.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::clock::Reading;
use crate::directory::{Genuine, Known};
use crate::domain::actor::{Actor, Holder};
use crate::domain::credential::KnownCredential;
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::network::Network;
use crate::domain::party::Party;
use crate::domain::principal::PrincipalKind;
use crate::domain::token::{KeyId, ParsedToken};
use crate::service::Service;
use crate::storage::{credentials, principals, standings};

/// How long it takes at least to refuse what looks like a token. The timer ticks in milliseconds: that hides the
/// microseconds that remain between a wrong secret and an unknown key id.
const REFUSED_AFTER: Duration = Duration::from_millis(2);

impl Service {
    /// The actor a bearer token authenticates, for a request from `address`.
    ///
    /// # Errors
    /// The refusal; what it tells depends on whether the token is genuine, and its time tells nothing.
    /// [`Error::RateLimited`], or [`Error::ForeignAddress`]. [`Error::Storage`] when an unknown token could not be looked
    /// up.
    pub async fn authenticate(&self, bearer: &str, address: Option<IpAddr>) -> Result<Actor> {
        let began = Instant::now();
        let outcome = self.admit(bearer, address, Party::Network(Network::of(address))).await;
        self.directory.counts.verified(began);
        if matches!(outcome, Err(Error::Unauthenticated(Refusal::Invalid))) && self.parse(bearer).is_some() {
            hold(began).await;
        }
        outcome
    }

    /// The same actor once more, when the rest of its request has arrived, as it is then: not another use of the token,
    /// so none is noted, and nothing is taken from its rate limit.
    ///
    /// # Errors
    /// Those of [`Service::authenticate`], but for the rate limit.
    pub async fn authenticate_again(&self, bearer: &str, address: Option<IpAddr>) -> Result<Actor> {
        let (genuine, now) = self.recall(bearer, Party::Network(Network::of(address))).await?;
        let actor = genuine.recognise(now)?.from(address);
        genuine.record().check_address(address)?;
        Ok(actor)
    }

    /// The same for who may ask about every token, and need not be kept waiting.
    ///
    /// # Errors
    /// Those of [`Service::authenticate`].
    pub(in crate::service) async fn verify(
        &self,
        bearer: &str,
        address: Option<IpAddr>,
        party: Party,
    ) -> Result<Actor> {
        let began = Instant::now();
        let outcome = self.admit(bearer, address, party).await;
        self.directory.counts.verified(began);
        outcome
    }

    async fn admit(&self, bearer: &str, address: Option<IpAddr>, party: Party) -> Result<Actor> {
        let (genuine, now) = self.recall(bearer, party).await?;
        let actor = genuine.admit(now, address)?;
        self.note_use(&genuine, now);
        Ok(actor)
    }

    /// Like [`Service::verify`] from nobody knows where, and whatever its rate limit: nothing is taken from it. Somebody
    /// has shown the token to who asks, so it is noted as used.
    ///
    /// # Errors
    /// The refusal, [`Error::ForeignAddress`], or [`Error::Storage`].
    pub(in crate::service) async fn introspect(&self, bearer: &str, party: Party) -> Result<Actor> {
        let (genuine, now) = self.recall(bearer, party).await?;
        let actor = genuine.recognise(now)?;
        genuine.record().check_address(None)?;
        self.note_use(&genuine, now);
        Ok(actor)
    }

    /// Whose token it is, dead or alive; `None` if nobody's.
    ///
    /// # Errors
    /// [`Error::Storage`] when it could not be looked up.
    pub(in crate::service) async fn holder(&self, bearer: &str, party: Party) -> Result<Option<PrincipalId>> {
        match self.recall(bearer, party).await {
            Ok((genuine, _)) => Ok(Some(genuine.holder())),
            Err(Error::Unauthenticated(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn note_use(&self, genuine: &Genuine, now: i64) {
        let record = genuine.record();
        if record.standing().principal.kind == PrincipalKind::ServiceAccount {
            self.directory.note_use(record, now);
        }
    }

    /// Like [`Service::verify`] without a use: none is noted, and no limit is applied.
    ///
    /// # Errors
    /// The refusal.
    pub(in crate::service) async fn recognise(&self, bearer: &str, party: Party) -> Result<Actor> {
        let (genuine, now) = self.recall(bearer, party).await?;
        genuine.recognise(now)
    }

    /// The actor with that user name, without any proof: only for a door that is configured to ask for none.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when nobody has the name, [`Refusal::Disabled`].
    pub async fn take_at_word(&self, username: String) -> Result<Actor> {
        let service = self.clone();
        let standing = self
            .look_up(move |connection| match principals::find_by_username(connection, &username)? {
                None => Err(Error::Unauthenticated(Refusal::Invalid)),
                Some(principal) if !principal.enabled => Err(Error::Unauthenticated(Refusal::Disabled)),
                Some(principal) => {
                    let standing = standings::of(connection, principal)?;
                    service.with_policies(connection, standing)
                }
            })
            .await?;
        Ok(Actor::trusted(standing))
    }

    /// The genuine token that the text is, and what time it is: the clock is read once for both. For a wrong secret storage is looked into as for an unknown key id: so both
    /// take as long.
    async fn recall(&self, bearer: &str, party: Party) -> Result<(Genuine, i64)> {
        let refused = Error::Unauthenticated(Refusal::Invalid);
        let Some(token) = self.parse(bearer) else { return Err(refused) };
        let Reading { now, uptime } = self.clock.read();
        if let Some(known) = self.directory.find(token.key_id, uptime) {
            if let Some(genuine) = known.proved_by(token, &self.peppers) {
                return Ok((genuine, now));
            }
            self.read_credential(token.key_id.of_nobody(), party).await?;
            return Err(refused);
        }
        let known = self.read_credential(token.key_id, party).await?;
        let genuine = known.and_then(|known| known.proved_by(token, &self.peppers)).ok_or(refused)?;
        Ok((genuine, self.clock.now()))
    }

    fn parse(&self, bearer: &str) -> Option<ParsedToken> {
        ParsedToken::parse(bearer, &self.prefixes)
    }

    async fn read_credential(&self, key_id: KeyId, party: Party) -> Result<Option<Known>> {
        let read = || async {
            let service = self.clone();
            let _turn = self.look_ups.turn(party).await?;
            self.look_up(move |connection| {
                let Some(known) = credentials::find(connection, key_id)? else { return Ok(None) };
                let standing = service.with_policies(connection, known.standing)?;
                Ok(Some(KnownCredential { standing, ..known }))
            })
            .await
        };
        self.directory.get(key_id, &self.clock, read).await
    }
}

/// Waits until what began then may be refused.
pub(in crate::service) async fn hold(began: Instant) {
    tokio::time::sleep_until((began + REFUSED_AFTER).into()).await;
}

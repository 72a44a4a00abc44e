//! Authenticates bearer tokens: the one implementation that every protocol uses.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::clock::Reading;
use crate::directory::{CachedCredential, Genuine};
use crate::domain::actor::{Actor, Holder};
use crate::domain::child::Presentation;
use crate::domain::credential::KnownCredential;
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::jwk::Thumbprint;
use crate::domain::network::Network;
use crate::domain::oauth_client::Warrant;
use crate::domain::party::Party;
use crate::domain::principal::PrincipalKind;
use crate::domain::token::{KeyId, ParsedToken, TokenKind};
use crate::service::Service;
use crate::storage::{credentials, principals, standings};

/// Minimum time to refuse what looks like a token. Timing side channel: the timer ticks in milliseconds, which hides
/// the remaining microseconds between a wrong secret and an unknown key id.
const MIN_REFUSAL_TIME: Duration = Duration::from_millis(2);

impl Service {
    /// Authenticates the token of a request.
    ///
    /// # Errors
    /// The refusal. Its reason depends on whether the token is genuine; its timing reveals nothing.
    /// [`Error::RateLimited`], or [`Error::ForeignAddress`]. [`Error::Storage`] when an unknown token could not be
    /// looked up.
    pub async fn authenticate(&self, presented: Presentation<'_>) -> Result<Actor> {
        let began = Instant::now();
        let outcome = self.admit(presented, Party::Network(Network::of(presented.address))).await;
        self.directory.counts.verified(began);
        if matches!(outcome, Err(Error::Unauthenticated(Refusal::Invalid))) && self.parse(presented.token).is_some() {
            delay_refusal(began).await;
        }
        outcome
    }

    /// Authenticates again when the rest of the same request has arrived. Not another use of the token: none is noted,
    /// and nothing is taken from its rate limit.
    ///
    /// # Errors
    /// Those of [`Service::authenticate`], except for the rate limit.
    pub async fn authenticate_uncounted(&self, presented: Presentation<'_>) -> Result<Actor> {
        let address = presented.address;
        let (genuine, now) = self.genuine_token(presented.token, Party::Network(Network::of(address))).await?;
        let actor = genuine.authenticate(now)?.from(address);
        check_child(&genuine, &presented)?;
        genuine.check_address(address)?;
        Ok(actor)
    }

    /// Like [`Service::authenticate`], without the delay that hides timing: for actors that may verify any token.
    ///
    /// # Errors
    /// Those of [`Service::authenticate`].
    pub(in crate::service) async fn verify(&self, presented: Presentation<'_>, party: Party) -> Result<Actor> {
        let began = Instant::now();
        let outcome = self.admit(presented, party).await;
        self.directory.counts.verified(began);
        outcome
    }

    async fn admit(&self, presented: Presentation<'_>, party: Party) -> Result<Actor> {
        let (genuine, now) = self.genuine_token(presented.token, party).await?;
        let outcome = check_child(&genuine, &presented).and_then(|()| genuine.admit(now, presented.address));
        self.record_outcome(&genuine, outcome.is_ok(), Network::of(presented.address), now);
        outcome
    }

    /// Like [`Service::verify`], from an unknown address and without applying the rate limit. Noted as a use, because
    /// the token was shown to the asking actor.
    ///
    /// # Errors
    /// The refusal, [`Error::ForeignAddress`], or [`Error::Storage`].
    pub(in crate::service) async fn introspect(&self, bearer: &str, party: Party) -> Result<Actor> {
        let (genuine, now) = self.genuine_token(bearer, party).await?;
        let outcome = genuine.authenticate(now).and_then(|actor| {
            genuine.check_address(None)?;
            Ok(actor)
        });
        self.record_outcome(&genuine, outcome.is_ok(), Network::of(None), now);
        outcome
    }

    /// The key that a token of a request from `address` is bound to, and the party that the token authenticates; `None`
    /// for a token that is bound to no key.
    ///
    /// # Errors
    /// The refusal of a token that is not genuine.
    pub async fn bound_key(&self, bearer: &str, address: Option<IpAddr>) -> Result<Option<(Thumbprint, PrincipalId)>> {
        let (genuine, _) = self.genuine_token(bearer, Party::Network(Network::of(address))).await?;
        let key = genuine.child().and_then(|child| child.proof_key);
        Ok(key.map(|key| (key, genuine.holder())))
    }

    /// The actor of an API key whose client has proved itself without the key's token: by a signature or as a workload.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for a key that does not exist; else those of [`Service::authenticate`].
    pub async fn authenticate_key(&self, key: PrincipalId, warrant: Warrant, address: Option<IpAddr>) -> Result<Actor> {
        let network = Network::of(address);
        let (now, party) = (self.clock.now(), Party::Network(network));
        let turn = self.look_ups.turn(party).await?;
        let found = self.look_up(move |connection| credentials::find_of_api_key(connection, key)).await?;
        drop(turn);
        let gone = || Error::Unauthenticated(Refusal::Invalid);
        let credential = found.ok_or_else(gone)?.credential;
        let known = self.credential(credential.key_id, self.clock.uptime(), party).await?.ok_or_else(gone)?;
        let genuine = known.without_secret(TokenKind::ApiKey, credential.key_id);
        let outcome = genuine.admit(now, address);
        self.record_outcome(&genuine, outcome.is_ok(), network, now);
        Ok(outcome?.vouched_by(warrant))
    }

    /// The principal of a genuine token, alive or not; `None` if the token is not genuine.
    ///
    /// # Errors
    /// [`Error::Storage`] when it could not be looked up.
    pub(in crate::service) async fn holder(&self, bearer: &str, party: Party) -> Result<Option<PrincipalId>> {
        match self.genuine_holder(bearer, party).await {
            Ok(holder) => Ok(Some(holder)),
            Err(Error::Unauthenticated(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The principal of a genuine token.
    ///
    /// # Errors
    /// The refusal of a token that is not genuine, or of a child that has ended.
    pub async fn genuine_holder(&self, bearer: &str, party: Party) -> Result<PrincipalId> {
        self.genuine_token(bearer, party).await.map(|(genuine, _)| genuine.holder())
    }

    /// Counts a use or a refusal of a service account's token, and a use of an access token.
    fn record_outcome(&self, genuine: &Genuine, is_accepted: bool, network: Network, now: i64) {
        let record = genuine.record();
        if let Some(key_id) = genuine.access_token().filter(|_| is_accepted) {
            self.directory.token_uses.record(key_id, now);
        }
        if record.standing().principal.kind != PrincipalKind::ServiceAccount {
            return;
        }
        if is_accepted {
            self.directory.record_use(record, network, now);
        } else {
            self.directory.record_refusal(record.principal_id(), network, now);
        }
    }

    /// Counts that an authenticated request of an API key from `address` was refused.
    pub fn record_refusal(&self, key: PrincipalId, address: Option<IpAddr>) {
        self.directory.record_refusal(key, Network::of(address), self.clock.now());
    }

    /// Like [`Service::verify`], without noting a use and without applying any limit.
    ///
    /// # Errors
    /// The refusal.
    pub(in crate::service) async fn authenticate_unlimited(&self, bearer: &str, party: Party) -> Result<Actor> {
        let (genuine, now) = self.genuine_token(bearer, party).await?;
        genuine.authenticate(now)
    }

    /// The actor with this user name, without any proof: only for protocols that are configured without authentication.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for an unknown name, [`Refusal::Disabled`].
    pub async fn actor_without_proof(&self, username: String) -> Result<Actor> {
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

    /// The genuine token for this text, and the current time; both use one clock reading. Timing side channel: for a
    /// wrong secret the storage is queried as for an unknown key id, so both take as long.
    async fn genuine_token(&self, bearer: &str, party: Party) -> Result<(Genuine, i64)> {
        let refused = Error::Unauthenticated(Refusal::Invalid);
        let Some(token) = self.parse(bearer) else {
            return self.genuine_child(bearer, party).await?.ok_or(refused);
        };
        let Reading { now, uptime } = self.clock.read();
        if let Some(known) = self.directory.find(token.key_id, uptime) {
            if let Some(genuine) = known.verify(token, &self.peppers) {
                return Ok((genuine, now));
            }
            self.read_credential(token.key_id.decoy(), party).await?;
            return Err(refused);
        }
        let known = self.read_credential(token.key_id, party).await?;
        let genuine = known.and_then(|known| known.verify(token, &self.peppers)).ok_or(refused)?;
        Ok((genuine, self.clock.now()))
    }

    fn parse(&self, bearer: &str) -> Option<ParsedToken> {
        ParsedToken::parse(bearer, &self.prefixes)
    }

    /// The record of a credential, from memory or storage.
    ///
    /// # Errors
    /// When it could not be looked up.
    pub(in crate::service) async fn credential(
        &self,
        key_id: KeyId,
        uptime: i64,
        party: Party,
    ) -> Result<Option<CachedCredential>> {
        match self.directory.find(key_id, uptime) {
            Some(known) => Ok(Some(known)),
            None => self.read_credential(key_id, party).await,
        }
    }

    async fn read_credential(&self, key_id: KeyId, party: Party) -> Result<Option<CachedCredential>> {
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

/// Checks that a child may be used by a request.
fn check_child(genuine: &Genuine, presented: &Presentation<'_>) -> Result<()> {
    genuine.child().map_or(Ok(()), |child| child.check(presented)).map_err(Error::Unauthenticated)
}

/// Sleeps until `MIN_REFUSAL_TIME` has passed since `began`.
pub(in crate::service) async fn delay_refusal(began: Instant) {
    tokio::time::sleep_until((began + MIN_REFUSAL_TIME).into()).await;
}

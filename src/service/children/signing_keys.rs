//! The keys that sign children: drawn at the first use, rotated by age or by command, and kept sealed in the database.
//!
//! A key is published at `/oauth/jwks.json` before it signs, and after it has signed until the last token that it signed
//! has expired.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{DAY, MINUTE};
use crate::domain::actor::Actor;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::child::LONGEST_LIFE;
use crate::domain::error::{Error, Result};
use crate::domain::party::Party;
use crate::domain::signing::{Keyring, PrivateKey, SigningAlgorithm, SigningKey};
use crate::service::{Service, blocking};
use crate::storage::principals::Existed;
use crate::storage::signing_keys::{self, SealedKey};

/// How often the keys are read, so that keys of other nodes and of the command line are known here.
pub const SYNCHRONISE_EVERY: Duration = Duration::from_secs(10);
/// How long a key signs, in milliseconds.
const ROTATE_AFTER: i64 = 90 * DAY;
/// How long a key that replaces an old one is published before it signs, in milliseconds.
const PUBLISHED_BEFORE: i64 = DAY;
/// How long a key drawn by `tessera signing-keys rotate` is published before it signs, in milliseconds; receivers keep
/// `/oauth/jwks.json` for five minutes.
const PUBLISHED_BEFORE_ON_COMMAND: i64 = 10 * MINUTE;
/// How long a key is published after the next one began to sign, in milliseconds.
const PUBLISHED_AFTER: i64 = LONGEST_LIFE + 10 * MINUTE;

/// The purpose of the seal of private keys.
const SEAL: &str = "signing keys";

/// Reads the keys, and draws one if there is none for the configured algorithm or if it will be too old soon.
///
/// # Errors
/// When the storage fails.
pub async fn synchronise(service: &Service) -> Result<()> {
    load(service).await?;
    let now = service.clock.now();
    let keyring = service.directory.children.keyring();
    let own =
        keyring.keys.iter().filter(|key| key.algorithm == service.signing_algorithm && key.retires_at == i64::MAX);
    let latest = own.map(|key| key.signs_from).max();
    if latest.is_some_and(|latest| now < latest + ROTATE_AFTER - PUBLISHED_BEFORE) {
        return Ok(());
    }
    let signs_from = if keyring.signer(now).is_some() { now + PUBLISHED_BEFORE } else { now };
    add(service, &Actor::operator(now), signs_from).await.map(drop)
}

/// Draws the next key, which begins to sign in ten minutes, or at once. Returns its id.
///
/// # Errors
/// When the storage fails.
pub async fn rotate(service: &Service, actor: &Actor, at_once: bool) -> Result<String> {
    let now = service.clock.now();
    add(service, actor, if at_once { now } else { now + PUBLISHED_BEFORE_ON_COMMAND }).await
}

/// Removes a key at once: every token that it signed is refused.
///
/// # Errors
/// [`Error::NotFound`]
pub async fn remove(service: &Service, actor: &Actor, id: String) -> Result<()> {
    service
        .write_first(actor, move |transaction| {
            if signing_keys::delete(transaction.connection, &id)? == Existed::No {
                return Err(Error::NotFound { kind: "signing key", id: id.clone() });
            }
            let subject = ChangeSubject::Principal(transaction.actor.id().uuid());
            transaction.record(Action::SigningKeyChanged, subject, &id)
        })
        .await?;
    load(service).await
}

/// The keys, with a key that signs now.
///
/// # Errors
/// When the storage fails.
pub async fn ready(service: &Service) -> Result<Arc<Keyring>> {
    let known = service.directory.children.keyring();
    if known.signer(service.clock.now()).is_some() {
        return Ok(known);
    }
    synchronise(service).await?;
    Ok(service.directory.children.keyring())
}

/// The algorithm that is configured, and that of the key which signs now, if it is another.
#[must_use]
pub fn algorithms(service: &Service) -> Vec<SigningAlgorithm> {
    let keyring = service.directory.children.keyring();
    let signs = keyring.signer(service.clock.now()).map(|key| key.algorithm);
    let mut algorithms = vec![service.signing_algorithm];
    algorithms.extend(signs.filter(|signs| *signs != service.signing_algorithm));
    algorithms
}

/// Signs claims with the key that signs now.
///
/// # Errors
/// When the storage fails.
pub async fn sign(service: &Service, kind: &str, claims: &impl serde::Serialize) -> Result<String> {
    let keyring = ready(service).await?;
    let key = keyring.signer(service.clock.now());
    key.ok_or_else(|| Error::Unavailable("there is no signing key yet".into()))?.sign(kind, claims)
}

/// Reads the keys, because a token names an unknown key, or because there is no lease and a key may have been removed.
/// Requests that arrived before a read began share it.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) async fn look_for(service: &Service, party: Party) -> Result<()> {
    let arrived = service.clock.uptime();
    let _turn = service.look_ups.turn(party).await?;
    if service.directory.children.keyring_read_at() > arrived { Ok(()) } else { load(service).await }
}

async fn add(service: &Service, actor: &Actor, signs_from: i64) -> Result<String> {
    let (algorithm, entropy) = (service.signing_algorithm, service.entropy);
    // Drawing an RSA key takes seconds, so it runs on a blocking thread.
    let drawn = blocking(move || PrivateKey::generate(algorithm, entropy)).await?;
    let id = SigningKey::new(&drawn, signs_from, i64::MAX)?.id;
    let pepper = service.peppers.current();
    let seal = service.peppers.seal(SEAL, pepper)?.ok_or_else(|| Error::Internal("no pepper".into()))?;
    let sealed = data_encoding::HEXLOWER.encode(&seal.seal(&drawn.bytes, id.as_bytes(), entropy)?);
    let key = SealedKey {
        id: id.clone(),
        algorithm,
        sealed,
        pepper,
        created_at: service.clock.now(),
        signs_from,
        retires_at: i64::MAX,
    };
    service
        .write_first(actor, move |transaction| {
            for known in signing_keys::all(transaction.connection)? {
                let retires_at = known.retires_at.min(signs_from + PUBLISHED_AFTER);
                signing_keys::retire(transaction.connection, &known.id, retires_at)?;
            }
            signing_keys::delete_retired(transaction.connection, transaction.now)?;
            signing_keys::insert(transaction.connection, key.clone())?;
            let subject = ChangeSubject::Principal(transaction.actor.id().uuid());
            transaction.record(Action::SigningKeyChanged, subject, &key.id)
        })
        .await?;
    load(service).await?;
    Ok(id)
}

/// Reads and unseals the keys, unless those in memory are the same.
pub(in crate::service) async fn load(service: &Service) -> Result<()> {
    let (now, began) = (service.clock.now(), service.clock.uptime());
    let mut stored = service.look_up(signing_keys::all).await?;
    stored.retain(|key| key.retires_at > now);
    let known = service.directory.children.keyring();
    let same = |(stored, known): (&SealedKey, &SigningKey)| {
        stored.id == known.id && stored.signs_from == known.signs_from && stored.retires_at == known.retires_at
    };
    if stored.len() == known.keys.len() && stored.iter().zip(&known.keys).all(same) {
        service.directory.children.set_keyring(known, began);
        return Ok(());
    }
    let mut keys = Vec::new();
    for key in stored {
        if let Some(private) = unseal(service, &key)? {
            keys.push(SigningKey::new(&private, key.signs_from, key.retires_at)?);
        } else {
            tracing::warn!(key = key.id, pepper = %key.pepper, "no configured pepper opens a signing key");
        }
    }
    service.directory.children.set_keyring(Arc::new(Keyring { keys }), began);
    Ok(())
}

fn unseal(service: &Service, key: &SealedKey) -> Result<Option<PrivateKey>> {
    let Some(seal) = service.peppers.seal(SEAL, key.pepper)? else { return Ok(None) };
    let sealed = data_encoding::HEXLOWER.decode(key.sealed.as_bytes());
    let bytes = sealed.ok().and_then(|sealed| seal.open(&sealed, key.id.as_bytes()));
    Ok(bytes.map(|bytes| PrivateKey { algorithm: key.algorithm, bytes }))
}

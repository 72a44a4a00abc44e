//! Ends tokens, public keys and trust rules whose creator no longer reaches all that their principal reaches.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::access_token::AccessToken;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::oauth_client::OauthClient;
use crate::domain::principal::Principal;
use crate::service::Transaction;
use crate::service::authz::containment::administers;
use crate::service::authz::reach::Reach;
use crate::storage::holds::hold_unchanged;
use crate::storage::{access_tokens, credentials, oauth_clients, principals};

/// What others than a principal can act as it with, although they no longer reach all that it does.
#[derive(Default)]
struct Outgrown {
    tokens: Vec<AccessToken>,
    /// Of an API key, if it has public keys or trust rules of such principals: its settings without them.
    oauth: Option<OauthClient>,
}

/// Deletes the tokens of a principal, and of an API key the public keys and trust rules, that were created by others who no
/// longer reach all that the principal does: they may have kept a copy. Call it after the transaction has given the principal
/// something.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn end_outgrown_tokens(transaction: &mut Transaction<'_>, principal: &Principal) -> Result<()> {
    let outgrown = outgrown(transaction, principal)?;
    end(transaction, principal, outgrown)
}

fn end(transaction: &mut Transaction<'_>, principal: &Principal, outgrown: Outgrown) -> Result<()> {
    let subject = ChangeSubject::Principal(principal.id.uuid());
    for token in outgrown.tokens {
        credentials::delete(transaction.connection, token.key_id)?;
        transaction.record(Action::AccessTokenRevoked, subject, &token.name)?;
    }
    if let Some(left) = outgrown.oauth {
        oauth_clients::replace(transaction.connection, principal.id, &left, transaction.now)?;
        transaction.record(Action::ApiKeyOauthReplaced, subject, &principal.username().to_string())?;
    }
    Ok(())
}

/// Principals to check when the work of the transaction is done.
#[derive(Default)]
struct Named(BTreeMap<PrincipalId, Principal>);

/// Like [`end_or_refuse`], when the work of the transaction is done: once for each principal, however often it is named, and
/// without locking it for longer. Being named must not keep a principal from acting.
pub(in crate::service) fn end_or_refuse_at_end(transaction: &mut Transaction<'_>, principals: &[Principal]) {
    if let Some(Named(named)) = transaction.effort.known() {
        named.extend(principals.iter().map(|principal| (principal.id, principal.clone())));
    }
    transaction.effort.check_at_end(check_named);
}

fn check_named(transaction: &mut Transaction<'_>) -> Result<()> {
    let named = transaction.effort.known::<Named>().map(std::mem::take).unwrap_or_default().0;
    let ids: Vec<PrincipalId> = named.keys().copied().collect();
    // As `principals::lock` does, but the principals still act.
    hold_unchanged(transaction.connection, &ids)?;
    for principal in named.values() {
        transaction.effort.go_on()?;
        let outgrown = find(transaction, principal)?;
        finish(transaction, principal, outgrown)?;
    }
    Ok(())
}

/// Checks what is outgrown after the transaction has given the principal something, or made something name it. A user with the
/// role `$admin` ends it, as in [`end_outgrown_tokens`]. Any other actor is refused: it may neither know of those tokens nor
/// manage them.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn end_or_refuse(transaction: &mut Transaction<'_>, principal: &Principal) -> Result<()> {
    let outgrown = outgrown(transaction, principal)?;
    finish(transaction, principal, outgrown)
}

fn finish(transaction: &mut Transaction<'_>, principal: &Principal, outgrown: Outgrown) -> Result<()> {
    if administers(transaction.actor) {
        return end(transaction, principal, outgrown);
    }
    if principal.id == transaction.actor.id() {
        return Ok(());
    }
    let username = principal.username();
    match outgrown {
        Outgrown { tokens, .. } if !tokens.is_empty() => Err(Error::Forbidden(format!(
            "`{username}` has access tokens whose creators would gain this access: revoke those tokens first"
        ))),
        Outgrown { oauth: Some(_), .. } => Err(Error::Forbidden(format!(
            "`{username}` has public keys or trust rules that were added by others, who would gain this access: remove those \
             first"
        ))),
        _ => Ok(()),
    }
}

fn outgrown(transaction: &mut Transaction<'_>, principal: &Principal) -> Result<Outgrown> {
    // Serialises with the creation of tokens and public keys, which locks the principal, too: one of both sees the other's
    // change.
    principals::lock(transaction.connection, &principal.username().to_string())?;
    find(transaction, principal)
}

/// What is outgrown of a principal that cannot be changed until the transaction ends.
fn find(transaction: &mut Transaction<'_>, principal: &Principal) -> Result<Outgrown> {
    let tokens = access_tokens::created_by_others(transaction.connection, principal)?;
    let oauth = match principal.client_id() {
        Some(_) => oauth_clients::get(transaction.connection, principal.id)?,
        None => OauthClient::default(),
    };
    let adders = oauth.all_adders();
    if tokens.is_empty() && adders.is_empty() {
        return Ok(Outgrown::default());
    }
    let found = Reach::find(transaction.service, transaction.connection, principal.id)?;
    let Some(reach) = found else { return Ok(Outgrown::default()) };
    let mut outgrown = Outgrown::default();
    for token in tokens {
        if !reaches(transaction, token.owner.id, &reach)? {
            outgrown.tokens.push(token);
        }
    }
    let mut falling_short = BTreeSet::new();
    for adder in adders {
        // Nobody knows who holds the private key of an unknown adder.
        let stays = adder.map(|adder| reaches(transaction, adder, &reach)).transpose()?;
        if stays != Some(true) {
            falling_short.insert(adder);
        }
    }
    if !falling_short.is_empty() {
        outgrown.oauth = Some(oauth.without_those_of(&falling_short));
    }
    Ok(outgrown)
}

/// Whether the creator of a token, or of something else to act as a principal with, reaches all that the principal does.
fn reaches(transaction: &mut Transaction<'_>, creator: PrincipalId, reach: &Reach) -> Result<bool> {
    // The operator and the system's own clients have no record in the database, and reach everything.
    if creator.uuid().is_nil() {
        return Ok(true);
    }
    let creator = Reach::find(transaction.service, transaction.connection, creator)?;
    Ok(creator.is_some_and(|creator| reach.beyond(&creator, &Reach::default()).is_none()))
}

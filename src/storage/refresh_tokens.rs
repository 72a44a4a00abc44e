//! Refresh tokens, found by the ids of their families.

use diesel::prelude::*;

use super::database::{AnyConnection, storage};
use super::rows::{Existed, corrupt};
use super::schema::refresh_tokens;
use crate::domain::error::Result;
use crate::domain::jwk::Thumbprint;
use crate::domain::pepper::{Digest, PepperId};
use crate::domain::refresh::Family;
use crate::domain::token::KeyId;

/// A row of `refresh_tokens`.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = refresh_tokens)]
struct Row {
    id: String,
    session_id: String,
    client: String,
    proof_key: String,
    digest: String,
    pepper: String,
    ends_at: i64,
}

impl Row {
    fn into_domain(self) -> Result<Family> {
        let key_id = |text: &str| KeyId::parse(text).ok_or_else(|| corrupt("key id", text));
        let thumbprint = |text: &str| Thumbprint::parse(text).ok_or_else(|| corrupt("thumbprint", text));
        Ok(Family {
            id: key_id(&self.id)?,
            session: key_id(&self.session_id)?,
            client: self.client,
            proof_key: if self.proof_key.is_empty() { None } else { Some(thumbprint(&self.proof_key)?) },
            digest: Digest::parse(&self.digest).ok_or_else(|| storage("the database holds a malformed digest"))?,
            pepper: PepperId::parse(&self.pepper).ok_or_else(|| corrupt("pepper", &self.pepper))?,
            ends_at: self.ends_at,
        })
    }
}

/// Adds a family, whose session is stored already.
///
/// # Errors
/// When the storage fails.
pub fn insert(connection: &mut AnyConnection, family: &Family) -> Result<()> {
    let row = Row {
        id: family.id.to_string(),
        session_id: family.session.to_string(),
        client: family.client.clone(),
        proof_key: family.proof_key.map(|key| key.to_string()).unwrap_or_default(),
        digest: family.digest.hex(),
        pepper: family.pepper.to_string(),
        ends_at: family.ends_at,
    };
    diesel::insert_into(refresh_tokens::table).values(row).execute(connection)?;
    Ok(())
}

/// The family with this id.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, id: KeyId) -> Result<Option<Family>> {
    let found = refresh_tokens::table.find(id.to_string()).select(Row::as_select());
    found.get_result(connection).optional()?.map(Row::into_domain).transpose()
}

/// Replaces the latest token of a family, if that is still the one with this digest. Only one transaction succeeds.
///
/// # Errors
/// When the storage fails.
pub fn rotate(connection: &mut AnyConnection, used: &Digest, next: &Family) -> Result<Existed> {
    let found = refresh_tokens::table.find(next.id.to_string()).filter(refresh_tokens::digest.eq(used.hex()));
    let latest = (refresh_tokens::digest.eq(next.digest.hex()), refresh_tokens::pepper.eq(next.pepper.to_string()));
    Ok(Existed::from(diesel::update(found).set(latest).execute(connection)?))
}

//! How, from where and when sessions began.

use std::collections::HashMap;

use diesel::prelude::*;

use super::database::AnyConnection;
use super::rows::corrupt;
use super::schema::session_origins;
use crate::domain::error::Result;
use crate::domain::session::{SessionKind, SessionOrigin};
use crate::domain::token::KeyId;

/// Stores how a session began.
///
/// # Errors
/// When the storage fails.
pub fn insert(connection: &mut AnyConnection, key_id: KeyId, origin: &SessionOrigin) -> Result<()> {
    let row = (
        session_origins::key_id.eq(key_id.to_string()),
        session_origins::kind.eq(origin.kind.name()),
        session_origins::address.eq(&origin.address),
        session_origins::began_at.eq(origin.began_at),
    );
    diesel::insert_into(session_origins::table).values(row).execute(connection)?;
    Ok(())
}

/// How these sessions began, by the text of their key ids, as far as it is known.
///
/// # Errors
/// When the storage fails.
pub fn of(connection: &mut AnyConnection, sessions: &[KeyId]) -> Result<HashMap<String, SessionOrigin>> {
    let mut found = HashMap::new();
    for some in sessions.chunks(super::MANY) {
        let ids: Vec<String> = some.iter().map(ToString::to_string).collect();
        let rows: Vec<(String, String, String, i64)> =
            session_origins::table.filter(session_origins::key_id.eq_any(ids)).load(connection)?;
        for (id, kind, address, began_at) in rows {
            let kind = SessionKind::find(&kind).ok_or_else(|| corrupt("kind of a session", &kind))?;
            found.insert(id, SessionOrigin { kind, address, began_at });
        }
    }
    Ok(found)
}

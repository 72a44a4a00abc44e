//! What another transaction commits while one runs. A trigger does it, on either database and at the same moment each time:
//! when the transaction writes its audit rows, after its work and before it reads its actor's access a last time.

use diesel::connection::SimpleConnection as _;

use super::World;
use super::database::on_postgres;

/// Runs these statements in every transaction that records this action. They are rolled back with it, so a transaction that
/// notices them fails in every attempt.
pub fn meanwhile(world: &World, action: &str, statements: &str) {
    let sql = if on_postgres() {
        format!(
            "CREATE OR REPLACE FUNCTION meanwhile() RETURNS trigger LANGUAGE plpgsql AS
                 $do$ BEGIN {statements}; RETURN NULL; END $do$;
             DROP TRIGGER IF EXISTS meanwhile ON changes;
             CREATE TRIGGER meanwhile AFTER INSERT ON changes
                 FOR EACH ROW WHEN (NEW.action = '{action}') EXECUTE FUNCTION meanwhile()"
        )
    } else {
        format!(
            "DROP TRIGGER IF EXISTS meanwhile;
             CREATE TRIGGER meanwhile AFTER INSERT ON changes WHEN NEW.action = '{action}' BEGIN {statements}; END"
        )
    };
    world.service.database.write(move |connection| Ok(connection.batch_execute(&sql)?)).unwrap();
}

/// The statements of a transaction that enables or disables a policy.
pub fn switches(policy: impl std::fmt::Display, enabled: &str) -> String {
    format!(
        "UPDATE policies SET enabled = {enabled} WHERE id = '{policy}'; \
         UPDATE revisions SET revision = revision + 1 WHERE name = 'policies'"
    )
}

/// The statement of a transaction that removes a principal from the people of an asset.
pub fn removes(member: &str, qualified_name: &str) -> String {
    format!(
        "DELETE FROM asset_people WHERE member = '{member}' \
         AND asset_id IN (SELECT id FROM assets WHERE qualified_name = '{qualified_name}')"
    )
}

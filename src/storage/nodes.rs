//! The nodes, and how far each has read and applied the changes.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use uuid::Uuid;

use super::changes;
use super::database::{AnyConnection, CHANNEL};
use super::rows::corrupt;
use super::schema::nodes;
use crate::domain;
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::node::{Node, Spread};
use crate::storage::feed::{FeedPosition, is_known};

pub use super::rows::Existed;

/// A row of `nodes`.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = nodes)]
struct NodeRow {
    id: String,
    name: String,
    started_at: i64,
    lease: i64,
    acknowledged: String,
    acknowledged_at: i64,
    silenced: bool,
    owner: String,
}

/// Registers a node.
///
/// # Errors
/// When the storage fails.
pub fn insert(connection: &mut AnyConnection, node: &Node) -> Result<()> {
    let Node { id, name, started_at, lease, acknowledged, acknowledged_at, silenced, owner } = node.clone();
    let owner = owner.map(|owner| owner.to_string()).unwrap_or_default();
    let row = NodeRow { id: id.to_string(), name, started_at, lease, acknowledged, acknowledged_at, silenced, owner };
    diesel::insert_into(nodes::table).values(row).execute(connection)?;
    Ok(())
}

/// Every node.
///
/// # Errors
/// When the storage fails.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<Node>> {
    let rows: Vec<NodeRow> = nodes::table.select(NodeRow::as_select()).load(connection)?;
    let node = |NodeRow { id, name, started_at, lease, acknowledged, acknowledged_at, silenced, owner }| {
        let id = Uuid::parse_str(&id).map_err(|_| corrupt("id", &id))?;
        let owner = match owner.as_str() {
            "" => None,
            text => Some(PrincipalId::parse(text).ok_or_else(|| corrupt("owner", text))?),
        };
        Ok(Node { id, name, started_at, lease, acknowledged, acknowledged_at, silenced, owner })
    };
    rows.into_iter().map(node).collect()
}

/// Writes at `now` that a node has applied every change before that position, unless it was silenced, or the session in
/// which the position was read has ended.
///
/// # Errors
/// When the storage fails.
pub fn acknowledge(connection: &mut AnyConnection, id: Uuid, position: &FeedPosition, now: i64) -> Result<()> {
    if let AnyConnection::Postgres(postgres) = connection {
        // Other nodes see the acknowledgement before it is on a disk. If a crash loses it, they wait longer.
        postgres.batch_execute("SET LOCAL synchronous_commit = off")?;
    }
    if !position.is_of_living_session(connection)? {
        return Ok(());
    }
    let row = nodes::table.find(id.to_string()).filter(nodes::silenced.eq(false));
    let known = (nodes::acknowledged.eq(position.text()), nodes::acknowledged_at.eq(now));
    diesel::update(row).set(known).execute(connection)?;
    Ok(())
}

/// Silences a node whose acknowledged position is still `acknowledged`.
///
/// # Errors
/// When the storage fails.
pub fn silence(connection: &mut AnyConnection, id: Uuid, acknowledged: &str) -> Result<Existed> {
    let row = nodes::table.find(id.to_string()).filter(nodes::acknowledged.eq(acknowledged));
    Ok(diesel::update(row).set(nodes::silenced.eq(true)).execute(connection)?.into())
}

/// Deletes an edge of that owner.
///
/// # Errors
/// When the storage fails.
pub fn delete_owned(connection: &mut AnyConnection, id: Uuid, owner: PrincipalId) -> Result<Existed> {
    let row = nodes::table.find(id.to_string()).filter(nodes::owner.eq(owner.to_string()));
    Ok(diesel::delete(row).execute(connection)?.into())
}

/// Deletes a node.
///
/// # Errors
/// When the storage fails.
pub fn delete(connection: &mut AnyConnection, id: Uuid) -> Result<()> {
    diesel::delete(nodes::table.find(id.to_string())).execute(connection)?;
    Ok(())
}

/// The change with that id, and the nodes that have acknowledged it.
///
/// # Errors
/// When the storage fails.
pub fn spread(connection: &mut AnyConnection, id: Uuid) -> Result<Option<(domain::change::Change, Spread)>> {
    // Timing side channel: the nodes are read also for an unknown change, which looks like one that the actor does not see.
    let nodes = all(connection)?;
    let Some((change, position)) = changes::find(connection, id)? else { return Ok(None) };
    let nodes = nodes.into_iter().map(|node| {
        let knows = is_known(position, &node.acknowledged);
        (node, knows)
    });
    let spread = Spread { id, changed_at: change.changed_at, nodes: nodes.collect() };
    Ok(Some((change, spread)))
}

/// Forgets what nodes have acknowledged. In a dump of PostgreSQL that are positions of another cluster, which cannot be
/// compared: every node has to acknowledge anew, or its lease has to end.
///
/// # Errors
/// When the storage fails.
pub fn forget_acknowledged(connection: &mut AnyConnection) -> Result<()> {
    diesel::update(nodes::table).set(nodes::acknowledged.eq("")).execute(connection)?;
    Ok(())
}

/// Removes every server, and no edge.
///
/// # Errors
/// When the storage fails.
pub fn delete_servers(connection: &mut AnyConnection) -> Result<()> {
    diesel::delete(nodes::table.filter(nodes::owner.eq(""))).execute(connection)?;
    Ok(())
}

/// Nodes, and positions of changes that they have to acknowledge.
#[derive(Debug, Clone, Default)]
pub struct Awaited {
    /// The nodes except the waiting one.
    pub nodes: Vec<Node>,
    /// The positions of the changes. Empty if there is no other node.
    pub positions: Vec<i64>,
}

/// Which changes a process waits for.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// The transaction that wrote the change with that id.
    Own(Uuid),
    /// Every change that can be seen now: another request may have made the change in question.
    AnyUntilNow,
}

/// The nodes except `own`, and the positions to wait for. Read after the commit: a node that registers later reads the
/// change with its first look. Wakes the other nodes.
///
/// # Errors
/// When the storage fails.
pub fn awaited(connection: &mut AnyConnection, own: Option<Uuid>, change: Change) -> Result<Awaited> {
    let mut nodes = all(connection)?;
    // This process has applied its own change, and perhaps not yet that of another.
    nodes.retain(|node| Some(node.id) != own || matches!(change, Change::AnyUntilNow));
    if nodes.is_empty() {
        return Ok(Awaited::default());
    }
    let positions = match change {
        Change::Own(id) => {
            wake(connection, own);
            vec![changes::position_of(connection, id)?]
        }
        Change::AnyUntilNow => {
            let known: Vec<&str> = nodes.iter().map(|node| node.acknowledged.as_str()).collect();
            let unknown = changes::positions_unknown_to(connection, &known)?;
            if !unknown.is_empty() {
                wake(connection, own);
            }
            unknown
        }
    };
    Ok(Awaited { nodes, positions })
}

diesel::define_sql_function! {
    /// PostgreSQL: notifies every connection that listens.
    fn pg_notify(channel: Text, payload: Text) -> Text;
}

/// Wakes the other nodes, so that they look for changes at once. SQLite cannot. If it fails they look later.
fn wake(connection: &mut AnyConnection, own: Option<Uuid>) {
    if let AnyConnection::Postgres(postgres) = connection {
        let payload = own.map(|own| own.to_string()).unwrap_or_default();
        if let Err(error) = diesel::select(pg_notify(CHANNEL, payload)).execute(postgres) {
            tracing::warn!(%error, "the other nodes could not be woken");
        }
    }
}

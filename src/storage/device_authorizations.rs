//! Device authorizations, found by the digests of their codes.

use diesel::prelude::*;

use super::database::{AnyConnection, is_duplicate};
use super::rows::{Existed, corrupt};
use super::schema::device_authorizations;
use crate::domain::device::{CodeDigest, DeviceAuthorization, DeviceDecision};
use crate::domain::error::{Error, Result};
use crate::domain::network::{Group, Network};
use crate::domain::token::KeyId;

const PENDING: &str = "pending";
const APPROVED: &str = "approved";
const DENIED: &str = "denied";

/// The columns that are read.
#[derive(Queryable, Selectable)]
#[diesel(table_name = device_authorizations)]
struct Row {
    client: String,
    address: String,
    decision: String,
    approved_by: String,
    created_at: i64,
    expires_at: i64,
    offline: bool,
}

impl Row {
    fn into_domain(self) -> Result<DeviceAuthorization> {
        let decision = match self.decision.as_str() {
            PENDING => DeviceDecision::Pending,
            DENIED => DeviceDecision::Denied,
            APPROVED => DeviceDecision::Approved(
                KeyId::parse(&self.approved_by).ok_or_else(|| corrupt("key id", &self.approved_by))?,
            ),
            other => return Err(corrupt("decision", other)),
        };
        Ok(DeviceAuthorization {
            client: self.client,
            offline: self.offline,
            address: self.address.parse().ok(),
            created_at: self.created_at,
            expires_at: self.expires_at,
            decision,
        })
    }
}

/// Adds a pending device authorization.
///
/// # Errors
/// [`Error::Busy`] when one of the codes is taken.
pub fn insert(
    connection: &mut AnyConnection,
    [device, user]: [&CodeDigest; 2],
    asked: &DeviceAuthorization,
) -> Result<()> {
    use device_authorizations as table;
    let network = Network::of(asked.address);
    let row = (
        table::device_digest.eq(device.as_str()),
        table::user_digest.eq(user.as_str()),
        table::client.eq(&asked.client),
        table::address.eq(asked.address.map(|address| address.to_string()).unwrap_or_default()),
        table::network.eq(network.to_string()),
        table::network_group.eq(network.largest_group().to_string()),
        table::decision.eq(PENDING),
        table::approved_by.eq(""),
        table::created_at.eq(asked.created_at),
        table::expires_at.eq(asked.expires_at),
        table::offline.eq(asked.offline),
    );
    match diesel::insert_into(table::table).values(row).execute(connection) {
        Err(error) if is_duplicate(&error) => Err(Error::Busy),
        outcome => Ok(outcome.map(drop)?),
    }
}

/// Numbers of device authorizations that have not expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The number from one network.
    pub of_network: i64,
    /// The number from the largest group that the network is in.
    pub of_group: i64,
    /// In total.
    pub in_all: i64,
}

/// Counts the device authorizations that have not expired.
///
/// # Errors
/// When the storage fails.
pub fn waiting(connection: &mut AnyConnection, network: Network, now: i64) -> Result<Waiting> {
    use device_authorizations as table;
    let group: Group = network.largest_group();
    let alive = || table::table.filter(table::expires_at.gt(now));
    Ok(Waiting {
        of_network: alive().filter(table::network.eq(network.to_string())).count().get_result(connection)?,
        of_group: alive().filter(table::network_group.eq(group.to_string())).count().get_result(connection)?,
        in_all: alive().count().get_result(connection)?,
    })
}

/// The device authorization with this device code.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, device: &CodeDigest) -> Result<Option<DeviceAuthorization>> {
    let found = device_authorizations::table.find(device.as_str()).select(Row::as_select());
    found.get_result(connection).optional()?.map(Row::into_domain).transpose()
}

/// The pending device authorization with this user code.
///
/// # Errors
/// When the storage fails.
pub fn find_pending(
    connection: &mut AnyConnection,
    user: &CodeDigest,
    now: i64,
) -> Result<Option<DeviceAuthorization>> {
    use device_authorizations as table;
    let found = table::table
        .filter(table::user_digest.eq(user.as_str()))
        .filter(table::decision.eq(PENDING))
        .filter(table::expires_at.gt(now));
    found.select(Row::as_select()).get_result(connection).optional()?.map(Row::into_domain).transpose()
}

/// Decides about the pending device authorization with this user code.
///
/// # Errors
/// When the storage fails.
pub fn decide(
    connection: &mut AnyConnection,
    user: &CodeDigest,
    decision: DeviceDecision,
    now: i64,
) -> Result<Existed> {
    use device_authorizations as table;
    let (name, approved_by) = match decision {
        DeviceDecision::Pending => (PENDING, String::new()),
        DeviceDecision::Denied => (DENIED, String::new()),
        DeviceDecision::Approved(session) => (APPROVED, session.to_string()),
    };
    let found = table::table
        .filter(table::user_digest.eq(user.as_str()))
        .filter(table::decision.eq(PENDING))
        .filter(table::expires_at.gt(now));
    let decided = (table::decision.eq(name), table::approved_by.eq(approved_by));
    Ok(Existed::from(diesel::update(found).set(decided).execute(connection)?))
}

/// Deletes the approved device authorization with this device code. Only one transaction succeeds.
///
/// # Errors
/// When the storage fails.
pub fn take_approved(connection: &mut AnyConnection, device: &CodeDigest, now: i64) -> Result<Existed> {
    use device_authorizations as table;
    let found = table::table
        .filter(table::device_digest.eq(device.as_str()))
        .filter(table::decision.eq(APPROVED))
        .filter(table::expires_at.gt(now));
    Ok(Existed::from(diesel::delete(found).execute(connection)?))
}

/// Removes every authorization.
///
/// # Errors
/// When the storage fails.
pub fn delete_all(connection: &mut AnyConnection) -> Result<()> {
    diesel::delete(device_authorizations::table).execute(connection)?;
    Ok(())
}

/// Deletes the device authorizations that expired before `instant`; returns their number.
///
/// # Errors
/// When the storage fails.
pub fn delete_expired(connection: &mut AnyConnection, instant: i64) -> Result<usize> {
    use device_authorizations as table;
    Ok(diesel::delete(table::table.filter(table::expires_at.lt(instant))).execute(connection)?)
}

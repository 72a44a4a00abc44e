//! Optional members of bodies that must not be null, because the document does not declare them nullable.

use serde::{Deserialize, Deserializer};

/// Reads a member that is present. Goes with `#[serde(default)]`, which stands for an absent one.
///
/// # Errors
/// For null, and for other values that are not a `T`.
pub fn read<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

//! Helpers for rows of any table.

use super::database::storage;
use crate::domain::error::{Error, Result};
use crate::domain::ids::Id;

/// Whether the row of a write existed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existed {
    /// The row existed.
    Yes,
    /// The row did not exist. An update or a deletion changed nothing.
    No,
}

impl From<usize> for Existed {
    fn from(rows: usize) -> Self {
        if rows == 0 { Self::No } else { Self::Yes }
    }
}

pub(super) fn parse_id<T>(text: &str) -> Result<Id<T>> {
    Id::parse(text).ok_or_else(|| corrupt("id", text))
}

pub(super) fn corrupt(what: &str, value: &str) -> Error {
    storage(format!("the database holds the unknown {what} `{value}`"))
}

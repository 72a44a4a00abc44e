//! The entity search: condition, order and page.

/// The largest page of a search.
pub const MAX_SIZE: i64 = 1000;

/// Which entities match. Values are case-folded, as terms are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clause {
    /// Entities that fulfil every member.
    All(Vec<Clause>),
    /// Entities that fulfil at least one member.
    Any(Vec<Clause>),
    /// Entities that do not fulfil it.
    Not(Box<Clause>),
    /// Entities with one of these ids.
    Guid(Vec<String>),
    /// Entities with one of these values in a field.
    OneOf(String, Vec<String>),
    /// Entities with a value in a field that begins with this.
    Prefix(String, String),
    /// Entities with any value in a field.
    Exists(String),
}

/// The sort order: by id, which is by time of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The oldest first.
    Ascending,
    /// The newest first.
    Descending,
}

/// A request for one page of entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The condition.
    pub condition: Clause,
    /// The order.
    pub order: Order,
    /// The page size: 0 to [`MAX_SIZE`].
    pub size: i64,
    /// How many results are skipped.
    pub from: i64,
}

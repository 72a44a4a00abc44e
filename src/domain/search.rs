//! Searches for entities: which, in what order, how many, and from where.

/// The largest page of a search.
pub const MAX_SIZE: i64 = 1000;

/// Which entities. Values are folded, as terms are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Those that fulfil every one.
    All(Vec<Condition>),
    /// Those that fulfil at least one.
    Any(Vec<Condition>),
    /// Those that do not.
    Not(Box<Condition>),
    /// Those with one of these ids.
    Guid(Vec<String>),
    /// Those with one of these values in a field.
    OneOf(String, Vec<String>),
    /// Those with a value in a field that begins with this.
    Prefix(String, String),
    /// Those with any value in a field.
    Exists(String),
}

/// What a search is ordered by; the id breaks ties. Ids sort by the time of creation.
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
    /// Which.
    pub condition: Condition,
    /// In what order.
    pub order: Order,
    /// How many at most: 0 to [`MAX_SIZE`].
    pub size: i64,
    /// After how many.
    pub from: i64,
}

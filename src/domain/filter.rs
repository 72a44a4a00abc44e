//! The filter language of collections: one JSON object, operators as in Atlan's API.
//!
//! ```json
//! {"displayName": {"$ilike": "etl%"}, "$or": [{"status": "expired"}, {"expiresAt": {"$lt": 1795391999000}}]}
//! ```

mod parse;
mod pattern;

pub use self::pattern::{Case, Pattern};
use super::text::clip;

/// A field that clients may filter or sort a collection by. The variants of the enum are the allow-list.
pub trait Field: Copy + Eq + Send + 'static {
    /// The records of the collection.
    type Record: Send + 'static;
    /// Every field.
    const ALL: &'static [Self];
    /// The default sort order.
    const DEFAULT_SORT: (Self, Direction);

    /// The field's name, kind and sort value.
    fn described(self) -> Described<Self::Record>;

    /// The id of a record, which breaks ties in sorting.
    fn id_of(record: &Self::Record) -> String;

    /// The name on the wire.
    fn name(self) -> &'static str {
        self.described().name
    }

    /// The kind of its values.
    fn kind(self) -> Kind {
        self.described().kind
    }

    /// Whether the collection can be sorted by it.
    fn sortable(self) -> bool {
        self.described().value.is_some()
    }

    /// The value of a record that cursors store.
    fn sort_value(self, record: &Self::Record) -> Value {
        self.described().value.map_or_else(|| Value::Text(Self::id_of(record)), |value| value(record))
    }

    /// The field of that name.
    fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }

    /// The names of the fields that pass `which`, for messages.
    fn names(which: fn(Self) -> bool) -> String {
        let names: Vec<_> =
            Self::ALL.iter().filter(|field| which(**field)).map(|field| format!("`{}`", field.name())).collect();
        names.join(", ")
    }
}

/// The description of a field of records `R`.
pub struct Described<R> {
    name: &'static str,
    kind: Kind,
    value: Option<fn(&R) -> Value>,
    /// Every value there is, if they are a closed set.
    values: Option<&'static [&'static str]>,
    /// Whether it is stored without white space around it.
    is_trimmed: bool,
}

impl<R> Described<R> {
    /// Restricts the values to a closed set; filters by other values are refused.
    #[must_use]
    pub fn one_of(self, values: &'static [&'static str]) -> Self {
        Self { values: Some(values), ..self }
    }

    /// Marks text that is stored, and searched for, without surrounding white space.
    #[must_use]
    pub fn trimmed(self) -> Self {
        Self { is_trimmed: true, ..self }
    }

    /// A text to search for, normalised as it is stored.
    ///
    /// # Errors
    /// What is allowed, if the text cannot be stored.
    pub fn stored(&self, text: &str) -> Result<String, String> {
        let text = if self.is_trimmed { text.trim() } else { text };
        match self.values {
            Some(values) if !values.contains(&text) => {
                let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
                Err(format!("has no value `{}` for `{}`; the values are {}", clip(text), self.name, values.join(", ")))
            }
            _ => Ok(text.to_owned()),
        }
    }
}

/// Describes a field that can only be filtered by.
#[must_use]
pub fn filtered<R>(name: &'static str, kind: Kind) -> Described<R> {
    Described { name, kind, value: None, values: None, is_trimmed: false }
}

/// Describes a field that can be filtered and sorted by, with its sort value.
#[must_use]
pub fn sorted<R>(name: &'static str, kind: Kind, value: fn(&R) -> Value) -> Described<R> {
    Described { value: Some(value), ..filtered(name, kind) }
}

/// The kind of a field's values, which decides the operators and sorting it allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text that can be compared, matched and sorted.
    Text,
    /// An identifier or a name from a fixed set: equal or not.
    Exact,
    /// Epoch milliseconds.
    Instant,
}

/// The direction of sorting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The smallest first.
    Ascending,
    /// The largest first.
    Descending,
}

/// A condition on the records of a collection.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter<F> {
    /// Records that match every member; with no member, every record.
    All(Vec<Self>),
    /// Records that match some member; with no member, none.
    Any(Vec<Self>),
    /// Records that do not match the member.
    Not(Box<Self>),
    /// Records whose field passes the test.
    Test(F, Test),
}

/// A test of one field. A comparison matches only records that have a value; so `$ne`, `$nin` and `$not` match those
/// without one.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Equals one of these values.
    OneOf(Vec<Value>),
    /// Compares to this value as given.
    Compare(Comparison, Value),
    /// Matches this pattern.
    Like(Pattern),
    /// Has any value.
    Exists,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// The value of a [`Kind::Text`] or [`Kind::Exact`] field.
    Text(String),
    /// The value of a [`Kind::Instant`] field, in epoch milliseconds.
    Instant(i64),
}

/// An order between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `$gt`
    Greater,
    /// `$gte`
    GreaterOrEqual,
    /// `$lt`
    Less,
    /// `$lte`
    LessOrEqual,
}

impl<F: Field> Filter<F> {
    /// Every record.
    pub const EVERYTHING: Self = Self::All(Vec::new());

    /// Records that match both filters.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if self == Self::EVERYTHING { other } else { Self::All(vec![self, other]) }
    }

    /// Whether any test is on `field`.
    pub fn mentions(&self, field: F) -> bool {
        match self {
            Self::All(members) | Self::Any(members) => members.iter().any(|member| member.mentions(field)),
            Self::Not(member) => member.mentions(field),
            Self::Test(tested, _) => *tested == field,
        }
    }

    /// The only value of `field` that matching records can have, and the filter without that test.
    pub fn split_fixed(&self, field: F) -> Option<(&Value, Self)> {
        match self {
            Self::Test(tested, Test::OneOf(values)) if *tested == field => match values.as_slice() {
                [value] => Some((value, Self::EVERYTHING)),
                _ => None,
            },
            Self::All(members) => members.iter().enumerate().find_map(|(index, member)| {
                let (value, rest) = member.split_fixed(field)?;
                let mut members = members.clone();
                members[index] = rest;
                Some((value, Self::All(members)))
            }),
            _ => None,
        }
    }

    /// Whether a record matches, given its field values by `value`: for collections in memory.
    pub fn wants(&self, value: &impl Fn(F) -> Option<Value>) -> bool {
        match self {
            Self::All(members) => members.iter().all(|member| member.wants(value)),
            Self::Any(members) => members.iter().any(|member| member.wants(value)),
            Self::Not(member) => !member.wants(value),
            Self::Test(field, test) => value(*field).is_some_and(|value| test.passes(&value)),
        }
    }
}

impl Test {
    fn passes(&self, value: &Value) -> bool {
        match self {
            Self::OneOf(allowed) => allowed.contains(value),
            Self::Compare(Comparison::Greater, bound) => value > bound,
            Self::Compare(Comparison::GreaterOrEqual, bound) => value >= bound,
            Self::Compare(Comparison::Less, bound) => value < bound,
            Self::Compare(Comparison::LessOrEqual, bound) => value <= bound,
            Self::Like(pattern) => matches!(value, Value::Text(text) if pattern.matches(text)),
            Self::Exists => !matches!(value, Value::Text(text) if text.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fields::ApiKeyField::{self, DisplayName, Status};

    fn split(filter: &str) -> Option<(String, bool)> {
        let filter = Filter::<ApiKeyField>::parse(filter).unwrap();
        let (value, rest) = filter.split_fixed(DisplayName)?;
        Some((format!("{value:?}"), rest.mentions(Status)))
    }

    #[test]
    fn a_value_is_fixed_where_every_wanted_record_must_have_it() {
        let etl = r#"Text("etl")"#.to_owned();
        assert_eq!(split(r#"{"displayName":"etl"}"#), Some((etl.clone(), false)));
        assert_eq!(split(r#"{"displayName":{"$in":["etl"]},"status":"active"}"#), Some((etl.clone(), true)));
        let nested = r#"{"$and":[{"status":"active"},{"$and":[{"displayName":"etl"}]}]}"#;
        assert_eq!(split(nested), Some((etl, true)));
        for choice in [
            r#"{"displayName":{"$in":["etl","x"]}}"#,
            r#"{"displayName":{"$ne":"etl"}}"#,
            r#"{"displayName":{"$like":"etl"}}"#,
            r#"{"$or":[{"displayName":"etl"},{"status":"active"}]}"#,
            r#"{"$not":{"displayName":"etl"}}"#,
            r#"{"status":"active"}"#,
        ] {
            assert_eq!(split(choice), None, "{choice}");
        }
    }
}

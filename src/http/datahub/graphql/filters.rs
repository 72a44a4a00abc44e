//! Converts DataHub's filters to filters of a collection.

use async_graphql::{Enum, InputObject};

use crate::domain::error::Violation;
use crate::domain::filter::{Case, Comparison, Filter, Pattern, Test, Value};
use crate::domain::listing::{Field, Kind, clip};
use crate::http::datahub::urn;

/// The most filters in a request, and the most values in a filter.
const MOST: usize = 100;
/// The most patterns in a request, because each is matched against every record.
const PATTERNS: usize = 10;

/// One condition of a filter.
#[derive(Debug, InputObject)]
pub struct FacetFilterInput {
    /// The name of the field.
    pub field: String,
    /// The values, of which one must match.
    pub values: Option<Vec<String>>,
    /// A single value, from older clients; ignored if `values` is present.
    pub value: Option<String>,
    /// Negates the condition.
    pub negated: Option<bool>,
    /// How the values are compared; `EQUAL` by default.
    pub condition: Option<FilterOperator>,
}

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum FilterOperator {
    /// Contains the value, ignoring case.
    Contain,
    /// Equals the value.
    Equal,
    /// Equals the value, ignoring case.
    Iequal,
    /// Like `EQUAL`.
    In,
    /// The field has a value.
    Exists,
    /// Greater than the value.
    GreaterThan,
    /// Greater than or equal to the value.
    GreaterThanOrEqualTo,
    /// Less than the value.
    LessThan,
    /// Less than or equal to the value.
    LessThanOrEqualTo,
    /// Starts with the value, ignoring case.
    StartWith,
    /// Ends with the value, ignoring case.
    EndWith,
    /// For hierarchies; refused.
    DescendantsIncl,
    /// For hierarchies; refused.
    AncestorsIncl,
    /// For hierarchies; refused.
    RelatedIncl,
}

impl FilterOperator {
    fn matches_patterns(self) -> bool {
        matches!(self, Self::Contain | Self::Iequal | Self::StartWith | Self::EndWith)
    }
}

/// Combines conditions into one filter that requires all of them.
///
/// # Errors
/// A violation when a condition is invalid or there are too many.
pub fn all<F: Field>(filters: Vec<FacetFilterInput>) -> Result<Filter<F>, Violation> {
    if filters.len() > MOST {
        return Err(wrong(format!("must have at most {MOST} members")));
    }
    let patterns = filters.iter().filter(|filter| filter.condition.is_some_and(FilterOperator::matches_patterns));
    if patterns.map(|filter| filter.values.as_ref().map_or(1, Vec::len)).sum::<usize>() > PATTERNS {
        return Err(wrong(format!("must have at most {PATTERNS} values to be found in part or in either case")));
    }
    Ok(Filter::All(filters.into_iter().map(one).collect::<Result<_, _>>()?))
}

fn one<F: Field>(input: FacetFilterInput) -> Result<Filter<F>, Violation> {
    let field = F::find(&input.field).ok_or_else(|| {
        wrong(format!("has no field `{}`; the fields are {}", clip(&input.field), F::names(|_| true)))
    })?;
    let values = input.values.unwrap_or_else(|| input.value.into_iter().collect());
    if values.len() > MOST || values.iter().any(|value| value.contains('\0')) {
        return Err(wrong(format!("must have at most {MOST} values, without NUL characters")));
    }
    let condition = input.condition.unwrap_or(FilterOperator::Equal);
    let tests = match condition {
        FilterOperator::Exists => vec![Test::Exists],
        _ if values.is_empty() => return Err(wrong(format!("needs `values` for `{}`", field.name()))),
        FilterOperator::Equal | FilterOperator::In => {
            vec![Test::OneOf(values.iter().map(|value| read(field, value)).collect::<Result<_, _>>()?)]
        }
        _ => values.iter().map(|value| test(field, condition, value)).collect::<Result<_, _>>()?,
    };
    let mut any: Vec<Filter<F>> = tests.into_iter().map(|test| Filter::Test(field, test)).collect();
    let filter = if any.len() == 1 { any.remove(0) } else { Filter::Any(any) };
    Ok(if input.negated == Some(true) { Filter::Not(Box::new(filter)) } else { filter })
}

fn test<F: Field>(field: F, condition: FilterOperator, value: &str) -> Result<Test, Violation> {
    let compare = |how| match field.kind() {
        Kind::Exact => Err(unusable(field)),
        _ => Ok(Test::Compare(how, read(field, value)?)),
    };
    let like = |pieces: &[&str]| match field.kind() {
        Kind::Text => Ok(Test::Like(Pattern {
            pieces: pieces.iter().map(|piece| (*piece).to_owned()).collect(),
            case: Case::Ignored,
        })),
        _ => Err(unusable(field)),
    };
    match condition {
        FilterOperator::GreaterThan => compare(Comparison::Greater),
        FilterOperator::GreaterThanOrEqualTo => compare(Comparison::GreaterOrEqual),
        FilterOperator::LessThan => compare(Comparison::Less),
        FilterOperator::LessThanOrEqualTo => compare(Comparison::LessOrEqual),
        FilterOperator::Contain => like(&["", value, ""]),
        FilterOperator::StartWith => like(&[value, ""]),
        FilterOperator::EndWith => like(&["", value]),
        FilterOperator::Iequal => like(&[value]),
        _ => Err(unusable(field)),
    }
}

/// Parses a value of a field; a user's URN becomes the user name.
fn read<F: Field>(field: F, value: &str) -> Result<Value, Violation> {
    match field.kind() {
        Kind::Instant => value
            .parse()
            .map(Value::Instant)
            .map_err(|_| wrong(format!("needs epoch milliseconds for `{}`", field.name()))),
        Kind::Text | Kind::Exact => {
            field.described().stored(urn::username(value).unwrap_or(value)).map(Value::Text).map_err(wrong)
        }
    }
}

fn unusable<F: Field>(field: F) -> Violation {
    wrong(format!("cannot use this condition on `{}`", field.name()))
}

fn wrong(message: impl Into<String>) -> Violation {
    Violation::new("filters", message)
}

//! DataHub's filters as filters of a collection.

use async_graphql::{Enum, InputObject};

use crate::domain::error::Violation;
use crate::domain::filter::{Case, Comparison, Filter, Pattern, Test, Value};
use crate::domain::listing::{Field, Kind, clip};
use crate::http::datahub::urn;

/// How many filters one request can have, and how many values one filter.
const MOST: usize = 100;
/// How many patterns the filters of one request can have: each is matched against every record.
const PATTERNS: usize = 10;

/// One condition; several must all be met.
#[derive(Debug, InputObject)]
pub struct FacetFilterInput {
    /// The name of the field.
    pub field: String,
    /// The values: one of them is enough.
    pub values: Option<Vec<String>>,
    /// The same for a single one, as older clients write it.
    pub value: Option<String>,
    /// Whether the condition must not be met.
    pub negated: Option<bool>,
    /// How the values are compared; `EQUAL` if left out.
    pub condition: Option<FilterOperator>,
}

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum FilterOperator {
    /// Part of it, in either case.
    Contain,
    /// The same.
    Equal,
    /// The same, in either case.
    Iequal,
    /// The same.
    In,
    /// There at all.
    Exists,
    /// Greater.
    GreaterThan,
    /// Greater or the same.
    GreaterThanOrEqualTo,
    /// Less.
    LessThan,
    /// Less or the same.
    LessThanOrEqualTo,
    /// Its beginning.
    StartWith,
    /// Its end.
    EndWith,
    /// For hierarchies: refused.
    DescendantsIncl,
    /// For hierarchies: refused.
    AncestorsIncl,
    /// For hierarchies: refused.
    RelatedIncl,
}

impl FilterOperator {
    fn matches_patterns(self) -> bool {
        matches!(self, Self::Contain | Self::Iequal | Self::StartWith | Self::EndWith)
    }
}

/// The filter that all of those make.
///
/// # Errors
/// A violation that says what is allowed.
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

/// A value of a field; users are known by their URNs here and by their names elsewhere.
fn read<F: Field>(field: F, value: &str) -> Result<Value, Violation> {
    match field.kind() {
        Kind::Instant => value
            .parse()
            .map(Value::Instant)
            .map_err(|_| wrong(format!("needs epoch milliseconds for `{}`", field.name()))),
        Kind::Text | Kind::Exact => Ok(Value::Text(urn::username(value).unwrap_or(value).to_owned())),
    }
}

fn unusable<F: Field>(field: F) -> Violation {
    wrong(format!("cannot use this condition on `{}`", field.name()))
}

fn wrong(message: impl Into<String>) -> Violation {
    Violation::new("filters", message)
}

//! Parses filters.

use serde_json::{Map, Value as Json};

use super::{Case, Comparison, Field, Filter, Kind, Pattern, Test, Value};
use crate::domain::error::{Result, Violation};
use crate::domain::nesting::{Unreadable, read_json};
use crate::domain::text::{clip, whole};

const LENGTH: usize = 8192;
const DEPTH: usize = 8;
const PARTS: usize = 100;
/// The most patterns in a filter: each is matched against every record.
const PATTERNS: usize = 10;

impl<F: Field> Filter<F> {
    /// Parses the `filter` parameter; an empty text matches every record.
    ///
    /// # Errors
    /// A violation of `filter` that says what is allowed.
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self::EVERYTHING);
        }
        if text.len() > LENGTH {
            return Err(wrong(format!("must have at most {LENGTH} bytes, not {}", text.len())).into());
        }
        let json: Json = read_json(text.as_bytes()).map_err(|error| match error {
            Unreadable::LimitExceeded(excess) => wrong(excess.to_string()),
            Unreadable::DuplicateMember(twice) => wrong(twice.to_string()),
            Unreadable::Json(error) => wrong(format!("must be a JSON object: {error}")),
        })?;
        let Json::Object(object) = json else {
            return Err(wrong("must be a JSON object, as in `{\"displayName\":\"etl\"}`").into());
        };
        let mut reader = Reader { parts: 0, patterns: 0 };
        Ok(reader.object(&object, DEPTH)?)
    }
}

/// Parses filter objects and counts their parts.
struct Reader {
    parts: usize,
    patterns: usize,
}

impl Reader {
    fn object<F: Field>(&mut self, object: &Map<String, Json>, depth: usize) -> Result<Filter<F>, Violation> {
        self.count(1)?;
        let depth = depth.checked_sub(1).ok_or_else(|| wrong(format!("is nested deeper than {DEPTH} levels")))?;
        let mut members = Vec::with_capacity(object.len());
        for (name, json) in object {
            members.push(match name.as_str() {
                "$and" => Filter::All(self.list(name, json, depth)?),
                "$or" => Filter::Any(self.list(name, json, depth)?),
                "$not" => match json {
                    Json::Object(inner) => Filter::Not(Box::new(self.object(inner, depth)?)),
                    _ => return Err(wrong("needs a JSON object after `$not`")),
                },
                _ => self.field(name, json, depth)?,
            });
        }
        Ok(if members.len() == 1 { members.remove(0) } else { Filter::All(members) })
    }

    fn list<F: Field>(&mut self, name: &str, json: &Json, depth: usize) -> Result<Vec<Filter<F>>, Violation> {
        let Json::Array(members) = json else {
            return Err(wrong(format!("needs an array of objects after `{name}`")));
        };
        if members.is_empty() {
            return Err(wrong(format!("needs at least one object after `{name}`")));
        }
        members
            .iter()
            .map(|member| match member {
                Json::Object(object) => self.object(object, depth),
                _ => Err(wrong(format!("needs an array of objects after `{name}`"))),
            })
            .collect()
    }

    fn field<F: Field>(&mut self, name: &str, json: &Json, depth: usize) -> Result<Filter<F>, Violation> {
        let field = F::find(name)
            .ok_or_else(|| wrong(format!("has no field `{}`; the fields are {}", clip(name), F::names(|_| true))))?;
        match json {
            Json::Object(operators) => self.operators(field, operators, depth),
            Json::Null => Ok(Filter::Not(Box::new(self.test(field, Test::Exists)?))),
            value => self.equal(field, value),
        }
    }

    fn operators<F: Field>(
        &mut self,
        field: F,
        operators: &Map<String, Json>,
        depth: usize,
    ) -> Result<Filter<F>, Violation> {
        if operators.is_empty() {
            return Err(wrong(format!("has no operator for `{}`", field.name())));
        }
        let mut members = Vec::with_capacity(operators.len());
        for (operator, json) in operators {
            members.push(self.operator(field, operator, json, depth)?);
        }
        Ok(if members.len() == 1 { members.remove(0) } else { Filter::All(members) })
    }

    fn operator<F: Field>(
        &mut self,
        field: F,
        operator: &str,
        json: &Json,
        depth: usize,
    ) -> Result<Filter<F>, Violation> {
        let not = |filter| Filter::Not(Box::new(filter));
        let compare = |how| Ok(Test::Compare(how, ordered_value(field, operator, json)?));
        let test = match operator {
            "$eq" => return self.equal(field, json),
            "$ne" => return Ok(not(self.equal(field, json)?)),
            "$in" => Test::OneOf(values(field, operator, json)?),
            "$nin" => return Ok(not(self.test(field, Test::OneOf(values(field, operator, json)?))?)),
            "$gt" => compare(Comparison::Greater)?,
            "$gte" => compare(Comparison::GreaterOrEqual)?,
            "$lt" => compare(Comparison::Less)?,
            "$lte" => compare(Comparison::LessOrEqual)?,
            "$like" => Test::Like(pattern(field, operator, json, Case::Sensitive)?),
            "$ilike" => Test::Like(pattern(field, operator, json, Case::Ignored)?),
            "$exists" => match json {
                Json::Bool(true) => Test::Exists,
                Json::Bool(false) => return Ok(not(self.test(field, Test::Exists)?)),
                _ => return Err(wrong("needs `true` or `false` after `$exists`")),
            },
            "$not" => match json {
                Json::Object(operators) if depth > 0 => return Ok(not(self.operators(field, operators, depth - 1)?)),
                Json::Object(_) => return Err(wrong(format!("is nested deeper than {DEPTH} levels"))),
                _ => return Err(wrong("needs an object of operators after `$not`")),
            },
            unknown => {
                let message = format!(
                    "has no operator `{}`; the operators are `$eq`, `$ne`, `$in`, `$nin`, `$gt`, `$gte`, `$lt`, `$lte`, \
                     `$like`, `$ilike`, `$exists` and `$not`",
                    clip(unknown)
                );
                return Err(wrong(message));
            }
        };
        self.test(field, test)
    }

    fn equal<F: Field>(&mut self, field: F, json: &Json) -> Result<Filter<F>, Violation> {
        if json.is_null() {
            return Ok(Filter::Not(Box::new(self.test(field, Test::Exists)?)));
        }
        self.test(field, Test::OneOf(vec![value(field, json)?]))
    }

    fn test<F: Field>(&mut self, field: F, test: Test) -> Result<Filter<F>, Violation> {
        self.patterns += usize::from(matches!(test, Test::Like(_)));
        if self.patterns > PATTERNS {
            return Err(wrong(format!("has more than {PATTERNS} patterns")));
        }
        self.count(if let Test::OneOf(values) = &test { values.len() } else { 1 })?;
        Ok(Filter::Test(field, test))
    }

    fn count(&mut self, more: usize) -> Result<(), Violation> {
        self.parts += more;
        if self.parts > PARTS { Err(wrong(format!("has more than {PARTS} parts"))) } else { Ok(()) }
    }
}

fn value<F: Field>(field: F, json: &Json) -> Result<Value, Violation> {
    match (field.kind(), json) {
        (Kind::Text | Kind::Exact, Json::String(text)) => {
            field.described().stored(&stored(text)?).map(Value::Text).map_err(wrong)
        }
        (Kind::Instant, Json::Number(number)) => number
            .as_i64()
            .or_else(|| whole(number.as_f64()?))
            .map(Value::Instant)
            .ok_or_else(|| wrong(format!("needs epoch milliseconds for `{}`", field.name()))),
        (Kind::Instant, Json::String(text)) if text.parse::<i64>().is_ok() => {
            Ok(Value::Instant(text.parse().unwrap_or_default()))
        }
        (Kind::Text | Kind::Exact, _) => Err(wrong(format!("needs a string for `{}`", field.name()))),
        (Kind::Instant, _) => Err(wrong(format!("needs epoch milliseconds for `{}`", field.name()))),
    }
}

fn ordered_value<F: Field>(field: F, operator: &str, json: &Json) -> Result<Value, Violation> {
    if field.kind() == Kind::Exact {
        return Err(wrong(format!("cannot use `{operator}` on `{}`", field.name())));
    }
    value(field, json)
}

fn values<F: Field>(field: F, operator: &str, json: &Json) -> Result<Vec<Value>, Violation> {
    match json {
        Json::Array(members) => members.iter().map(|member| value(field, member)).collect(),
        _ => Err(wrong(format!("needs an array after `{operator}`"))),
    }
}

fn pattern<F: Field>(field: F, operator: &str, json: &Json, case: Case) -> Result<Pattern, Violation> {
    match (field.kind(), json) {
        (Kind::Text, Json::String(text)) => Ok(Pattern::parse(&stored(text)?, case)),
        (Kind::Text, _) => Err(wrong(format!("needs a string after `{operator}`"))),
        _ => Err(wrong(format!("cannot use `{operator}` on `{}`", field.name()))),
    }
}

/// Rejects NUL: no stored text has one, and PostgreSQL rejects it even in comparisons.
fn stored(text: &str) -> Result<String, Violation> {
    if text.contains('\0') { Err(wrong("must not contain NUL characters")) } else { Ok(text.to_owned()) }
}

fn wrong(message: impl Into<String>) -> Violation {
    Violation::new("filter", message)
}

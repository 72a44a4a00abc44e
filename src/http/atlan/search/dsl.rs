//! Parser for a subset of Elasticsearch's query language; anything else is refused, with its path and name.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::entity::{TERM_LENGTH, scalar, term};
use crate::domain::error::Violation;
use crate::domain::ids::Id;
use crate::domain::listing::clip;
use crate::domain::search::{Clause, MAX_SIZE, Order, Search};
use crate::domain::text::whole;

/// Elasticsearch's default page size.
const DEFAULT_SIZE: i64 = 10;
/// How deep clauses may be nested.
const DEPTH: usize = 16;
/// The most clauses and values in a search.
const CLAUSES: usize = 1024;
/// The super types of every entity.
const ALL_TYPES: [&str; 2] = ["asset", "referenceable"];

/// Parses a search.
///
/// # Errors
/// A violation that names the unsupported member or clause.
pub fn parse(dsl: &Map<String, Value>) -> Result<Search, Violation> {
    let mut search = Search { condition: everything(), order: Order::Ascending, size: DEFAULT_SIZE, from: 0 };
    for (name, value) in dsl.iter().filter(|(_, value)| !value.is_null()) {
        let place = format!("dsl.{}", clip(name));
        match name.as_str() {
            "query" => search.condition = Parser { clauses: 0 }.clause(value, &place, 0)?,
            "sort" => search.order = order(value, &place)?,
            "from" => search.from = number(value, &place, i64::from(i32::MAX))?,
            "size" => search.size = number(value, &place, MAX_SIZE)?,
            "track_total_hits" if value.is_boolean() || value.is_number() => {}
            "aggregations" | "aggs" if value.as_object().is_some_and(Map::is_empty) => {}
            _ => return Err(unsupported(&place)),
        }
    }
    Ok(search)
}

fn everything() -> Clause {
    Clause::All(Vec::new())
}

fn unsupported(place: &str) -> Violation {
    Violation::new(place, "is not supported")
}

fn number(value: &Value, place: &str, most: i64) -> Result<i64, Violation> {
    let number = value.as_i64().or_else(|| whole(value.as_f64()?)).filter(|number| (0..=most).contains(number));
    number.ok_or_else(|| Violation::new(place, format!("must be a number from 0 to {most}")))
}

/// Parses `sort`: `[{"__guid": {"order": "asc"}}]`, or empty.
fn order(value: &Value, place: &str) -> Result<Order, Violation> {
    let keys = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let Some(key) = keys.first() else { return Ok(Order::Ascending) };
    let (name, direction) = only_member(key, place)?;
    if keys.len() > 1 || name != "__guid" {
        let message =
            format!("can only be by `__guid`, not by `{}`", clip(keys.get(1).map_or(name, |_| "several fields")));
        return Err(Violation::new(place, message));
    }
    let direction = direction.get("order").unwrap_or(direction);
    match direction.as_str() {
        Some("asc") => Ok(Order::Ascending),
        Some("desc") => Ok(Order::Descending),
        _ => Err(Violation::new(format!("{place}.__guid.order"), "must be `asc` or `desc`")),
    }
}

/// The name and value of an object's only member.
fn only_member<'a>(value: &'a Value, place: &str) -> Result<(&'a str, &'a Value), Violation> {
    let mut members = value.as_object().into_iter().flatten();
    match (members.next(), members.next()) {
        (Some((name, value)), None) => Ok((name, value)),
        _ => Err(Violation::new(place, "must be an object with one member")),
    }
}

/// The field of a clause.
enum Field {
    Guid,
    SuperTypes,
    Terms(String),
}

impl Field {
    /// Parses a field name. `X.keyword` is the attribute `X`; of the names that begin with `__`, only those here are
    /// supported.
    fn parse(name: &str, place: &str) -> Result<Self, Violation> {
        match name.strip_suffix(".keyword").unwrap_or(name) {
            "__guid" => Ok(Self::Guid),
            "__superTypeNames" => Ok(Self::SuperTypes),
            known @ ("__typeName" | "__state" | "__createdBy") => Ok(Self::Terms(known.to_owned())),
            field if field.is_empty() || field.starts_with("__") || field.contains(['.', '*', '\0']) => {
                Err(unsupported(&format!("{place}.{}", clip(name))))
            }
            attribute => Ok(Self::Terms(attribute.to_owned())),
        }
    }
}

struct Parser {
    clauses: usize,
}

impl Parser {
    fn count(&mut self, place: &str, more: usize) -> Result<(), Violation> {
        self.clauses += more;
        if self.clauses <= CLAUSES {
            Ok(())
        } else {
            Err(Violation::new(place, format!("is one of more than {CLAUSES} clauses")))
        }
    }

    fn clause(&mut self, value: &Value, place: &str, depth: usize) -> Result<Clause, Violation> {
        self.count(place, 1)?;
        if depth > DEPTH {
            return Err(Violation::new(place, format!("is more than {DEPTH} clauses deep")));
        }
        let (name, body) = only_member(value, place)?;
        let place = format!("{place}.{}", clip(name));
        match name {
            "bool" => self.bool(body, &place, depth),
            "match_all" => Ok(everything()),
            "match_none" => Ok(Clause::Any(Vec::new())),
            "term" => {
                let (field, value) = field_and_value(body, &place)?;
                one_of(field, &[value], &place)
            }
            "terms" => {
                let body = without_boost(body);
                let (name, values) = only_member(&body, &place)?;
                let place_of_values = format!("{place}.{}", clip(name));
                let list = values.as_array().ok_or_else(|| Violation::new(&place_of_values, "must be an array"))?;
                self.count(&place, list.len())?;
                let texts = list.iter().map(|value| text(value, &place_of_values)).collect::<Result<Vec<_>, _>>()?;
                one_of(Field::parse(name, &place)?, &texts, &place)
            }
            "prefix" => match field_and_value(body, &place)? {
                (Field::Terms(field), value) => Ok(Clause::Prefix(field, value)),
                _ => Err(unsupported(&place)),
            },
            "exists" => {
                let name = body.get("field").and_then(Value::as_str);
                match Field::parse(name.ok_or_else(|| Violation::new(&place, "must name a `field`"))?, &place)? {
                    Field::Terms(field) => Ok(Clause::Exists(field)),
                    Field::Guid | Field::SuperTypes => Ok(everything()),
                }
            }
            _ => Err(unsupported(&place)),
        }
    }

    fn bool(&mut self, body: &Value, place: &str, depth: usize) -> Result<Clause, Violation> {
        let members = body.as_object().ok_or_else(|| Violation::new(place, "must be an object"))?;
        let (mut all, mut some, mut least) = (Vec::new(), None, None);
        for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            let place = format!("{place}.{}", clip(name));
            match name.as_str() {
                "filter" | "must" => all.extend(self.clauses(value, &place, depth)?),
                "must_not" => {
                    let members = self.clauses(value, &place, depth)?;
                    all.extend(members.into_iter().map(|member| Clause::Not(Box::new(member))));
                }
                "should" => some = Some(self.clauses(value, &place, depth)?).filter(|members| !members.is_empty()),
                "minimum_should_match" => {
                    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
                    let number = number.filter(|number| [0, 1].contains(number));
                    least = Some(number.ok_or_else(|| Violation::new(&place, "must be 0 or 1"))?);
                }
                "boost" => {}
                _ => return Err(unsupported(&place)),
            }
        }
        // As in Elasticsearch: next to `filter` or `must`, `should` only affects ranking, so it is optional.
        let required = ["filter", "must"]
            .into_iter()
            .all(|name| members.get(name).is_none_or(|it| it.as_array().is_some_and(Vec::is_empty)));
        let least = least.unwrap_or(i64::from(required));
        all.extend(some.filter(|_| least > 0).map(Clause::Any));
        Ok(Clause::All(all))
    }

    fn clauses(&mut self, value: &Value, place: &str, depth: usize) -> Result<Vec<Clause>, Violation> {
        match value.as_array() {
            None => Ok(vec![self.clause(value, place, depth + 1)?]),
            Some(members) => {
                let read = |(number, member)| self.clause(member, &format!("{place}[{number}]"), depth + 1);
                members.iter().enumerate().map(read).collect()
            }
        }
    }
}

fn one_of(field: Field, values: &[String], place: &str) -> Result<Clause, Violation> {
    match field {
        // Names are stored trimmed.
        Field::Terms(field) if ["name", "displayName"].contains(&field.as_str()) => {
            Ok(Clause::OneOf(field, values.iter().map(|value| value.trim().to_owned()).collect()))
        }
        Field::Terms(field) => Ok(Clause::OneOf(field, values.to_vec())),
        Field::Guid => {
            let ids = values.iter().filter_map(|value| Id::<Uuid>::parse(value)).map(|id| id.to_string());
            Ok(Clause::Guid(ids.collect()))
        }
        Field::SuperTypes if values.iter().any(|value| ALL_TYPES.contains(&value.as_str())) => Ok(everything()),
        Field::SuperTypes => Err(Violation::new(
            format!("{place}.__superTypeNames"),
            "knows `Asset` and `Referenceable` only: types have no other super types here",
        )),
    }
}

/// Parses `{"field": value}` or `{"field": {"value": value}}`. Case is always ignored, regardless of
/// `case_insensitive`.
fn field_and_value(body: &Value, place: &str) -> Result<(Field, String), Violation> {
    let (name, value) = only_member(body, place)?;
    let field = Field::parse(name, place)?;
    let place = format!("{place}.{}", clip(name));
    let Some(members) = value.as_object() else { return Ok((field, text(value, &place)?)) };
    let known = ["value", "case_insensitive", "boost"];
    if let Some(odd) = members.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(unsupported(&format!("{place}.{}", clip(odd))));
    }
    let value = members.get("value").ok_or_else(|| Violation::new(&place, "must have a `value`"))?;
    Ok((field, text(value, &place)?))
}

fn without_boost(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(members) = body.as_object_mut() {
        members.remove("boost");
    }
    body
}

/// Normalizes a value like the index does.
fn text(value: &Value, place: &str) -> Result<String, Violation> {
    let text = scalar(value).ok_or_else(|| Violation::new(place, "must be text, a number, `true` or `false`"))?;
    term(&text).ok_or_else(|| Violation::new(place, format!("must have at most {TERM_LENGTH} bytes, and no NUL")))
}

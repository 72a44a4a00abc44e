//! How many rows a field may answer with: what is selected beneath it is made for each of them.

use async_graphql::parser::types::{Field, OperationDefinition};
use async_graphql::{Name, Value as Constant, Variables};
use async_graphql_value::Value as Literal;

use crate::domain::listing::MAX_LIMIT;

/// How many rows a list has when nothing says how many; no default of this door is larger.
const USUAL: usize = 20;
/// How many types the schema has, in round numbers, and how many members a type has that can lead on to others: by these
/// the schema can be walked in circles.
const TYPES: usize = 80;
const MEMBERS: usize = 5;
const ARGUMENTS: usize = 2;

/// Where variables have their values from.
pub struct Scope<'a> {
    pub variables: &'a Variables,
    /// The operation, whose variables have defaults.
    pub operation: Option<&'a OperationDefinition>,
}

/// How many rows a field asks for at most; `None` for what is no list.
pub fn rows(field: &Field, scope: &Scope<'_>, introspects: bool) -> Option<usize> {
    let name = field.name.node.as_str();
    if introspects {
        return match name {
            "types" => Some(TYPES),
            "fields" | "inputFields" | "enumValues" | "interfaces" | "possibleTypes" | "directives" => Some(MEMBERS),
            "args" => Some(ARGUMENTS),
            _ => None,
        };
    }
    let counts = field.arguments.iter().filter_map(|(argument, value)| {
        if argument.node == "count" { scope.number(&value.node) } else { scope.count_in(&value.node) }
    });
    counts.max().or_else(|| name.starts_with("list").then_some(USUAL))
}

impl Scope<'_> {
    fn variable(&self, name: &Name) -> Option<&Constant> {
        let definitions = self.operation.into_iter().flat_map(|operation| &operation.variable_definitions);
        let default = || definitions.map(|it| &it.node).find(|it| it.name.node == *name)?.default_value();
        self.variables.get(name).or_else(default)
    }

    /// The `count` of an argument that is an object, as `input` is.
    fn count_in(&self, value: &Literal) -> Option<usize> {
        match value {
            Literal::Object(members) => self.number(members.get("count")?),
            Literal::Variable(name) => match self.variable(name)? {
                Constant::Object(members) => constant(members.get("count")?),
                _ => None,
            },
            _ => None,
        }
    }

    fn number(&self, value: &Literal) -> Option<usize> {
        match value {
            Literal::Variable(name) => constant(self.variable(name)?),
            Literal::Number(number) => Some(bounded(number.as_i64())),
            _ => None,
        }
    }
}

fn constant(value: &Constant) -> Option<usize> {
    match value {
        Constant::Number(number) => Some(bounded(number.as_i64())),
        _ => None,
    }
}

/// A page has at most [`MAX_LIMIT`] rows, whatever is asked for.
fn bounded(count: Option<i64>) -> usize {
    usize::try_from(count.unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT)).unwrap_or(usize::MAX)
}

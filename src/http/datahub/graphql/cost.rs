//! Estimates how many rows a field returns, which multiply the cost of the selection beneath it.

use std::collections::HashMap;

use async_graphql::parser::types::{Directive, Field, OperationDefinition};
use async_graphql::{Name, Positioned, Value as Constant, Variables};
use async_graphql_value::Value as Literal;

use crate::domain::listing::MAX_LIMIT;

/// The assumed rows of a list without `count`, the largest default of this door.
const USUAL: usize = 20;
/// The assumed number of types in the schema, of members per type, and of arguments per field: with them, introspection
/// can recurse through the schema.
const TYPES: usize = 80;
const MEMBERS: usize = 5;
const ARGUMENTS: usize = 2;

/// How many bytes of text cost as much as one value.
const TEXT: usize = 32;

/// The variables of an operation, with their defaults and sizes.
pub struct Scope<'a> {
    variables: &'a Variables,
    /// The operation, whose variables have defaults.
    operation: Option<&'a OperationDefinition>,
    /// The size of each variable, in values.
    sizes: HashMap<&'a str, usize>,
}

/// The size of each variable in values. The engine copies all values of a variable at each use.
#[must_use]
pub fn sizes(variables: &Variables) -> HashMap<&str, usize> {
    variables.iter().map(|(name, value)| (name.as_str(), size(value))).collect()
}

fn size(value: &Constant) -> usize {
    1 + match value {
        Constant::List(values) => values.iter().map(size).sum(),
        Constant::Object(members) => members.iter().map(|(name, value)| name.len() / TEXT + size(value)).sum(),
        Constant::String(text) => text.len() / TEXT,
        Constant::Binary(bytes) => bytes.len() / TEXT,
        Constant::Enum(name) => name.len() / TEXT,
        Constant::Null | Constant::Number(_) | Constant::Boolean(_) => 0,
    }
}

/// The most rows that a field returns; `None` for a field that is no list.
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

impl<'a> Scope<'a> {
    /// Combines the variables of a request with the defaults of an operation.
    pub fn new(
        variables: &'a Variables,
        operation: Option<&'a OperationDefinition>,
        given: &HashMap<&'a str, usize>,
    ) -> Self {
        let mut sizes = given.clone();
        for definition in operation.into_iter().flat_map(|operation| &operation.variable_definitions) {
            if let Some(default) = definition.node.default_value() {
                sizes.entry(definition.node.name.node.as_str()).or_insert_with(|| size(default));
            }
        }
        Self { variables, operation, sizes }
    }

    /// How many values of variables the engine copies for the arguments of a field and of its directives.
    pub fn copies(&self, field: &Field) -> usize {
        let own: usize = field.arguments.iter().map(|(_, value)| self.copied(&value.node)).sum();
        own.saturating_add(self.copies_of(&field.directives))
    }

    /// How many values of variables the engine copies for the arguments of directives.
    pub fn copies_of(&self, directives: &[Positioned<Directive>]) -> usize {
        let arguments = directives.iter().flat_map(|directive| &directive.node.arguments);
        arguments.map(|(_, value)| self.copied(&value.node)).fold(0, usize::saturating_add)
    }

    fn copied(&self, value: &Literal) -> usize {
        match value {
            Literal::Variable(name) => self.sizes.get(name.as_str()).copied().unwrap_or(0),
            Literal::List(values) => values.iter().map(|value| self.copied(value)).fold(0, usize::saturating_add),
            Literal::Object(members) => members.values().map(|value| self.copied(value)).fold(0, usize::saturating_add),
            _ => 0,
        }
    }

    fn variable(&self, name: &Name) -> Option<&Constant> {
        let definitions = self.operation.into_iter().flat_map(|operation| &operation.variable_definitions);
        let default = || definitions.map(|it| &it.node).find(|it| it.name.node == *name)?.default_value();
        self.variables.get(name).or_else(default)
    }

    /// The `count` in an argument that is an object, such as `input`.
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

/// Clamps a count to between 1 and [`MAX_LIMIT`], the most rows of a page.
fn bounded(count: Option<i64>) -> usize {
    usize::try_from(count.unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT)).unwrap_or(usize::MAX)
}

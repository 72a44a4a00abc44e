//! How many rows a field may answer with: what is selected beneath it is made for each of them.

use std::collections::HashMap;

use async_graphql::parser::types::{Directive, Field, OperationDefinition};
use async_graphql::{Name, Positioned, Value as Constant, Variables};
use async_graphql_value::Value as Literal;

use crate::domain::listing::MAX_LIMIT;

/// How many rows a list has when nothing says how many; no default of this door is larger.
const USUAL: usize = 20;
/// How many types the schema has, in round numbers, and how many members a type has that can lead on to others: by these
/// the schema can be walked in circles.
const TYPES: usize = 80;
const MEMBERS: usize = 5;
const ARGUMENTS: usize = 2;

/// So many bytes of a text cost as much as a value.
const TEXT: usize = 32;

/// Where variables have their values from.
pub struct Scope<'a> {
    variables: &'a Variables,
    /// The operation, whose variables have defaults.
    operation: Option<&'a OperationDefinition>,
    /// How large the variables are.
    sizes: HashMap<&'a str, usize>,
}

/// How large each variable of a request is, in values: the engine makes a copy of all of them wherever it is used.
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

impl<'a> Scope<'a> {
    /// The values of a request, and the defaults of an operation.
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

    /// How many values of variables are copied for the arguments of a field and of its directives.
    pub fn copies(&self, field: &Field) -> usize {
        let own: usize = field.arguments.iter().map(|(_, value)| self.copied(&value.node)).sum();
        own.saturating_add(self.copies_of(&field.directives))
    }

    /// How many are copied for the arguments of directives.
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

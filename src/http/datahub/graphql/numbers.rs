//! Accepts `start` and `count` as strings, as DataHub does: older clients send `{start: "0", count: "20"}`.

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, Selection, SelectionSet};
use async_graphql::{Positioned, Value as Constant};
use async_graphql_value::Value as Literal;
use serde_json::Value;

/// The number in a text, if the member is `start` or `count`.
fn number(name: &str, text: &str) -> Option<i32> {
    if name == "start" || name == "count" { text.parse().ok() } else { None }
}

/// Converts `start` and `count` to numbers in the values of variables.
pub fn in_variables(variables: &mut Value) {
    match variables {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str().and_then(|text| number(name, text)) {
                    Some(number) => *member = Value::from(number),
                    None => in_variables(member),
                }
            }
        }
        Value::Array(members) => members.iter_mut().for_each(in_variables),
        _ => {}
    }
}

/// Converts `start` and `count` to numbers in a document: in arguments and in defaults of variables.
pub fn in_document(document: &mut ExecutableDocument) {
    use async_graphql::parser::types::DocumentOperations::{Multiple, Single};
    match &mut document.operations {
        Single(operation) => in_operation(&mut operation.node),
        Multiple(operations) => operations.values_mut().for_each(|operation| in_operation(&mut operation.node)),
    }
    for fragment in document.fragments.values_mut() {
        in_selections(&mut fragment.node.selection_set);
    }
}

fn in_operation(operation: &mut OperationDefinition) {
    for variable in &mut operation.variable_definitions {
        let name = variable.node.name.node.as_str();
        if let Some(default) = &mut variable.node.default_value {
            in_constant(name, &mut default.node);
        }
    }
    in_selections(&mut operation.selection_set);
}

fn in_selections(selections: &mut Positioned<SelectionSet>) {
    for selection in &mut selections.node.items {
        match &mut selection.node {
            Selection::Field(field) => {
                for (name, value) in &mut field.node.arguments {
                    in_literal(&name.node, &mut value.node);
                }
                in_selections(&mut field.node.selection_set);
            }
            Selection::InlineFragment(inline) => in_selections(&mut inline.node.selection_set),
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn in_literal(name: &str, value: &mut Literal) {
    match value {
        Literal::String(text) => {
            if let Some(number) = number(name, text) {
                *value = Literal::Number(number.into());
            }
        }
        Literal::Object(members) => members.iter_mut().for_each(|(name, member)| in_literal(name, member)),
        Literal::List(members) => members.iter_mut().for_each(|member| in_literal("", member)),
        _ => {}
    }
}

fn in_constant(name: &str, value: &mut Constant) {
    match value {
        Constant::String(text) => {
            if let Some(number) = number(name, text) {
                *value = Constant::Number(number.into());
            }
        }
        Constant::Object(members) => members.iter_mut().for_each(|(name, member)| in_constant(name, member)),
        Constant::List(members) => members.iter_mut().for_each(|member| in_constant("", member)),
        _ => {}
    }
}

//! Converts and checks the integers in a document, before anything is executed.
//!
//! Older clients send `{start: "0", count: "20"}`, which DataHub accepts. Of an integer beyond 32 bits the engine notices
//! only in the field that reads it, after it has executed others.

use async_graphql::Positioned;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, Field, FieldDefinition, OperationType, Selection, SelectionSet, Type, TypeKind,
};
use async_graphql_value::Value as Literal;

use super::types::{InvalidValue, Misfit, TYPES, base_name, integer};

/// Converts texts to integers in the arguments of all fields whose types ask for integers.
///
/// # Errors
/// The first number or text in the place of an integer that is none of 32 bits. The engine checks everything else.
pub fn convert(document: &mut ExecutableDocument) -> Result<(), InvalidValue> {
    use async_graphql::parser::types::DocumentOperations::{Multiple, Single};
    let operations = match &mut document.operations {
        Single(operation) => vec![operation],
        Multiple(operations) => operations.values_mut().collect(),
    };
    for operation in operations {
        let root = match operation.node.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        in_selections(TYPES.get(root), &mut operation.node.selection_set)?;
    }
    for fragment in document.fragments.values_mut() {
        let on = TYPES.get(&fragment.node.type_condition.node.on.node);
        in_selections(on, &mut fragment.node.selection_set)?;
    }
    Ok(())
}

/// Recursive, but only as deep as the limit of the parser. `on` is the type that has the fields; `None` if it is not in
/// the schema.
fn in_selections(on: Option<&TypeKind>, selections: &mut Positioned<SelectionSet>) -> Result<(), InvalidValue> {
    for selection in &mut selections.node.items {
        match &mut selection.node {
            Selection::Field(field) => in_field(on, &mut field.node)?,
            Selection::InlineFragment(inline) => {
                let condition = inline.node.type_condition.as_ref();
                let on = condition.map_or(on, |condition| TYPES.get(&condition.node.on.node));
                in_selections(on, &mut inline.node.selection_set)?;
            }
            Selection::FragmentSpread(_) => {}
        }
    }
    Ok(())
}

fn in_field(on: Option<&TypeKind>, field: &mut Field) -> Result<(), InvalidValue> {
    // The engine refuses unknown fields and arguments; those of introspection take no integers.
    let Some(definition) = on.and_then(|on| definition(on, &field.name.node)) else { return Ok(()) };
    for (name, value) in &mut field.arguments {
        let known = definition.arguments.iter().find(|known| known.node.name.node == name.node);
        if let Some(known) = known {
            in_literal(&known.node.ty.node, &mut value.node).map_err(|Misfit { path, message }| InvalidValue {
                message: format!("Argument `{}{path}` {message}.", name.node),
                position: value.pos,
            })?;
        }
    }
    in_selections(TYPES.get(base_name(&definition.ty.node)), &mut field.selection_set)
}

fn definition<'a>(on: &'a TypeKind, field: &str) -> Option<&'a FieldDefinition> {
    let fields = match on {
        TypeKind::Object(object) => &object.fields,
        TypeKind::Interface(interface) => &interface.fields,
        _ => return None,
    };
    fields.iter().map(|known| &known.node).find(|known| known.name.node == field)
}

fn in_literal(declared: &Type, value: &mut Literal) -> Result<(), Misfit> {
    match (&declared.base, value) {
        (BaseType::List(inner), Literal::List(values)) => values
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, value)| in_literal(inner, value).map_err(|misfit| misfit.below_index(index))),
        // A single value is a list of one.
        (BaseType::List(inner), value) => in_literal(inner, value),
        (BaseType::Named(name), value) => match (name.as_str(), value) {
            ("Int", value) => as_integer(value),
            (name, Literal::Object(given)) => {
                let Some(TypeKind::InputObject(object)) = TYPES.get(name) else { return Ok(()) };
                for field in object.fields.iter().map(|field| &field.node) {
                    let name = &field.name.node;
                    if let Some(value) = given.get_mut(name) {
                        in_literal(&field.ty.node, value).map_err(|misfit| misfit.below(&format!(".{name}")))?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        },
    }
}

fn as_integer(value: &mut Literal) -> Result<(), Misfit> {
    let number = match value {
        Literal::Number(number) => integer(number),
        Literal::String(text) => text.parse().ok(),
        _ => return Ok(()),
    };
    let number = number.ok_or_else(|| Misfit::new("must be of the type `Int`".to_owned()))?;
    *value = Literal::Number(number.into());
    Ok(())
}

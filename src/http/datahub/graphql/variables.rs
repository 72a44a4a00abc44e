//! Gives the variables of an operation their values before it is executed, as `CoerceVariableValues` of the GraphQL
//! specification (October 2021, section 6.1.2) demands.
//!
//! The engine reads a variable only where it is used: a missing one fails a field after others have been executed, and
//! `@skip` and `@include` ignore it. It also takes less than DataHub does: DataHub's clients send integers and booleans
//! as texts, and some languages write `3` as `3.0`.

use std::collections::HashSet;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, EnumType, ExecutableDocument, InputObjectType, OperationDefinition, Type, TypeKind,
};
use async_graphql::{Name, ScalarType, Value as Constant, Variables};

use super::scalars::Long;
use super::types::{InvalidValue, Misfit, TYPES, base_name, integer, is_input_type};
use crate::domain::listing::clip;

/// Sets missing variables of the executed operation to their defaults, and converts every value to its declared type.
/// Defaults are converted in the document, too.
///
/// # Errors
/// The first variable that is required and missing, or whose value does not fit. The message does not quote values,
/// because they may be tokens.
pub fn coerce(
    document: &mut ExecutableDocument,
    operation: Option<&str>,
    variables: &mut Variables,
) -> Result<(), InvalidValue> {
    use async_graphql::parser::types::DocumentOperations::{Multiple, Single};
    match &mut document.operations {
        Single(operation) => coerce_defaults(&mut operation.node),
        Multiple(all) => all.values_mut().for_each(|operation| coerce_defaults(&mut operation.node)),
    }
    let mut seen = HashSet::new();
    for definition in executed_operation(document, operation).into_iter().flat_map(|found| &found.variable_definitions)
    {
        let (name, declared) = (&definition.node.name.node, &definition.node.var_type.node);
        // The engine refuses a second variable of that name, and a type that is none of a value.
        if !seen.insert(name) || !is_input_type(base_name(declared)) {
            continue;
        }
        if let (None, Some(default)) = (variables.get(name), definition.node.default_value()) {
            variables.insert(name.clone(), default.clone());
        }
        let coerced = match variables.get_mut(name) {
            Some(value) => convert(declared, value),
            None => Err(missing(declared)),
        };
        coerced.map_err(|Misfit { path, message }| InvalidValue {
            message: format!("Variable `${}{path}` {message}.", clip(name)),
            position: definition.pos,
        })?;
    }
    Ok(())
}

/// The engine refuses defaults that do not fit, also of operations that are not executed.
fn coerce_defaults(operation: &mut OperationDefinition) {
    for variable in &mut operation.variable_definitions {
        if let Some(default) = &mut variable.node.default_value {
            let _ = convert(&variable.node.var_type.node, &mut default.node);
        }
    }
}

/// The operation that is executed; `None` if the name does not tell which, which the engine refuses.
fn executed_operation<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    let mut operations = document.operations.iter();
    let found = match name {
        Some(name) => operations.find(|(known, _)| known.is_some_and(|known| known == name)),
        None => operations.next().filter(|_| operations.next().is_none()),
    };
    found.map(|(_, operation)| &operation.node)
}

/// Converts a value to a type (sections 3.5 to 3.12). Recursive, but only as deep as both are nested.
fn convert(declared: &Type, value: &mut Constant) -> Result<(), Misfit> {
    match (&declared.base, value) {
        (_, Constant::Null) if declared.nullable => Ok(()),
        (_, Constant::Null) => Err(Misfit::new(format!("must not be null: its type is `{declared}`"))),
        (BaseType::List(inner), Constant::List(values)) => values
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, value)| convert(inner, value).map_err(|misfit| misfit.below_index(index))),
        // A single value is a list of one.
        (BaseType::List(inner), value) => convert(inner, value),
        (BaseType::Named(name), value) => convert_named(name, value),
    }
}

fn convert_named(name: &Name, value: &mut Constant) -> Result<(), Misfit> {
    let fits = match name.as_str() {
        "Int" => replace(value, as_integer),
        "Boolean" => replace(value, as_boolean),
        "Float" => matches!(value, Constant::Number(_)),
        "String" => matches!(value, Constant::String(_)),
        "ID" => match value {
            Constant::Number(number) => number.is_i64() || number.is_u64(),
            value => matches!(value, Constant::String(_)),
        },
        "Long" => Long::parse(value.clone()).is_ok(),
        _ => match (TYPES.get(name), value) {
            (Some(TypeKind::InputObject(object)), Constant::Object(members)) => {
                return convert_members(object, members);
            }
            (Some(TypeKind::InputObject(_)), _) => false,
            (Some(TypeKind::Enum(known)), value) => return is_of(name, known, value),
            // The engine refuses other types.
            _ => true,
        },
    };
    if fits { Ok(()) } else { Err(Misfit::new(format!("must be of the type `{name}`"))) }
}

/// Replaces a value by the converted one; whether it could be converted.
fn replace<T: Into<Constant>>(value: &mut Constant, convert: fn(&Constant) -> Option<T>) -> bool {
    let converted = convert(value);
    let fits = converted.is_some();
    if let Some(converted) = converted {
        *value = converted.into();
    }
    fits
}

fn as_integer(value: &Constant) -> Option<i32> {
    match value {
        Constant::Number(number) => integer(number),
        Constant::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn as_boolean(value: &Constant) -> Option<bool> {
    match value {
        Constant::Boolean(value) => Some(*value),
        Constant::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn is_of(name: &Name, known: &EnumType, value: &Constant) -> Result<(), Misfit> {
    let mut values = known.values.iter().map(|known| known.node.value.node.as_str());
    let fits = match value {
        Constant::String(text) => values.any(|known| known == text),
        Constant::Enum(name) => values.any(|known| known == name.as_str()),
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let known: Vec<_> = known.values.iter().map(|known| format!("`{}`", known.node.value.node)).collect();
    Err(Misfit::new(format!("must be of the type `{name}`: one of {}", known.join(", "))))
}

fn convert_members(object: &InputObjectType, given: &mut IndexMap<Name, Constant>) -> Result<(), Misfit> {
    for field in object.fields.iter().map(|field| &field.node) {
        let (name, declared) = (&field.name.node, &field.ty.node);
        let converted = match given.get_mut(name) {
            Some(value) => convert(declared, value),
            None if declared.nullable || field.default_value.is_some() => Ok(()),
            None => Err(missing(declared)),
        };
        converted.map_err(|misfit| misfit.below(&format!(".{name}")))?;
    }
    let known = |name: &&Name| object.fields.iter().any(|field| field.node.name.node == **name);
    match given.keys().find(|name| !known(name)) {
        Some(unknown) => Err(Misfit::new(format!("must not have the member `{}`", clip(unknown)))),
        None => Ok(()),
    }
}

fn missing(declared: &Type) -> Misfit {
    Misfit::new(format!("must be there: its type is `{declared}`"))
}

//! Gives the variables of an operation their values before it is executed, as `CoerceVariableValues` of the GraphQL
//! specification (October 2021, section 6.1.2) demands.
//!
//! The engine reads a variable only where it is used: a missing one fails a field after others have been executed, and
//! `@skip` and `@include` ignore it.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, EnumType, ExecutableDocument, InputObjectType, OperationDefinition, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, Pos, ScalarType, Value as Constant, Variables};

use super::scalars::Long;
use crate::domain::listing::clip;

/// The types of the schema by name. The engine keeps its own to itself.
static TYPES: LazyLock<HashMap<Name, TypeKind>> = LazyLock::new(|| {
    let definitions = parse_schema(super::sdl()).map(|document| document.definitions).unwrap_or_default();
    let types = definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some((definition.node.name.node, definition.node.kind)),
        _ => None,
    });
    types.collect()
});

/// A variable whose value does not fit its type, and its position in the document.
#[derive(Debug)]
pub struct InvalidVariable {
    pub message: String,
    pub position: Pos,
}

/// Sets missing variables of the executed operation to their defaults, and checks that every value fits its type.
///
/// # Errors
/// The first variable that is required and missing, or whose value does not fit. The message does not quote values,
/// because they may be tokens.
pub fn coerce(
    document: &ExecutableDocument,
    operation: Option<&str>,
    variables: &mut Variables,
) -> Result<(), InvalidVariable> {
    let mut seen = HashSet::new();
    for definition in executed_operation(document, operation).into_iter().flat_map(|found| &found.variable_definitions)
    {
        let (name, declared) = (&definition.node.name.node, &definition.node.var_type.node);
        // The engine refuses a second variable of that name; its value is not checked once more.
        if !seen.insert(name) {
            continue;
        }
        if let (None, Some(default)) = (variables.get(name), definition.node.default_value()) {
            variables.insert(name.clone(), default.clone());
        }
        let checked = match variables.get(name) {
            Some(value) => fits(declared, value),
            None => Err(Misfit::new(format!("must be there: its type is `{declared}`"))),
        };
        checked.map_err(|Misfit { path, message }| InvalidVariable {
            message: format!("Variable `${}{path}` {message}.", clip(name)),
            position: definition.pos,
        })?;
    }
    Ok(())
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

/// Why a value does not fit its type, and where in the value.
struct Misfit {
    /// Such as `.filters[0].field`; empty for the whole value.
    path: String,
    message: String,
}

impl Misfit {
    fn new(message: String) -> Self {
        Self { path: String::new(), message }
    }

    fn below(self, step: &str) -> Self {
        Self { path: format!("{step}{}", self.path), ..self }
    }
}

/// Checks a value against a type (sections 3.5 to 3.12). Recursive, but only as deep as both are nested.
fn fits(declared: &Type, value: &Constant) -> Result<(), Misfit> {
    match (&declared.base, value) {
        (_, Constant::Null) if declared.nullable => Ok(()),
        (_, Constant::Null) => Err(Misfit::new(format!("must not be null: its type is `{declared}`"))),
        (BaseType::List(inner), Constant::List(values)) => values
            .iter()
            .enumerate()
            .try_for_each(|(index, value)| fits(inner, value).map_err(|misfit| misfit.below(&format!("[{index}]")))),
        // A single value is a list of one.
        (BaseType::List(inner), value) => fits(inner, value),
        (BaseType::Named(name), value) => fits_named(name, value),
    }
}

fn fits_named(name: &Name, value: &Constant) -> Result<(), Misfit> {
    let fits = match (name.as_str(), value) {
        ("Int", Constant::Number(number)) => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        ("Float", Constant::Number(_)) | ("String" | "ID", Constant::String(_)) | ("Boolean", Constant::Boolean(_)) => {
            true
        }
        ("ID", Constant::Number(number)) => number.is_i64() || number.is_u64(),
        ("Int" | "Float" | "String" | "ID" | "Boolean", _) => false,
        ("Long", value) => Long::parse(value.clone()).is_ok(),
        _ => match (TYPES.get(name), value) {
            (Some(TypeKind::Enum(known)), Constant::String(text)) => has_value(known, text),
            (Some(TypeKind::Enum(known)), Constant::Enum(name)) => has_value(known, name),
            (Some(TypeKind::InputObject(object)), Constant::Object(members)) => return has_members(object, members),
            (Some(TypeKind::Enum(_) | TypeKind::InputObject(_)), _) => false,
            // Other types are no input types, or none at all: the engine says so.
            _ => true,
        },
    };
    if fits { Ok(()) } else { Err(Misfit::new(format!("must be of the type `{}`", clip(name)))) }
}

fn has_value(known: &EnumType, text: &str) -> bool {
    known.values.iter().any(|known| known.node.value.node == text)
}

fn has_members(
    object: &InputObjectType,
    members: &async_graphql::indexmap::IndexMap<Name, Constant>,
) -> Result<(), Misfit> {
    for field in object.fields.iter().map(|field| &field.node) {
        let (name, declared) = (&field.name.node, &field.ty.node);
        let checked = match members.get(name) {
            Some(value) => fits(declared, value),
            None if declared.nullable || field.default_value.is_some() => Ok(()),
            None => Err(Misfit::new(format!("must be there: its type is `{declared}`"))),
        };
        checked.map_err(|misfit| misfit.below(&format!(".{name}")))?;
    }
    let known = |name: &&Name| object.fields.iter().any(|field| field.node.name.node == **name);
    match members.keys().find(|name| !known(name)) {
        Some(unknown) => Err(Misfit::new(format!("must not have the member `{}`", clip(unknown)))),
        None => Ok(()),
    }
}

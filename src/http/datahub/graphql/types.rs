//! The types of the schema, by which the values of a request are converted and checked before anything is executed.

use std::collections::HashMap;
use std::sync::LazyLock;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, Type, TypeKind, TypeSystemDefinition};
use async_graphql::{Name, Pos};
use async_graphql_value::Number;

use crate::domain::text::whole;

/// The types of the schema by name, except for those of every schema, such as `Int`. The engine keeps its own to itself.
pub static TYPES: LazyLock<HashMap<Name, TypeKind>> = LazyLock::new(|| {
    let definitions = parse_schema(super::sdl()).map(|document| document.definitions).unwrap_or_default();
    let types = definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some((definition.node.name.node, definition.node.kind)),
        _ => None,
    });
    types.collect()
});

/// A value that does not fit the type of its variable or argument, and its position in the document.
#[derive(Debug)]
pub struct InvalidValue {
    pub message: String,
    pub position: Pos,
}

/// Why a value does not fit its type, and where in the value.
pub struct Misfit {
    /// Such as `.filters[0].field`; empty for the whole value.
    pub path: String,
    pub message: String,
}

impl Misfit {
    pub fn new(message: String) -> Self {
        Self { path: String::new(), message }
    }

    pub fn below(self, step: &str) -> Self {
        Self { path: format!("{step}{}", self.path), ..self }
    }

    pub fn below_index(self, index: usize) -> Self {
        self.below(&format!("[{index}]"))
    }
}

/// The name of a type without its lists.
pub fn base_name(declared: &Type) -> &Name {
    match &declared.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => base_name(inner),
    }
}

/// Whether values may have that type: it is in the schema, and is neither an object nor an interface.
pub fn is_input_type(name: &Name) -> bool {
    match TYPES.get(name) {
        Some(kind) => matches!(kind, TypeKind::Scalar | TypeKind::Enum(_) | TypeKind::InputObject(_)),
        None => matches!(name.as_str(), "Int" | "Float" | "String" | "ID" | "Boolean"),
    }
}

/// The 32-bit integer that a number is; `3.0` is one, too, because some languages write it so.
pub fn integer(number: &Number) -> Option<i32> {
    number.as_i64().or_else(|| whole(number.as_f64()?)).and_then(|number| i32::try_from(number).ok())
}

//! Works around a defect of the engine: it answers `null` for an object whose fields are all skipped by `@skip` or
//! `@include`.

use async_graphql::parser::types::{Directive, ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{Name, Positioned, Value as Constant, Variables};
use async_graphql_value::Value as Literal;

/// The alias of the placeholder field in an object whose fields are all skipped.
const NOTHING: &str = "__nothing";

/// Whether a document has placeholders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholders {
    /// The document has placeholders, which must be removed from the answer.
    Some,
    /// The document has none.
    None,
}

/// Adds a placeholder to each selection whose fields are all skipped.
pub fn fill(document: &mut ExecutableDocument, variables: &Variables) -> Placeholders {
    use async_graphql::parser::types::DocumentOperations::{Multiple, Single};
    let mut filler = Filler { variables, filled: Placeholders::None };
    match &mut document.operations {
        Single(operation) => filler.selections(&mut operation.node.selection_set),
        Multiple(all) => all.values_mut().for_each(|operation| filler.selections(&mut operation.node.selection_set)),
    }
    for fragment in document.fragments.values_mut() {
        filler.selections(&mut fragment.node.selection_set);
    }
    filler.filled
}

struct Filler<'a> {
    variables: &'a Variables,
    filled: Placeholders,
}

impl Filler<'_> {
    /// Recursive, but only as deep as the limit of the parser.
    fn selections(&mut self, set: &mut Positioned<SelectionSet>) {
        let mut all_skipped = !set.node.items.is_empty();
        for selection in &mut set.node.items {
            let directives = match &mut selection.node {
                Selection::Field(field) => {
                    self.selections(&mut field.node.selection_set);
                    &field.node.directives
                }
                Selection::InlineFragment(inline) => {
                    self.selections(&mut inline.node.selection_set);
                    &inline.node.directives
                }
                Selection::FragmentSpread(spread) => &spread.node.directives,
            };
            all_skipped &= directives.iter().any(|directive| self.skips(&directive.node));
        }
        if all_skipped {
            let at = set.pos;
            let field = Field {
                alias: Some(Positioned::new(Name::new(NOTHING), at)),
                name: Positioned::new(Name::new("__typename"), at),
                arguments: Vec::new(),
                directives: Vec::new(),
                selection_set: Positioned::default(),
            };
            set.node.items.push(Positioned::new(Selection::Field(Positioned::new(field, at)), at));
            self.filled = Placeholders::Some;
        }
    }

    fn skips(&self, directive: &Directive) -> bool {
        let skipping = match directive.name.node.as_str() {
            "skip" => true,
            "include" => false,
            _ => return false,
        };
        match directive.get_argument("if").map(|value| &value.node) {
            Some(Literal::Boolean(value)) => *value == skipping,
            Some(Literal::Variable(name)) => self.variables.get(name) == Some(&Constant::Boolean(skipping)),
            _ => false,
        }
    }
}

/// Removes the placeholders from an answer.
pub fn remove_placeholders(value: &mut Constant) {
    match value {
        Constant::Object(members) => {
            members.shift_remove(NOTHING);
            members.values_mut().for_each(remove_placeholders);
        }
        Constant::List(members) => members.iter_mut().for_each(remove_placeholders),
        _ => {}
    }
}

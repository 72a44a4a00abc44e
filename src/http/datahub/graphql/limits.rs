//! How much a document asks for once its fragments are in place, found out without putting them there. The engine looks at
//! its limits only after that, and two spreads in each of 25 fragments make 2^25 fields of 921 bytes.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Pos, Positioned};

use super::COMPLEXITY;

/// How deep selections and fragments may be nested in each other. The engine's own limit, which counts the same.
const NESTING: usize = 32;
/// How many operations and fragments a document may have.
const DEFINITIONS: usize = 100;

/// What is too much, and where.
pub struct Excess {
    pub message: String,
    pub position: Pos,
}

/// Refuses what the engine would work on for long.
///
/// # Errors
/// Too many definitions, fields or levels, and fragments within themselves.
pub fn check(document: &ExecutableDocument) -> Result<(), Excess> {
    let mut measuring = Measuring { document, fragments: HashMap::new() };
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set);
    for (index, selections) in operations.chain(fragments).enumerate() {
        if index >= DEFINITIONS {
            return Err(excess(format!("A document has at most {DEFINITIONS} operations and fragments."), selections));
        }
        if measuring.measure(selections, 0)?.fields > COMPLEXITY {
            return Err(excess(format!("A query selects at most {COMPLEXITY} fields."), selections));
        }
    }
    Ok(())
}

fn excess<T>(message: String, place: &Positioned<T>) -> Excess {
    Excess { message, position: place.pos }
}

/// How much is in a selection.
#[derive(Clone, Copy)]
struct Extent {
    fields: usize,
    levels: usize,
}

/// Fragments are measured once, however often they are spread; one that is being measured has no extent yet.
struct Measuring<'a> {
    document: &'a ExecutableDocument,
    fragments: HashMap<&'a Name, Option<Extent>>,
}

impl<'a> Measuring<'a> {
    fn measure(&mut self, selections: &'a Positioned<SelectionSet>, level: usize) -> Result<Extent, Excess> {
        let mut extent = Extent { fields: 0, levels: 0 };
        for selection in &selections.node.items {
            let (own, inner) = match &selection.node {
                Selection::Field(field) if field.node.selection_set.node.items.is_empty() => (1, None),
                Selection::Field(field) => (1, Some(self.measure(&field.node.selection_set, level + 1)?)),
                Selection::InlineFragment(inline) => (0, Some(self.measure(&inline.node.selection_set, level + 1)?)),
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name;
                    (0, self.fragment(&name.node, name.pos, level + 1)?)
                }
            };
            let inner =
                inner.map_or(Extent { fields: 0, levels: 0 }, |inner| Extent { levels: inner.levels + 1, ..inner });
            extent.fields = extent.fields.saturating_add(own).saturating_add(inner.fields);
            extent.levels = extent.levels.max(inner.levels);
        }
        // Before anything is called one level deeper, so that this is never far down the stack.
        if level + extent.levels > NESTING {
            return Err(excess(format!("A query is nested at most {NESTING} levels deep."), selections));
        }
        Ok(extent)
    }

    /// `None` for a fragment that is not there: the engine says so.
    fn fragment(&mut self, name: &'a Name, position: Pos, level: usize) -> Result<Option<Extent>, Excess> {
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(None) };
        match self.fragments.get(name) {
            Some(Some(known)) => return Ok(Some(*known)),
            Some(None) => {
                return Err(Excess { message: format!("The fragment `{name}` is spread within itself."), position });
            }
            None => {}
        }
        if level > NESTING {
            return Err(Excess { message: format!("A query is nested at most {NESTING} levels deep."), position });
        }
        self.fragments.insert(name, None);
        let extent = self.measure(&fragment.node.selection_set, level)?;
        self.fragments.insert(name, Some(extent));
        Ok(Some(extent))
    }
}

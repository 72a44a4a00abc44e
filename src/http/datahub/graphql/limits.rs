//! Query cost analysis: measures a document with its fragments expanded, without expanding them.
//!
//! The engine checks its own limits only after expansion: a document of 921 bytes, with two spreads in each of 25
//! fragments, expands to 2^25 fields, and the engine walks through them even if they end in no field. Every definition
//! is measured, also those that are not executed, because the engine validates all of them.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{Name, Pos, Positioned, Variables};

use super::COMPLEXITY;
use super::cost::{Scope, rows, sizes};

/// How deep selections and fragments may be nested; equal to the engine's own limit.
const NESTING: usize = 32;
/// The most operations and fragments in a document.
const DEFINITIONS: usize = 100;
/// The most fields, spreads and inline fragments in all definitions of a document together, after expansion.
const SELECTIONS: usize = 4 * COMPLEXITY;
/// The most fields of `Query` or `Mutation` in a request, aliases included. Queries run concurrently, mutations one
/// after the other; clients send one.
pub const ROOTS: usize = 20;
/// The highest cost of a request: a field costs 1, a row 10, and the selection beneath a list counts for every row that
/// it may return.
pub const COST: usize = 100_000;
/// The cost of reading a row.
const ROW: usize = 10;

/// The most values of variables that a document may copy. Each use of a variable copies all of its values: 300 uses of
/// a list of 48,000 would take seconds.
const COPIES: usize = 100_000;

/// An exceeded limit, and its position in the document.
#[derive(Debug)]
pub struct ExceededLimit {
    pub message: String,
    pub position: Pos,
}

/// Refuses a document that the engine would take long to validate or execute.
///
/// # Errors
/// Too many definitions, fields, levels, rows or copied values, recursive fragments, and unknown fragments.
pub fn check(document: &ExecutableDocument, variables: &Variables) -> Result<(), ExceededLimit> {
    let (mut total, mut copies) = (0_usize, 0_usize);
    let mut definitions = 0;
    let given = sizes(variables);
    let mut count = |selections: &Positioned<SelectionSet>, extent: Measurements| {
        definitions += 1;
        total = extent.selections.saturating_add(total);
        copies = extent.copies.saturating_add(copies);
        if definitions > DEFINITIONS {
            return Err(excess(format!("A document has at most {DEFINITIONS} operations and fragments."), selections));
        }
        if extent.fields > COMPLEXITY {
            return Err(excess(format!("A query selects at most {COMPLEXITY} fields."), selections));
        }
        if total > SELECTIONS {
            let message = format!("A document has at most {SELECTIONS} fields, fragments and spreads of fragments.");
            return Err(excess(message, selections));
        }
        if copies > COPIES {
            let message = format!("A document uses at most {COPIES} values of variables: each use counts all of them.");
            return Err(excess(message, selections));
        }
        Ok(())
    };
    for (_, operation) in document.operations.iter() {
        let selections = &operation.node.selection_set;
        let scope = Scope::new(variables, Some(&operation.node), &given);
        let directives = scope.copies_of(&operation.node.directives);
        let extent = Measuring::new(document, scope).selections(selections, 0, false)?;
        let extent = Measurements { copies: extent.copies.saturating_add(directives), ..extent };
        count(selections, extent)?;
        if extent.here > ROOTS {
            return Err(excess(format!("A request asks for at most {ROOTS} fields of the root."), selections));
        }
        if extent.cost > COST {
            let message = format!("A query costs at most {COST}, not {}: ask for fewer rows.", extent.cost);
            return Err(excess(message, selections));
        }
    }
    // Also fragments that no operation spreads. Their rows do not count, so no operation's variables are needed.
    let mut measuring = Measuring::new(document, Scope::new(variables, None, &given));
    for (name, fragment) in &document.fragments {
        let extent = measuring.fragment(name, fragment.pos, 0)?;
        count(&fragment.node.selection_set, extent)?;
    }
    Ok(())
}

fn excess<T>(message: String, place: &Positioned<T>) -> ExceededLimit {
    ExceededLimit { message, position: place.pos }
}

/// The measurements of a selection.
#[derive(Debug, Clone, Copy, Default)]
struct Measurements {
    /// Fields.
    fields: usize,
    /// Fields of the selection itself, without nested selections.
    here: usize,
    /// Fields, spreads and inline fragments.
    selections: usize,
    /// Levels beneath it.
    levels: usize,
    /// What it costs.
    cost: usize,
    /// How many values of variables are copied.
    copies: usize,
}

impl Measurements {
    /// One level deeper, as a fragment at its spread; `copies` are those of the spread's directives.
    fn beneath(self, copies: usize) -> Self {
        Self { levels: self.levels + 1, copies: self.copies.saturating_add(copies), ..self }
    }
}

/// Measures a document for one operation. Each fragment is measured once, however often it is spread; `None` marks one
/// in progress, which detects recursion.
struct Measuring<'a> {
    document: &'a ExecutableDocument,
    scope: Scope<'a>,
    fragments: HashMap<&'a Name, Option<Measurements>>,
}

impl<'a> Measuring<'a> {
    fn new(document: &'a ExecutableDocument, scope: Scope<'a>) -> Self {
        Self { document, scope, fragments: HashMap::new() }
    }

    fn selections(
        &mut self,
        selections: &'a Positioned<SelectionSet>,
        level: usize,
        introspects: bool,
    ) -> Result<Measurements, ExceededLimit> {
        let mut extent = Measurements::default();
        for selection in &selections.node.items {
            let inner = match &selection.node {
                Selection::Field(field) => self.field(&field.node, level, introspects)?,
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                    let introspects = on.map_or(introspects, |name| name.starts_with("__"));
                    let inner = self.selections(&inline.node.selection_set, level + 1, introspects)?;
                    inner.beneath(self.scope.copies_of(&inline.node.directives))
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name;
                    let inner = self.fragment(&name.node, name.pos, level + 1)?;
                    inner.beneath(self.scope.copies_of(&spread.node.directives))
                }
            };
            extent.fields = extent.fields.saturating_add(inner.fields);
            extent.here = extent.here.saturating_add(inner.here);
            extent.selections = extent.selections.saturating_add(inner.selections).saturating_add(1);
            extent.cost = extent.cost.saturating_add(inner.cost);
            extent.copies = extent.copies.saturating_add(inner.copies);
            extent.levels = extent.levels.max(inner.levels);
        }
        // Bounds the recursion, so that the measuring itself does not overflow the stack.
        if level + extent.levels > NESTING {
            return Err(excess(format!("A query is nested at most {NESTING} levels deep."), selections));
        }
        Ok(extent)
    }

    fn field(&mut self, field: &'a Field, level: usize, introspects: bool) -> Result<Measurements, ExceededLimit> {
        let copies = self.scope.copies(field);
        if field.selection_set.node.items.is_empty() {
            return Ok(Measurements { fields: 1, here: 1, cost: 1, copies, ..Measurements::default() });
        }
        let introspects = introspects || field.name.node.starts_with("__");
        let inner = self.selections(&field.selection_set, level + 1, introspects)?;
        let rows = rows(field, &self.scope, introspects);
        let each = match rows {
            None => inner.cost,
            Some(rows) => inner.cost.saturating_add(if introspects { 0 } else { ROW }).saturating_mul(rows),
        };
        Ok(Measurements {
            fields: inner.fields.saturating_add(1),
            here: 1,
            selections: inner.selections,
            levels: inner.levels + 1,
            cost: each.saturating_add(1),
            copies: inner.copies.saturating_mul(rows.unwrap_or(1)).saturating_add(copies),
        })
    }

    fn fragment(&mut self, name: &'a Name, position: Pos, level: usize) -> Result<Measurements, ExceededLimit> {
        let Some(fragment) = self.document.fragments.get(name) else {
            return Err(ExceededLimit { message: format!("Unknown fragment: \"{name}\""), position });
        };
        match self.fragments.get(name) {
            Some(Some(known)) => return Ok(*known),
            Some(None) => {
                return Err(ExceededLimit {
                    message: format!("The fragment `{name}` is spread within itself."),
                    position,
                });
            }
            None => {}
        }
        if level > NESTING {
            return Err(ExceededLimit {
                message: format!("A query is nested at most {NESTING} levels deep."),
                position,
            });
        }
        self.fragments.insert(name, None);
        let introspects = fragment.node.type_condition.node.on.node.starts_with("__");
        let extent = self.selections(&fragment.node.selection_set, level, introspects)?;
        let copies = extent.copies.saturating_add(self.scope.copies_of(&fragment.node.directives));
        let extent = Measurements { copies, ..extent };
        self.fragments.insert(name, Some(extent));
        Ok(extent)
    }
}

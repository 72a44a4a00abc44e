//! Translates Atlan's resource patterns to criteria and back.

use crate::domain::error::Result;
use crate::domain::listing::clip;
use crate::domain::policy::Condition::Covers;
use crate::domain::policy::{Criterion, Facet, Policy};

impl Policy {
    /// Atlan's `policyResources`: `entity:<pattern>` and `entity-type:<pattern>`.
    #[must_use]
    pub fn wire_resources(&self) -> Vec<String> {
        let prefixed = |criterion: &Criterion| {
            let prefix = RESOURCES.iter().find(|(_, aspect)| *aspect == criterion.field).map(|(prefix, _)| *prefix);
            let values = criterion.values.clone();
            prefix.into_iter().flat_map(move |prefix| values.clone().into_iter().map(move |it| format!("{prefix}{it}")))
        };
        self.rule.resources.iter().flat_map(prefixed).collect()
    }
}

/// The prefixes of Atlan's resource patterns, and the facets they stand for.
const RESOURCES: [(&str, Facet); 2] = [("entity:", Facet::Name), ("entity-type:", Facet::Type)];

/// Parses Atlan's `policyResources`. Without an `entity:` pattern they cover no entity, whatever types they name.
///
/// # Errors
/// A message that names the pattern that is not understood.
pub fn parse_resources(patterns: &[String]) -> Result<Vec<Criterion>, String> {
    let mut criteria = RESOURCES.map(|(_, field)| Criterion { field, condition: Covers, values: Vec::new() });
    for pattern in patterns {
        let place = RESOURCES.iter().position(|(prefix, _)| pattern.starts_with(prefix));
        let Some(place) = place.filter(|place| pattern.len() > RESOURCES[*place].0.len()) else {
            return Err(format!("must begin with `entity:` or `entity-type:`, not `{}`", clip(pattern)));
        };
        criteria[place].values.push(pattern[RESOURCES[place].0.len()..].to_owned());
    }
    let [names, types] = criteria;
    let types = Some(types).filter(|types| !types.values.is_empty());
    Ok([names].into_iter().chain(types).collect())
}

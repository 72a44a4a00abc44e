//! Policy rules as SQL over assets: the engine's answer for one asset, computed for all at once.

use std::collections::BTreeMap;

use diesel::dsl::not;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::super::listing::{Expression, Predicate as Sql, all, any, equal, like, nothing};
use super::super::schema::assets;
use super::super::{is_like_any, root_of};
use crate::domain::asset::{AssetKind, AssetOperation};
use crate::domain::policy::{Condition, Criterion, Effect, Facet, Pattern, Rule};

type EntityPredicate = Sql<super::Source>;
/// What criteria compare of an asset.
struct Compared {
    column: fn() -> Expression<super::Source, Text>,
    /// The condition that it matches one of the patterns in a JSON array.
    is_like_any: fn(String) -> EntityPredicate,
    /// The condition that its part before the first slash matches one of the patterns.
    is_root_like_any: fn(String) -> EntityPredicate,
}

const NAME: Compared = Compared {
    column: || Box::new(assets::qualified_name.nullable().assume_not_null()),
    is_like_any: |patterns| Box::new(is_like_any(assets::qualified_name.nullable(), patterns)),
    is_root_like_any: |patterns| Box::new(is_like_any(root_of(assets::qualified_name.nullable()), patterns)),
};
const TYPE: Compared = Compared {
    column: || Box::new(assets::type_name.nullable().assume_not_null()),
    is_like_any: |patterns| Box::new(is_like_any(assets::type_name.nullable(), patterns)),
    is_root_like_any: |patterns| Box::new(is_like_any(root_of(assets::type_name.nullable()), patterns)),
};

/// Condition: one of the rules applies to reading the asset. The number of parameters does not grow with the names in the
/// rules, nor with the rules that only name assets, as those of personas do: many of them are joined to one list.
pub(super) fn reading<'a>(rules: impl Iterator<Item = &'a Rule>) -> EntityPredicate {
    let mut by_kinds: BTreeMap<Vec<AssetKind>, (Vec<Pattern>, Vec<EntityPredicate>)> = BTreeMap::new();
    for rule in rules {
        let covered = |kind: &AssetKind| rule.actions.iter().any(|action| action == kind.action(AssetOperation::Read));
        let kinds = AssetKind::ALL.into_iter().filter(covered).collect();
        let (names, others) = by_kinds.entry(kinds).or_default();
        match rule.resources.as_slice() {
            [only] if only.field == Facet::Name && only.condition != Condition::NotEquals => {
                names.extend(only.patterns(rule.category));
            }
            criteria => others.push(all(criteria.iter().map(|criterion| meets(criterion, rule)).collect())),
        }
    }
    let reading = by_kinds.into_iter().map(|(kinds, (names, mut rules))| {
        rules.push(match_any(&NAME, names));
        all(vec![any(kinds.into_iter().map(of_kind).collect()), any(rules)])
    });
    any(reading.collect())
}

/// Condition: the column matches one of these patterns.
fn match_any(compared: &Compared, patterns: Vec<Pattern>) -> EntityPredicate {
    let (of_root, of_whole): (Vec<Pattern>, Vec<Pattern>) =
        patterns.into_iter().partition(|pattern| pattern.is_of_root);
    let match_one_of =
        |patterns: Vec<Pattern>, is_like_any: fn(String) -> EntityPredicate| -> Option<EntityPredicate> {
            if patterns.is_empty() {
                return None;
            }
            // Rows of earlier versions may have a NUL, which PostgreSQL takes in no text.
            let patterns = patterns.iter().map(|pattern| like(&pattern.pieces));
            let patterns: Vec<String> = patterns.filter(|pattern| !pattern.contains('\0')).collect();
            Some(is_like_any(serde_json::Value::from(patterns).to_string()))
        };
    let matches = [match_one_of(of_whole, compared.is_like_any), match_one_of(of_root, compared.is_root_like_any)];
    any(matches.into_iter().flatten().collect())
}

/// [`AssetKind::of`] as a condition.
fn of_kind(kind: AssetKind) -> EntityPredicate {
    let nested = || (NAME.column)().like(format!("%{0}%{0}%", AssetKind::NESTED));
    let of = |name: &str| equal((TYPE.column)(), name.to_owned());
    let domain = || of(AssetKind::DOMAIN);
    let glossary = || any(AssetKind::GLOSSARY.map(of).into());
    match kind {
        AssetKind::Product => of(AssetKind::PRODUCT),
        AssetKind::SubDomain => Box::new(domain().and(nested())),
        AssetKind::Domain => Box::new(domain().and(not(nested()))),
        AssetKind::Glossary => glossary(),
        AssetKind::Other => Box::new(not(any(vec![glossary(), domain(), of(AssetKind::PRODUCT)]))),
    }
}

/// A criterion as a condition, equivalent to the engine. Only an asset's name and type are known here: an allow rule
/// that looks at anything else matches nothing, a deny rule matches everything.
fn meets(criterion: &Criterion, rule: &Rule) -> EntityPredicate {
    let compared = match criterion.field {
        Facet::Name => &NAME,
        Facet::Type => &TYPE,
        Facet::Resource(_) | Facet::Subject(_) | Facet::Action(_) => {
            return if rule.effect == Effect::Allow { nothing() } else { all(Vec::new()) };
        }
    };
    let some = match_any(compared, criterion.patterns(rule.category));
    if criterion.condition == Condition::NotEquals { Box::new(not(some)) } else { some }
}

//! Policy rules as SQL over assets: the engine's answer for one asset, computed for all at once.

use diesel::dsl::not;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::super::listing::{Expression, Predicate as Sql, all, any, equal, like, nothing};
use super::super::schema::assets;
use crate::domain::asset::{AssetKind, AssetOperation};
use crate::domain::policy::{Condition, Criterion, Effect, Facet, Pattern, Rule, covering};

type EntityPredicate = Sql<super::Source>;

fn name() -> Expression<super::Source, Text> {
    Box::new(assets::qualified_name.nullable().assume_not_null())
}

fn type_name() -> Expression<super::Source, Text> {
    Box::new(assets::type_name.nullable().assume_not_null())
}

/// Condition: the rule applies to reading the asset.
pub(super) fn reading(rule: &Rule) -> EntityPredicate {
    let covered = |kind: &AssetKind| rule.actions.iter().any(|action| action == kind.action(AssetOperation::Read));
    let kinds: Vec<EntityPredicate> = AssetKind::ALL.into_iter().filter(covered).map(of_kind).collect();
    let criteria = rule.resources.iter().map(|criterion| meets(criterion, rule)).collect();
    all(vec![any(kinds), all(criteria)])
}

/// [`AssetKind::of`] as a condition.
fn of_kind(kind: AssetKind) -> EntityPredicate {
    let nested = || name().like(format!("%{0}%{0}%", AssetKind::NESTED));
    let of = |name: &str| equal(type_name(), name.to_owned());
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
    let column: fn() -> Expression<super::Source, Text> = match criterion.field {
        Facet::Name => name,
        Facet::Type => type_name,
        Facet::Resource(_) | Facet::Subject(_) | Facet::Action(_) => {
            return if rule.effect == Effect::Allow { nothing() } else { all(Vec::new()) };
        }
    };
    let matches = |pattern: &Pattern| {
        let found: EntityPredicate = Box::new(column().like(like(&pattern.pieces)).escape('\\'));
        if pattern.is_flat { all(vec![found, Box::new(column().not_like("%/%"))]) } else { found }
    };
    let beginning = |value: &String| Pattern { pieces: vec![value.clone(), String::new()], is_flat: false };
    let passes = |value: &String| match criterion.condition {
        Condition::Equals | Condition::NotEquals => equal(column(), value.clone()),
        Condition::StartsWith => matches(&beginning(value)),
        Condition::Covers => any(covering(value, rule.category).iter().map(matches).collect()),
    };
    let some = any(criterion.values.iter().map(passes).collect());
    if criterion.condition == Condition::NotEquals { Box::new(not(some)) } else { some }
}

//! The entity search as SQL over the inverted index of terms.

use diesel::dsl::{Eq, LeftJoinQuerySource, exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::assets::{by_name, by_role};
use super::database::AnyConnection;
use super::listing::{Predicate as Sql, all, any, equal};
use super::schema::{asset_people, assets, personas, policies, policy_objects, search_terms};
use crate::domain::asset::{OWNERS, PeopleList};
use crate::domain::entity::{EntityState, PERSONA, POLICY};
use crate::domain::error::Result;
use crate::domain::policy::{Effect, Rule};
use crate::domain::search::{Clause, Order, Search};
use crate::domain::sight::{SeenAssets, SeenPersonas, SeenPolicies, Sight};
use crate::domain::text::fold;

use self::aliases::{other_terms, upper_assets};

mod rules;

mod aliases {
    use super::{assets, search_terms};

    diesel::alias!(search_terms as other_terms: OtherTerms, assets as upper_assets: UpperAssets);
}

/// One index row of an entity, with its asset if it is one.
type Source = LeftJoinQuerySource<search_terms::table, assets::table, Eq<assets::id, search_terms::entity_id>>;
/// A condition on [`Source`].
type EntityPredicate = Sql<Source>;

/// The tables that every search selects from.
#[diesel::dsl::auto_type(no_type_alias)]
fn entities() -> _ {
    search_terms::table.left_join(assets::table.on(assets::id.eq(search_terms::entity_id)))
}

/// The ids on one page of what an actor can see, in order.
///
/// # Errors
/// When the storage fails.
pub fn page(connection: &mut AnyConnection, search: &Search, sight: &Sight) -> Result<Vec<String>> {
    let found = entities().into_boxed().filter(which(search, sight)).limit(search.size).offset(search.from);
    let found = match search.order {
        Order::Ascending => found.order(search_terms::entity_id.asc()),
        Order::Descending => found.order(search_terms::entity_id.desc()),
    };
    Ok(found.select(search_terms::entity_id).load(connection)?)
}

/// How many matching entities an actor can see.
///
/// # Errors
/// When the storage fails.
pub fn count(connection: &mut AnyConnection, search: &Search, sight: &Sight) -> Result<i64> {
    Ok(entities().into_boxed().filter(which(search, sight)).count().get_result(connection)?)
}

/// Whether an actor sees an entity.
///
/// # Errors
/// When the storage fails.
pub fn is_seen(connection: &mut AnyConnection, id: &str, sight: &Sight) -> Result<bool> {
    Ok(find_seen(connection, Box::new(search_terms::entity_id.eq(id.to_owned())), sight)?.is_some())
}

/// The id of the entity with exactly that type and qualified name, if the actor sees it. One statement, so that a
/// missing and an unseen entity give the same empty result.
///
/// # Errors
/// When the storage fails.
pub fn find_id(connection: &mut AnyConnection, type_name: &str, name: &str, sight: &Sight) -> Result<Option<String>> {
    let id = search_terms::entity_id.nullable();
    let named: EntityPredicate = match type_name {
        PERSONA => {
            let found = personas::table.filter(personas::qualified_name.eq(name.to_owned()));
            Box::new(id.eq(found.select(personas::id).single_value()).assume_not_null())
        }
        POLICY => {
            let found = policies::table.filter(policies::qualified_name.eq(name.to_owned()));
            Box::new(id.eq(found.select(policies::id).single_value()).assume_not_null())
        }
        _ => {
            let found = upper_assets
                .filter(upper_assets.field(assets::type_name).eq(type_name.to_owned()))
                .filter(upper_assets.field(assets::qualified_name).eq(name.to_owned()));
            Box::new(id.eq(found.select(upper_assets.field(assets::id)).single_value()).assume_not_null())
        }
    };
    find_seen(connection, named, sight)
}

/// The id of the oldest asset of any type with that qualified name that the actor sees.
///
/// # Errors
/// When the storage fails.
pub fn find_asset(connection: &mut AnyConnection, name: &str, sight: &Sight) -> Result<Option<String>> {
    let named = assets::qualified_name.nullable().assume_not_null().eq(name.to_owned());
    find_seen(connection, Box::new(named), sight)
}

fn find_seen(connection: &mut AnyConnection, which: EntityPredicate, sight: &Sight) -> Result<Option<String>> {
    let found = entities().into_boxed().filter(which).filter(search_terms::field.eq("__state")).filter(seen(sight));
    let found = found.order(search_terms::entity_id.asc()).limit(1).select(search_terms::entity_id);
    Ok(found.get_result(connection).optional()?)
}

/// The qualified names of the active assets of a type that an actor sees, sorted, after `after` (keyset pagination).
///
/// # Errors
/// When the storage fails.
pub fn names_after(
    connection: &mut AnyConnection,
    type_name: &str,
    after: &str,
    limit: i64,
    sight: &Sight,
) -> Result<Vec<String>> {
    let name = || assets::qualified_name.nullable().assume_not_null();
    let found = entities()
        .into_boxed()
        .filter(search_terms::field.eq("__state"))
        .filter(search_terms::value.eq(fold(EntityState::Active.name())))
        .filter(assets::type_name.nullable().assume_not_null().eq(type_name.to_owned()))
        .filter(name().gt(after.to_owned()))
        .filter(super::in_time(search_terms::entity_id))
        .filter(seen_assets(sight))
        .order(name().asc())
        .limit(limit);
    Ok(found.select(name()).load(connection)?)
}

/// The condition that selects one row for each entity that matches and is seen. An entity has a row for each of its
/// terms; the row of the driving term represents it, so that the index finds entities by that term in the order of
/// their ids.
fn which(search: &Search, sight: &Sight) -> EntityPredicate {
    let (field, values) = driver(&search.condition).unwrap_or_else(|| {
        ("__state".to_owned(), vec![fold(EntityState::Active.name()), fold(EntityState::Deleted.name())])
    });
    let driven = search_terms::field.eq(field).and(search_terms::value.eq_any(values));
    let in_time = super::in_time(search_terms::entity_id);
    Box::new(driven.and(in_time).and(condition(&search.condition)).and(seen(sight)))
}

/// The driving term: a term that every matching entity must have, the rarest as far as its field name tells.
fn driver(condition: &Clause) -> Option<(String, Vec<String>)> {
    let Clause::All(members) = condition else { return driver(&Clause::All(vec![condition.clone()])) };
    let terms = members.iter().filter_map(|member| match member {
        Clause::OneOf(field, values) if values.len() == 1 && PeopleList::find(field).is_none() => Some((field, values)),
        _ => None,
    });
    let by_rarity = |(field, _): &(&String, &Vec<String>)| match field.as_str() {
        "qualifiedName" => 0,
        "name" => 1,
        "__state" => 4,
        "__typeName" => 3,
        _ => 2,
    };
    terms.min_by_key(by_rarity).map(|(field, values)| (field.clone(), values.clone()))
}

fn condition(wanted: &Clause) -> EntityPredicate {
    let every = |members: &[Clause]| members.iter().map(condition).collect();
    let other = || other_terms.filter(other_terms.field(search_terms::entity_id).eq(search_terms::entity_id));
    let field = other_terms.field(search_terms::field);
    let value = other_terms.field(search_terms::value);
    match wanted {
        Clause::All(members) => all(every(members)),
        Clause::Any(members) => any(every(members)),
        Clause::Not(member) => Box::new(not(condition(member))),
        Clause::Guid(ids) => any(ids.iter().map(|id| equal(Box::new(search_terms::entity_id), id.clone())).collect()),
        Clause::OneOf(name, values) => match PeopleList::find(name) {
            Some(list) => named_in(list, values),
            None => Box::new(exists(other().filter(field.eq(name.clone())).filter(value.eq_any(values.clone())))),
        },
        Clause::Prefix(name, prefix) => {
            let (from, to) = (prefix.clone(), format!("{prefix}{}", char::MAX));
            Box::new(exists(other().filter(field.eq(name.clone())).filter(value.ge(from)).filter(value.lt(to))))
        }
        Clause::Exists(name) => Box::new(exists(other().filter(field.eq(name.clone())))),
    }
}

/// Assets that name one of these people. People are not in the index, because they change when a user is deleted.
fn named_in(list: PeopleList, folded: &[String]) -> EntityPredicate {
    Box::new(exists(
        asset_people::table
            .filter(asset_people::asset_id.eq(search_terms::entity_id))
            .filter(asset_people::relation.eq(list.name()))
            .filter(super::lower(asset_people::member).eq_any(folded.to_vec())),
    ))
}

/// The lists of an asset's admins.
const ADMINS: [&str; 2] = ["adminUsers", "adminRoles"];

/// The condition that an actor sees the entity.
fn seen(sight: &Sight) -> EntityPredicate {
    any(vec![seen_personas(&sight.personas), seen_policies(&sight.policies), seen_assets(sight)])
}

fn seen_personas(seen: &SeenPersonas) -> EntityPredicate {
    let persona = personas::table.filter(personas::id.eq(search_terms::entity_id));
    match seen {
        SeenPersonas::All => Box::new(exists(persona)),
        SeenPersonas::Of(personas) => {
            let personas: Vec<String> = personas.iter().map(ToString::to_string).collect();
            Box::new(exists(persona.filter(personas::id.eq_any(personas))))
        }
    }
}

fn seen_policies(seen: &SeenPolicies) -> EntityPredicate {
    let policy = policies::table.filter(policies::id.eq(search_terms::entity_id));
    match seen {
        SeenPolicies::All => Box::new(exists(policy)),
        SeenPolicies::Of { personas, username, role_id } => {
            let personas: Vec<String> = personas.iter().map(ToString::to_string).collect();
            let administered = upper_assets
                .inner_join(asset_people::table.on(asset_people::asset_id.eq(upper_assets.field(assets::id))))
                .filter(by_name(username.clone()).or(by_role(role_id)))
                .filter(asset_people::relation.eq_any(ADMINS))
                .select(upper_assets.field(assets::qualified_name));
            let about = policy_objects::table
                .filter(policy_objects::qualified_name.eq_any(administered))
                .select(policy_objects::policy_id);
            let about = policies::id.eq_any(about);
            Box::new(exists(policy.filter(policies::persona_id.assume_not_null().eq_any(personas).or(about))))
        }
    }
}

fn seen_assets(sight: &Sight) -> EntityPredicate {
    let with = |effect| {
        let read = |about: &[Rule]| rules::reading(about.iter().filter(|rule| rule.effect == effect));
        vec![read(&sight.rules), all(vec![owned(&sight.owned.username), read(&sight.owned.rules)])]
    };
    let allowed = any(vec![known(&sight.assets), any(with(Effect::Allow))]);
    let denied: EntityPredicate = any(with(Effect::Deny));
    Box::new(assets::id.nullable().is_not_null().and(allowed).and(not(denied)))
}

/// Clause: this user owns the asset.
fn owned(username: &str) -> EntityPredicate {
    let owner = asset_people::relation.eq(OWNERS).and(asset_people::member.eq(username.to_owned()));
    Box::new(exists(asset_people::table.filter(asset_people::asset_id.eq(search_terms::entity_id)).filter(owner)))
}

/// SQL: whether the asset lies beneath the upper one as a term lies in its glossary: this is the half of
/// [`ancestors`](crate::domain::asset::ancestors) about `@`. What has a slash is no end of a root, and nothing lies beneath
/// a URN.
const IN_GLOSSARY: &str = "(substr(root_of(assets.qualified_name), \
     length(root_of(assets.qualified_name)) - length(upper_assets.qualified_name), \
     length(upper_assets.qualified_name) + 1) = '@' || upper_assets.qualified_name \
     AND upper_assets.qualified_name NOT LIKE 'urn:%' AND assets.qualified_name LIKE '%@%')";

/// Clause: the actor sees the asset without any policy rule.
fn known(seen: &SeenAssets) -> EntityPredicate {
    match seen {
        SeenAssets::All => all(Vec::new()),
        SeenAssets::Of { username, role_id } => {
            let name = || assets::qualified_name.nullable().assume_not_null();
            let upper = upper_assets.field(assets::qualified_name);
            let beneath = name().ge(upper.concat("/")).and(name().lt(upper.concat("0")));
            let beneath = beneath.and(name().not_like("urn:%")).or(sql::<Bool>(IN_GLOSSARY));
            let at_or_above = upper_assets
                .inner_join(asset_people::table.on(asset_people::asset_id.eq(upper_assets.field(assets::id))))
                .filter(by_name(username.clone()).or(by_role(role_id)))
                .filter(upper.eq(name()).or(beneath));
            Box::new(exists(at_or_above))
        }
    }
}

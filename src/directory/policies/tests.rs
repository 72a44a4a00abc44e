//! Property test: many principals query the same shared policies in any order, and each gets the answer of a fresh
//! engine.

use proptest::prelude::*;
use serde_json::Map;

use super::*;
use crate::domain::ids::Id;
use crate::domain::policy::engine::CedarQuestion;
use crate::domain::policy::{
    Condition, Criterion, Decision, Facet, Outcome, Properties, Question, Resource, Subject, Subjects,
};
use crate::domain::principal::{PrincipalKind, Role};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const ROLES: [Role; 3] = [Role::Admin, Role::Member, Role::Guest];
const PERMISSIONS: [Permission; 3] =
    [Permission::ManageAccessTokens, Permission::ManagePolicies, Permission::ViewAnalytics];
const PRIVILEGES: [&str; 2] = ["VIEW_ENTITY_PAGE", "EDIT_ENTITY_TAGS"];

fn id<T>(number: u128) -> Id<T> {
    Id::from(uuid::Uuid::from_u128(number))
}

/// A principal: one of the users, with any role, or an API key.
fn principals() -> impl Strategy<Value = Principal> {
    let user = (0..NAMES.len(), 0..ROLES.len()).prop_map(|(name, role)| Principal {
        id: id(1 + name as u128),
        kind: PrincipalKind::User,
        chosen_name: Some(NAMES[name].into()),
        role: ROLES[role],
        enabled: true,
        created_at: 0,
    });
    let key = (10_u128..12).prop_map(|number| Principal {
        id: id(number),
        kind: PrincipalKind::ServiceAccount,
        chosen_name: None,
        role: Role::ApiToken,
        enabled: true,
        created_at: 0,
    });
    prop_oneof![3 => user, 1 => key]
}

fn some<T: Clone + std::fmt::Debug + 'static>(all: Vec<T>) -> impl Strategy<Value = Vec<T>> {
    let most = all.len();
    proptest::sample::subsequence(all, 0..=most)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn subjects() -> impl Strategy<Value = Subjects> {
    let keys = [10, 11].map(|number| format!("service-account-apikey-{}", id::<Principal>(number)));
    let users = some(names(&NAMES).into_iter().chain(keys).collect());
    let roles = some(ROLES.map(|role| role.name().to_owned()).to_vec());
    let flag = || prop::bool::weighted(0.3);
    (users, roles, flag(), flag()).prop_map(|(users, roles, everyone, owners)| Subjects {
        users,
        roles,
        everyone,
        owners,
        ..Subjects::default()
    })
}

fn criteria() -> impl Strategy<Value = Vec<Criterion>> {
    let criterion =
        |field, value: &str| Criterion { field, condition: Condition::Equals, values: vec![value.to_owned()] };
    some(vec![
        criterion(Facet::Name, "urn:li:chart:1"),
        criterion(Facet::Subject("region".to_owned()), "eu"),
        criterion(Facet::Resource("status".to_owned()), "draft"),
    ])
}

fn policies() -> impl Strategy<Value = Vec<Policy>> {
    let rule = (any::<bool>(), prop::bool::weighted(0.7), subjects(), criteria()).prop_flat_map(
        |(platform, allows, subjects, resources)| {
            let all = if platform { PERMISSIONS.map(Permission::name).to_vec() } else { PRIVILEGES.to_vec() };
            some(names(&all)).prop_map(move |actions| Rule {
                category: if platform { Category::Platform } else { Category::Entities },
                effect: if allows { Effect::Allow } else { Effect::Deny },
                actions,
                resources: if platform { Vec::new() } else { resources.clone() },
                subjects: subjects.clone(),
            })
        },
    );
    let written = prop::collection::vec((rule, prop::bool::weighted(0.9)), 0..6);
    written.prop_map(|rules| {
        let policy = |(place, (rule, enabled)): (usize, (Rule, bool))| Policy {
            id: id(100 + place as u128),
            qualified_name: place.to_string(),
            persona: None,
            name: String::new(),
            description: String::new(),
            rule,
            enabled,
            editable: true,
            attributes: Map::new(),
            created_by: String::new(),
            created_at: 0,
            updated_at: 0,
        };
        rules.into_iter().enumerate().map(policy).collect()
    })
}

/// A principal that queries its platform permissions, and one action on one chart.
#[derive(Debug, Clone)]
struct Asking {
    principal: Principal,
    action: &'static str,
    resource: Resource,
    properties: Properties,
}

fn asking() -> impl Strategy<Value = Asking> {
    let chart = (some(names(&NAMES)), any::<bool>(), any::<bool>());
    (principals(), 0..PRIVILEGES.len(), chart, any::<bool>()).prop_map(
        |(principal, action, (owners, first, draft), european)| {
            let one = |name: &str, value: &str| Properties::from([(name.to_owned(), value.to_owned())]);
            Asking {
                principal,
                action: PRIVILEGES[action],
                resource: Resource {
                    name: if first { "urn:li:chart:1" } else { "urn:li:chart:2" }.to_owned(),
                    type_name: "chart".to_owned(),
                    owners,
                    properties: if draft { one("status", "draft") } else { Properties::new() },
                    relation: None,
                },
                properties: if european { one("region", "eu") } else { Properties::new() },
            }
        },
    )
}

/// The answer of the slices, without built-in rules.
fn judged(asking: &Asking, action: &str, resource: &Resource, slices: &[Arc<Slice>]) -> Decision {
    let subject = Subject { principal: &asking.principal, personas: Vec::new(), properties: asking.properties.clone() };
    let none = Properties::new();
    let question = Question { subject: &subject, action, action_properties: &none, resource };
    let asked = CedarQuestion::new(question).unwrap();
    slices.iter().map(|slice| asked.judge(slice)).fold(Decision::UNMATCHED, Decision::and)
}

fn compiled(policies: &[Policy], category: Category) -> Vec<Arc<Slice>> {
    let chosen = policies.iter().filter(|policy| policy.rule.category == category);
    vec![Arc::new(Slice::compile(chosen).unwrap())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn asking_shared_policies_in_any_order_gives_what_a_fresh_engine_gives(
        policies in policies(),
        asked in prop::collection::vec(asking(), 1..8),
    ) {
        let shared = Shared::new(1, policies.clone());
        let platform = compiled(&policies, Category::Platform);
        let entities = compiled(&policies, Category::Entities);
        for asking in &asked {
            let outcome = |permission: Permission| {
                judged(asking, permission.name(), &Resource::platform(), &platform).outcome
            };
            let own: Permissions = [Permission::ViewAnalytics].into_iter().collect();
            let expected: Permissions = Permission::ALL
                .into_iter()
                .filter(|permission| match outcome(*permission) {
                    Outcome::Allowed => true,
                    Outcome::Denied => false,
                    Outcome::Unmatched => own.contains(*permission),
                })
                .collect();
            prop_assert_eq!(shared.permissions(&asking.principal, own), expected);

            let fresh = judged(asking, asking.action, &asking.resource, &entities);
            let slices = shared.slices(&asking.principal).unwrap();
            let mut found = judged(asking, asking.action, &asking.resource, &slices);
            // A policy that names a principal in two ways is evaluated twice.
            found.grounds.sort_unstable();
            found.grounds.dedup();
            prop_assert_eq!(found, fresh);
        }
    }
}

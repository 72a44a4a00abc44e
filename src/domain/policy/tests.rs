//! Compares the engine with a reference evaluator of ten lines.

use proptest::prelude::*;

use super::engine::{CedarQuestion, Slice};
use super::*;
use crate::domain::ids::{Id, PersonaId};
use crate::domain::principal::{Principal, Role};

const ACTIONS: [&str; 3] = ["persona-asset-read", "persona-asset-update", "select"];
const NAMES: [&str; 5] = ["default/a", "default/a/t", "default/ab", "default/b/t", "t@default/a"];
const PATTERNS: [&str; 5] = ["default/a", "default/*", "*", "default/b", "*/t"];

fn principal() -> Principal {
    Principal {
        id: id(1),
        kind: crate::domain::principal::PrincipalKind::User,
        chosen_name: Some("alice".into()),
        role: Role::Member,
        enabled: true,
        created_at: 0,
    }
}

fn id<T>(number: u128) -> Id<T> {
    Id::from(uuid::Uuid::from_u128(number))
}

fn policy(number: u128, persona: u128, effect: Effect, actions: Vec<&str>, patterns: Vec<&str>) -> Policy {
    let values = patterns.into_iter().map(str::to_owned).collect();
    Policy {
        id: id(number),
        qualified_name: number.to_string(),
        persona: Some(id(persona)),
        name: String::new(),
        description: String::new(),
        rule: Rule {
            category: Category::Metadata,
            effect,
            actions: actions.into_iter().map(str::to_owned).collect(),
            resources: vec![Criterion { field: Facet::Name, condition: Condition::Covers, values }],
            subjects: Subjects::default(),
        },
        enabled: true,
        editable: true,
        attributes: Map::new(),
        created_by: String::new(),
        created_at: 0,
        updated_at: 0,
    }
}

fn decide(policies: &[Policy], personas: &[u128], action: &str, name: &str) -> Decision {
    let principal = principal();
    let personas: Vec<PersonaId> = personas.iter().copied().map(id).collect();
    let subject = Subject { principal: &principal, personas: personas.clone(), properties: Properties::new() };
    let resource = Resource { name: name.to_owned(), type_name: "Table".to_owned(), ..Resource::default() };
    let properties = Properties::new();
    let question = Question { subject: &subject, action, action_properties: &properties, resource: &resource };
    let asked = CedarQuestion::new(question).expect("a question");
    let slice = |persona: &PersonaId| {
        Slice::compile(policies.iter().filter(|policy| policy.persona == Some(*persona))).expect("policies")
    };
    personas.iter().map(|persona| asked.judge(&slice(persona))).fold(Decision::UNMATCHED, Decision::and)
}

/// The reference evaluator, in ten lines.
fn reference(policies: &[Policy], personas: &[u128], action: &str, name: &str) -> Outcome {
    let covers = |pattern: &str| match pattern {
        "*" => true,
        "default/*" => name.starts_with("default/"),
        "*/t" => name.ends_with("/t"),
        exact => name == exact || name.starts_with(&format!("{exact}/")),
    };
    let matching = |effect| {
        policies.iter().any(|policy| {
            personas.iter().any(|persona| policy.persona == Some(id(*persona)))
                && policy.enabled
                && policy.rule.effect == effect
                && policy.rule.actions.iter().any(|known| known == action)
                && policy.rule.resources[0].values.iter().any(|pattern| covers(pattern))
        })
    };
    match (matching(Effect::Deny), matching(Effect::Allow)) {
        (true, _) => Outcome::Denied,
        (false, true) => Outcome::Allowed,
        (false, false) => Outcome::Unmatched,
    }
}

fn policies() -> impl Strategy<Value = Vec<Policy>> {
    let effect = prop_oneof![Just(Effect::Allow), Just(Effect::Deny)];
    let some = |all: &'static [&'static str]| proptest::sample::subsequence(all.to_vec(), 0..=all.len());
    let one = (1..4u128, effect, some(&ACTIONS), some(&PATTERNS), proptest::bool::weighted(0.9));
    proptest::collection::vec(one, 0..6).prop_map(|drawn| {
        let number = |(place, (persona, effect, actions, patterns, enabled))| Policy {
            enabled,
            ..policy(100 + place as u128, persona, effect, actions, patterns)
        };
        drawn.into_iter().enumerate().map(number).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_engine_decides_as_the_reference(
        policies in policies(),
        personas in proptest::sample::subsequence(vec![1u128, 2, 3], 0..=3),
        action in proptest::sample::select(ACTIONS.to_vec()),
        name in proptest::sample::select(NAMES.to_vec()),
    ) {
        let decision = decide(&policies, &personas, action, name);
        prop_assert_eq!(decision.outcome, reference(&policies, &personas, action, name));
    }

    #[test]
    fn order_does_not_matter(
        (policies, shuffled) in policies().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        action in proptest::sample::select(ACTIONS.to_vec()),
        name in proptest::sample::select(NAMES.to_vec()),
    ) {
        prop_assert_eq!(
            decide(&policies, &[1, 2, 3], action, name).outcome,
            decide(&shuffled, &[3, 1, 2], action, name).outcome
        );
    }

    #[test]
    fn an_added_deny_never_widens(
        policies in policies(),
        added in proptest::sample::subsequence(PATTERNS.to_vec(), 1..3),
        action in proptest::sample::select(ACTIONS.to_vec()),
        name in proptest::sample::select(NAMES.to_vec()),
    ) {
        let before = decide(&policies, &[1, 2], action, name);
        let mut more = policies;
        more.push(policy(999, 1, Effect::Deny, ACTIONS.to_vec(), added));
        let after = decide(&more, &[1, 2], action, name);
        prop_assert!(before.is_allowed() || !after.is_allowed());
    }
}

#[test]
fn nobody_is_allowed_anything_by_nothing() {
    assert_eq!(decide(&[], &[1], "select", "default/a"), Decision::UNMATCHED);
}

#[test]
fn a_name_full_of_quotes_is_only_a_name() {
    let name = r#"default/a" || true || "\"#;
    let rule = policy(1, 1, Effect::Allow, vec!["select"], vec![name]);
    assert_eq!(decide(std::slice::from_ref(&rule), &[1], "select", name).outcome, Outcome::Allowed);
    assert_eq!(decide(&[rule], &[1], "select", "default/z").outcome, Outcome::Unmatched);
}

#[test]
fn properties_decide_where_a_criterion_names_them() {
    let criterion = |field: &str, condition, value: &str| Criterion {
        field: Facet::parse(field),
        condition,
        values: vec![value.to_owned()],
    };
    let mut rule = policy(1, 1, Effect::Allow, vec!["select"], vec!["*"]);
    rule.rule.resources.push(criterion("status", Condition::NotEquals, "archived"));
    rule.rule.resources.push(criterion("action.soft", Condition::Equals, "true"));
    let slice = Slice::compile([&rule]).expect("a policy");
    let outcome = |status: Option<&str>, soft: Option<&str>| {
        let given = |name: &str, value: Option<&str>| {
            value.map(|value| (name.to_owned(), value.to_owned())).into_iter().collect::<Properties>()
        };
        let principal = principal();
        let subject = Subject { principal: &principal, personas: vec![id(1)], properties: Properties::new() };
        let properties = given("status", status);
        let resource = Resource { name: "record-1".to_owned(), properties, ..Resource::default() };
        let action = given("soft", soft);
        let question =
            Question { subject: &subject, action: "select", action_properties: &action, resource: &resource };
        CedarQuestion::new(question).expect("a question").judge(&slice).outcome
    };
    assert_eq!(outcome(None, Some("true")), Outcome::Allowed);
    assert_eq!(outcome(Some("live"), Some("true")), Outcome::Allowed);
    assert_eq!(outcome(Some("archived"), Some("true")), Outcome::Unmatched);
    assert_eq!(outcome(None, Some("false")), Outcome::Unmatched);
    assert_eq!(outcome(None, None), Outcome::Unmatched);
}

//! Policies in Cedar's JSON form, so that no name is ever quoted into program text.
//!
//! ```text
//! permit(principal, action in [Action::"persona-asset-read"], resource is Asset)
//! when { principal in Persona::"…" && resource.name like "default/snowflake/*" };
//! ```

use serde_json::{Value, json};

use super::{Aspect, Category, Condition, Criterion, Effect, Policy, Subjects};

/// The types that policies are checked against, without the actions.
const ENTITIES: &str = r#"
    entity Persona, Role, Everyone, Platform;
    entity Principal in [Persona, Role, Everyone] { username: String } tags String;
    entity Asset { name: String, type: String, owners: Set<String> } tags String;
    entity Call tags String;
"#;

/// Cedar's schema for policies about these actions.
pub(super) fn schema<'a>(actions: impl IntoIterator<Item = &'a str>) -> String {
    let applies = "appliesTo { principal: [Principal], resource: [Asset, Platform], context: { call: Call } };";
    let declare = |action: &str| format!("action {} {applies}\n", Value::from(action));
    let actions: std::collections::BTreeSet<_> = actions.into_iter().collect();
    ENTITIES.to_owned() + &actions.into_iter().map(declare).collect::<String>()
}

/// The policy in Cedar's JSON form; `None` when it is about nobody or about no action.
pub(super) fn translate(policy: &Policy) -> Option<Value> {
    let rule = &policy.rule;
    let subject = match policy.persona {
        Some(persona) => principal_in("Persona", &persona.to_string()),
        None => subjects(&rule.subjects, rule.category)?,
    };
    if rule.actions.is_empty() {
        return None;
    }
    let actions: Vec<Value> = rule.actions.iter().map(|action| json!({ "type": "Action", "id": action })).collect();
    let (resource, body) = match rule.category {
        Category::Platform => ("Platform", subject),
        _ => ("Asset", rule.resources.iter().map(criterion).fold(subject, and)),
    };
    Some(json!({
        "effect": match rule.effect { Effect::Allow => "permit", Effect::Deny => "forbid" },
        "principal": { "op": "All" },
        "action": { "op": "in", "entities": actions },
        "resource": { "op": "is", "entity_type": resource },
        "conditions": [{ "kind": "when", "body": body }],
    }))
}

fn subjects(subjects: &Subjects, category: Category) -> Option<Value> {
    let everyone = subjects.everyone.then(|| principal_in("Everyone", "everyone"));
    // Nobody owns the platform.
    let owners = (subjects.owners && category != Category::Platform).then(|| {
        json!({ "contains": { "left": attribute("resource", "owners"), "right": attribute("principal", "username") } })
    });
    let roles = subjects.roles.iter().map(|role| principal_in("Role", role));
    let users = subjects.users.iter().map(|user| equal(attribute("principal", "username"), user));
    everyone.into_iter().chain(owners).chain(roles).chain(users).reduce(or)
}

fn criterion(criterion: &Criterion) -> Value {
    let meets = |value: &String| match criterion.condition {
        Condition::Equals | Condition::NotEquals => test(&criterion.field, &|found| equal(found, value)),
        Condition::StartsWith => test(&criterion.field, &|found| like(found, &[value, ""])),
        Condition::Covers => test(&criterion.field, &|found| covered(&found, value)),
    };
    let any = criterion.values.iter().map(meets).reduce(or).unwrap_or_else(|| json!({ "Value": false }));
    if criterion.condition == Condition::NotEquals { json!({ "!": { "arg": any } }) } else { any }
}

/// Whether what an aspect names is there and passes.
fn test(aspect: &Aspect, passes: &dyn Fn(Value) -> Value) -> Value {
    let tagged = |owner: Value, property: &str| {
        let operands = json!({ "left": owner, "right": { "Value": property } });
        and(json!({ "hasTag": operands }), passes(json!({ "getTag": operands })))
    };
    match aspect {
        Aspect::Name => passes(attribute("resource", "name")),
        Aspect::Type => passes(attribute("resource", "type")),
        Aspect::Resource(property) => tagged(json!({ "Var": "resource" }), property),
        Aspect::Subject(property) => tagged(json!({ "Var": "principal" }), property),
        Aspect::Action(property) => tagged(attribute("context", "call"), property),
    }
}

fn covered(found: &Value, pattern: &str) -> Value {
    let alternatives = super::covering(pattern);
    let matches = |pieces: &Vec<String>| {
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        like(found.clone(), &pieces)
    };
    alternatives.iter().map(matches).reduce(or).unwrap_or_else(|| json!({ "Value": false }))
}

/// Whether a text is these pieces with anything between them.
fn like(found: Value, pieces: &[&str]) -> Value {
    let mut pattern = Vec::new();
    for (place, piece) in pieces.iter().enumerate() {
        if place > 0 {
            pattern.push(json!("Wildcard"));
        }
        pattern.push(json!({ "Literal": piece }));
    }
    json!({ "like": { "left": found, "pattern": pattern } })
}

fn principal_in(kind: &str, id: &str) -> Value {
    json!({ "in": { "left": { "Var": "principal" }, "right": { "Value": { "__entity": { "type": kind, "id": id } } } } })
}

fn attribute(variable: &str, name: &str) -> Value {
    json!({ ".": { "left": { "Var": variable }, "attr": name } })
}

fn equal(found: Value, value: &str) -> Value {
    json!({ "==": { "left": found, "right": { "Value": value } } })
}

fn and(left: Value, right: Value) -> Value {
    json!({ "&&": { "left": left, "right": right } })
}

fn or(left: Value, right: Value) -> Value {
    json!({ "||": { "left": left, "right": right } })
}

//! Translates policies to Cedar's JSON form, so that no name has to be quoted in program text.
//!
//! ```text
//! permit(principal, action in [Action::"persona-asset-read"], resource is Asset)
//! when { principal in Persona::"…" && resource.type == "Table" };
//! ```

use serde_json::{Value, json};

use super::{Category, Condition, Criterion, Effect, Facet, Pattern, Rule};
use crate::domain::ids::PersonaId;

/// The entity types of the Cedar schema, without the actions.
const ENTITIES: &str = "
    entity Persona, Role, Everyone, Platform;
    entity Principal in [Persona, Role, Everyone] { username: String } tags String;
    entity Asset { name: String, type: String, owners: Set<String> } tags String;
    entity Call tags String;
";

/// Cedar's schema for policies about these actions.
pub(super) fn schema<'a>(actions: impl IntoIterator<Item = &'a str>) -> String {
    let applies = "appliesTo { principal: [Principal], resource: [Asset, Platform], context: { call: Call } };";
    let declare = |action: &str| format!("action {} {applies}\n", Value::from(action));
    let actions: std::collections::BTreeSet<_> = actions.into_iter().collect();
    ENTITIES.to_owned() + &actions.into_iter().map(declare).collect::<String>()
}

/// The rule of a policy, of a persona if there is one, in Cedar's JSON form, without its criteria on the name of the resource, of which a policy can have a thousand:
/// [`NameTest`](super::names::NameTest) tests those. `None` when it has no subject or no action.
pub(super) fn translate(persona: Option<PersonaId>, rule: &Rule) -> Option<Value> {
    let subject = match persona {
        Some(persona) => principal_in("Persona", &persona.to_string()),
        None => subjects(rule)?,
    };
    if rule.actions.is_empty() {
        return None;
    }
    let actions: Vec<Value> = rule.actions.iter().map(|action| json!({ "type": "Action", "id": action })).collect();
    let tested = rule.resources.iter().filter(|criterion| criterion.field != Facet::Name);
    let (resource, body) = match rule.category {
        Category::Platform => ("Platform", subject),
        _ => (
            "Asset",
            tree("&&", std::iter::once(subject).chain(tested.map(|each| criterion(each, rule.category))).collect())?,
        ),
    };
    Some(json!({
        "effect": match rule.effect { Effect::Allow => "permit", Effect::Deny => "forbid" },
        "principal": { "op": "All" },
        "action": { "op": "in", "entities": actions },
        "resource": { "op": "is", "entity_type": resource },
        "conditions": [{ "kind": "when", "body": body }],
    }))
}

fn subjects(rule: &Rule) -> Option<Value> {
    let subjects = &rule.subjects;
    let username = || attribute("principal", "username");
    let everyone = subjects.everyone.then(|| principal_in("Everyone", "everyone"));
    let owners = rule.is_about_owners().then(|| binary("contains", attribute("resource", "owners"), username()));
    let roles = subjects.roles.iter().map(|role| principal_in("Role", role));
    let users = (!subjects.users.is_empty()).then(|| binary("contains", set(&subjects.users), username()));
    tree("||", everyone.into_iter().chain(owners).chain(roles).chain(users).collect())
}

fn criterion(criterion: &Criterion, category: Category) -> Value {
    let values = &criterion.values;
    let one_of = || test(&criterion.field, |found| binary("contains", set(values), found));
    let any = |alternatives: Vec<Pattern>| {
        let matches = |pattern: &Pattern| test(&criterion.field, |found| like(found, &pattern.pieces));
        tree("||", alternatives.iter().map(matches).collect()).unwrap_or_else(|| json!({ "Value": false }))
    };
    match criterion.condition {
        Condition::Equals => one_of(),
        Condition::NotEquals => one("!", one("arg", one_of())),
        Condition::StartsWith | Condition::Covers => any(criterion.patterns(category)),
    }
}

/// The expression that the facet exists and passes.
fn test(facet: &Facet, passes: impl Fn(Value) -> Value) -> Value {
    let tagged = |owner: fn() -> Value, property: &str| {
        let (there, found) = (binary("hasTag", owner(), text(property)), binary("getTag", owner(), text(property)));
        binary("&&", there, passes(found))
    };
    match facet {
        Facet::Name => passes(attribute("resource", "name")),
        Facet::Type => passes(attribute("resource", "type")),
        Facet::Resource(property) => tagged(|| json!({ "Var": "resource" }), property),
        Facet::Subject(property) => tagged(|| json!({ "Var": "principal" }), property),
        Facet::Action(property) => tagged(|| attribute("context", "call"), property),
    }
}

/// The expression that a text consists of these pieces with anything between them.
fn like(found: Value, pieces: &[String]) -> Value {
    let mut pattern = Vec::new();
    for (place, piece) in pieces.iter().enumerate() {
        if place > 0 {
            pattern.push(json!("Wildcard"));
        }
        pattern.push(json!({ "Literal": piece }));
    }
    one("like", object([("left", found), ("pattern", Value::Array(pattern))]))
}

fn principal_in(kind: &str, id: &str) -> Value {
    let entity = json!({ "Value": { "__entity": { "type": kind, "id": id } } });
    binary("in", json!({ "Var": "principal" }), entity)
}

fn attribute(variable: &str, name: &str) -> Value {
    json!({ ".": { "left": { "Var": variable }, "attr": name } })
}

fn text(value: &str) -> Value {
    json!({ "Value": value })
}

fn set(values: &[String]) -> Value {
    one("Set", Value::Array(values.iter().map(|value| text(value)).collect()))
}

/// Joins conditions as a balanced tree, because Cedar evaluates it recursively on its stack.
fn tree(operator: &str, mut conditions: Vec<Value>) -> Option<Value> {
    if conditions.len() < 2 {
        return conditions.pop();
    }
    let right = conditions.split_off(conditions.len() / 2);
    Some(binary(operator, tree(operator, conditions)?, tree(operator, right)?))
}

fn binary(operator: &str, left: Value, right: Value) -> Value {
    one(operator, object([("left", left), ("right", right)]))
}

fn one(name: &str, value: Value) -> Value {
    object([(name, value)])
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

//! What a change did to its subject, in one line, from the states before and after it.

use std::collections::HashMap;

use serde_json::Value;

use super::SignedInRequest;
use super::words::{DisplayTime, counted, duration};
use crate::domain::api_key::NEVER;
use crate::domain::fields::PersonaField;
use crate::domain::filter::{Filter, Test, Value as Wanted};
use crate::domain::listing::{MAX_LIMIT, Query};
use crate::domain::persona::Persona;
use crate::http::problem::Failure;
use crate::service::catalogue::personas;

/// The states of a subject before and after a change.
type Both = [Option<Value>; 2];

/// The most members that a line tells.
const TOLD: usize = 4;

/// The most items that are named as added to a list, and as removed from it.
const NAMED: usize = 4;

/// The qualified names of the personas that these states name.
pub fn personas_of<'a>(states: impl Iterator<Item = &'a Both>) -> impl Iterator<Item = &'a str> {
    let lists = states.flatten().flatten().filter_map(|state| state["personas"].as_array());
    lists.flatten().filter_map(Value::as_str)
}

/// The personas with these qualified names, as far as the user sees them.
///
/// # Errors
/// When the storage fails.
pub async fn find_personas<'a>(
    request: &SignedInRequest,
    mentioned: impl Iterator<Item = &'a str>,
) -> Result<Vec<Persona>, Failure> {
    let mut mentioned: Vec<&str> = mentioned.filter(|name| !name.is_empty()).collect();
    mentioned.sort_unstable();
    mentioned.dedup();
    let mut all = Vec::new();
    for some in mentioned.chunks(usize::try_from(MAX_LIMIT).unwrap_or(1)) {
        let wanted = some.iter().map(|name| Wanted::Text((*name).to_owned())).collect();
        let filter = Filter::Test(PersonaField::QualifiedName, Test::OneOf(wanted));
        let found =
            personas::list(&request.state.service, &request.actor, Query::first_page(filter, "", MAX_LIMIT)?).await?;
        all.extend(found.records);
    }
    Ok(all)
}

/// Their display names, by qualified name.
///
/// # Errors
/// When the storage fails.
pub async fn persona_names<'a>(
    request: &SignedInRequest,
    mentioned: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, String>, Failure> {
    let found = find_personas(request, mentioned).await?;
    Ok(found.into_iter().map(|persona| (persona.qualified_name, persona.display_name)).collect())
}

/// The members that are told, and their names in words. Others decide nothing, or say it in another way.
const MEMBERS: [(&str, &str); 18] = [
    ("enabled", "state"),
    ("role", "role"),
    ("personas", "personas"),
    ("permissions", "permissions"),
    ("effect", "effect"),
    ("category", "category"),
    ("actions", "actions"),
    ("resources", "resources"),
    ("subjects", "subjects"),
    ("people", "people"),
    ("users", "users"),
    ("owners", "owners"),
    ("allowedAddresses", "addresses"),
    ("rateLimit", "rate"),
    ("expiresAt", "ends"),
    ("displayName", "name"),
    ("description", "description"),
    ("oauth", "OAuth settings"),
];

/// What the change did: `personas +Lineage −Readers; rate: none → 60 requests per minute`; empty if nothing is known.
#[must_use]
pub fn changed(states: &Both, personas: &HashMap<String, String>) -> String {
    // Nothing is known of a state that was not kept. A subject that does not exist is `null`.
    let [Some(before), Some(after)] = states else { return String::new() };
    if after.is_null() {
        return String::new();
    }
    let is_new = before.is_null();
    let mut told: Vec<String> = MEMBERS
        .iter()
        .filter(|(member, _)| before[*member] != after[*member])
        .filter_map(|(member, word)| told(member, word, [&before[*member], &after[*member]], is_new, personas))
        .collect();
    if told.len() > TOLD {
        let more = told.len() - TOLD;
        told.truncate(TOLD);
        told.push(format!("{more} more"));
    }
    told.join("; ")
}

/// One changed member in words; `None` if it says nothing.
fn told(
    member: &str,
    word: &str,
    [before, after]: [&Value; 2],
    is_new: bool,
    personas: &HashMap<String, String>,
) -> Option<String> {
    if before.is_array() || after.is_array() {
        let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let (before, after) = (items(before), items(after));
        let named = |sign: char, these: &[Value], others: &[Value]| {
            let differing: Vec<&Value> = these.iter().filter(|item| !others.contains(item)).collect();
            let mut named: Vec<String> =
                differing.iter().take(NAMED).map(|item| format!("{sign}{}", item_words(item, personas))).collect();
            if differing.len() > NAMED {
                named.push(format!("{sign}{} more", differing.len() - NAMED));
            }
            named
        };
        let both = [named('+', &after, &before), named('−', &before, &after)].concat();
        return (!both.is_empty()).then(|| format!("{word} {}", both.join(" ")));
    }
    match (member, is_new) {
        ("oauth" | "subjects" | "people" | "displayName" | "description" | "enabled", true) => None,
        ("oauth" | "subjects" | "people" | "description", false) => Some(format!("{word} changed")),
        (_, true) if after.is_null() => None,
        (_, true) => Some(format!("{word}: {}", value_words(member, after))),
        _ => Some(format!("{word}: {} → {}", value_words(member, before), value_words(member, after))),
    }
}

/// An item of a list: a persona by its name, anything else as it is written.
fn item_words(item: &Value, personas: &HashMap<String, String>) -> String {
    if let Some(text) = item.as_str() {
        return personas.get(text).map_or(text, String::as_str).to_owned();
    }
    let values = item["values"].as_array().cloned().unwrap_or_default();
    let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
    if texts.is_empty() { item.to_string() } else { texts.join(" or ") }
}

fn value_words(member: &str, value: &Value) -> String {
    match (member, value) {
        ("enabled", Value::Bool(true)) => "enabled".to_owned(),
        ("enabled", Value::Bool(false)) => "disabled".to_owned(),
        ("expiresAt", Value::Number(instant)) => match instant.as_i64() {
            Some(NEVER) | None => "never".to_owned(),
            Some(instant) => DisplayTime::of(instant, instant).map_or_else(|| instant.to_string(), |when| when.exact),
        },
        ("rateLimit", Value::Object(rate)) => {
            let number = |name: &str| rate.get(name).and_then(Value::as_i64).unwrap_or_default();
            format!("{} per {}", counted(number("requests"), "request"), duration(number("seconds")))
        }
        (_, Value::Null) => "none".to_owned(),
        (_, Value::String(text)) if text.is_empty() => "none".to_owned(),
        (_, Value::String(text)) => text.clone(),
        (_, other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_says_what_was_added_removed_and_replaced() {
        let names = HashMap::from([("default/a".to_owned(), "Lineage".to_owned())]);
        let before = json!({"personas": ["default/b"], "rateLimit": null, "enabled": true, "description": "x"});
        let after = json!({
            "personas": ["default/a"], "rateLimit": {"requests": 60, "seconds": 60}, "enabled": false, "description": "y",
        });
        assert_eq!(
            changed(&[Some(before.clone()), Some(after)], &names),
            "state: enabled → disabled; personas +Lineage −default/b; rate: none → 60 requests per 1 minute; description \
             changed"
        );
        assert_eq!(changed(&[Some(before.clone()), Some(before.clone())], &names), "");
        assert_eq!(changed(&[Some(Value::Null), Some(before.clone())], &names), "personas +default/b");
        assert_eq!(changed(&[None, Some(before.clone())], &names), "");
        assert_eq!(changed(&[Some(before), Some(Value::Null)], &names), "");
    }

    #[test]
    fn a_line_is_bounded() {
        let many: Vec<String> = (0..100).map(|number| format!("a{number}")).collect();
        let told = changed(&[Some(json!({"actions": []})), Some(json!({"actions": many}))], &HashMap::new());
        assert_eq!(told, "actions +a0 +a1 +a2 +a3 +96 more");
    }
}

//! Policies: the engine's decisions agree with a simple implementation of their patterns.

use tessera::domain::policy::engine::{CedarQuestion, Slice};
use tessera::domain::policy::{
    Category, Condition, Criterion, Effect, Facet, Policy, Properties, Question, Resource, Rule, Subject, Subjects,
};
use tessera::domain::principal::{Principal, PrincipalKind, Role};
use uuid::Uuid;

/// The input lines: effect, action, name, and patterns.
pub fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let facet = Facet::parse(text);
    if !text.starts_with("resource.") {
        assert_eq!(Facet::parse(&facet.field()), facet);
    }
    if let Some(condition) = Condition::find(text) {
        assert_eq!(condition.name(), text);
    }
    let mut lines = text.split('\n');
    let (Some(how), Some(action), Some(name)) = (lines.next(), lines.next(), lines.next()) else { return };
    let patterns: Vec<String> = lines.map(str::to_owned).collect();
    // The HTTP layer refuses these.
    if text.len() > 2000 || name.is_empty() || patterns.is_empty() || action.chars().any(char::is_control) {
        return;
    }
    let how = usize::from(how.bytes().next().unwrap_or(0));
    let condition = [Condition::Covers, Condition::StartsWith, Condition::Equals, Condition::NotEquals][how % 4];
    let field = match how / 4 % 4 {
        0 | 1 => Facet::Name,
        2 => Facet::Type,
        _ => Facet::parse(action),
    };
    let category = if how / 16 % 2 == 0 { Category::Metadata } else { Category::Glossary };
    let is_there = matches!(field, Facet::Name | Facet::Type);
    let criterion = Criterion { field, condition, values: patterns.clone() };
    let decided = decide(action, name, category, criterion);
    let any = |passes: &dyn Fn(&str) -> bool| is_there && patterns.iter().any(|pattern| passes(pattern));
    let expected = match condition {
        Condition::Covers => any(&|pattern| covers(pattern, name, category)),
        Condition::StartsWith => any(&|pattern| name.starts_with(pattern)),
        Condition::Equals => any(&|pattern| pattern == name),
        Condition::NotEquals => !any(&|pattern| pattern == name),
    };
    assert_eq!(decided, expected, "{patterns:?} {name:?} {condition:?}");
}

fn decide(action: &str, name: &str, category: Category, criterion: Criterion) -> bool {
    let policy = Policy {
        id: Uuid::from_u128(1).into(),
        qualified_name: String::new(),
        persona: Some(Uuid::from_u128(2).into()),
        name: String::new(),
        description: String::new(),
        rule: Rule {
            category,
            effect: Effect::Allow,
            actions: vec![action.to_owned()],
            resources: vec![criterion],
            subjects: Subjects::default(),
        },
        enabled: true,
        editable: true,
        attributes: serde_json::Map::new(),
        created_by: String::new(),
        created_at: 0,
        updated_at: 0,
    };
    let slice = Slice::compile([&policy]).expect("compiles");
    let principal = Principal {
        id: Uuid::from_u128(3).into(),
        kind: PrincipalKind::User,
        chosen_name: Some("alice".into()),
        role: Role::Member,
        enabled: true,
        created_at: 0,
    };
    let properties = Properties::new();
    let subject =
        Subject { principal: &principal, personas: vec![Uuid::from_u128(2).into()], properties: Properties::new() };
    let resource = Resource { name: name.to_owned(), type_name: name.to_owned(), ..Resource::default() };
    let question = Question { subject: &subject, action, action_properties: &properties, resource: &resource };
    CedarQuestion::new(question).expect("asks").judge(&slice).is_allowed()
}

fn covers(pattern: &str, name: &str, category: Category) -> bool {
    let matches = |pattern: &str| glob(pattern.as_bytes(), name.as_bytes());
    let is_in_glossary = || {
        let are_flat = !pattern.contains('/') && !name.contains('/');
        category == Category::Glossary && are_flat && matches(&format!("*@{pattern}"))
    };
    let names_one = pattern.ends_with('*') || pattern.starts_with("urn:");
    matches(pattern) || !names_one && (matches(&format!("{pattern}/*")) || is_in_glossary())
}

/// Reference matcher: which prefixes of the text each prefix of the pattern matches, letter by letter.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let mut row = vec![false; text.len() + 1];
    row[0] = true;
    for &letter in pattern {
        if letter == b'*' {
            for at in 1..=text.len() {
                row[at] |= row[at - 1];
            }
        } else {
            for at in (1..=text.len()).rev() {
                row[at] = row[at - 1] && text[at - 1] == letter;
            }
            row[0] = false;
        }
    }
    row[text.len()]
}

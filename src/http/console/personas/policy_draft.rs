//! The fields of a policy form, as typed and as parsed.

use crate::domain::asset::MEMBERS;
use crate::domain::entity::{Handle, Head, LISTED, PersonaReference, PolicyDraft, is_listed, parse_resources};
use crate::domain::ids::{PersonaId, PolicyId};
use crate::domain::policy::{Category, Effect, Facet, Policy};
use crate::domain::text::{Description, DisplayName};
use crate::http::console::form::{Form, FormErrors};
use crate::http::console::words::{action_words, category_words};

/// The fields of the form, as typed.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    pub name: String,
    pub description: String,
    /// `allow` or `deny`
    pub effect: String,
    /// The name of a category.
    pub category: String,
    /// The chosen actions of each category by its name: those of the other categories are not lost while one chooses.
    pub actions: Vec<(&'static str, Vec<String>)>,
    /// Patterns of qualified names, one on each line.
    pub resources: String,
    /// Names of types, separated by commas or white space.
    pub types: String,
    pub enabled: bool,
}

/// The categories of personas' policies.
pub fn categories() -> impl Iterator<Item = Category> {
    Category::all().filter(|category| category.is_personas())
}

/// The field with the actions of a category.
fn field_of(category: Category) -> String {
    format!("action-{}", category.name())
}

impl Draft {
    /// Reads a form, or the query string that fills it in.
    pub fn read(form: &Form) -> Self {
        let or = |name: &str, otherwise: &str| match form.text(name).trim() {
            "" => otherwise.to_owned(),
            text => text.to_owned(),
        };
        let actions = |category: Category| {
            let field = field_of(category);
            (category.name(), form.all(&field).map(str::to_owned).collect())
        };
        Self {
            name: form.text("name").trim().to_owned(),
            description: form.text("description").replace("\r\n", "\n"),
            effect: or("effect", Effect::Allow.name()),
            category: or("category", Category::Metadata.name()),
            actions: categories().map(actions).collect(),
            resources: form.text("resources").replace("\r\n", "\n").trim().to_owned(),
            types: form.text("types").trim().to_owned(),
            enabled: form.text("state") != "disabled",
        }
    }

    /// The fields with the current values of a policy.
    pub fn of(policy: &Policy) -> Self {
        let values = |field: &Facet, between: &str| {
            let criteria = policy.rule.resources.iter().filter(|criterion| criterion.field == *field);
            criteria.flat_map(|criterion| criterion.values.clone()).collect::<Vec<_>>().join(between)
        };
        let own = |category: Category| {
            let is_own = category == policy.rule.category;
            (category.name(), if is_own { policy.rule.actions.clone() } else { Vec::new() })
        };
        Self {
            name: policy.name.clone(),
            description: policy.description.clone(),
            effect: policy.rule.effect.name().to_owned(),
            category: policy.rule.category.name().to_owned(),
            actions: categories().map(own).collect(),
            resources: values(&Facet::Name, "\n"),
            types: values(&Facet::Type, ", "),
            enabled: policy.enabled,
        }
    }

    /// The choices of actions, by category.
    pub fn choices(&self) -> Vec<CategoryChoice> {
        let choice = |category: Category| {
            let chosen = self.actions.iter().find(|(name, _)| *name == category.name());
            let is_chosen = |action: &str| chosen.is_some_and(|(_, actions)| actions.iter().any(|it| it == action));
            let action =
                |name: &'static str| ActionChoice { name, says: action_words(name), is_chosen: is_chosen(name) };
            CategoryChoice {
                name: category.name(),
                says: category_words(category),
                is_chosen: self.category == category.name(),
                actions: category.actions().map(action).collect(),
            }
        };
        categories().map(choice).collect()
    }

    /// Parses the fields into a change of `policy`, or into a new policy of the persona, or returns every error.
    pub fn policy(&self, persona: PersonaId, policy: Option<PolicyId>) -> Result<PolicyDraft, FormErrors> {
        let mut errors = FormErrors::default();
        let name = errors.keep("name", DisplayName::parse(&self.name));
        let description = errors.keep("description", Description::parse(&self.description));
        let effect = Effect::find(&self.effect).ok_or_else(|| "must be `allow` or `deny`".to_owned());
        let effect = errors.keep("effect", effect);
        let category = categories().find(|category| category.name() == self.category);
        let category = category.ok_or_else(|| "must be `metadata`, `data`, `glossary` or `domain`".to_owned());
        let category = errors.keep("category", category);
        let actions = category.and_then(|category| errors.keep("actions", self.chosen(category)));
        let resources = errors.keep("resources", self.patterns());
        let resources = resources.and_then(|patterns| errors.keep("resources", parse_resources(&patterns)));
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(PolicyDraft {
            head: Head {
                handle: policy.map_or(Handle::Unnamed, |id| Handle::Known(id.uuid())),
                name,
                ..Head::default()
            },
            persona: Some(PersonaReference::Id(persona.uuid())),
            description,
            category,
            effect,
            actions,
            resources,
            enabled: Some(self.enabled),
        })
    }

    fn chosen(&self, category: Category) -> Result<Vec<String>, String> {
        let chosen = self.actions.iter().find(|(name, _)| *name == category.name());
        let actions = chosen.map_or_else(Vec::new, |(_, actions)| actions.clone());
        match actions.iter().find(|action| !category.actions().any(|known| known == **action)) {
            Some(_) => {
                let all: Vec<String> = category.actions().map(|action| format!("`{action}`")).collect();
                Err(format!("must be among {}", all.join(", ")))
            }
            None if actions.is_empty() => Err("choose at least one".to_owned()),
            None => Ok(actions),
        }
    }

    /// The resources as Atlan's clients write them: `entity:<pattern>` and `entity-type:<pattern>`.
    fn patterns(&self) -> Result<Vec<String>, String> {
        let names = self.resources.lines().map(str::trim).filter(|name| !name.is_empty());
        let names = names.map(|name| format!("entity:{}", name.strip_prefix("entity:").unwrap_or(name)));
        let split = |each: char| each == ',' || each.is_whitespace();
        let types = self.types.split(split).filter(|name| !name.is_empty()).map(|name| format!("entity-type:{name}"));
        let mut patterns: Vec<String> = names.collect();
        if patterns.is_empty() {
            return Err("name at least one, or `*` for everything".to_owned());
        }
        patterns.extend(types);
        if patterns.len() > MEMBERS || !patterns.iter().all(|pattern| is_listed(pattern)) {
            return Err(format!("{LISTED}, at most {MEMBERS} of them"));
        }
        Ok(patterns)
    }
}

/// A category, with its actions.
pub struct CategoryChoice {
    pub name: &'static str,
    pub says: &'static str,
    pub is_chosen: bool,
    pub actions: Vec<ActionChoice>,
}

/// An action, and what it lets one do.
pub struct ActionChoice {
    pub name: &'static str,
    pub says: &'static str,
    pub is_chosen: bool,
}

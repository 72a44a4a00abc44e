//! Criteria: which resources a policy applies to.

use serde::{Deserialize, Serialize};

use super::Category;
use crate::domain::asset::is_urn;

/// A condition on the resource, the subject or the action of a question: met when any of its values meets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Criterion {
    /// The facet that is compared.
    pub field: Facet,
    /// The condition that the facet must meet.
    pub condition: Condition,
    /// The values it is compared with.
    pub values: Vec<String>,
}

impl Criterion {
    /// The resources that one of Atlan's patterns covers.
    #[must_use]
    pub fn covers(patterns: Vec<String>) -> Self {
        Self { field: Facet::Name, condition: Condition::Covers, values: patterns }
    }
}

/// The part of a resource, a subject or an action that a criterion compares. For DataHub's field names see
/// [`Facet::parse`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facet {
    /// The resource's qualified name or URN.
    Name,
    /// The resource's type.
    Type,
    /// A property of the resource.
    Resource(String),
    /// A property of the subject.
    Subject(String),
    /// A property of the action.
    Action(String),
}

impl Facet {
    /// Parses DataHub's field names: `URN`, `TYPE`, or a property of the resource; the prefixes `subject.` and
    /// `action.` name properties of those.
    #[must_use]
    pub fn parse(field: &str) -> Self {
        match field.split_once('.') {
            Some(("subject", property)) => Self::Subject(property.to_owned()),
            Some(("action", property)) => Self::Action(property.to_owned()),
            Some(("resource", property)) => Self::Resource(property.to_owned()),
            _ => match field {
                "URN" => Self::Name,
                "TYPE" => Self::Type,
                property => Self::Resource(property.to_owned()),
            },
        }
    }

    /// The field name that [`Facet::parse`] reads.
    #[must_use]
    pub fn field(&self) -> String {
        match self {
            Self::Name => "URN".to_owned(),
            Self::Type => "TYPE".to_owned(),
            // The prefix keeps [`Facet::parse`] from reading it as something else.
            Self::Resource(property) if Self::parse(property) != *self => format!("resource.{property}"),
            Self::Resource(property) => property.clone(),
            Self::Subject(property) => format!("subject.{property}"),
            Self::Action(property) => format!("action.{property}"),
        }
    }
}

/// How a criterion compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The text equals a value.
    Equals,
    /// The text begins with the value.
    StartsWith,
    /// The text equals none of the values, or is absent.
    NotEquals,
    /// Atlan's resource pattern: `*` stands for anything. What lies beneath the named asset is covered too: names that
    /// continue with `/`, and for glossary policies names whose part before the first `/` ends with `@` and the value.
    Covers,
}

/// The names that match one alternative of a resource pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// Literal texts with anything between them.
    pub pieces: Vec<String>,
    /// Whether it is compared with what stands before the first slash of a name ([`root_of`](crate::domain::asset::root_of))
    /// instead of the whole.
    pub is_of_root: bool,
}

/// The alternatives that Atlan's resource pattern stands for. Only a glossary policy covers what lies beneath a
/// glossary by the end of its name, or of the first part of its name. A pattern without wildcards covers nothing but what
/// [`is_within`](crate::domain::asset::is_within) it.
#[must_use]
pub fn covering(pattern: &str, category: Category) -> Vec<Pattern> {
    let names = |text: &str, is_of_root| Pattern { pieces: text.split('*').map(str::to_owned).collect(), is_of_root };
    let mut alternatives = vec![names(pattern, false)];
    if pattern.is_empty() || pattern.ends_with('*') || is_urn(pattern) {
        return alternatives;
    }
    alternatives.push(names(&format!("{pattern}/*"), false));
    if category == Category::Glossary && !pattern.contains('/') {
        alternatives.push(names(&format!("*@{pattern}"), true));
    }
    alternatives
}

impl Condition {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Equals, "EQUALS"),
        (Self::StartsWith, "STARTS_WITH"),
        (Self::NotEquals, "NOT_EQUALS"),
        (Self::Covers, "COVERS"),
    ];

    /// DataHub's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(condition, _)| *condition == self).map_or("", |(_, name)| name)
    }

    /// The condition with that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(condition, _)| *condition)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facets() -> impl Strategy<Value = Facet> {
        let property = "((resource|subject|action|URN|TYPE|[a-z.]{0,3})\\.?){0,3}|\\PC{0,8}";
        prop_oneof![
            Just(Facet::Name),
            Just(Facet::Type),
            property.prop_map(Facet::Resource),
            property.prop_map(Facet::Subject),
            property.prop_map(Facet::Action),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_of_a_facet_is_read_as_the_same(facet in facets()) {
            prop_assert_eq!(Facet::parse(&facet.field()), facet);
        }

        #[test]
        fn what_is_read_of_a_field_is_written_as_what_means_the_same(field in "\\PC{0,12}") {
            prop_assert_eq!(Facet::parse(&Facet::parse(&field).field()), Facet::parse(&field));
        }
    }

    #[test]
    fn the_names_of_conditions_are_found() {
        for (condition, name) in Condition::ALL {
            assert_eq!((Condition::find(name), condition.name()), (Some(condition), name));
        }
    }
}

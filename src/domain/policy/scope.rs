//! What the resources of a rule lie within: the question of who has authority over a policy begins with it.

use std::collections::BTreeSet;

use super::{Condition, Criterion, Facet, Rule};

/// What all resources that a rule is about lie within.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Each resource has one of these qualified names, or lies beneath one of them; of a glossary also what its name
    /// says is in it. Without any name the rule is about no resource.
    Within(BTreeSet<String>),
    /// No name bounds it.
    Unbounded,
}

impl Rule {
    /// What its resources lie within. A resource must meet every criterion, so one that looks at the name bounds it.
    #[must_use]
    pub fn scope(&self) -> Scope {
        let bounds = self.resources.iter().filter_map(names);
        // Fewer names are more likely to be within one object.
        bounds.min_by_key(BTreeSet::len).map_or(Scope::Unbounded, Scope::Within)
    }
}

/// The names that a criterion keeps its resources within, if it does.
fn names(criterion: &Criterion) -> Option<BTreeSet<String>> {
    if criterion.field != Facet::Name {
        return None;
    }
    let within = |value: &String| match criterion.condition {
        Condition::Equals => Some(value.clone()),
        Condition::StartsWith => parent(value),
        Condition::NotEquals => None,
        Condition::Covers => match value.split_once('*') {
            None => Some(value.clone()),
            Some((literal, _)) => parent(literal),
        },
    };
    criterion.values.iter().map(within).collect()
}

/// What everything that begins with this text lies beneath.
fn parent(beginning: &str) -> Option<String> {
    let (parent, _) = beginning.rsplit_once('/')?;
    (!parent.is_empty()).then(|| parent.to_owned())
}

/// Whether a qualified name is that of an object, or lies beneath it.
#[must_use]
pub fn is_within(qualified_name: &str, object: &str) -> bool {
    let rest = qualified_name.strip_prefix(object);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::{Category, Effect, Subjects};

    fn scope(criteria: &[(Facet, Condition, &[&str])]) -> Scope {
        let criterion = |(field, condition, values): &(Facet, Condition, &[&str])| Criterion {
            field: field.clone(),
            condition: *condition,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let rule = Rule {
            category: Category::Metadata,
            effect: Effect::Allow,
            actions: Vec::new(),
            resources: criteria.iter().map(criterion).collect(),
            subjects: Subjects::default(),
        };
        rule.scope()
    }

    fn within(names: &[&str]) -> Scope {
        Scope::Within(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_pattern_is_bounded_by_what_stands_before_its_first_wildcard() {
        for (pattern, expected) in [
            ("default/a/1", within(&["default/a/1"])),
            ("default/a/1/*", within(&["default/a/1"])),
            ("default/a/1*", within(&["default/a"])),
            ("default/a/1/*/t", within(&["default/a/1"])),
            ("default/a/1/d*/t", within(&["default/a/1"])),
            ("*", Scope::Unbounded),
            ("*/t", Scope::Unbounded),
            ("gl*", Scope::Unbounded),
            ("/*", Scope::Unbounded),
        ] {
            assert_eq!(scope(&[(Facet::Name, Condition::Covers, &[pattern])]), expected, "{pattern}");
        }
    }

    #[test]
    fn one_criterion_on_the_name_is_enough_and_no_other_bounds() {
        let kind = (Facet::Type, Condition::Equals, ["Table"].as_slice());
        let name = (Facet::Name, Condition::Equals, ["default/a/1"].as_slice());
        let all = (Facet::Name, Condition::Covers, ["*"].as_slice());
        assert_eq!(scope(&[]), Scope::Unbounded);
        assert_eq!(scope(std::slice::from_ref(&kind)), Scope::Unbounded);
        assert_eq!(scope(&[kind, all, name]), within(&["default/a/1"]));
        assert_eq!(scope(&[(Facet::Name, Condition::NotEquals, &["default/a/1"])]), Scope::Unbounded);
        assert_eq!(scope(&[(Facet::Name, Condition::StartsWith, &["default/a/1"])]), within(&["default/a"]));
        assert_eq!(scope(&[(Facet::Name, Condition::Equals, &["a/1", "b/2"])]), within(&["a/1", "b/2"]));
        assert_eq!(scope(&[(Facet::Name, Condition::Covers, &["a/1", "*"])]), Scope::Unbounded);
        assert_eq!(scope(&[(Facet::Name, Condition::Covers, &[])]), within(&[]));
    }

    #[test]
    fn only_what_follows_a_slash_lies_within() {
        assert!(is_within("default/a/1", "default/a/1") && is_within("default/a/1/t", "default/a/1"));
        assert!(!is_within("default/a/12", "default/a/1") && !is_within("default/a", "default/a/1"));
    }
}

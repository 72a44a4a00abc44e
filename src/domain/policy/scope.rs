//! Scopes: the names that the resources of a rule lie within. Deciding who has authority over a policy begins with its
//! scope.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{Condition, Criterion, Facet, Rule};
use crate::domain::asset::{ancestors, is_urn};

/// The names that all resources of a rule lie within.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Each resource has one of these qualified names or lies beneath one of them, including what lies in a glossary by
    /// its name. Empty means the rule has no resource.
    Within(BTreeSet<String>),
    /// No name bounds the resources.
    Unbounded,
}

impl Rule {
    /// The scope of its resources. A resource must meet every criterion, so a criterion on the name bounds them all.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::of(&self.resources)
    }
}

/// Where something is allowed or denied: some actions on the resources within a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    scope: Scope,
    /// `None` means every action.
    actions: Option<BTreeSet<String>>,
}

impl Extent {
    /// Every action on the resources within a scope.
    #[must_use]
    pub fn every_action(scope: Scope) -> Self {
        Self { scope, actions: None }
    }

    /// These actions on resources that meet all criteria.
    #[must_use]
    pub fn of(actions: &[String], resources: &[Criterion]) -> Self {
        Self { scope: Scope::of(resources), actions: Some(actions.iter().cloned().collect()) }
    }

    /// Whether an action on a resource can lie within both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let share_an_action = match (&self.actions, &other.actions) {
            (Some(one), Some(two)) => !one.is_disjoint(two),
            (Some(actions), None) | (None, Some(actions)) => !actions.is_empty(),
            (None, None) => true,
        };
        share_an_action && self.scope.overlaps(&other.scope)
    }
}

/// Many extents, in a form that tells without comparing them one by one whether another one overlaps any of them.
#[derive(Debug, Default)]
pub struct Extents {
    by_action: HashMap<String, Places>,
    of_every_action: Places,
}

/// The names that scopes cover, indexed.
#[derive(Debug, Default)]
struct Places {
    /// Whether any scope was added.
    are_any: bool,
    are_unbounded: bool,
    names: HashSet<String>,
    /// Every prefix (asset above) of `names`.
    above: HashSet<String>,
}

impl<'a> FromIterator<&'a Extent> for Extents {
    fn from_iter<I: IntoIterator<Item = &'a Extent>>(extents: I) -> Self {
        let mut all = Self::default();
        for extent in extents {
            match &extent.actions {
                None => all.of_every_action.add(&extent.scope),
                Some(actions) => {
                    for action in actions {
                        all.by_action.entry(action.clone()).or_default().add(&extent.scope);
                    }
                }
            }
        }
        all
    }
}

impl Extents {
    /// Whether one of them overlaps this extent.
    #[must_use]
    pub fn overlap(&self, extent: &Extent) -> bool {
        let overlaps = |places: &Places| places.overlap(&extent.scope);
        match &extent.actions {
            None => self.by_action.values().any(overlaps) || overlaps(&self.of_every_action),
            Some(actions) => {
                let of_action = |action| self.by_action.get(action).is_some_and(overlaps);
                actions.iter().any(of_action) || !actions.is_empty() && overlaps(&self.of_every_action)
            }
        }
    }
}

impl Places {
    fn add(&mut self, scope: &Scope) {
        self.are_any = true;
        match scope {
            Scope::Unbounded => self.are_unbounded = true,
            Scope::Within(names) => {
                self.above.extend(names.iter().flat_map(|name| ancestors(name)).map(str::to_owned));
                self.names.extend(names.iter().cloned());
            }
        }
    }

    fn overlap(&self, scope: &Scope) -> bool {
        let Scope::Within(names) = scope else { return self.are_any };
        let is_among = |name: &String| {
            self.names.contains(name)
                || self.above.contains(name)
                || ancestors(name).iter().any(|above| self.names.contains(*above))
        };
        self.are_unbounded || names.iter().any(is_among)
    }
}

/// The names that a criterion restricts resources to, if any.
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

impl Scope {
    /// The scope of the resource with this qualified name and of all beneath it.
    #[must_use]
    pub fn at(qualified_name: &str) -> Self {
        Self::Within(BTreeSet::from([qualified_name.to_owned()]))
    }

    /// The scope of resources that meet all of these criteria.
    #[must_use]
    pub fn of(resources: &[Criterion]) -> Self {
        let bounds = resources.iter().filter_map(names);
        // Fewer names are more likely to be within one object.
        bounds.min_by_key(BTreeSet::len).map_or(Self::Unbounded, Self::Within)
    }

    /// Adds the resources within another scope.
    pub fn add(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Within(names), Self::Within(others)) => names.extend(others.iter().cloned()),
            _ => *self = Self::Unbounded,
        }
    }

    /// Whether a resource can lie within both scopes.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let (Self::Within(one), Self::Within(two)) = (self, other) else { return true };
        let any_in = |names: &BTreeSet<String>, objects: &BTreeSet<String>| {
            let is_in =
                |name: &String| objects.contains(name) || ancestors(name).iter().any(|it| objects.contains(*it));
            names.iter().any(is_in)
        };
        any_in(one, two) || any_in(two, one)
    }
}

/// The name beneath which all names with this beginning lie. Nothing lies beneath a URN.
fn parent(beginning: &str) -> Option<String> {
    if is_urn(beginning) {
        return None;
    }
    let (parent, _) = beginning.rsplit_once('/')?;
    (!parent.is_empty()).then(|| parent.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::asset::is_within;
    use crate::domain::policy::{Category, Effect, Patterns, Subjects};

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
    fn nothing_that_begins_as_a_urn_does_is_bounded_by_a_part_of_it() {
        for pattern in ["urn:li:dataset:(hdfs,/*", "urn:li:dataset:(hdfs,/data*"] {
            assert_eq!(scope(&[(Facet::Name, Condition::Covers, &[pattern])]), Scope::Unbounded, "{pattern}");
        }
        let begins = (Facet::Name, Condition::StartsWith, ["urn:li:dataset:(hdfs,/"].as_slice());
        assert_eq!(scope(&[begins]), Scope::Unbounded);
    }

    #[test]
    fn extents_overlap_where_they_share_an_action_and_a_resource() {
        let extent = |actions: &[&str], name: &str| Extent {
            scope: within(&[name]),
            actions: Some(actions.iter().map(|action| (*action).to_owned()).collect()),
        };
        let read = extent(&["read"], "a/1");
        assert!(read.overlaps(&extent(&["update", "read"], "a/1/t")));
        assert!(!read.overlaps(&extent(&["update"], "a/1/t")));
        assert!(!read.overlaps(&extent(&["read"], "a/2")));
        assert!(read.overlaps(&Extent::every_action(Scope::Unbounded)));
        assert!(!Extent::every_action(within(&["a/2"])).overlaps(&read));
        assert!(!extent(&[], "a/1").overlaps(&read));
    }

    #[test]
    fn scopes_overlap_where_one_lies_within_the_other() {
        let pairs = [
            (within(&["a/1"]), within(&["a/1/t"]), true),
            (within(&["a/1/t"]), within(&["b", "a/1"]), true),
            (within(&["a/1"]), within(&["a/12", "a/2"]), false),
            (within(&["term@gl"]), within(&["gl"]), true),
            (within(&[]), within(&["gl"]), false),
            (Scope::Unbounded, within(&["gl"]), true),
        ];
        for (one, two, expected) in pairs {
            assert_eq!((one.overlaps(&two), two.overlaps(&one)), (expected, expected), "{one:?} {two:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn a_pattern_covers_what_lies_within_its_scope_and_nothing_else(
            pattern in "(urn:)?[ab@/]{0,4}\\*?[ab@/]{0,2}",
            name in "(urn:)?[ab@/]{0,5}(urn:)?[ab@/]{0,3}",
        ) {
            for category in [Category::Metadata, Category::Glossary] {
                let criterion = Criterion::covers(vec![pattern.clone()]);
                let covers = criterion.patterns(category).into_iter().collect::<Patterns>().match_name(&name);
                let Scope::Within(names) = Scope::of(&[criterion]) else { continue };
                let lies_within = names.iter().any(|object| is_within(&name, object));
                prop_assert!(!covers || lies_within, "{pattern} covers {name}, which is not within {names:?}");
                if category == Category::Glossary && !pattern.contains(['*', '/']) {
                    prop_assert_eq!(covers, lies_within);
                }
            }
            let (one, two) = (Scope::at(&name), Scope::at(&pattern));
            prop_assert_eq!(one.overlaps(&two), is_within(&name, &pattern) || is_within(&pattern, &name));
        }
    }

    #[test]
    fn many_extents_overlap_what_one_of_them_overlaps() {
        let scopes = [
            Scope::Unbounded,
            Scope::Within(BTreeSet::new()),
            Scope::at("default/a"),
            Scope::at("default/a/b"),
            Scope::at("default/c"),
            Scope::Within(["default/a/b/c", "default/d"].map(str::to_owned).into()),
        ];
        let actions: [&[&str]; 4] = [&[], &["read"], &["read", "write"], &["write"]];
        let mut extents = Vec::new();
        for scope in scopes {
            extents.push(Extent::every_action(scope.clone()));
            for actions in actions {
                let actions = Some(actions.iter().map(|action| (*action).to_owned()).collect());
                extents.push(Extent { scope: scope.clone(), actions });
            }
        }
        for (one, two) in extents.iter().flat_map(|one| extents.iter().map(move |two| (one, two))) {
            let both: Extents = [one, two].into_iter().collect();
            for extent in &extents {
                assert_eq!(
                    both.overlap(extent),
                    one.overlaps(extent) || two.overlaps(extent),
                    "{one:?} {two:?} {extent:?}"
                );
            }
        }
    }
}

//! Sets of name patterns. A policy can name a thousand assets, and a subject can have thousands of policies: a set is
//! built once, and then tells in a few look-ups whether a name matches any of its patterns.

use std::collections::{BTreeSet, HashSet};

use super::{Category, Condition, Criterion, Facet, Pattern, Rule, covering};
use crate::domain::asset::root_of;

/// A set of patterns.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Patterns {
    /// Patterns without a wildcard.
    whole: HashSet<String>,
    /// Patterns that end with their only wildcard, without it.
    beginnings: HashSet<String>,
    /// The lengths of the beginnings: only these parts of a name are looked up.
    lengths: BTreeSet<usize>,
    /// All other patterns, which are compared one by one.
    others: Vec<Pattern>,
}

impl Patterns {
    /// Whether the name matches any of them.
    #[must_use]
    pub fn match_name(&self, name: &str) -> bool {
        let begins = |length: &usize| name.get(..*length).is_some_and(|part| self.beginnings.contains(part));
        self.whole.contains(name)
            || self.lengths.range(..=name.len()).any(begins)
            || self.others.iter().any(|pattern| pattern.matches(name))
    }
}

impl FromIterator<Pattern> for Patterns {
    fn from_iter<T: IntoIterator<Item = Pattern>>(patterns: T) -> Self {
        let mut set = Self::default();
        for mut pattern in patterns {
            match (pattern.pieces.as_mut_slice(), pattern.is_of_root) {
                ([whole], false) => {
                    set.whole.insert(std::mem::take(whole));
                }
                ([beginning, rest], false) if rest.is_empty() => {
                    set.lengths.insert(beginning.len());
                    set.beginnings.insert(std::mem::take(beginning));
                }
                _ => set.others.push(pattern),
            }
        }
        set
    }
}

impl Pattern {
    /// Names that begin with this text.
    #[must_use]
    pub fn beginning(text: &str) -> Self {
        Self { pieces: vec![text.to_owned(), String::new()], is_of_root: false }
    }

    /// The one name that is this text.
    #[must_use]
    pub fn whole(text: &str) -> Self {
        Self { pieces: vec![text.to_owned()], is_of_root: false }
    }

    /// Whether the name matches. Takes each piece at its first place after the one before, which is right because anything may
    /// stand between them.
    fn matches(&self, name: &str) -> bool {
        let name = if self.is_of_root { root_of(name) } else { name };
        let Some((first, rest)) = self.pieces.split_first() else { return false };
        let Some((last, between)) = rest.split_last() else { return name == first };
        let Some(mut rest) = name.strip_prefix(first.as_str()) else { return false };
        for piece in between {
            match rest.find(piece.as_str()) {
                Some(place) => rest = &rest[place + piece.len()..],
                None => return false,
            }
        }
        rest.ends_with(last.as_str())
    }
}

impl Criterion {
    /// The patterns of what it is compared with. [`Condition::NotEquals`] is met by what matches none of them, every other
    /// condition by what matches any.
    #[must_use]
    pub fn patterns(&self, category: Category) -> Vec<Pattern> {
        let values = self.values.iter();
        match self.condition {
            Condition::Equals | Condition::NotEquals => values.map(|value| Pattern::whole(value)).collect(),
            Condition::StartsWith => values.map(|value| Pattern::beginning(value)).collect(),
            Condition::Covers => {
                let is_possible = |pattern: &Pattern| self.field == Facet::Name || !pattern.is_of_root;
                values.flat_map(|value| covering(value, category)).filter(is_possible).collect()
            }
        }
    }
}

/// What a rule demands of the name of a resource.
#[derive(Debug, Default)]
pub(super) struct NameTest {
    /// One for each criterion on the name, and whether it is met by names that match none of the patterns.
    criteria: Vec<(Patterns, Met)>,
}

/// By which names a criterion is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    /// Those that match a pattern.
    ByMatch,
    /// Those that match none.
    ByMiss,
}

impl NameTest {
    /// The test of a rule. The platform has no name.
    pub(super) fn of(rule: &Rule) -> Self {
        let Rule { category, resources, .. } = rule;
        if *category == Category::Platform {
            return Self::default();
        }
        let on_name = resources.iter().filter(|criterion| criterion.field == Facet::Name);
        let test = |criterion: &Criterion| {
            let met = if criterion.condition == Condition::NotEquals { Met::ByMiss } else { Met::ByMatch };
            (criterion.patterns(*category).into_iter().collect(), met)
        };
        Self { criteria: on_name.map(test).collect() }
    }

    /// Whether a resource of that name passes.
    pub(super) fn passes(&self, name: &str) -> bool {
        self.criteria.iter().all(|(patterns, met)| patterns.match_name(name) == (*met == Met::ByMatch))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether a name matches, by trying every length of what a wildcard stands for.
    fn by_trying(pieces: &[String], name: &str) -> bool {
        match pieces {
            [] => false,
            [last] => name == last,
            [first, rest @ ..] => name.strip_prefix(first.as_str()).is_some_and(|left| {
                let places = left.char_indices().map(|(place, _)| place).chain([left.len()]);
                places.into_iter().any(|place| by_trying(rest, &left[place..]))
            }),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_set_matches_what_any_of_its_patterns_matches(
            patterns in prop::collection::vec(("[ab/é*]{0,6}", prop::bool::weighted(0.2)), 0..5),
            name in "[ab/é]{0,7}",
        ) {
            let patterns: Vec<Pattern> = patterns.into_iter().map(|(text, is_of_root)| {
                Pattern { pieces: text.split('*').map(str::to_owned).collect(), is_of_root }
            }).collect();
            let fits = |each: &Pattern| by_trying(&each.pieces, if each.is_of_root { root_of(&name) } else { &name });
            let expected = patterns.iter().any(fits);
            prop_assert_eq!(patterns.into_iter().collect::<Patterns>().match_name(&name), expected);
        }
    }
}

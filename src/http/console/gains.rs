//! What a change of policies or personas gives and takes, in words.

use std::collections::HashMap;

use super::SignedInRequest;
use super::key_names;
use super::words::{ActionWords, resources};
use crate::domain::ids::PrincipalId;
use crate::domain::policy::{Condition, Criterion, Facet};
use crate::domain::principal::Principal;
use crate::http::problem::Failure;
use crate::service::authz::compare::{AccessComparison, Difference, DifferenceKind, Group};

/// The most members of a group that are named.
const NAMED: usize = 12;

/// The differences that a change would make, for `gains.html`.
pub struct Gains {
    pub groups: Vec<GainGroup>,
    /// Whether not everything was compared.
    pub is_partial: bool,
    /// Whether others than the user were compared.
    pub is_about_others: bool,
}

/// Keys and users to which the change makes the same differences.
pub struct GainGroup {
    pub members: Vec<MemberLink>,
    /// How many more there are.
    pub more: usize,
    /// Empty if nothing changes.
    pub lines: Vec<GainLine>,
}

/// A key with a link to its page, or a user.
pub struct MemberLink {
    pub name: String,
    /// Relative to the start of this server.
    pub to: Option<String>,
}

/// The actions that are gained or lost, or stay as they are, on the same resources.
pub struct GainLine {
    /// The CSS class of its state.
    pub class: &'static str,
    /// `Gains`, `Loses`, `Keeps` or `Still refused`.
    pub what: &'static str,
    pub actions: Vec<ActionWords>,
    pub resources: String,
    /// What keeps it as it is, if known.
    pub because: String,
}

impl Gains {
    /// The differences in words, with the names of the keys.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn of(request: &SignedInRequest, comparison: AccessComparison) -> Result<Self, Failure> {
        let members = comparison.groups.iter().flat_map(|group| group.members.iter().take(NAMED));
        let ids: Vec<PrincipalId> = members.filter(|each| each.client_id().is_some()).map(|each| each.id).collect();
        let names = key_names::names(request, &ids).await?;
        // Groups with differences come first.
        let mut groups = comparison.groups;
        groups.sort_by_key(|group| group.differences.is_empty());
        Ok(Self {
            groups: groups.into_iter().map(|group| GainGroup::of(group, &names)).collect(),
            is_partial: comparison.is_partial,
            is_about_others: comparison.is_about_others,
        })
    }
}

impl GainGroup {
    fn of(group: Group, names: &HashMap<PrincipalId, String>) -> Self {
        let link = |principal: &Principal| MemberLink {
            name: names.get(&principal.id).cloned().unwrap_or_else(|| principal.username().to_string()),
            to: principal.client_id().map(|_| format!("keys/{}", principal.id)),
        };
        Self {
            members: group.members.iter().take(NAMED).map(link).collect(),
            more: group.members.len().saturating_sub(NAMED),
            lines: lines(group.differences),
        }
    }
}

/// Groups differences that differ in the action only.
fn lines(differences: Vec<Difference>) -> Vec<GainLine> {
    let mut lines: Vec<(Difference, GainLine)> = Vec::new();
    for each in differences {
        let is_alike = |(other, _): &&mut (Difference, GainLine)| {
            other.kind == each.kind
                && (&other.pattern, &other.type_name, &other.because) == (&each.pattern, &each.type_name, &each.because)
        };
        if let Some((_, line)) = lines.iter_mut().find(is_alike) {
            line.actions.push(ActionWords::of(&each.action));
            continue;
        }
        let (class, what) = match each.kind {
            DifferenceKind::Gained => ("active", "Gains"),
            DifferenceKind::Lost => ("denied", "Loses"),
            DifferenceKind::StillAllowed => ("expired", "Keeps"),
            DifferenceKind::StillRefused => ("expired", "Still refused"),
        };
        let kind = Criterion { field: Facet::Type, condition: Condition::Equals, values: vec![each.type_name.clone()] };
        let criteria = [Criterion::covers(vec![each.pattern.clone()]), kind];
        let known = if each.type_name.is_empty() { &criteria[..1] } else { &criteria[..] };
        let line = GainLine {
            class,
            what,
            actions: vec![ActionWords::of(&each.action)],
            resources: resources(known),
            because: each.because.join(", "),
        };
        lines.push((each, line));
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

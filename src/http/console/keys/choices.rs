//! The choices in a key form: personas, permissions, lifetimes.

use super::draft::{Draft, FIELDS};
use crate::clock::DAY;
use crate::domain::error::Error;
use crate::domain::filter::Filter;
use crate::domain::ids::PersonaId;
use crate::domain::listing::Query;
use crate::domain::permission::Permission;
use crate::domain::persona::{Persona, PersonaRef};
use crate::http::console::SignedInRequest;
use crate::http::console::changed::persona_names;
use crate::http::console::form::{FormErrors, NotDone};
use crate::http::console::policies::PolicyView;
use crate::http::console::words::{DisplayTime, meaning, policies};
use crate::http::problem::Failure;
use crate::service::catalogue::personas;
use crate::service::keys::changeable;

/// The choices that a key form offers.
pub struct Choices {
    pub personas: Vec<PersonaChoice>,
    /// Whether there are more personas than are offered.
    pub more_personas: bool,
    pub permissions: Vec<PermissionChoice>,
    pub lifetimes: Vec<Lifetime>,
}

pub struct PersonaChoice {
    /// `None` for one that is chosen and not listed.
    pub id: Option<PersonaId>,
    pub qualified_name: String,
    pub name: String,
    pub description: String,
    pub is_chosen: bool,
    pub is_enabled: bool,
    /// Whether the user may not link a key to it.
    pub is_refused: bool,
    /// What its policies allow and forbid, in words: those that the user may read.
    pub says: Vec<String>,
}

pub struct PermissionChoice {
    pub name: &'static str,
    pub title: &'static str,
    pub says: &'static str,
    pub is_chosen: bool,
    /// Whether the signed-in user holds it.
    pub is_held: bool,
}

pub struct Lifetime {
    pub value: &'static str,
    pub text: &'static str,
    /// When a key created now would expire.
    pub ends: Option<DisplayTime>,
    pub is_chosen: bool,
}

/// What a persona allows and forbids, in words, and that something is hidden.
async fn says(request: &SignedInRequest, id: PersonaId) -> Result<Vec<String>, Failure> {
    match personas::policies(&request.state.service, &request.actor, id).await {
        Ok(found) => {
            let enabled = found.policies.into_iter().filter(|policy| policy.enabled);
            let says = if found.hidden == 1 { "says" } else { "say" };
            let hidden = format!("What {} {says} that you may not read", policies(found.hidden));
            let hidden = (found.hidden > 0).then_some(hidden);
            Ok(enabled.map(PolicyView::of).map(|view| view.sentence()).chain(hidden).collect())
        }
        // Deleted since it was listed.
        Err(Error::NotFound { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// How many personas say what they allow: each is a read of its policies. The others have a page that says it.
const DESCRIBED: usize = 20;

/// The most personas that are offered.
const PERSONAS: i64 = 500;

const LIFETIMES: [(&str, &str, i64); 4] =
    [("7", "7 days", 7), ("30", "30 days", 30), ("90", "90 days", 90), ("365", "1 year", 365)];

/// The display names of those of these personas that the user may not link a key to; empty if there are none.
///
/// # Errors
/// When the storage fails.
pub async fn refused_names(request: &SignedInRequest, names: &[String]) -> Result<String, Failure> {
    let (service, actor) = (&request.state.service, &request.actor);
    let refused = changeable::refused_personas(service, actor, names.to_vec()).await?;
    let known = persona_names(request, refused.iter().map(String::as_str)).await?;
    let shown = |name: &String| known.get(name).unwrap_or(name).clone();
    let mut refused: Vec<String> = refused.iter().map(shown).collect();
    refused.sort_unstable();
    Ok(refused.join(", "))
}

/// Why a key was not saved. What is refused because of its personas is said beside them, with their names; `linked` are those
/// that it has.
///
/// # Errors
/// Those that the user cannot correct.
pub async fn not_saved(
    request: &SignedInRequest,
    draft: &Draft,
    linked: &[PersonaRef],
    error: Error,
) -> Result<NotDone, Failure> {
    if matches!(error, Error::Forbidden(_)) {
        let is_linked = |name: &String| linked.iter().any(|persona| persona.qualified_name == *name);
        let new: Vec<String> = draft.personas.iter().filter(|name| !is_linked(name)).cloned().collect();
        let refused = refused_names(request, &new).await?;
        if !refused.is_empty() {
            let mut errors = FormErrors::default();
            errors.add("persona", format!("you cannot link {refused}: it may allow more than you may do yourself"));
            return Ok(errors.into());
        }
    }
    NotDone::of(error, &FIELDS)
}

impl Choices {
    /// The choices for the signed-in user; those of the draft are chosen.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn of(request: &SignedInRequest, draft: &Draft) -> Result<Self, Failure> {
        let query = Query::first_page(Filter::EVERYTHING, "name", PERSONAS)?;
        let found = personas::list(&request.state.service, &request.actor, query).await?;
        let persona = |persona: Persona| PersonaChoice {
            is_chosen: draft.personas.contains(&persona.qualified_name),
            qualified_name: persona.qualified_name,
            name: persona.display_name,
            description: persona.description,
            is_enabled: persona.enabled,
            is_refused: false,
            says: Vec::new(),
            id: Some(persona.id),
        };
        let permission = |permission: Permission| {
            let (title, says) = meaning(permission);
            PermissionChoice {
                name: permission.name(),
                title,
                says,
                is_chosen: draft.permissions.iter().any(|name| name == permission.name()),
                is_held: request.actor.permissions().contains(permission),
            }
        };
        let now = request.now();
        let lifetime = |(value, text, days): (&'static str, &'static str, i64)| Lifetime {
            value,
            text,
            ends: DisplayTime::of(now + days * DAY, now),
            is_chosen: draft.lifetime == value,
        };
        let more_personas = found.next.is_some();
        let mut personas: Vec<PersonaChoice> = found.records.into_iter().map(persona).collect();
        // A chosen persona beyond those that are listed stays chosen: saving the form would unlink it otherwise.
        for name in draft.personas.iter().filter(|_| more_personas) {
            if personas.iter().all(|persona| persona.qualified_name != *name) {
                personas.push(PersonaChoice {
                    qualified_name: name.clone(),
                    name: name.clone(),
                    description: String::new(),
                    is_chosen: true,
                    is_enabled: true,
                    is_refused: false,
                    says: Vec::new(),
                    id: None,
                });
            }
        }
        let names = personas.iter().map(|persona| persona.qualified_name.clone()).collect();
        let refused = changeable::refused_personas(&request.state.service, &request.actor, names).await?;
        for persona in &mut personas {
            persona.is_refused = refused.contains(&persona.qualified_name);
        }
        // Chosen personas come first, because the list may be long.
        personas.sort_by_key(|persona| !persona.is_chosen);
        for (persona, id) in
            personas.iter_mut().filter_map(|persona| persona.id.map(|id| (persona, id))).take(DESCRIBED)
        {
            persona.says = says(request, id).await?;
        }
        Ok(Self {
            personas,
            more_personas,
            permissions: Permission::ALL.map(permission).into(),
            lifetimes: LIFETIMES.map(lifetime).into(),
        })
    }
}

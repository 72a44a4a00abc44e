//! Decisions about any principal, for actors that may ask: the policy decision point (PDP).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::domain::actor::{Actor, Standing};
use crate::domain::error::{Result, Violation};
use crate::domain::ids::PrincipalId;
use crate::domain::permission::Permission;
use crate::domain::policy::Decision;
use crate::domain::principal::{Principal, PrincipalKind};
use crate::service::authz::inquiry::Inquiry;
use crate::service::{Service, blocking};
use crate::storage::database::AnyConnection;
use crate::storage::{candidates, principals, standings};

/// The subject of a question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct About {
    kinds: &'static [PrincipalKind],
    name: String,
}

/// The kinds of principals that a subject type stands for; none for an unknown type. Gateways of the Model Context
/// Protocol ask about `identity`, with the `sub` of an introspected token.
#[must_use]
pub fn kinds_of(subject_type: &str) -> &'static [PrincipalKind] {
    match subject_type {
        "user" => &[PrincipalKind::User],
        "api_token" => &[PrincipalKind::ServiceAccount],
        "identity" => &[PrincipalKind::User, PrincipalKind::ServiceAccount],
        _ => &[],
    }
}

impl About {
    /// A principal of this subject type by any of its names: its id, its user name, or the client id of an API key.
    #[must_use]
    pub fn new(subject_type: &str, name: &str) -> Self {
        Self { kinds: kinds_of(subject_type), name: name.to_owned() }
    }

    fn is(&self, principal: &Principal) -> bool {
        self.kinds.contains(&principal.kind) && principal.is_named(&self.name)
    }
}

/// A question of a client: may this subject do this?
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The subject.
    pub about: About,
    /// The action and the resource.
    pub inquiry: Inquiry,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The policies' decision.
    Decided(Decision),
    /// There is no such subject.
    Unknown,
    /// The subject is disabled or has expired, and can do nothing.
    Inactive,
}

impl Answer {
    /// Whether the action is allowed.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Decided(decision) if decision.is_allowed())
    }
}

/// How many of several questions are answered: the evaluation semantic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Semantic {
    /// All.
    #[default]
    ExecuteAll,
    /// Up to the first denial.
    DenyOnFirstDeny,
    /// Up to the first permission.
    PermitOnFirstPermit,
}

impl Semantic {
    /// Whether this answer ends the evaluation.
    #[must_use]
    pub fn ends_with(self, is_allowed: bool) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !is_allowed,
            Self::PermitOnFirstPermit => is_allowed,
        }
    }
}

/// Answers questions in order, and stops where the semantic says so. Every actor may ask about itself. Questions are
/// built one at a time, once to check that they may be asked and once to decide: so a thousand questions about the same
/// large properties take the memory of one. A malformed question is answered with its violation and counts as a denial.
///
/// # Errors
/// [`Error::Forbidden`](crate::domain::error::Error::Forbidden) for a question about another principal without
/// `VERIFY_TOKENS`, before anything is looked up.
pub async fn evaluate(
    service: &Service,
    asking: &Actor,
    questions: impl Iterator<Item = Result<Evaluation, Violation>> + Clone + Send + 'static,
    semantic: Semantic,
) -> Result<Vec<Result<Answer, Violation>>> {
    let (reading, service, asker) = (service.clone(), service.clone(), asking.clone());
    let (checking, checker, mut put) = (service.clone(), asking.clone(), questions.clone());
    blocking(move || {
        put.try_for_each(|question| question.map_or(Ok(()), |it| may_ask(&checking, &checker, &it.about)))
    })
    .await?;
    reading
        .read_of(asking.id(), move |connection, task| {
            let mut known = HashMap::new();
            let mut answers = Vec::new();
            for question in questions {
                task.go_on()?;
                let answer = match question {
                    Err(violation) => Err(violation),
                    Ok(Evaluation { about, inquiry }) => {
                        let subject = match known.entry(about) {
                            Entry::Occupied(known) => known.into_mut(),
                            Entry::Vacant(unknown) => {
                                let found = find(&service, connection, &asker, unknown.key())?;
                                unknown.insert(found)
                            }
                        };
                        Ok(match subject {
                            Resolved::Active(standing) => {
                                Answer::Decided(service.decide_for_asker(connection, &asker, standing, &inquiry)?)
                            }
                            Resolved::Inactive => Answer::Inactive,
                            Resolved::Nobody => Answer::Unknown,
                        })
                    }
                };
                let is_allowed = answer.as_ref().is_ok_and(Answer::is_allowed);
                answers.push(answer);
                if semantic.ends_with(is_allowed) {
                    break;
                }
            }
            Ok(answers)
        })
        .await
}

/// Answers one question. A question about the asking actor is mostly answered from memory.
///
/// # Errors
/// Those of [`evaluate`].
pub async fn evaluate_one(service: &Service, asking: &Actor, question: Evaluation) -> Result<Answer> {
    may_ask(service, asking, &question.about)?;
    if question.about.is(asking.principal()) {
        return Ok(Answer::Decided(service.decide_for(asking, &question.inquiry).await?));
    }
    let (reading, service, asker) = (service.clone(), service.clone(), asking.clone());
    reading
        .read(move |connection| {
            Ok(match find(&service, connection, &asker, &question.about)? {
                Resolved::Active(standing) => {
                    Answer::Decided(service.decide_for_asker(connection, &asker, &standing, &question.inquiry)?)
                }
                Resolved::Inactive => Answer::Inactive,
                Resolved::Nobody => Answer::Unknown,
            })
        })
        .await
}

/// The principal of a subject, if it can act and no expiry of its own ends that before `until`. Read before a question about
/// the subject is answered: what changes afterwards is told of that principal.
///
/// # Errors
/// When the storage fails.
pub async fn lasting(service: &Service, asking: &Actor, about: &About, until: i64) -> Result<Option<PrincipalId>> {
    if about.is(asking.principal()) {
        return Ok(Some(asking.id()));
    }
    let about = about.clone();
    service
        .read(move |connection| {
            let found = principals::find_named(connection, &about.name)?;
            let Some(principal) = found.filter(|principal| about.is(principal)) else { return Ok(None) };
            let inactive = candidates::inactive(connection, std::slice::from_ref(&principal), until)?;
            Ok(inactive.is_empty().then_some(principal.id))
        })
        .await
}

/// Checks that the actor may ask about this subject: itself, or any with `VERIFY_TOKENS`.
pub(in crate::service) fn may_ask(service: &Service, asking: &Actor, about: &About) -> Result<()> {
    if about.is(asking.principal()) { Ok(()) } else { service.require(asking, Permission::VerifyTokens) }
}

/// The subject of a question.
pub(in crate::service) enum Resolved {
    /// The subject can act.
    Active(Standing),
    /// The subject is disabled or expired.
    Inactive,
    /// No such subject.
    Nobody,
}

/// Looks up the subject of a question. Nothing is read if the subject is the asking actor.
pub(in crate::service) fn find(
    service: &Service,
    connection: &mut AnyConnection,
    asking: &Actor,
    about: &About,
) -> Result<Resolved> {
    if about.is(asking.principal()) {
        return Ok(Resolved::Active(asking.standing().clone()));
    }
    let found = principals::find_named(connection, &about.name)?;
    let Some(principal) = found.filter(|principal| about.is(principal)) else { return Ok(Resolved::Nobody) };
    let inactive = candidates::inactive(connection, std::slice::from_ref(&principal), service.clock.now())?;
    if !inactive.is_empty() {
        return Ok(Resolved::Inactive);
    }
    let standing = standings::of(connection, principal)?;
    Ok(Resolved::Active(service.with_policies(connection, standing)?))
}

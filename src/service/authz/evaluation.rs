//! Decisions about anybody, for whoever may ask: the use case of a decision point.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::domain::actor::{Actor, Standing};
use crate::domain::error::Result;
use crate::domain::permission::Permission;
use crate::domain::policy::Decision;
use crate::domain::principal::{CLIENT_ID_PREFIX, Principal, PrincipalKind, SERVICE_ACCOUNT_PREFIX};
use crate::service::Service;
use crate::service::authz::decide::Inquiry;
use crate::storage::database::AnyConnection;
use crate::storage::{candidates, principals, standings};

/// Whom a question is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct About {
    kind: Option<PrincipalKind>,
    username: String,
}

/// The kind of principal that a type of subject stands for; `None` for a type that nobody has.
#[must_use]
pub fn kind_of(subject_type: &str) -> Option<PrincipalKind> {
    match subject_type {
        "user" => Some(PrincipalKind::User),
        "api_token" => Some(PrincipalKind::ServiceAccount),
        _ => None,
    }
}

impl About {
    /// A user by its name; an API key by its client id or by the user name of its service account, as any service
    /// account.
    #[must_use]
    pub fn new(subject_type: &str, id: &str) -> Self {
        let kind = kind_of(subject_type);
        let is_client = kind == Some(PrincipalKind::ServiceAccount) && id.starts_with(CLIENT_ID_PREFIX);
        let username = if is_client { format!("{SERVICE_ACCOUNT_PREFIX}{id}") } else { id.to_owned() };
        Self { kind, username }
    }

    fn is(&self, principal: &Principal) -> bool {
        self.kind == Some(principal.kind) && self.username == principal.username().to_string()
    }
}

/// A question as a client puts it.
#[derive(Debug, Clone)]
pub struct Question {
    /// Who would do it.
    pub about: About,
    /// What they would do.
    pub inquiry: Inquiry,
}

/// What a question is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What the policies say.
    Decided(Decision),
    /// There is no such subject.
    Unknown,
    /// The subject is disabled or has expired, and can do nothing.
    Inactive,
}

impl Answer {
    /// Whether it may be done.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Decided(decision) if decision.is_allowed())
    }
}

/// How many of several questions are answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Semantic {
    /// All.
    #[default]
    ExecuteAll,
    /// Those up to the first that is denied.
    DenyOnFirstDeny,
    /// Those up to the first that is permitted.
    PermitOnFirstPermit,
}

impl Semantic {
    /// Whether an answer is the last.
    #[must_use]
    pub fn ends_with(self, is_allowed: bool) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !is_allowed,
            Self::PermitOnFirstPermit => is_allowed,
        }
    }
}

/// Answers questions in their order, and ends where the semantic says so. Everybody may ask about themselves.
///
/// # Errors
/// [`Error::Forbidden`](crate::domain::error::Error::Forbidden) for a question about somebody else without
/// `VERIFY_TOKENS`, before anything is looked up.
pub async fn evaluate(
    service: &Service,
    asking: &Actor,
    questions: Vec<Question>,
    semantic: Semantic,
) -> Result<Vec<Answer>> {
    for question in &questions {
        may_ask(service, asking, &question.about)?;
    }
    if let [Question { about, inquiry }] = questions.as_slice()
        && about.is(asking.principal())
    {
        return Ok(vec![Answer::Decided(service.decide_for(asking, inquiry).await?)]);
    }
    let (service, asking) = (service.clone(), asking.clone());
    let reading = service.clone();
    reading
        .read(move |connection| {
            let mut known = HashMap::new();
            let mut answers = Vec::with_capacity(questions.len());
            for Question { about, inquiry } in questions {
                let subject = match known.entry(about) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(unknown) => {
                        let found = find(&service, connection, &asking, unknown.key())?;
                        unknown.insert(found)
                    }
                };
                let answer = match subject {
                    Found::Active(standing) => {
                        Answer::Decided(service.tell_decision(connection, &asking, standing, &inquiry)?)
                    }
                    Found::Inactive => Answer::Inactive,
                    Found::Nobody => Answer::Unknown,
                };
                let is_allowed = answer.is_allowed();
                answers.push(answer);
                if semantic.ends_with(is_allowed) {
                    break;
                }
            }
            Ok(answers)
        })
        .await
}

/// Refuses questions about others to those who may not ask them.
pub(in crate::service) fn may_ask(service: &Service, asking: &Actor, about: &About) -> Result<()> {
    if about.is(asking.principal()) { Ok(()) } else { service.require(asking, Permission::VerifyTokens) }
}

/// The subject of a question.
pub(in crate::service) enum Found {
    /// It can act.
    Active(Standing),
    /// It is there and cannot.
    Inactive,
    /// There is none.
    Nobody,
}

/// Looks for the subject of a question. Of whoever asks, everything is known.
pub(in crate::service) fn find(
    service: &Service,
    connection: &mut AnyConnection,
    asking: &Actor,
    about: &About,
) -> Result<Found> {
    if about.is(asking.principal()) {
        return Ok(Found::Active(asking.standing().clone()));
    }
    let found = principals::find_by_username(connection, &about.username)?;
    let Some(principal) = found.filter(|principal| about.is(principal)) else { return Ok(Found::Nobody) };
    let inactive = candidates::inactive(connection, std::slice::from_ref(&principal), service.clock.now())?;
    if !inactive.is_empty() {
        return Ok(Found::Inactive);
    }
    let standing = standings::of(connection, principal)?;
    Ok(Found::Active(service.with_policies(connection, standing)?))
}

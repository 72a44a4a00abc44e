//! `/settings/tokens/new`: generates an access token and shows it once.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::tokens::{Row, may_generate, names};
use crate::clock::{DAY, SECOND};
use crate::domain::access_token::{AccessTokenKind, Lifetimes, NeverExpiring, NewAccessToken};
use crate::domain::api_key::Validity;
use crate::domain::error::Error;
use crate::domain::filter::Filter;
use crate::domain::listing::Query;
use crate::domain::permission::Permission;
use crate::domain::text::{Description, DisplayName};
use crate::http::console::confirm;
use crate::http::console::form::{Form, FormErrors};
use crate::http::console::once::{self, Makes};
use crate::http::console::words::{DisplayTime, duration};
use crate::http::console::{Page, SignedInRequest, SubmittedForm};
use crate::http::datahub;
use crate::http::problem::Failure;
use crate::service::keys::{access_tokens, service_accounts};

/// The default lifetime in seconds.
const LIFETIME: i64 = 30 * DAY / SECOND;

/// The form's value for `NO_EXPIRY`.
const NEVER: &str = "never";

/// The most service accounts that are offered.
const OFFERED: i64 = 200;

/// The fields whose errors are shown beside them.
const SHOWN: &[&str] = &["kind", "user", "program", "name", "description", "lifetime"];

#[derive(Template)]
#[template(path = "settings/generate.html")]
struct Generate {
    page: Page,
    draft: Draft,
    lifetimes: Vec<Lifetime>,
    allows_never: bool,
    may_for_self: bool,
    /// The users that a token can be for; `None` without `MANAGE_ACCESS_TOKENS`.
    users: Option<Vec<String>>,
    /// The service accounts that a token can be for; `None` without `MANAGE_SERVICE_ACCOUNTS`.
    programs: Option<Vec<Program>>,
    errors: FormErrors,
    request_key: String,
}

struct Program {
    username: String,
    name: String,
}

struct Lifetime {
    iso: String,
    text: String,
    ends: Option<DisplayTime>,
    is_chosen: bool,
}

/// The fields of the form.
struct Draft {
    /// `self`, `executor`, `user` or `program`.
    kind: String,
    user: String,
    program: String,
    name: String,
    description: String,
    lifetime: String,
}

impl Draft {
    fn read(form: &Form, lifetimes: &Lifetimes) -> Self {
        let text = |name: &str| form.text(name).trim().to_owned();
        let or = |text: String, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text };
        let default =
            lifetimes.allowed().find(|(_, seconds)| *seconds == LIFETIME).or_else(|| lifetimes.allowed().next());
        Self {
            kind: or(text("kind"), "self"),
            user: text("user"),
            program: text("program"),
            name: text("name"),
            description: form.text("description").replace("\r\n", "\n"),
            lifetime: or(text("lifetime"), default.map_or(NEVER, |(iso, _)| iso)),
        }
    }

    fn new_token(&self, request: &SignedInRequest, lifetimes: &Lifetimes) -> Result<NewAccessToken, FormErrors> {
        let mut errors = FormErrors::default();
        let own = request.actor.username().to_string();
        let (kind, actor) = match self.kind.as_str() {
            "user" => (AccessTokenKind::Personal, self.user.clone()),
            "program" => (AccessTokenKind::ServiceAccount, self.program.clone()),
            "self" | "executor" => (AccessTokenKind::Personal, own),
            _ => {
                errors.add("kind", "choose whom the token acts as");
                (AccessTokenKind::Personal, own)
            }
        };
        if actor.is_empty() || actor.contains('\0') {
            errors.add(if kind == AccessTokenKind::Personal { "user" } else { "program" }, "choose one");
        }
        let never = self.lifetime == NEVER || self.kind == "executor";
        let validity = if never {
            lifetimes.choose(Some(Validity::NEVER), None)
        } else {
            lifetimes.choose(None, Some(&self.lifetime))
        };
        let validity = errors.keep("lifetime", validity);
        let name = errors.keep("name", DisplayName::parse(&self.name));
        let description = errors.keep("description", Description::parse(&self.description));
        match (validity, name, description) {
            (Some(validity), Some(name), Some(description)) if errors.is_empty() => {
                Ok(NewAccessToken { kind, actor, validity, name, description })
            }
            _ => Err(errors),
        }
    }
}

/// `GET /settings/tokens/new`
///
/// # Errors
/// [`Error::Forbidden`] without a permission to generate tokens; when the storage fails.
pub async fn show(request: SignedInRequest, settings: web::Data<datahub::DoorRules>) -> Result<HttpResponse, Failure> {
    let mut draft = Draft::read(&Form::of_query(request.http.query_string()), &settings.lifetimes);
    require_generating(&request)?;
    if !may_generate(&request.actor) {
        "program".clone_into(&mut draft.kind);
    }
    page(&request, &settings.lifetimes, draft, FormErrors::default()).await
}

/// Fails for a user who may generate tokens neither for users nor for service accounts.
fn require_generating(request: &SignedInRequest) -> Result<(), Error> {
    let actor = &request.actor;
    if may_generate(actor) || actor.permissions().contains(Permission::ManageServiceAccounts) {
        return Ok(());
    }
    Err(actor.lacks(Permission::GeneratePersonalAccessTokens))
}

async fn page(
    request: &SignedInRequest,
    lifetimes: &Lifetimes,
    draft: Draft,
    errors: FormErrors,
) -> Result<HttpResponse, Failure> {
    let held = request.actor.permissions();
    let (may_for_others, may_for_programs) =
        (held.contains(Permission::ManageAccessTokens), held.contains(Permission::ManageServiceAccounts));
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let generate = Generate {
        page: request.page("New access token", "settings")?,
        lifetimes: choices(lifetimes, &draft.lifetime, request.now()),
        allows_never: lifetimes.never == NeverExpiring::Allow,
        may_for_self: may_generate(&request.actor),
        users: if may_for_others { Some(names(request).await?) } else { None },
        programs: if may_for_programs { Some(programs(request, &draft.program).await?) } else { None },
        draft,
        errors,
        request_key: once::new_key(request)?,
    };
    request.answer(status, &generate)
}

fn choices(lifetimes: &Lifetimes, chosen: &str, now: i64) -> Vec<Lifetime> {
    let choice = |(iso, seconds): (&str, i64)| Lifetime {
        iso: iso.to_owned(),
        text: duration(seconds),
        ends: DisplayTime::of(now + seconds * SECOND, now),
        is_chosen: iso == chosen,
    };
    lifetimes.allowed().map(choice).collect()
}

/// The service accounts that are offered: the first, and the chosen one.
async fn programs(request: &SignedInRequest, chosen: &str) -> Result<Vec<Program>, Failure> {
    let query = Query::first_page(Filter::EVERYTHING, "", OFFERED)?;
    let found = service_accounts::list(&request.state.service, &request.actor, query).await?;
    let program = |account: crate::domain::service_account::ServiceAccount| Program {
        username: account.principal.username().to_string(),
        name: account.display_name,
    };
    let mut offered: Vec<Program> = found.records.into_iter().map(program).collect();
    if !chosen.is_empty() && offered.iter().all(|program| program.username != chosen) {
        offered.push(Program { username: chosen.to_owned(), name: chosen.to_owned() });
    }
    Ok(offered)
}

#[derive(Template)]
#[template(path = "settings/generated.html")]
struct Generated {
    page: Page,
    row: Row,
    token: String,
    url: String,
    is_own: bool,
}

/// `POST /settings/tokens/new`
///
/// # Errors
/// [`Error::Forbidden`] for a form of another session, or without a permission to generate tokens; when the storage fails.
pub async fn create(
    mut submitted: SubmittedForm,
    settings: web::Data<datahub::DoorRules>,
) -> Result<HttpResponse, Failure> {
    require_generating(&submitted)?;
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let request = &submitted.request;
    let draft = Draft::read(&submitted.form, &settings.lifetimes);
    let new = match draft.new_token(request, &settings.lifetimes) {
        Ok(new) => new,
        Err(errors) => return page(request, &settings.lifetimes, draft, errors).await,
    };
    // Before the token exists, because a refusal afterwards would lose it.
    let url = request.base_url()?;
    let makes = Makes { what: "access token", list: "settings/tokens", form: "settings/tokens/new", is_secret: true };
    once::carry_out(&submitted, makes, async {
        match access_tokens::create(&request.state.service, &request.actor, new).await {
            Ok(created) => {
                let row = Row::of(created.access_token, request.now());
                let generated = Generated {
                    page: request.page("New access token", "settings")?,
                    is_own: row.actor == request.actor.username().to_string(),
                    row,
                    token: created.token.expose(),
                    url,
                };
                request.answer(StatusCode::OK, &generated)
            }
            Err(Error::NotFound { kind, id }) => {
                let mut errors = FormErrors::default();
                let field = if kind == "user" { "user" } else { "program" };
                errors.add(field, format!("no {kind} is called `{id}`"));
                page(request, &settings.lifetimes, draft, errors).await
            }
            Err(error) => {
                page(request, &settings.lifetimes, draft, FormErrors::from_error(error, &[("actorUrn", "user")])?).await
            }
        }
    })
    .await
}

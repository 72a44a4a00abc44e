//! `/settings/tokens/new`: generates an access token and shows it once.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::tokens::{Row, may_generate};
use crate::clock::SECOND;
use crate::domain::access_token::{AccessTokenKind, Lifetimes, NeverExpiring, NewAccessToken};
use crate::domain::api_key::Validity;
use crate::domain::error::Error;
use crate::domain::filter::Filter;
use crate::domain::listing::{Query, Sort, Start, Totals};
use crate::domain::permission::Permission;
use crate::domain::text::{Description, DisplayName};
use crate::http::console::confirm;
use crate::http::console::form::{Faults, Form};
use crate::http::console::words::{When, counted};
use crate::http::console::{Page, Posted, Visit};
use crate::http::datahub;
use crate::http::problem::Failure;
use crate::service::keys::{access_tokens, service_accounts};
use crate::service::people::users;

/// The default lifetime: a month, in seconds.
const MONTH: i64 = 30 * 86_400;

/// The form's value for `NO_EXPIRY`.
const NEVER: &str = "never";

/// The most users and the most service accounts that are offered.
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
    faults: Faults,
}

struct Program {
    username: String,
    name: String,
}

struct Lifetime {
    iso: String,
    text: String,
    ends: Option<When>,
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
        let month = lifetimes.offered().find(|(_, seconds)| *seconds == MONTH).or_else(|| lifetimes.offered().next());
        Self {
            kind: or(text("kind"), "self"),
            user: text("user"),
            program: text("program"),
            name: text("name"),
            description: form.text("description").replace("\r\n", "\n"),
            lifetime: or(text("lifetime"), month.map_or(NEVER, |(iso, _)| iso)),
        }
    }

    fn new_token(&self, visit: &Visit, lifetimes: &Lifetimes) -> Result<NewAccessToken, Faults> {
        let mut faults = Faults::default();
        let own = visit.actor.username().to_string();
        let (kind, actor) = match self.kind.as_str() {
            "user" => (AccessTokenKind::Personal, self.user.clone()),
            "program" => (AccessTokenKind::ServiceAccount, self.program.clone()),
            "self" | "executor" => (AccessTokenKind::Personal, own),
            _ => {
                faults.add("kind", "choose whom the token acts as");
                (AccessTokenKind::Personal, own)
            }
        };
        if actor.is_empty() || actor.contains('\0') {
            faults.add(if kind == AccessTokenKind::Personal { "user" } else { "program" }, "choose one");
        }
        let never = self.lifetime == NEVER || self.kind == "executor";
        let validity = if never {
            lifetimes.choose(Some(Validity::NEVER), None)
        } else {
            lifetimes.choose(None, Some(&self.lifetime))
        };
        let validity = faults.keep("lifetime", validity);
        let name = faults.keep("name", DisplayName::parse(&self.name));
        let description = faults.keep("description", Description::parse(&self.description));
        match (validity, name, description) {
            (Some(validity), Some(name), Some(description)) if faults.is_empty() => {
                Ok(NewAccessToken { kind, actor, validity, name, description })
            }
            _ => Err(faults),
        }
    }
}

/// `GET /settings/tokens/new`
///
/// # Errors
/// [`Error::Forbidden`] without a permission to generate tokens; when the storage fails.
pub async fn show(visit: Visit, settings: web::Data<datahub::DoorRules>) -> Result<HttpResponse, Failure> {
    let mut draft = Draft::read(&Form::of_query(visit.request.query_string()), &settings.lifetimes);
    if !may_generate(&visit.actor) {
        if !visit.actor.permissions().contains(Permission::ManageServiceAccounts) {
            return Err(visit.actor.lacks(Permission::GeneratePersonalAccessTokens).into());
        }
        "program".clone_into(&mut draft.kind);
    }
    page(&visit, &settings.lifetimes, draft, Faults::default()).await
}

async fn page(visit: &Visit, lifetimes: &Lifetimes, draft: Draft, faults: Faults) -> Result<HttpResponse, Failure> {
    let held = visit.actor.permissions();
    let (may_for_others, may_for_programs) =
        (held.contains(Permission::ManageAccessTokens), held.contains(Permission::ManageServiceAccounts));
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let generate = Generate {
        page: visit.page("New access token", "settings")?,
        lifetimes: choices(lifetimes, &draft.lifetime, visit.now()),
        allows_never: lifetimes.never == NeverExpiring::Allow,
        may_for_self: may_generate(&visit.actor),
        users: if may_for_others { Some(names(visit).await?) } else { None },
        programs: if may_for_programs { Some(programs(visit).await?) } else { None },
        draft,
        faults,
    };
    visit.answer(status, &generate)
}

fn choices(lifetimes: &Lifetimes, chosen: &str, now: i64) -> Vec<Lifetime> {
    let choice = |(iso, seconds): (&str, i64)| Lifetime {
        iso: iso.to_owned(),
        text: length(seconds),
        ends: When::of(now + seconds * SECOND, now),
        is_chosen: iso == chosen,
    };
    lifetimes.offered().map(choice).collect()
}

/// A lifetime in the largest unit that divides it evenly.
fn length(seconds: i64) -> String {
    let units =
        [(365 * 86_400, "year"), (MONTH, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let fits = |(size, _): &&(i64, &str)| seconds % size == 0;
    units.iter().find(fits).map_or_else(|| counted(seconds, "second"), |(size, word)| counted(seconds / size, word))
}

async fn names(visit: &Visit) -> Result<Vec<String>, Failure> {
    let query = Query {
        filter: Filter::EVERYTHING,
        sort: Sort::parse("username")?,
        limit: OFFERED,
        start: Start::Offset(0),
        totals: Totals::Skipped,
    };
    let found = users::list(&visit.state.service, &visit.actor, query).await?;
    Ok(found.records.into_iter().map(|user| user.principal.username().to_string()).collect())
}

async fn programs(visit: &Visit) -> Result<Vec<Program>, Failure> {
    let query = Query {
        filter: Filter::EVERYTHING,
        sort: Sort::parse("")?,
        limit: OFFERED,
        start: Start::Offset(0),
        totals: Totals::Skipped,
    };
    let found = service_accounts::list(&visit.state.service, &visit.actor, query).await?;
    let program = |account: crate::domain::service_account::ServiceAccount| Program {
        username: account.principal.username().to_string(),
        name: account.display_name,
    };
    Ok(found.records.into_iter().map(program).collect())
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
/// [`Error::Forbidden`] for a form of another session; when the storage fails.
pub async fn create(mut posted: Posted, settings: web::Data<datahub::DoorRules>) -> Result<HttpResponse, Failure> {
    if let Some(question) = confirm::ask(&mut posted).await? {
        return Ok(question);
    }
    let visit = &posted.visit;
    let draft = Draft::read(&posted.form, &settings.lifetimes);
    let new = match draft.new_token(visit, &settings.lifetimes) {
        Ok(new) => new,
        Err(faults) => return page(visit, &settings.lifetimes, draft, faults).await,
    };
    match access_tokens::create(&visit.state.service, &visit.actor, new).await {
        Ok(created) => {
            let row = Row::of(created.access_token, visit.now());
            let generated = Generated {
                page: visit.page("New access token", "settings")?,
                is_own: row.actor == visit.actor.username().to_string(),
                row,
                token: created.token.expose(),
                url: visit.url(),
            };
            visit.answer(StatusCode::OK, &generated)
        }
        Err(Error::NotFound { kind, id }) => {
            let mut faults = Faults::default();
            let field = if kind == "user" { "user" } else { "program" };
            faults.add(field, format!("no {kind} is called `{id}`"));
            page(visit, &settings.lifetimes, draft, faults).await
        }
        Err(error) => page(visit, &settings.lifetimes, draft, Faults::of(error, &[("actorUrn", "user")])?).await,
    }
}

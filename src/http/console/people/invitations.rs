//! `/people/invitations`: the open invitations, new ones, and revoking them.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::domain::error::{Error, Violation};
use crate::domain::ids::InvitationId;
use crate::domain::invite::OpenInvitation;
use crate::domain::permission::Permission;
use crate::domain::principal::Role;
use crate::domain::text::DisplayName;
use crate::http::base_url::base_url;
use crate::http::console::confirm;
use crate::http::console::form::{Form, FormErrors};
use crate::http::console::notice::Notice;
use crate::http::console::once::{self, Makes};
use crate::http::console::sign_up::INVITATION;
use crate::http::console::words::DisplayTime;
use crate::http::console::{Page, SignedInRequest, SubmittedForm};
use crate::http::problem::Failure;
use crate::service::people::open_invitations::{self, NewInvitation};

/// The fields whose errors are shown beside them.
const SHOWN: &[&str] = &["note", "role", "days"];

/// The offered lives in days, and the one chosen at first.
const LIVES: [(&str, &str); 3] = [("1", "1 day"), ("7", "7 days"), ("30", "30 days")];
const USUAL: &str = "7";

#[derive(Template)]
#[template(path = "people/invitations.html")]
struct Invitations {
    page: Page,
    /// `None` if the user may not invite.
    list: Option<List>,
    draft: Draft,
    errors: FormErrors,
    notice: Notice,
    request_key: String,
}

struct List {
    rows: Vec<Row>,
    roles: Vec<RoleChoice>,
    lives: Vec<Life>,
}

/// An invitation, in words.
struct Row {
    id: String,
    note: String,
    role: &'static str,
    inviter: String,
    created: Option<DisplayTime>,
    expires: Option<DisplayTime>,
}

struct RoleChoice {
    name: &'static str,
    title: &'static str,
    is_chosen: bool,
    /// Why the user may not invite to it; empty if it may.
    refusal: String,
}

struct Life {
    days: &'static str,
    text: &'static str,
    is_chosen: bool,
}

/// The fields of the form.
struct Draft {
    note: String,
    role: String,
    days: String,
}

impl Draft {
    fn read(form: &Form) -> Self {
        let or = |name: &str, otherwise: &str| match form.text(name).trim() {
            "" => otherwise.to_owned(),
            text => text.to_owned(),
        };
        Self { note: or("note", ""), role: or("role", Role::Member.name()), days: or("days", USUAL) }
    }

    fn new_invitation(&self) -> Result<NewInvitation, FormErrors> {
        let mut errors = FormErrors::default();
        let note = errors.keep("note", DisplayName::parse(&self.note));
        let role = Role::find(&self.role).ok_or_else(|| "choose a role".to_owned());
        let role = errors.keep("role", role);
        let days = errors.keep("days", self.days.parse().map_err(|_| "must be a number of days".to_owned()));
        match (note, role, days) {
            (Some(note), Some(role), Some(days)) => Ok(NewInvitation { role, note, days }),
            _ => Err(errors),
        }
    }
}

impl Row {
    fn of(invitation: OpenInvitation, now: i64) -> Self {
        Self {
            id: invitation.id.to_string(),
            note: invitation.note,
            role: invitation.role.description(),
            inviter: invitation.inviter.username,
            created: DisplayTime::of(invitation.created_at, now),
            expires: DisplayTime::of(invitation.expires_at, now),
        }
    }
}

/// `GET /people/invitations`
///
/// # Errors
/// Violations of the parameters; when the storage fails.
pub async fn show(request: SignedInRequest) -> Result<HttpResponse, Failure> {
    let params = request.params();
    params.only(&["done"])?;
    let notice = match params.get("done")? {
        "revoked" => Notice::Good("The invitation is revoked: no one can sign up with it any more."),
        "gone" => Notice::Warning("It was no longer open: accepted, revoked or expired. Look at People."),
        _ => Notice::None,
    };
    page(&request, Draft::read(&Form::default()), FormErrors::default(), notice).await
}

async fn page(
    request: &SignedInRequest,
    draft: Draft,
    errors: FormErrors,
    notice: Notice,
) -> Result<HttpResponse, Failure> {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let (service, held, now) = (&request.state.service, request.actor.permissions(), request.now());
    let may = held.contains(Permission::ManageUsersAndGroups) || held.contains(Permission::ManageUserCredentials);
    let list = if may {
        let open = open_invitations::list(service, &request.actor).await?;
        let roles = open_invitations::roles(service, &request.actor).await?;
        let choice = |(role, refusal): (Role, Option<String>)| RoleChoice {
            name: role.name(),
            title: role.description(),
            is_chosen: role.name() == draft.role && refusal.is_none(),
            refusal: refusal.unwrap_or_default(),
        };
        let life = |(days, text)| Life { days, text, is_chosen: days == draft.days };
        Some(List {
            rows: open.into_iter().map(|invitation| Row::of(invitation, now)).collect(),
            roles: roles.into_iter().map(choice).collect(),
            lives: LIVES.map(life).into(),
        })
    } else {
        None
    };
    let (page, request_key) = (request.page("Invitations", "people")?, once::new_key(request)?);
    request.answer(status, &Invitations { page, list, draft, errors, notice, request_key })
}

#[derive(Template)]
#[template(path = "people/invited.html")]
struct Invited {
    page: Page,
    row: Row,
    link: String,
}

/// `POST /people/invitations`
///
/// # Errors
/// [`Error::Forbidden`] for a form of another session; when the storage fails.
pub async fn create(mut submitted: SubmittedForm) -> Result<HttpResponse, Failure> {
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let request = &submitted.request;
    let draft = Draft::read(&submitted.form);
    let new = match draft.new_invitation() {
        Ok(new) => new,
        Err(errors) => return page(request, draft, errors, Notice::None).await,
    };
    let base = base_url(&request.state, &request.http)?;
    let makes = Makes { what: "invitation", list: "people/invitations", form: "people/invitations", is_secret: true };
    once::carry_out(&submitted, makes, async {
        match open_invitations::create(&request.state.service, &request.actor, new).await {
            Ok((invitation, text)) => {
                let invited = Invited {
                    page: request.page("Invitation", "people")?,
                    row: Row::of(invitation, request.now()),
                    link: format!("{base}/signup?{INVITATION}={text}"),
                };
                request.answer(StatusCode::OK, &invited)
            }
            Err(error) => page(request, draft, FormErrors::from_error(error, &[])?, Notice::None).await,
        }
    })
    .await
}

/// `POST /people/invitations/revoke`: without asking for the password: it may be urgent and only takes access away.
///
/// # Errors
/// Violations; when the storage fails.
pub async fn revoke(submitted: SubmittedForm) -> Result<HttpResponse, Failure> {
    let id = InvitationId::parse(submitted.form.text("id"));
    let id = id.ok_or_else(|| Violation::new("id", "must be the id of an invitation"))?;
    match open_invitations::revoke(&submitted.state.service, &submitted.actor, id).await {
        Ok(()) => Ok(submitted.redirect("people/invitations?done=revoked")),
        // It may have been accepted: that person is a user now.
        Err(Error::NotFound { .. }) => Ok(submitted.redirect("people/invitations?done=gone")),
        Err(error) => Err(error.into()),
    }
}

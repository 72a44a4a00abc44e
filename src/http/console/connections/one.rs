//! `/connections/{guid}`: the admins or editors and the viewers of a connection or a collection.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use uuid::Uuid;

use super::Container;
use crate::domain::asset::{Asset, PeopleList, Relation};
use crate::domain::entity::{Entity, is_listed};
use crate::domain::error::{Error, Result as DomainResult, Violation};
use crate::domain::ids::{Id, PrincipalId};
use crate::domain::principal::Role;
use crate::domain::text::clip;
use crate::http::console::confirm;
use crate::http::console::form::FormErrors;
use crate::http::console::key_names;
use crate::http::console::list::ListUrl;
use crate::http::console::pick::{self, Candidate, Picked};
use crate::http::console::words::DisplayTime;
use crate::http::console::{Page, SignedInRequest, SubmittedForm};
use crate::http::problem::Failure;
use crate::service::catalogue::saved::Membership;
use crate::service::catalogue::{assets, entities};

#[derive(Template)]
#[template(path = "connections/one.html")]
struct One {
    page: Page,
    id: String,
    name: String,
    qualified_name: String,
    container: Container,
    created: Option<DisplayTime>,
    created_by: String,
    /// The admins or editors, then the viewers.
    lists: [List; 2],
    url: ListUrl,
    candidates: Vec<Candidate>,
    may_change: bool,
    errors: FormErrors,
    notice: &'static str,
}

/// Everyone with one relation to the asset.
struct List {
    title: &'static str,
    says: &'static str,
    members: Vec<Member>,
}

/// A member of one of the asset's lists.
struct Member {
    /// The name of the list.
    list: &'static str,
    /// What the list holds: the user name, the name of the group, or the id of the role.
    value: String,
    name: String,
    kind: &'static str,
    /// The page of a key.
    to: Option<String>,
}

/// The asset with that id, if it is a connection or a collection that the user sees.
async fn find(request: &SignedInRequest, guid: &str) -> DomainResult<(Asset, Container)> {
    let unknown = || Error::NotFound { kind: "connection or collection", id: clip(guid) };
    let id = Id::<Uuid>::parse(guid).ok_or_else(unknown)?;
    let Entity::Asset(asset) = entities::get(&request.state.service, &request.actor, id.uuid()).await? else {
        return Err(unknown());
    };
    let container = Container::find(&asset.type_name).ok_or_else(unknown)?;
    Ok((asset, container))
}

/// `GET /connections/{guid}`
///
/// # Errors
/// [`Error::NotFound`], also for an unseen connection; violations of the parameters; when the storage fails.
pub async fn show(request: SignedInRequest, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    page(&request, &guid, FormErrors::default()).await
}

async fn page(request: &SignedInRequest, guid: &str, errors: FormErrors) -> Result<HttpResponse, Failure> {
    let params = request.params();
    let (asset, container) = find(request, guid).await?;
    let list_url = ListUrl::parse(format!("connections/{}", asset.id), &params, &["q"])?;
    let notice = match params.get("done")? {
        "added" => "Added, and in force.",
        "removed" => "Removed, and in force.",
        _ => "",
    };
    let (actor, now) = (&request.actor, request.now());
    let relation = actor.standing().relation_to(&asset.qualified_name);
    let may_change = actor.principal().is_administrator() || relation == Some(Relation::Admin);
    let mut candidates = if may_change { pick::find(request, list_url.value("q")).await? } else { Vec::new() };
    for candidate in &mut candidates {
        candidate.is_member =
            asset.people.get(&PeopleList::AdminUsers).is_some_and(|it| it.contains(&candidate.username));
    }
    let users =
        asset.people.iter().filter(|(list, _)| matches!(list, PeopleList::AdminUsers | PeopleList::ViewerUsers));
    let ids: Vec<PrincipalId> =
        users.flat_map(|(_, members)| members).filter_map(|name| key_names::key_of(name)).collect();
    let names = key_names::names(request, &ids).await?;
    let lists = [
        List {
            title: container.title(),
            says: "They may do everything with it and with what lies beneath it.",
            members: members(&asset, Relation::Admin, &names),
        },
        List {
            title: "Viewers",
            says: "They may read it and what lies beneath it.",
            members: members(&asset, Relation::Viewer, &names),
        },
    ];
    let one = One {
        page: request.page(asset.name.clone(), "connections")?,
        id: asset.id.to_string(),
        name: asset.name,
        qualified_name: asset.qualified_name,
        container,
        created: DisplayTime::of(asset.created_at, now),
        created_by: asset.created_by,
        lists,
        url: list_url,
        candidates,
        may_change,
        notice,
        errors,
    };
    request.answer(if one.errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST }, &one)
}

fn members(asset: &Asset, relation: Relation, names: &HashMap<PrincipalId, String>) -> Vec<Member> {
    let lists = asset.people.iter().filter(|(list, _)| list.relation() == relation);
    lists.flat_map(|(list, members)| members.iter().map(|member| Member::of(*list, member, names))).collect()
}

impl Member {
    fn of(list: PeopleList, member: &str, names: &HashMap<PrincipalId, String>) -> Self {
        let key =
            key_names::key_of(member).filter(|_| matches!(list, PeopleList::AdminUsers | PeopleList::ViewerUsers));
        let (kind, name) = match list {
            PeopleList::AdminUsers | PeopleList::ViewerUsers => match key {
                Some(id) => ("API key", names.get(&id).map_or(member, String::as_str)),
                None => ("user", member),
            },
            PeopleList::AdminRoles | PeopleList::ViewerRoles => {
                let role = Role::ALL.into_iter().find(|role| role.id() == member);
                ("role", role.map_or(member, |role| role.name()))
            }
            PeopleList::AdminGroups | PeopleList::ViewerGroups => ("group, of which there are none here", member),
        };
        Self {
            list: list.name(),
            value: member.to_owned(),
            name: name.to_owned(),
            kind,
            to: key.filter(|id| names.contains_key(id)).map(|id| format!("keys/{id}")),
        }
    }
}

/// `POST /connections/{guid}`
///
/// # Errors
/// [`Error::NotFound`]; violations; when the storage fails.
pub async fn change(mut submitted: SubmittedForm, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    if let Some(question) = confirm::require_recent_sign_in(&mut submitted).await? {
        return Ok(question);
    }
    let (request, form) = (&submitted.request, &submitted.form);
    let (asset, _) = find(request, &guid).await?;
    let member = form.text("member").to_owned();
    let list = |name: &str| {
        let names = PeopleList::ALL.map(|list| format!("`{}`", list.name())).join(", ");
        PeopleList::find(name).ok_or_else(|| Violation::new("list", format!("must be one of {names}")))
    };
    let (list, membership, done) = match (form.text("add"), form.text("remove")) {
        ("", name) => (list(name), Membership::Remove, "removed"),
        (name, _) => (list(name), Membership::Add, "added"),
    };
    let picked = match membership {
        Membership::Add => Picked::read(&member).map(drop),
        Membership::Remove if is_listed(&member) => Ok(()),
        Membership::Remove => Err(Violation::new("member", "must be a member of the list")),
    };
    let list = match (list, picked) {
        (Ok(list), Ok(())) => list,
        (Err(broken), _) | (_, Err(broken)) => {
            return page(request, &guid, FormErrors::from_error(broken.into(), &[])?).await;
        }
    };
    match assets::change_member(&request.state.service, &request.actor, asset.id, list, member, membership).await {
        Ok(()) => Ok(request.redirect(&format!("connections/{}?done={done}", asset.id))),
        Err(error) => page(request, &guid, FormErrors::from_error(error, &[(list.name(), "")])?).await,
    }
}

//! `GET /keys/{guid}`: a key, what it may do and why, why an action is denied, and its audit trail.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::chart::Chart;
use super::id_of;
use super::row::Row;
use crate::domain::api_key::ApiKey;
use crate::domain::asset::Relation;
use crate::domain::effective::{EffectivePermission, Source};
use crate::domain::fields::ChangeField;
use crate::domain::listing::Query;
use crate::domain::permission::Permission;
use crate::domain::policy::{Category, Effect};
use crate::domain::usage::Interval;
use crate::http::console::list::is;
use crate::http::console::signed_in::allowed;
use crate::http::console::trail::Entry;
use crate::http::console::verdict::{Question, Verdict};
use crate::http::console::words::{DisplayTime, counted, duration, meaning, resources};
use crate::http::console::{Page, SignedInRequest};
use crate::http::problem::Failure;
use crate::service::authz::effective;
use crate::service::keys::api_keys;
use crate::service::keys::usage::{self, Period};
use crate::service::upkeep::audit;

#[derive(Template)]
#[template(path = "keys/one.html")]
struct One {
    page: Page,
    row: Row,
    chart: Chart,
    /// The length of the chart's intervals, as the URL has it.
    by: String,
    uses: String,
    addresses: Vec<String>,
    rate: String,
    permissions: Vec<&'static str>,
    /// `None` if the user may not see the key's permissions.
    may: Option<Vec<Line>>,
    question: Question,
    verdict: Option<Verdict>,
    actions: Vec<&'static str>,
    /// `None` if the user may not read the audit trail.
    trail: Option<Vec<Entry>>,
    may_change: bool,
    notice: &'static str,
}

/// The actions that one source allows or forbids.
struct Line {
    allows: bool,
    actions: Vec<String>,
    resources: String,
    source: String,
    source_link: Option<String>,
    last_used: Option<DisplayTime>,
}

/// The most entries of the trail that are shown.
const TRAIL: i64 = 12;

/// `GET /keys/{guid}`
///
/// # Errors
/// [`crate::domain::error::Error::NotFound`], also for a key that the user may not see; when the storage fails.
pub async fn show(request: SignedInRequest, guid: web::Path<String>) -> Result<HttpResponse, Failure> {
    let params = request.params();
    params.only(&["action", "resource", "type", "done", "by"])?;
    let (service, now) = (&request.state.service, request.now());
    let key = api_keys::get(service, &request.actor, id_of(&guid)?).await?;
    let by = if params.has("by") { Interval::parse(params.get("by")?)? } else { Interval::Hour };
    let used = usage::of_key(service, &request.actor, key.id, Period { by, from: None, to: None }).await?;
    let may = allowed(effective::of_key(service, &request.actor, key.id, None).await)?;
    let question = Question::read(&params)?;
    let about = key.id.to_string();
    let verdict =
        if question.is_asked() { allowed(Verdict::of(&request, Some(about), &question).await)? } else { None };
    let notice = match params.get("done")? {
        "changed" => "The change is saved, and in force.",
        _ => "",
    };
    let one = One {
        page: request.page(key.display_name.clone(), "keys")?,
        chart: Chart::of(by, &question, &used.series, used.networks, now),
        by: params.get("by")?.to_owned(),
        uses: counted(key.use_count, "time"),
        addresses: key.limits.addresses.texts().collect(),
        rate: rate(&key),
        permissions: key.permissions.iter().map(|permission| meaning(permission).0).collect(),
        may: may.map(|found| lines(found, now)),
        actions: Category::all().flat_map(Category::actions).chain(Permission::ALL.map(Permission::name)).collect(),
        trail: trail(&request, &key).await?,
        may_change: request.actor.permissions().contains(Permission::ManageApiKeys),
        row: Row::of(key, now),
        question,
        verdict,
        notice,
    };
    request.answer(StatusCode::OK, &one)
}

fn rate(key: &ApiKey) -> String {
    let Some(rate) = key.limits.rate else { return "as often as it likes".to_owned() };
    let period = duration(rate.seconds.get().into());
    let period = period.strip_prefix("1 ").unwrap_or(&period);
    format!("{} per {period}, at each node", counted(rate.requests.get().into(), "request"))
}

async fn trail(request: &SignedInRequest, key: &ApiKey) -> Result<Option<Vec<Entry>>, Failure> {
    let query = Query::first_page(is(ChangeField::SubjectId, &key.id.to_string()), "", TRAIL)?;
    let found = allowed(audit::list(&request.state.service, &request.actor, query).await)?;
    let now = request.now();
    Ok(found.map(|page| page.records.into_iter().map(|change| Entry::of(change, now)).collect()))
}

fn relation_word(relation: Relation) -> &'static str {
    match relation {
        Relation::Admin => "admin",
        Relation::Viewer => "viewer",
    }
}

/// Groups permissions by source, effect and resources.
fn lines(found: Vec<EffectivePermission>, now: i64) -> Vec<Line> {
    let mut lines: Vec<(EffectivePermission, Line)> = Vec::new();
    let told = |last: Option<i64>| last.and_then(|last| DisplayTime::of(last, now));
    for each in found {
        let action = if each.action == "*" { "everything".to_owned() } else { each.action.clone() };
        let alike = |(other, _): &&mut (EffectivePermission, Line)| {
            other.source == each.source && other.effect == each.effect && other.resources == each.resources
        };
        if let Some((first, line)) = lines.iter_mut().find(alike) {
            line.actions.push(action);
            first.last_used_at = first.last_used_at.max(each.last_used_at);
            line.last_used = told(first.last_used_at);
            continue;
        }
        let (source, source_link) = match &each.source {
            Source::Role => ("its role".to_owned(), None),
            Source::Grant => ("granted to the key itself".to_owned(), None),
            Source::Policy(policy) => {
                (format!("policy {}", policy.name), policy.persona.map(|persona| format!("personas/{persona}")))
            }
            Source::Asset(name, relation) => (format!("{} of {name}", relation_word(*relation)), None),
        };
        let line = Line {
            allows: each.effect == Effect::Allow,
            actions: vec![action],
            resources: if each.category == Category::Platform {
                "Tessera itself".to_owned()
            } else {
                resources(&each.resources)
            },
            source,
            source_link,
            last_used: told(each.last_used_at),
        };
        lines.push((each, line));
    }
    let mut lines: Vec<Line> = lines.into_iter().map(|(_, line)| line).collect();
    // Denials come first, because they win.
    lines.sort_by_key(|line| line.allows);
    lines
}

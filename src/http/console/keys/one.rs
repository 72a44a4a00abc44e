//! `GET /keys/{guid}`: a key, what it may do and why, why an action is denied, and its audit trail.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use form_urlencoded::Serializer;

use super::authentication::Authentication;
use super::bounds::{BoundsInWords, rate};
use super::chart::Chart;
use super::id_of;
use super::row::Row;
use crate::domain::api_key::ApiKey;
use crate::domain::asset::Relation;
use crate::domain::effective::{EffectivePermission, Source};
use crate::domain::fields::ChangeField;
use crate::domain::listing::Query;
use crate::domain::permission::Permission;
use crate::domain::persona::PersonaRef;
use crate::domain::policy::{Category, Effect};
use crate::domain::usage::Interval;
use crate::http::console::form::{FormErrors, sentence};
use crate::http::console::list::is;
use crate::http::console::signed_in::allowed;
use crate::http::console::trail::Entry;
use crate::http::console::verdict::{Verdict, VerdictForm};
use crate::http::console::words::{ActionWords, DisplayTime, counted, meaning, policies, resources};
use crate::http::console::{Page, SignedInRequest};
use crate::http::problem::Failure;
use crate::service::authz::effective::{self, HiddenSources};
use crate::service::keys::usage::{self, Period};
use crate::service::keys::{api_keys, changeable};
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
    bounds: BoundsInWords,
    permissions: Vec<&'static str>,
    /// `None` if the user may not see the key's permissions.
    may: Option<Vec<Line>>,
    /// What says something about the key that the user may not read: `2 policies say`; empty if there is nothing.
    hidden: String,
    question: VerdictForm,
    /// What is wrong with the question.
    faults: FormErrors,
    verdict: Option<Verdict>,
    actions: Vec<&'static str>,
    /// The actions in words, if the question names none of them.
    known: Vec<ActionWords>,
    suggestions: Vec<Suggestion>,
    /// `None` if the user may not read the audit trail.
    trail: Option<Vec<Entry>>,
    may_change: bool,
    /// Why the user may not change or delete it, although keys are the user's to manage; empty if that is not so.
    locked: String,
    authentication: Authentication,
    notice: &'static str,
}

/// The actions that one source allows or forbids.
struct Line {
    allows: bool,
    actions: Vec<ActionWords>,
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
    let question = VerdictForm::read(&params)?;
    let faults = question.faults();
    let verdict = if question.is_asked() && faults.is_empty() {
        allowed(Verdict::of(&request, key.id, &question).await)?
    } else {
        None
    };
    let notice = match params.get("done")? {
        "changed" => "The change is saved, and in force.",
        _ => "",
    };
    let suggested = verdict.iter().flat_map(|verdict| &verdict.personas);
    let suggestions = suggested.map(|persona| Suggestion::of(&key, persona)).collect();
    let actions: Vec<&str> =
        Category::all().flat_map(Category::actions).chain(Permission::ALL.map(Permission::name)).collect();
    let known = if faults.is_empty() { Vec::new() } else { actions.iter().map(|name| ActionWords::of(name)).collect() };
    let may_change = request.actor.permissions().contains(Permission::ManageApiKeys);
    let mut locked = HashMap::new();
    if may_change {
        locked = changeable::refused_keys(service, &request.actor, vec![key.id]).await?;
    }
    let one = One {
        locked: locked.remove(&key.id).map_or_else(String::new, |reason| sentence(&reason)),
        authentication: Authentication::of(&request, key.id).await?,
        page: request.page(key.display_name.clone(), "keys")?,
        bounds: BoundsInWords::of(&key, &used.networks),
        chart: Chart::of(by, &question, &used.series, used.networks, now),
        by: params.get("by")?.to_owned(),
        uses: counted(key.use_count, "time"),
        addresses: key.limits.addresses.texts().collect(),
        rate: key.limits.rate.map_or_else(|| "as often as it likes".to_owned(), rate),
        permissions: key.permissions.iter().map(|permission| meaning(permission).0).collect(),
        hidden: may.as_ref().map_or_else(String::new, |found| hidden_words(found.hidden)),
        may: may.map(|found| lines(found.permissions, &key.personas, now)),
        actions,
        known,
        suggestions,
        trail: trail(&request, &key).await?,
        may_change,
        row: Row::all(&request, vec![key]).await?.remove(0),
        question,
        faults,
        verdict,
        notice,
    };
    request.answer(StatusCode::OK, &one)
}

/// A persona that would allow what is asked, if the key were linked to it.
struct Suggestion {
    name: String,
    /// The page that compares the key's personas with these and that one, relative to the start of this server.
    to: String,
}

impl Suggestion {
    fn of(key: &ApiKey, persona: &PersonaRef) -> Self {
        let mut query = Serializer::new(String::new());
        query.append_pair("try", "yes");
        query.extend_pairs(key.personas.iter().chain([persona]).map(|each| ("persona", &each.qualified_name)));
        Self { name: persona.name.clone(), to: format!("keys/{}/personas?{}", key.id, query.finish()) }
    }
}

async fn trail(request: &SignedInRequest, key: &ApiKey) -> Result<Option<Vec<Entry>>, Failure> {
    let query = Query::first_page(is(ChangeField::SubjectId, &key.id.to_string()), "", TRAIL)?;
    match allowed(audit::list(&request.state.service, &request.actor, query).await)? {
        Some(found) => Entry::all(request, found.records).await.map(Some),
        None => Ok(None),
    }
}

fn relation_word(relation: Relation) -> &'static str {
    match relation {
        Relation::Admin => "admin",
        Relation::Viewer => "viewer",
    }
}

/// The sources that the user may not read: `2 policies and 1 connection or collection say`.
fn hidden_words(hidden: HiddenSources) -> String {
    let of_policies = (hidden.policies > 0).then(|| policies(hidden.policies));
    let assets = (hidden.assets > 0).then(|| match hidden.assets {
        1 => "1 connection or collection".to_owned(),
        many => format!("{many} connections and collections"),
    });
    let sources = of_policies.into_iter().chain(assets).collect::<Vec<_>>().join(" and ");
    match hidden.count() {
        0 => String::new(),
        1 => format!("{sources} says"),
        _ => format!("{sources} say"),
    }
}

/// Groups permissions by source, effect and resources.
fn lines(found: Vec<EffectivePermission>, personas: &[PersonaRef], now: i64) -> Vec<Line> {
    let mut lines: Vec<(EffectivePermission, Line)> = Vec::new();
    let told = |last: Option<i64>| last.and_then(|last| DisplayTime::of(last, now));
    for each in found {
        let action = ActionWords::of(&each.action);
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
                let persona = personas.iter().find(|persona| policy.persona == Some(persona.id));
                let of = persona.map_or_else(String::new, |persona| format!(" of the persona {}", persona.name));
                let link = policy.persona.map(|persona| format!("personas/{persona}"));
                (format!("policy {}{of}", policy.name), link)
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

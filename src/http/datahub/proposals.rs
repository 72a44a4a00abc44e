//! Parses what DataHub's clients write into checked [`AspectWrite`]s: proposals of one aspect, and snapshots of several.
//!
//! Tessera keeps users and service accounts only. Reports of the client about its own runs are accepted, so that an
//! ingestion with a token succeeds, and dropped. Everything else is refused.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::urn;
use crate::domain::error::Violation;
use crate::domain::listing::clip;
use crate::domain::nesting::{Texts, Unreadable};
use crate::domain::profile::{AspectName, AspectWrite};
use crate::http::problem::Failure;

/// The most proposals in one request, as many as DataHub's client sends.
pub const MOST: usize = 200;
/// The longest body with proposals, in bytes, as long as DataHub's client sends.
pub const LENGTH: usize = 15 << 20;

/// The entity types of the client's reports about its own runs.
const REPORTS: [&str; 2] = ["dataHubIngestionSource", "dataHubExecutionRequest"];

/// The writings of a request, and the URN of the last entity in it.
#[derive(Default)]
pub struct AspectWrites {
    pub writings: Vec<AspectWrite>,
    pub last: String,
}

/// A change of one aspect. Unknown members are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proposal {
    entity_urn: Option<String>,
    entity_type: Option<String>,
    change_type: Option<String>,
    aspect_name: Option<String>,
    aspect: Option<GenericAspect>,
}

#[derive(Deserialize)]
struct GenericAspect {
    value: String,
}

/// Reads all proposals, or fails. `place` makes the prefix of a proposal's field names in errors from its index.
///
/// # Errors
/// The violation of the first invalid proposal.
pub fn read(proposals: Vec<Proposal>, place: impl Fn(usize) -> String) -> Result<AspectWrites, Failure> {
    let mut wanted = AspectWrites::default();
    // One budget for all of them, because all are in memory at once.
    let mut texts = Texts::default();
    for (index, proposal) in proposals.into_iter().enumerate() {
        let place = place(index);
        let wrong = |member: &str, message: String| Violation::new(format!("{place}{member}"), message);
        let urn = match (proposal.entity_urn, &proposal.entity_type) {
            (Some(urn), _) => urn,
            // Some of the client's reports have a key instead of a URN.
            (None, Some(kind)) if REPORTS.contains(&kind.as_str()) => continue,
            (None, _) => return Err(wrong("entityUrn", "must be given".to_owned()).into()),
        };
        let Some(username) = subject(&urn).map_err(|message| wrong("entityUrn", message))? else {
            wanted.last = urn;
            continue;
        };
        if !matches!(proposal.change_type.as_deref(), None | Some("UPSERT" | "CREATE" | "UPDATE" | "RESTATE")) {
            return Err(wrong("changeType", "must be `UPSERT`".to_owned()).into());
        }
        let name = proposal.aspect_name.ok_or_else(|| wrong("aspectName", "must be given".to_owned()))?;
        wanted.last = urn;
        let Some(name) = aspect(&name).map_err(|message| wrong("aspectName", message))? else { continue };
        let text = proposal.aspect.map(|aspect| aspect.value).unwrap_or_default();
        let value: Value = texts.read(text.as_bytes()).map_err(|error| match error {
            Unreadable::LimitExceeded(excess) => Failure::from(excess),
            Unreadable::DuplicateMember(twice) => Failure::from(twice),
            Unreadable::Json(_) => wrong("aspect", "must hold a JSON object as text in `value`".to_owned()).into(),
        })?;
        wanted.writings.push(AspectWrite::new(username, name, value).map_err(|message| wrong("aspect", message))?);
    }
    Ok(wanted)
}

/// Reads `entity.value` of `/entities?action=ingest`: one snapshot under the name of its record.
///
/// # Errors
/// A violation that says what is wrong.
pub fn read_snapshot(place: &str, value: &Map<String, Value>) -> Result<AspectWrites, Violation> {
    let wrong = |member: &str, message: String| Violation::new(format!("{place}{member}"), message);
    let shape = || wrong("value", "must have one snapshot, under the name of its record".to_owned());
    let snapshot = value.values().next().filter(|_| value.len() == 1).ok_or_else(shape)?;
    let text =
        snapshot["urn"].as_str().ok_or_else(|| wrong("value", "must have a snapshot with a `urn`".to_owned()))?;
    let aspects = snapshot["aspects"].as_array();
    let aspects = aspects.ok_or_else(|| wrong("value", "must have a snapshot with an array `aspects`".to_owned()))?;
    let mut wanted = AspectWrites { writings: Vec::new(), last: text.to_owned() };
    let Some(username) = subject(text).map_err(|message| wrong("value", message))? else { return Ok(wanted) };
    for (index, one) in aspects.iter().enumerate() {
        let wrong = |message| wrong(&format!("value.aspects[{index}]"), message);
        let one = one.as_object().filter(|one| one.len() == 1).and_then(|one| one.iter().next());
        let (record, value) =
            one.ok_or_else(|| wrong("must have one aspect, under the name of its record".to_owned()))?;
        // `com.linkedin.identity.CorpUserInfo` is the record of `corpUserInfo`.
        let mut letters = record.rsplit('.').next().unwrap_or_default().chars();
        let name: String = letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect();
        let Some(name) = aspect(&name).map_err(wrong)? else { continue };
        wanted.writings.push(AspectWrite::new(username.clone(), name, value.clone()).map_err(wrong)?);
    }
    Ok(wanted)
}

/// The user name in a URN; `None` for a report about a run, which is dropped.
fn subject(text: &str) -> Result<Option<String>, String> {
    let kind = text.strip_prefix("urn:li:").and_then(|rest| rest.split(':').next()).unwrap_or_default();
    match urn::username(text) {
        Some(username) => Ok(Some(username.to_owned())),
        None if REPORTS.contains(&kind) => Ok(None),
        None if kind.is_empty() || kind == "corpuser" => {
            Err("must be a user's URN such as `urn:li:corpuser:ada`".into())
        }
        None => Err(format!(
            "is about a `{}`: Tessera keeps users and service accounts (`corpuser`) and nothing else of DataHub's \
             entities; reports of ingestion ({}) are taken and dropped",
            clip(kind),
            REPORTS.map(|kind| format!("`{kind}`")).join(", ")
        )),
    }
}

/// The aspect with that name; `None` for the key aspect, because the URN contains it.
fn aspect(name: &str) -> Result<Option<AspectName>, String> {
    if name == "corpUserKey" {
        return Ok(None);
    }
    AspectName::find(name).map(Some).ok_or_else(|| {
        let known = AspectName::ALL.map(|name| format!("`{}`", name.name())).join(", ");
        format!("is `{}`: of a user or a service account Tessera keeps {known}", clip(name))
    })
}

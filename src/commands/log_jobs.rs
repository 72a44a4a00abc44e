//! The background work of the log: appends changes, writes the copy in a folder, and asks the witnesses.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use actix_web::web::Data;
use futures_util::future::join_all;
use ureq::http::header::CONTENT_TYPE;
use ureq::http::{Request, StatusCode, Uri};

use super::explain;
use super::log_copy::LogCopy;
use super::tasks::every;
use crate::checkpoint_file::CheckpointFile;
use crate::config::{AuditLogSettings, WitnessSetting};
use crate::http::state::State;
use crate::outbound::{self, Destinations, Outbound};
use crate::service::log::append::{self, APPEND_EVERY, Unlogged};
use crate::service::log::witness::{self, Unwitnessed};

/// Checks the settings.
///
/// # Errors
/// A message for the operator.
pub(super) fn check(settings: &AuditLogSettings) -> Result<(), String> {
    for witness in &settings.audit_log_witnesses {
        let parsed: Result<Uri, _> = witness.url.parse();
        let usable = parsed.map_err(|error| error.to_string());
        usable
            .and_then(|url| outbound::check(&url).map_err(|error| error.to_string()))
            .map_err(|error| format!("--audit-log-witnesses: `{}`: {error}", witness.url))?;
    }
    Ok(())
}

/// Starts the background tasks of the log: appending, copying, asking witnesses.
pub(super) fn spawn(state: &Data<State>, settings: AuditLogSettings, checkpoint: CheckpointFile) {
    let witnesses = settings.audit_log_witnesses.clone();
    actix_web::rt::spawn(append(state.clone(), settings, checkpoint));
    if !witnesses.is_empty() {
        actix_web::rt::spawn(ask_witnesses(state.clone(), witnesses));
    }
}

async fn append(state: Data<State>, settings: AuditLogSettings, mut checkpoint: CheckpointFile) {
    let mut ticks = every(APPEND_EVERY);
    let mut copy = settings.audit_log_directory.map(LogCopy::new);
    loop {
        ticks.tick().await;
        loop {
            let began = Instant::now();
            match append::append_some(&state.service, settings.audit_log_origin.as_deref()).await {
                // Others write meanwhile.
                Ok(Unlogged::Some) => tokio::time::sleep(began.elapsed()).await,
                Ok(Unlogged::None) => break,
                Err(error) => {
                    if state.log_bounds.admit("cannot append to the log", Instant::now()) {
                        tracing::error!(error = explain(error), "cannot append to the log of the changes");
                    }
                    break;
                }
            }
        }
        checkpoint.keep(state.service.log.signed_checkpoint());
        if let Some(copy) = &mut copy
            && let Err(error) = copy.follow(&state.service).await
            && state.log_bounds.admit("cannot copy the log", Instant::now())
        {
            tracing::error!(error, "cannot write the copy of the log of the changes");
        }
    }
}

/// How often a node checks whether it is to ask the witnesses.
const LOOK_EVERY: Duration = Duration::from_secs(1);

async fn ask_witnesses(state: Data<State>, witnesses: Vec<WitnessSetting>) {
    let (mut ticks, client) = (every(LOOK_EVERY), Outbound::default());
    // How many leaves each witness has cosigned, as far as this process knows.
    let mut cosigned: HashMap<String, u64> = HashMap::new();
    loop {
        ticks.tick().await;
        let due = match witness::due(&state.service).await {
            Ok(Some(due)) => due,
            Ok(None) => continue,
            Err(error) => {
                tracing::debug!(error = explain(error), "cannot read what the witnesses are to cosign");
                continue;
            }
        };
        let asked = witnesses.iter().map(|witness| {
            let old = cosigned.get(&witness.url).copied().unwrap_or(0);
            ask(&state, &client, witness, &due, old)
        });
        let outcomes = join_all(asked).await;
        let mut answers = Vec::new();
        for (witness, outcome) in witnesses.iter().zip(outcomes) {
            match outcome {
                Ok(lines) => answers.push((witness.key.clone(), lines)),
                Err(error) => failed(&state, witness, &error),
            }
        }
        match witness::add(&state.service, &due, &answers).await {
            Ok(added) => {
                for ((key, _), is_added) in answers.iter().zip(added) {
                    let Some(witness) = witnesses.iter().find(|witness| witness.key == *key) else { continue };
                    if is_added {
                        cosigned.insert(witness.url.clone(), due.size);
                    } else {
                        failed(&state, witness, "its answer has no right cosignature");
                    }
                }
            }
            Err(error) => tracing::warn!(error = explain(error), "cannot keep the cosignatures of the log"),
        }
    }
}

fn failed(state: &State, witness: &WitnessSetting, error: &str) {
    state.service.log.witness_failures.inc();
    if state.log_bounds.admit("a witness does not cosign", Instant::now()) {
        tracing::warn!(witness = witness.key.name(), error, "a witness does not cosign the log");
    }
}

/// Asks a witness to cosign; returns the lines of its answer. A witness that has cosigned a tree of another size says so, and
/// is asked once more.
async fn ask(
    state: &State,
    client: &Outbound,
    witness: &WitnessSetting,
    due: &Unwitnessed,
    old: u64,
) -> Result<String, String> {
    let (status, text) = send(state, client, witness, due, old).await?;
    let (status, text) = match (status, text.trim().parse::<u64>()) {
        (StatusCode::CONFLICT, Ok(known)) if known > due.size => {
            return Err(format!("it has cosigned {known} entries, and the log has {}: it was rolled back", due.size));
        }
        (StatusCode::CONFLICT, Ok(known)) if known != old => send(state, client, witness, due, known).await?,
        _ => (status, text),
    };
    if status == StatusCode::OK { Ok(text) } else { Err(format!("it answers {status}: {:.200}", text.trim())) }
}

async fn send(
    state: &State,
    client: &Outbound,
    witness: &WitnessSetting,
    due: &Unwitnessed,
    old: u64,
) -> Result<(StatusCode, String), String> {
    let body = witness::request(&state.service, due, old).await.map_err(explain)?;
    let request = Request::post(&witness.url).header(CONTENT_TYPE, "text/plain; charset=utf-8");
    let request = request.body(body.into_bytes()).map_err(|error| error.to_string())?;
    let answer = client.send(request, Destinations::Anywhere).await.map_err(|error| error.to_string())?;
    Ok((answer.status(), String::from_utf8_lossy(answer.body()).into_owned()))
}

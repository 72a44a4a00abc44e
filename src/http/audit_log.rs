//! `/audit/log`: the log of the changes, in the formats of C2SP (`tlog-tiles`, `tlog-checkpoint`).
//!
//! Checkpoints and hashes are public: an entry has 74 random bits in it, so its hash cannot be guessed. What they tell is how
//! many changes there have been, and when. Entries require the permission `VIEW_AUDIT`.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::actor::Actor;
use crate::domain::error::Error;
use crate::domain::listing::clip;
use crate::domain::log::path::TilePath;
use crate::domain::network::Network;
use crate::domain::party::Party;
use crate::http::openapi::{AnyError, Fails, examples};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::log::read::{self, EndedLog, Keys as LogKeys};

/// A checkpoint changes with every change.
const CHANGING: &str = "no-cache";
/// A tile never changes.
const FIXED: &str = "public, max-age=31536000, immutable";
/// Entries are not public, so no shared cache may keep them.
const FIXED_AND_PRIVATE: &str = "private, max-age=31536000, immutable";
const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

/// Get the latest checkpoint of the log
///
/// A signed note (C2SP `tlog-checkpoint`): the origin, the number of entries and the root hash, signed by the log and, if they
/// have for this one, by its witnesses.
#[utoipa::path(
    tag = "Audit",
    operation_id = "get_log_checkpoint",
    security(()),
    responses((status = 200, description = "The checkpoint", content_type = "text/plain", body = String), Fails<404>, Fails<429>, Fails<500>, Fails<503>),
)]
#[get("/audit/log/checkpoint")]
pub async fn checkpoint(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    Ok(note(read::latest_checkpoint(&state.service, stranger(&state, &request)).await?))
}

/// Get the latest cosigned checkpoint of the log
///
/// The latest checkpoint that a witness has cosigned, with the cosignatures. It may be older than the latest one.
#[utoipa::path(
    tag = "Audit",
    operation_id = "get_witnessed_log_checkpoint",
    security(()),
    responses((status = 200, description = "The checkpoint", content_type = "text/plain", body = String), Fails<404>, Fails<429>, Fails<500>, Fails<503>),
)]
#[get("/audit/log/witnessed")]
pub async fn witnessed(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    Ok(note(read::witnessed_checkpoint(&state.service, stranger(&state, &request)).await?))
}

fn note(text: String) -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, TEXT)).insert_header((CACHE_CONTROL, CHANGING)).body(text)
}

/// Get the keys of the log
///
/// The key that verifies checkpoints, and the logs that a restored backup has ended. Who verifies the log should have the key
/// from elsewhere.
#[utoipa::path(
    tag = "Audit",
    operation_id = "get_log_keys",
    security(()),
    responses((status = 200, description = "The keys", body = LogKeysView), Fails<404>, Fails<429>, Fails<500>, Fails<503>),
)]
#[get("/audit/log/key")]
pub async fn verifier_keys(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let keys = read::keys(&state.service, stranger(&state, &request)).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, CHANGING)).json(LogKeysView::from(keys)))
}

/// The keys of the log.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LogKeys, example = examples::log_keys)]
pub struct LogKeysView {
    /// The origin of the log: its name in its checkpoints.
    origin: String,
    /// The verifier key (C2SP `signed-note`).
    verifier_key: String,
    /// The logs that a restored backup has ended, the first one first. Each begins like the one after it.
    ended: Vec<EndedLogView>,
}

/// A log that a restored backup has ended.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EndedLog)]
pub struct EndedLogView {
    /// The verifier key, with the origin.
    verifier_key: String,
    /// How many of its entries the backup had.
    size: i64,
    /// The root hash of its tree of that size, in base64.
    root_hash: String,
    /// Epoch milliseconds.
    ended_at: i64,
}

impl From<LogKeys> for LogKeysView {
    fn from(keys: LogKeys) -> Self {
        let view = |ended: EndedLog| EndedLogView {
            verifier_key: ended.verifier_key,
            size: ended.size,
            root_hash: ended.root,
            ended_at: ended.ended_at,
        };
        Self { origin: keys.origin, verifier_key: keys.verifier_key, ended: keys.ended.into_iter().map(view).collect() }
    }
}

impl From<LogKeysView> for LogKeys {
    fn from(view: LogKeysView) -> Self {
        let ended = |view: EndedLogView| EndedLog {
            verifier_key: view.verifier_key,
            size: view.size,
            root: view.root_hash,
            ended_at: view.ended_at,
        };
        Self {
            origin: view.origin,
            verifier_key: view.verifier_key,
            ended: view.ended.into_iter().map(ended).collect(),
        }
    }
}

/// Get entries of the log
///
/// Up to 256 entries, each with its length before it in two bytes (C2SP `tlog-tiles`). Requires the permission `VIEW_AUDIT`.
#[utoipa::path(
    tag = "Audit",
    operation_id = "get_log_entries",
    params(("path" = String, Path, description = "The number of the bundle, as `000`, `x001/234`, or `000.p/5` for its first five entries", example = "000.p/1")),
    responses((status = 200, description = "The entries", content_type = "application/octet-stream", body = Vec<u8>), AnyError, Fails<403>, Fails<404>),
)]
#[get("/audit/log/tile/entries/{path:.*}")]
pub async fn entries(state: web::Data<State>, actor: Actor, path: web::Path<String>) -> Result<HttpResponse, Failure> {
    let path = format!("entries/{path}");
    let bundle = read::entries(&state.service, &actor, TilePath::parse(&path), &clip(&path)).await?;
    Ok(tile(bundle, FIXED_AND_PRIVATE))
}

/// Get hashes of the log
///
/// Up to 256 hashes of one level of the tree, 32 bytes each (C2SP `tlog-tiles`).
#[utoipa::path(
    tag = "Audit",
    operation_id = "get_log_hashes",
    security(()),
    params(("path" = String, Path, description = "The level and the number of the tile, as `0/000`, `1/x001/234`, or `0/000.p/5` for its first five hashes", example = "0/000.p/1")),
    responses((status = 200, description = "The hashes", content_type = "application/octet-stream", body = Vec<u8>), Fails<404>, Fails<429>, Fails<500>, Fails<503>),
)]
#[get("/audit/log/tile/{path:.*}")]
pub async fn hashes(
    state: web::Data<State>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let parsed = TilePath::parse(&path).ok_or_else(|| Error::NotFound { kind: "tile", id: clip(&path) })?;
    Ok(tile(read::tile(&state.service, stranger(&state, &request), parsed).await?, FIXED))
}

fn tile(bytes: Vec<u8>, caching: &'static str) -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, BYTES)).insert_header((CACHE_CONTROL, caching)).body(bytes)
}

/// Requests without a credential share the database by the network that they come from.
fn stranger(state: &State, request: &HttpRequest) -> Party {
    Party::Network(Network::of(state.trusted.client_address(request)))
}

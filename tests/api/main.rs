//! Tessera in process, through the same `app.rs` as production, over SQLite or PostgreSQL.
//!
//! `cargo test --test api` uses SQLite. With `TESSERA_TEST_POSTGRES=postgres://…/postgres` in the environment every
//! test gets a fresh database on that server instead.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod asset_owners;
mod asset_people;
mod asset_rights;
mod assets;
mod audit;
mod authentication;
mod authorisation;
mod authority;
mod authzen;
mod authzen_batch;
mod authzen_search;
mod away;
mod breakdowns;
mod changes;
mod clocks;
mod concurrency;
mod containment;
mod containment_holds;
mod cost;
mod create;
mod create_refused;
mod datahub;
mod delete;
mod directory;
mod editions;
mod entities;
mod errors;
mod explain;
mod filter;
mod filter_agrees;
mod filter_refused;
mod freshness;
mod gateway;
mod gateway_decisions;
mod github;
mod given_up;
mod hidden_characters;
mod idempotency;
mod introspection;
mod layers;
mod list;
mod list_plans;
mod names;
mod nesting;
mod numbers;
mod one_path;
mod openapi;
mod ops;
mod passwords;
mod persona_entities;
mod persona_policies;
mod personas;
mod plans;
mod policies;
mod request_ids;
mod restore;
mod revocation;
mod rights_meanwhile;
mod search;
mod search_agrees;
mod search_refused;
mod secrets;
mod sessions;
mod shutdown;
mod sight;
mod slow_bodies;
mod sort_and_page;
mod storage;
mod support;
mod update;
mod users;

//! Tessera in process, through the same `app.rs` as production, over SQLite or PostgreSQL.
//!
//! `cargo test --test api` uses SQLite. With `TESSERA_TEST_POSTGRES=postgres://…/postgres` in the environment every
//! test gets a fresh database on that server instead.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod audit;
mod authentication;
mod authorisation;
mod breakdowns;
mod changes;
mod concurrency;
mod create;
mod create_refused;
mod datahub;
mod delete;
mod directory;
mod editions;
mod errors;
mod explain;
mod filter;
mod filter_agrees;
mod filter_refused;
mod gateway;
mod idempotency;
mod layers;
mod list;
mod openapi;
mod ops;
mod personas;
mod plans;
mod policies;
mod request_ids;
mod revocation;
mod secrets;
mod sessions;
mod sort_and_page;
mod storage;
mod support;
mod update;
mod users;

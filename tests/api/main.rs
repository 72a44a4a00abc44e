//! Tessera in process, through the same `app.rs` as production, over SQLite or PostgreSQL.
//!
//! `cargo test --test api` uses SQLite. With `TESSERA_TEST_POSTGRES=postgres://…/postgres` in the environment every
//! test gets a fresh database on that server instead.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod create;
mod create_refused;
mod delete;
mod filter;
mod filter_agrees;
mod filter_refused;
mod list;
mod personas;
mod sort_and_page;
mod support;
mod update;

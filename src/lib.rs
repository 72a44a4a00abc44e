//! Tessera, an API-key service. Layers: `http` parses and answers, `service` has the use cases and the authorisation,
//! `storage` has all SQL, `directory` caches credentials, `domain` has the types and their rules.
//!
//! ```text
//! main ── commands ── app, edge
//!                      │
//!                     http      doors, one folder per protocol
//!                      │
//!                   service     use cases: one function, one transaction, authorisation first
//!                  ┌───┴────┐
//!            directory    storage
//!          the hot path   the only place that knows SQL
//!                  └───┬────┘
//!                   domain      the words and their rules: pure
//! ```
//!
//! Dependencies point downwards only.

// Both panic when nobody reads: `commands::output` does not.
#![warn(clippy::print_stderr, clippy::print_stdout)]

pub mod app;
mod checkpoint_file;
pub mod clock;
pub mod commands;
pub mod config;
mod descriptors;
pub mod directory;
pub mod domain;
pub mod edge;
mod first_start_file;
pub mod http;
mod journal_file;
mod kept_file;
pub mod outbound;
mod pepper_file;
pub mod queue;
mod seen_file;
pub mod service;
pub mod shares;
pub mod shutdown;
pub mod storage;
pub mod telemetry;

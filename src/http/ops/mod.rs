//! For those who run Tessera.

pub mod health;
pub mod metrics;

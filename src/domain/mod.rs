//! The words of Tessera and their rules: pure, without HTTP and without SQL.

pub mod actor;
pub mod api_key;
pub mod change;
pub mod credential;
pub mod cursor;
pub mod entropy;
pub mod error;
pub mod filter;
pub mod ids;
pub mod listing;
pub mod pepper;
pub mod permission;
pub mod persona;
pub mod principal;
pub mod text;
pub mod token;
pub mod user;

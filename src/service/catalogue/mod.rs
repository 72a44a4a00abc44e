//! Personas, policies and assets, and the search among them.

mod asset_people;
pub mod assets;
pub mod entities;
pub mod persona_policies;
mod persona_room;
pub mod personas;
pub mod policies;
pub mod saved;
pub mod search;

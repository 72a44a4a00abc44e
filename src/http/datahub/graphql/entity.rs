//! The interface `Entity`.

use async_graphql::Interface;

use super::corp_user::CorpUser;
use super::scalars::EntityType;
use super::tokens::AccessTokenMetadata;

/// An entity with a URN.
#[derive(Interface)]
#[graphql(
    field(name = "urn", ty = "&String", desc = "The URN of the entity"),
    field(name = "type", method = "entity_type", ty = "&EntityType", desc = "The type of the entity")
)]
pub enum Entity {
    /// An access token.
    AccessTokenMetadata(AccessTokenMetadata),
    /// A user.
    CorpUser(CorpUser),
}

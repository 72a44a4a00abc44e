//! The interface `Entity`.

use async_graphql::Interface;

use super::corp_user::CorpUser;
use super::scalars::EntityType;
use super::tokens::AccessTokenMetadata;

/// An entity with a URN.
#[derive(Interface)]
#[graphql(
    field(name = "urn", ty = "&String", desc = "Its URN"),
    field(name = "type", method = "entity_type", ty = "&EntityType", desc = "Its type")
)]
pub enum Entity {
    /// An access token.
    AccessTokenMetadata(AccessTokenMetadata),
    /// A user.
    CorpUser(CorpUser),
}

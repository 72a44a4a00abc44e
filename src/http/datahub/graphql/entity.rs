//! The interface `Entity`.

use async_graphql::Interface;

use super::corp_user::CorpUser;
use super::scalars::EntityType;
use super::tokens::AccessTokenMetadata;

/// Whatever has a URN.
#[derive(Interface)]
#[graphql(
    field(name = "urn", ty = "&String", desc = "Its name"),
    field(name = "type", method = "entity_type", ty = "&EntityType", desc = "What kind of thing it is")
)]
pub enum Entity {
    /// An access token.
    AccessTokenMetadata(AccessTokenMetadata),
    /// A user.
    CorpUser(CorpUser),
}

//! Shared types: the scalar `Long`, `EntityType` and relationships.

use async_graphql::{Enum, InputObject, InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject};

/// A 64-bit integer: epoch milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Long(pub i64);

#[Scalar]
impl ScalarType for Long {
    fn parse(value: async_graphql::Value) -> InputValueResult<Self> {
        match &value {
            async_graphql::Value::Number(number) => number.as_i64(),
            async_graphql::Value::String(text) => text.parse().ok(),
            _ => None,
        }
        .map(Self)
        .ok_or_else(|| InputValueError::expected_type(value))
    }

    fn to_value(&self) -> async_graphql::Value {
        async_graphql::Value::from(self.0)
    }
}

/// The type of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum EntityType {
    /// An access token.
    AccessToken,
    /// A user or a service account.
    CorpUser,
}

/// The relationships to return.
#[derive(Debug, InputObject)]
pub struct RelationshipsInput {
    /// The types of the relationships.
    pub types: Vec<String>,
    /// The direction of the relationships.
    pub direction: RelationshipDirection,
    /// The offset of the page.
    pub start: Option<i32>,
    /// The most relationships.
    pub count: Option<i32>,
}

/// The direction of a relationship.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum RelationshipDirection {
    /// To the entity.
    Incoming,
    /// From the entity.
    Outgoing,
}

/// Relationships of an entity.
#[derive(Debug, Default, SimpleObject)]
pub struct EntityRelationshipsResult {
    /// The offset of the page.
    pub start: Option<i32>,
    /// The number of relationships in the page: always 0.
    pub count: Option<i32>,
    /// The number of relationships: always 0, because Tessera stores none.
    pub total: Option<i32>,
}

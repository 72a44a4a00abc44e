//! What every subject uses: the scalar `Long`, and what leads from one entity to another.

use async_graphql::{Enum, InputObject, InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject};

/// A number of 64 bits: epoch milliseconds.
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

/// What kind of thing an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum EntityType {
    /// An access token.
    AccessToken,
    /// A user, or a service account.
    CorpUser,
}

/// Which relationships are wanted.
#[derive(Debug, InputObject)]
pub struct RelationshipsInput {
    /// Their types.
    pub types: Vec<String>,
    /// From the entity or to it.
    pub direction: RelationshipDirection,
    /// After so many.
    pub start: Option<i32>,
    /// At most so many.
    pub count: Option<i32>,
}

/// From the entity or to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum RelationshipDirection {
    /// To it.
    Incoming,
    /// From it.
    Outgoing,
}

/// Relationships of an entity.
#[derive(Debug, Default, SimpleObject)]
pub struct EntityRelationshipsResult {
    /// Where the page begins.
    pub start: Option<i32>,
    /// How many it has.
    pub count: Option<i32>,
    /// How many there are: Tessera keeps none.
    pub total: Option<i32>,
}

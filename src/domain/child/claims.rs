//! The claims of a child's token.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Child, ChildScope, Delegate, MOST_ACTORS, MOST_ANCESTORS, Purpose};
use crate::domain::ids::PrincipalId;
use crate::domain::jwk::Thumbprint;
use crate::domain::oauth_client::Warrant;
use crate::domain::token::KeyId;

impl Child {
    /// The claims of the token.
    #[must_use]
    pub fn claims(&self) -> Claims {
        let actor = |inner: Option<Box<ActClaim>>, actor: &Delegate| {
            Some(Box::new(ActClaim {
                sub: actor.principal.to_string(),
                username: actor.username.clone(),
                credential: actor.credential.to_string(),
                warrant: actor.warrant.map(|warrant| warrant.to_string()),
                act: inner,
            }))
        };
        Claims {
            iss: self.issuer.clone(),
            sub: self.subject.to_string(),
            aud: self.audience.clone(),
            client_id: self.client.clone(),
            iat: self.issued_at,
            exp: self.expires_at,
            jti: self.id.to_string(),
            scope: self.scope.as_ref().map(ToString::to_string),
            act: self.actors.iter().rev().fold(None, actor),
            cnf: self.proof_key.map(|key| Confirmation { jkt: key.to_string() }),
            parent: self.parent.to_string(),
            warrant: self.warrant.map(|warrant| warrant.to_string()),
            ancestors: self.ancestors.iter().map(Uuid::to_string).collect(),
            impersonator: self.impersonator.map(|id| id.to_string()),
            purpose: self.purpose.name().map(str::to_owned),
        }
    }

    /// Reads claims; `None` when they are not those of a child.
    #[must_use]
    pub fn read(claims: Claims) -> Option<Self> {
        let warrant = |text: Option<String>| text.map_or(Some(None), |text| Warrant::parse(&text).map(Some));
        let mut actors = Vec::new();
        let mut act = claims.act;
        while let Some(each) = act {
            actors.push(Delegate {
                principal: PrincipalId::parse(&each.sub)?,
                username: each.username,
                credential: KeyId::parse(&each.credential)?,
                warrant: warrant(each.warrant)?,
            });
            act = each.act;
        }
        let scope = match claims.scope {
            Some(scope) => Some(ChildScope::parse(&scope).ok()?.unwrap_or_default()),
            None => None,
        };
        let impersonator = match &claims.impersonator {
            Some(id) => Some(PrincipalId::parse(id)?),
            None => None,
        };
        let proof_key = match claims.cnf {
            Some(confirmation) => Some(Thumbprint::parse(&confirmation.jkt)?),
            None => None,
        };
        let ancestors = claims.ancestors.iter().map(|id| Uuid::parse_str(id).ok()).collect::<Option<Vec<_>>>()?;
        if actors.len() > MOST_ACTORS || ancestors.len() > MOST_ANCESTORS {
            return None;
        }
        Some(Self {
            id: Uuid::parse_str(&claims.jti).ok()?,
            ancestors,
            issuer: claims.iss,
            subject: PrincipalId::parse(&claims.sub)?,
            client: claims.client_id,
            audience: claims.aud,
            parent: KeyId::parse(&claims.parent)?,
            warrant: warrant(claims.warrant)?,
            issued_at: claims.iat,
            expires_at: claims.exp,
            scope,
            actors,
            proof_key,
            impersonator,
            purpose: Purpose::find(claims.purpose.as_deref())?,
        })
    }
}

/// The claims of a child's token (RFC 9068, section 2.2).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    iss: String,
    sub: String,
    aud: String,
    client_id: String,
    iat: i64,
    exp: i64,
    jti: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// Who acts for the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<ActClaim>>,
    /// The key that requests must prove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// The key id of the parent.
    #[serde(rename = "tessera_parent")]
    parent: String,
    #[serde(rename = "tessera_warrant", default, skip_serializing_if = "Option::is_none")]
    warrant: Option<String>,
    #[serde(rename = "tessera_ancestors", default, skip_serializing_if = "Vec::is_empty")]
    ancestors: Vec<String>,
    #[serde(rename = "tessera_impersonator", default, skip_serializing_if = "Option::is_none")]
    impersonator: Option<String>,
    #[serde(rename = "tessera_purpose", default, skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
}

/// The `act` claim (RFC 8693, section 4.1).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ActClaim {
    sub: String,
    username: String,
    #[serde(rename = "tessera_credential")]
    credential: String,
    #[serde(rename = "tessera_warrant", default, skip_serializing_if = "Option::is_none")]
    warrant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    act: Option<Box<ActClaim>>,
}

/// The `cnf` claim (RFC 9449, section 6.1).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Confirmation {
    jkt: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_claims_are_read_as_they_are_written() {
        let child = Child {
            id: Uuid::from_u128(1),
            ancestors: vec![Uuid::from_u128(2)],
            issuer: "https://tessera.example.org".into(),
            subject: PrincipalId::from(Uuid::from_u128(3)),
            client: "apikey-x".into(),
            audience: "https://mcp.example.org".into(),
            parent: KeyId([7; 16]),
            warrant: Warrant::parse(&Thumbprint([6; 32]).to_string()),
            issued_at: 1,
            expires_at: 2,
            scope: ChildScope::parse("search").unwrap(),
            actors: [4_u8, 5]
                .map(|it| Delegate {
                    principal: PrincipalId::from(Uuid::from_u128(it.into())),
                    username: format!("actor {it}"),
                    credential: KeyId([8; 16]),
                    warrant: Warrant::parse(&Thumbprint([it; 32]).to_string()),
                })
                .to_vec(),
            proof_key: Some(Thumbprint([9; 32])),
            impersonator: Some(PrincipalId::from(Uuid::from_u128(4))),
            purpose: Purpose::ClientSecret,
        };
        assert_eq!(Child::read(child.claims()), Some(child));
    }
}

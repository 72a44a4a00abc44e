//! Inquiries: what is asked of a decision.

use crate::domain::actor::Standing;
use crate::domain::error::Result;
use crate::domain::permission::Permission;
use crate::domain::policy::{Decision, Ground, Outcome, Properties, Resource, stored_properties};
use crate::storage::candidates::{self, StoredAsset};
use crate::storage::database::AnyConnection;

/// The resource type that stands for Tessera itself rather than an asset. Its actions are permissions.
pub const PLATFORM: &str = "platform";

/// An authorization question without its subject: an action on a resource.
#[derive(Debug, Clone, Default)]
pub struct Inquiry {
    /// The name of an action or of a DataHub privilege.
    pub action: String,
    /// Properties of the action.
    pub action_properties: Properties,
    /// Properties of the subject, in addition to what is stored of it.
    pub subject_properties: Properties,
    /// The resource that the action is on.
    pub resource: Resource,
}

impl Inquiry {
    /// An action on a resource, without any properties.
    #[must_use]
    pub fn new(action: &str, qualified_name: &str, type_name: &str) -> Self {
        let resource =
            Resource { name: qualified_name.to_owned(), type_name: type_name.to_owned(), ..Resource::default() };
        Self { action: action.to_owned(), resource, ..Self::default() }
    }

    /// Adds what is stored of the resource.
    ///
    /// # Errors
    /// When the storage fails.
    pub(in crate::service) fn completed(&self, connection: &mut AnyConnection) -> Result<Self> {
        let stored = candidates::asset(connection, &self.resource.type_name, &self.resource.name)?;
        Ok(stored.map_or_else(|| self.clone(), |asset| self.with_stored(&asset)))
    }

    /// Adds these stored properties and owners of the resource. Properties in the question itself take precedence.
    pub(in crate::service) fn with_stored(&self, asset: &StoredAsset) -> Self {
        let mut inquiry = self.clone();
        let mut properties = stored_properties(&asset.attributes);
        properties.append(&mut inquiry.resource.properties);
        Self {
            resource: Resource { properties, owners: asset.owners.iter().cloned().collect(), ..inquiry.resource },
            ..inquiry
        }
    }

    /// The decision about a platform permission, which needs no policies; `None` for other resources.
    pub(super) fn about_platform(&self, standing: &Standing) -> Option<Decision> {
        if self.resource.type_name != PLATFORM {
            return None;
        }
        let permitted = Permission::find(&self.action).filter(|named| standing.permissions.contains(*named));
        Some(permitted.map_or(Decision::UNMATCHED, |_| Decision {
            outcome: Outcome::Allowed,
            grounds: vec![Ground::BuiltIn("permissions")],
        }))
    }
}

//! Assets: connections, collections and every other entity that is neither a persona nor a policy.

use super::ids::Id;

/// Identifies an asset.
pub type AssetId = Id<Asset>;

/// An entity with attributes and people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its id; `guid` on the wire.
    pub id: AssetId,
}

/// What one of an asset's lists of people makes of its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// An admin of a connection, an editor of a collection: may read and change it and what lies beneath it.
    Admin,
    /// May read it and what lies beneath it.
    Viewer,
}

/// That a principal, by its name or by its role, is among the people of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AssetGrant {
    /// Of the asset; what lies beneath it begins with this and a `/`.
    pub qualified_name: String,
    /// As what.
    pub relation: Relation,
}

/// A list of an asset's people: an attribute on the wire (Atlan's contract, section 6.3), a set of rows here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PeopleList {
    /// User names of admins or editors.
    AdminUsers,
    /// Names of groups of admins. Tessera has no groups: they are kept and handed back.
    AdminGroups,
    /// Ids of roles whose holders are admins.
    AdminRoles,
    /// User names of viewers.
    ViewerUsers,
    /// Names of groups of viewers.
    ViewerGroups,
    /// Ids of roles whose holders are viewers.
    ViewerRoles,
}

impl PeopleList {
    /// Every list.
    pub const ALL: [Self; 6] = [
        Self::AdminUsers,
        Self::AdminGroups,
        Self::AdminRoles,
        Self::ViewerUsers,
        Self::ViewerGroups,
        Self::ViewerRoles,
    ];

    /// The attribute, and the relation in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AdminUsers => "adminUsers",
            Self::AdminGroups => "adminGroups",
            Self::AdminRoles => "adminRoles",
            Self::ViewerUsers => "viewerUsers",
            Self::ViewerGroups => "viewerGroups",
            Self::ViewerRoles => "viewerRoles",
        }
    }

    /// The list of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.name() == name)
    }

    /// What its members are.
    #[must_use]
    pub fn relation(self) -> Relation {
        match self {
            Self::AdminUsers | Self::AdminGroups | Self::AdminRoles => Relation::Admin,
            Self::ViewerUsers | Self::ViewerGroups | Self::ViewerRoles => Relation::Viewer,
        }
    }
}

//! Assets: connections, collections and every other entity that is neither a persona nor a policy.

use std::collections::{BTreeMap, BTreeSet};

use super::attributes::{Attributes, EntityState};
pub use super::ids::AssetId;

/// An entity with attributes and people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its id; `guid` on the wire.
    pub id: AssetId,
    /// `Connection`, `Collection`, `Table`, …: any name a client gives; immutable.
    pub type_name: String,
    /// The qualified name: unique within the type, and immutable. [`ancestors`] lists the names above it.
    pub qualified_name: String,
    /// The name for people.
    pub name: String,
    /// Whether the asset is in use.
    pub state: EntityState,
    /// Other attributes that clients store, without names and people.
    pub attributes: Attributes,
    /// The users, groups and roles that the asset names.
    pub people: People,
    /// The user names in its attribute [`OWNERS`], as far as each still belongs to the user who had it when it was
    /// written.
    pub owners: BTreeSet<String>,
    /// The user name of its creator.
    pub created_by: String,
    /// The user name of its last writer.
    pub updated_by: String,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds.
    pub updated_at: i64,
    /// Counts writes.
    pub revision: i64,
}

/// The attribute with an asset's owners, to whom policies about owners apply.
pub const OWNERS: &str = "ownerUsers";

/// The most members of a people list.
pub const MEMBERS: usize = 1000;

/// The people of an asset: user names, group names and role ids by list. A list that is absent is empty.
pub type People = BTreeMap<PeopleList, BTreeSet<String>>;

/// The access that a people list gives its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// An admin of a connection, an editor of a collection: may read and change it and what lies beneath it.
    Admin,
    /// A viewer: may read it and what lies beneath it.
    Viewer,
}

/// An asset's grant to a principal: one of its people lists names the principal or its role.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AssetGrant {
    /// The asset's qualified name.
    pub qualified_name: String,
    /// As admin or viewer.
    pub relation: Relation,
}

impl Relation {
    /// Whether this gives everything that the other gives.
    #[must_use]
    pub fn includes(self, other: Self) -> bool {
        self == Self::Admin || self == other
    }

    /// The strongest of these.
    #[must_use]
    pub fn strongest(relations: impl IntoIterator<Item = Self>) -> Option<Self> {
        relations.into_iter().max_by_key(|relation| *relation == Self::Admin)
    }
}

/// A people list of an asset: an attribute on the wire (docs/contracts/atlan.md, section 6.3), rows in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PeopleList {
    /// User names of admins or editors.
    AdminUsers,
    /// Names of groups of admins. Stored and returned only: Tessera has no groups.
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

    /// The name of the attribute on the wire and of the relation in the database.
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

    /// The access of its members.
    #[must_use]
    pub fn relation(self) -> Relation {
        match self {
            Self::AdminUsers | Self::AdminGroups | Self::AdminRoles => Relation::Admin,
            Self::ViewerUsers | Self::ViewerGroups | Self::ViewerRoles => Relation::Viewer,
        }
    }
}

/// Whether a name is a DataHub URN: it is one indivisible name, in which a slash has no meaning, and nothing lies beneath it.
#[must_use]
pub fn is_urn(qualified_name: &str) -> bool {
    qualified_name.starts_with("urn:")
}

/// The part of a name in which `@` leads to names above: what stands before the first slash. Empty for a URN. On the
/// databases it is the SQL function of the same name.
#[must_use]
pub fn root_of(qualified_name: &str) -> &str {
    if is_urn(qualified_name) {
        return "";
    }
    qualified_name.split_once('/').map_or(qualified_name, |(root, _)| root)
}

/// The qualified names of all ancestors of an asset, the nearest last: `a` and `a/b` for `a/b/c`; `gl` and `category@gl` for
/// `term@category@gl`, as glossary terms are named; and for a name with both, those of its first part, too: `ex.com` and
/// `bob@ex.com` for `bob@ex.com/ws`. So what lies beneath an ancestor's ancestor lies beneath that: otherwise the admin of
/// `ex.com` would get at `bob@ex.com/ws` by creating `bob@ex.com`. [`is_within`], [`covering`](super::policy::covering) and
/// the SQL in storage must agree with this function.
#[must_use]
pub fn ancestors(qualified_name: &str) -> Vec<&str> {
    if is_urn(qualified_name) {
        return Vec::new();
    }
    let root = root_of(qualified_name);
    let above_root = root.rmatch_indices('@').map(|(end, _)| &root[end + 1..]);
    let from_root = qualified_name.match_indices('/').map(|(end, _)| &qualified_name[..end]);
    above_root.chain(from_root).filter(|name| !name.is_empty() && !is_urn(name)).collect()
}

/// Whether a qualified name equals `object` or lies beneath it.
#[must_use]
pub fn is_within(qualified_name: &str, object: &str) -> bool {
    if qualified_name == object {
        return true;
    }
    if object.is_empty() || is_urn(qualified_name) || is_urn(object) {
        return false;
    }
    qualified_name.strip_prefix(object).is_some_and(|rest| rest.starts_with('/'))
        || root_of(qualified_name).strip_suffix(object).is_some_and(|rest| rest.ends_with('@'))
}

/// Checks the qualified name of a top-level asset: it must not be a prefix of the later assets of other actors.
/// Connections are at `default/<connector>/<number>`, collections at `default/collection/<user>/<id>`
/// (docs/contracts/atlan.md, section 6.3).
///
/// # Errors
/// A message that says what is allowed.
pub fn check_top_level(qualified_name: &str) -> Result<(), String> {
    let parts: Vec<&str> = qualified_name.split('/').collect();
    let least = match parts[..] {
        ["default", "collection", ..] => 4,
        ["default", ..] => 3,
        _ => 1,
    };
    if parts.len() >= least && parts.iter().all(|part| !part.is_empty()) {
        return Ok(());
    }
    Err(format!("must have at least {least} parts between slashes, none of them empty"))
}

/// An operation on an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssetOperation {
    /// Reading the asset.
    Read,
    /// Creating the asset.
    Create,
    /// Updating the asset.
    Update,
    /// Deleting the asset.
    Delete,
}

/// The kind of an asset, as far as Atlan's actions differ by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssetKind {
    /// Any other type.
    Other,
    /// A glossary, a term or a category.
    Glossary,
    /// A data domain.
    Domain,
    /// A data domain within another.
    SubDomain,
    /// A data product.
    Product,
}

impl AssetKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Other, Self::Glossary, Self::Domain, Self::SubDomain, Self::Product];
    /// The types of [`AssetKind::Glossary`].
    pub const GLOSSARY: [&str; 3] = ["AtlasGlossary", "AtlasGlossaryTerm", "AtlasGlossaryCategory"];
    /// The type of data domains and subdomains.
    pub const DOMAIN: &str = "DataDomain";
    /// The type of [`AssetKind::Product`].
    pub const PRODUCT: &str = "DataProduct";
    /// Occurs twice in the qualified name of a subdomain.
    pub const NESTED: &str = "/domain/";

    /// The kind of an asset.
    #[must_use]
    pub fn of(type_name: &str, qualified_name: &str) -> Self {
        match type_name {
            Self::PRODUCT => Self::Product,
            Self::DOMAIN if qualified_name.matches(Self::NESTED).count() > 1 => Self::SubDomain,
            Self::DOMAIN => Self::Domain,
            glossary if Self::GLOSSARY.contains(&glossary) => Self::Glossary,
            _ => Self::Other,
        }
    }

    /// The action that a policy must allow.
    #[must_use]
    pub fn action(self, operation: AssetOperation) -> &'static str {
        use AssetOperation::{Create, Delete, Read, Update};
        match (self, operation) {
            (Self::Other, Read) => "persona-asset-read",
            (Self::Other, Create) => "persona-api-create",
            (Self::Other, Update) => "persona-asset-update",
            (Self::Other, Delete) => "persona-api-delete",
            (Self::Glossary, Read) => "persona-glossary-read",
            (Self::Glossary, Create) => "persona-glossary-create",
            (Self::Glossary, Update) => "persona-glossary-update",
            (Self::Glossary, Delete) => "persona-glossary-delete",
            (Self::Domain, Read) => "persona-domain-read",
            (Self::Domain, Create) => "persona-domain-create",
            (Self::Domain, Update) => "persona-domain-update",
            (Self::Domain, Delete) => "persona-domain-delete",
            (Self::SubDomain, Read) => "persona-domain-sub-domain-read",
            (Self::SubDomain, Create) => "persona-domain-sub-domain-create",
            (Self::SubDomain, Update) => "persona-domain-sub-domain-update",
            (Self::SubDomain, Delete) => "persona-domain-sub-domain-delete",
            (Self::Product, Read) => "persona-domain-product-read",
            (Self::Product, Create) => "persona-domain-product-create",
            (Self::Product, Update) => "persona-domain-product-update",
            (Self::Product, Delete) => "persona-domain-product-delete",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn what_lies_beneath_is_the_same_for_every_question_and_beneath_what_is_above(
            name in "(urn:)?[ab@/]{0,8}(urn:)?[ab@/]{0,3}",
            other in "(urn:)?[ab@/]{0,5}",
        ) {
            let above = ancestors(&name);
            prop_assert_eq!(is_within(&name, &other), name == other || above.contains(&other.as_str()));
            for object in &above {
                prop_assert!(is_within(&name, object), "{name} in {object}");
                for higher in ancestors(object) {
                    prop_assert!(above.contains(&higher), "{name} in {object} in {higher}");
                }
            }
        }
    }

    #[test]
    fn ancestors_are_listed_from_the_topmost_to_the_nearest() {
        assert_eq!(ancestors("sec@team@corp"), ["corp", "team@corp"]);
        assert_eq!(ancestors("default/a/1/mail@corp"), ["default", "default/a", "default/a/1"]);
        assert_eq!(ancestors("bob@ex.com/ws/t"), ["ex.com", "bob@ex.com", "bob@ex.com/ws"]);
        assert_eq!(ancestors("/a"), [""; 0]);
        assert_eq!(ancestors("urn:li:dataset:(hdfs,/data/x,PROD)"), [""; 0]);
        assert_eq!(ancestors("x@urn:li:corpuser:a"), [""; 0]);
    }
}

//! Assets: connections, collections and every other entity that is neither a persona nor a policy.

use std::collections::{BTreeMap, BTreeSet};

use super::attributes::{Attributes, EntityState};
pub use super::ids::AssetId;

/// An entity with attributes and people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its id; `guid` on the wire.
    pub id: AssetId,
    /// `Connection`, `Collection`, `Table`, …: whatever clients say, for ever.
    pub type_name: String,
    /// Unique within its type, for ever; [`ancestors`] says what lies beneath it.
    pub qualified_name: String,
    /// For people.
    pub name: String,
    /// Whether it is in use.
    pub state: EntityState,
    /// What clients keep with it, without its names and its people.
    pub attributes: Attributes,
    /// Whom it names.
    pub people: People,
    /// The user names in its attribute [`OWNERS`] that had a bearer when they were written, and have the same one still.
    pub owners: BTreeSet<String>,
    /// The user name of whoever created it.
    pub created_by: String,
    /// The user name of whoever wrote it last.
    pub updated_by: String,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds.
    pub updated_at: i64,
    /// Counts its writes.
    pub revision: i64,
}

/// The attribute that names the owners of an asset, who may do what policies say of owners.
pub const OWNERS: &str = "ownerUsers";

/// The people of an asset: user names, group names and role ids by list. A list that is absent is empty.
pub type People = BTreeMap<PeopleList, BTreeSet<String>>;

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
    /// Of the asset.
    pub qualified_name: String,
    /// As what.
    pub relation: Relation,
}

/// A list of an asset's people: an attribute on the wire (docs/contracts/atlan.md, section 6.3), a set of rows here.
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

/// Whether a name is a URN of DataHub's: what it is about is one thing, and a slash in it means nothing.
#[must_use]
pub fn is_urn(qualified_name: &str) -> bool {
    qualified_name.starts_with("urn:")
}

/// The qualified names of everything that an asset with this one lies beneath, the nearest last: `a` and `a/b` for `a/b/c`;
/// in a name without a slash, as terms of glossaries have, `gl` and `category@gl` for `term@category@gl`. Every other
/// question about what lies beneath what has the same answer: [`is_within`], and the statements that ask storage.
#[must_use]
pub fn ancestors(qualified_name: &str) -> Vec<&str> {
    let mut above: Vec<&str> = if is_urn(qualified_name) {
        Vec::new()
    } else if qualified_name.contains('/') {
        qualified_name.match_indices('/').map(|(end, _)| &qualified_name[..end]).collect()
    } else {
        qualified_name.rmatch_indices('@').map(|(end, _)| &qualified_name[end + 1..]).collect()
    };
    above.retain(|name| !name.is_empty());
    above
}

/// Whether a qualified name is that of an object, or lies beneath it.
#[must_use]
pub fn is_within(qualified_name: &str, object: &str) -> bool {
    if qualified_name == object {
        return true;
    }
    if object.is_empty() || is_urn(qualified_name) {
        return false;
    }
    if qualified_name.contains('/') {
        qualified_name.strip_prefix(object).is_some_and(|rest| rest.starts_with('/'))
    } else {
        qualified_name.strip_suffix(object).is_some_and(|rest| rest.ends_with('@'))
    }
}

/// Checks the qualified name of an asset that lies beneath nothing: none shall be where the assets of others will come
/// to lie. Connections are at `default/<connector>/<number>`, collections at `default/collection/<user>/<id>`
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

/// What is done with an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It is looked at.
    Read,
    /// It comes to be.
    Create,
    /// It is changed.
    Update,
    /// It goes.
    Delete,
}

/// What kind of asset it is, as far as Atlan's actions differ for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssetKind {
    /// Most are.
    Other,
    /// A glossary, a term or a category.
    Glossary,
    /// A data domain.
    Domain,
    /// A data domain in another.
    SubDomain,
    /// A data product.
    Product,
}

impl AssetKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Other, Self::Glossary, Self::Domain, Self::SubDomain, Self::Product];
    /// The types of [`AssetKind::Glossary`].
    pub const GLOSSARY: [&str; 3] = ["AtlasGlossary", "AtlasGlossaryTerm", "AtlasGlossaryCategory"];
    /// The type of data domains, whether or not in others.
    pub const DOMAIN: &str = "DataDomain";
    /// The type of [`AssetKind::Product`].
    pub const PRODUCT: &str = "DataProduct";
    /// What the qualified name of a data domain holds twice that lies in another.
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
    pub fn action(self, deed: Deed) -> &'static str {
        use Deed::{Create, Delete, Read, Update};
        match (self, deed) {
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
    use super::*;

    #[test]
    fn what_lies_beneath_is_the_same_for_every_question() {
        let names = [
            "default/a/1",
            "default/a/1/t",
            "default/a/12",
            "default/a",
            "default",
            "a",
            "/a",
            "gl",
            "term@gl",
            "sec@team@corp",
            "team@corp",
            "corp",
            "default/a/1/mail@corp",
            "@corp",
            "corp@",
            "a@corp/b",
            "urn:li:dataset:(hdfs,",
            "urn:li:dataset:(hdfs,/data/x,PROD)",
            "urn:li:corpuser:a@corp",
            "urn:li:x:a",
        ];
        for name in names {
            for object in names {
                let beneath = ancestors(name).contains(&object);
                assert_eq!(is_within(name, object), name == object || beneath, "{name} in {object}");
            }
        }
        assert_eq!(ancestors("sec@team@corp"), ["corp", "team@corp"]);
        assert_eq!(ancestors("default/a/1/mail@corp"), ["default", "default/a", "default/a/1"]);
        assert_eq!(ancestors("urn:li:dataset:(hdfs,/data/x,PROD)"), [""; 0]);
    }
}

//! Searches for entities: which, in what order, how many, from where, and for whose eyes.

use super::ids::PersonaId;
use super::policy::Rule;

/// The largest page of a search.
pub const MAX_SIZE: i64 = 1000;

/// Which entities. Values are folded, as terms are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Those that fulfil every one.
    All(Vec<Condition>),
    /// Those that fulfil at least one.
    Any(Vec<Condition>),
    /// Those that do not.
    Not(Box<Condition>),
    /// Those with one of these ids.
    Guid(Vec<String>),
    /// Those with one of these values in a field.
    OneOf(String, Vec<String>),
    /// Those with a value in a field that begins with this.
    Prefix(String, String),
    /// Those with any value in a field.
    Exists(String),
}

/// What a search is ordered by; the id breaks ties. Ids sort by the time of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The oldest first.
    Ascending,
    /// The newest first.
    Descending,
}

/// A request for one page of entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Which.
    pub condition: Condition,
    /// In what order.
    pub order: Order,
    /// How many at most: 0 to [`MAX_SIZE`].
    pub size: i64,
    /// After how many.
    pub from: i64,
}

/// What an actor can see, as far as storage must know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Which assets.
    pub assets: SeenAssets,
    /// Which policies.
    pub policies: SeenPolicies,
    /// The rules about the actor: assets that one of them allows to be read are seen too, and those that one denies are not.
    pub rules: Vec<Rule>,
    /// The same for what the actor owns.
    pub owned: OwnerRules,
}

/// The rules about owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerRules {
    /// The user name of the actor, who owns some assets.
    pub username: String,
    /// What counts for those assets only.
    pub rules: Vec<Rule>,
}

/// Which assets an actor sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeenAssets {
    /// All.
    All,
    /// Those it created, those whose people it is among, and what lies beneath those.
    Of {
        /// Its user name.
        username: String,
        /// When the bearer of that name came to be: whatever is older was another's.
        since: i64,
        /// The id of its role.
        role_id: &'static str,
    },
}

/// Which policies an actor sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeenPolicies {
    /// All.
    All,
    /// Those of these personas.
    Of(Vec<PersonaId>),
}

//! The initial policies of every installation. Their URNs, subjects and privileges are those that DataHub ships (its
//! `policies.json`), so that its clients find the policies they enable and disable.

use serde_json::Map;

use super::{Category, Effect, Policy, Rule, Subjects};
use crate::domain::ids::PolicyId;
use crate::domain::permission::Permission;
use crate::domain::principal::Role;

/// The prefix of DataHub's policy URNs.
pub const URN_PREFIX: &str = "urn:li:dataHubPolicy:";

const VIEW_ENTITIES: [&str; 3] = ["VIEW_ENTITY_PAGE", "VIEW_DATASET_USAGE", "VIEW_DATASET_PROFILE"];
const VIEW_SENSITIVE: [&str; 2] = ["VIEW_DATASET_USAGE", "VIEW_DATASET_PROFILE"];

/// The principals that may change a policy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeper {
    System,
    Administrators,
}

/// The URN of the policy about the user of the first start. It cannot be deleted.
pub const ROOT: &str = "urn:li:dataHubPolicy:0";

/// The initial policies, created at `now`; `root` is the user of the first start.
#[must_use]
pub fn policies(root: Option<&str>, now: i64) -> Vec<Policy> {
    let all: Vec<&str> = Permission::ALL.map(Permission::name).to_vec();
    let generate = Permission::GeneratePersonalAccessTokens.name();
    let root = Subjects { users: root.into_iter().map(str::to_owned).collect(), ..Subjects::default() };
    let everyone = Subjects { everyone: true, ..Subjects::default() };
    let role = |role: Role| Subjects { roles: vec![role.name().to_owned()], ..Subjects::default() };
    let (platform, entities) = (Category::Platform, Category::Entities);
    let (system, administrators) = (Keeper::System, Keeper::Administrators);
    let policy = |(place, key, name, keeper, category, subjects, actions): Seed<'_>| Policy {
        id: PolicyId::from(uuid::Uuid::from_u128(IDS + place)),
        qualified_name: format!("{URN_PREFIX}{key}"),
        persona: None,
        name: name.to_owned(),
        description: String::new(),
        rule: Rule {
            category,
            effect: Effect::Allow,
            actions: actions.into_iter().map(str::to_owned).collect(),
            resources: Vec::new(),
            subjects,
        },
        enabled: true,
        editable: keeper == administrators,
        attributes: Map::new(),
        created_by: String::new(),
        created_at: now,
        updated_at: now,
    };
    let base = vec![generate, Permission::ViewAnalytics.name()];
    [
        (0, "0", "Root User - All Platform Privileges", system, platform, root, all.clone()),
        (1, "7", "All Users - Base Platform Privileges", administrators, platform, everyone.clone(), base),
        (2, "admin-platform-policy", "Admins - Platform Policy", system, platform, role(Role::Admin), all),
        (
            3,
            "editor-platform-policy",
            "Editors - Platform Policy",
            system,
            platform,
            role(Role::Member),
            vec![generate],
        ),
        (4, "reader-platform-policy", "Readers - Platform Policy", system, platform, role(Role::Guest), vec![]),
        (
            5,
            "view-entity-page-all",
            "All Users - View Entity Pages",
            administrators,
            entities,
            everyone.clone(),
            VIEW_ENTITIES.to_vec(),
        ),
        (
            6,
            "view-dataset-sensitive",
            "All Users - View Dataset Sensitive Information",
            administrators,
            entities,
            everyone,
            VIEW_SENSITIVE.to_vec(),
        ),
    ]
    .map(policy)
    .into()
}

/// The ids of the policies count up from here, the same in every installation.
const IDS: u128 = 0x5f0c_1a52_6f0e_4d0b_9a55_0a4f_6f3d_2c00;

type Seed<'a> = (u128, &'a str, &'a str, Keeper, Category, Subjects, Vec<&'a str>);

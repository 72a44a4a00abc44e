//! The fields of the form of a policy of the platform, as typed and as parsed.

use serde_json::Map;

use crate::domain::permission::Permission;
use crate::domain::policy::{Category, Effect, Policy, Rule, Subjects};
use crate::domain::principal::Role;
use crate::domain::text::{Description, DisplayName, is_hidden};
use crate::http::console::form::{Form, FormErrors};
use crate::http::console::words::meaning;
use crate::service::catalogue::policies::PolicyInput;

/// The roles that a policy can name.
const ROLES: [Role; 3] = [Role::Admin, Role::Member, Role::Guest];

/// The fields of the form, as typed.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    pub name: String,
    pub description: String,
    /// The chosen permissions of a policy about Tessera itself.
    pub permissions: Vec<String>,
    /// The privileges of a policy about entities, separated by white space.
    pub privileges: String,
    pub everyone: bool,
    pub roles: Vec<String>,
    /// User names, separated by commas or white space.
    pub users: String,
    pub owners: bool,
    pub enabled: bool,
}

/// A permission, which the form offers.
pub struct PermissionChoice {
    pub name: String,
    pub title: String,
    /// Empty for a privilege of DataHub that permits nothing here.
    pub says: &'static str,
    pub is_chosen: bool,
    /// Whether the signed-in user holds it.
    pub is_held: bool,
}

/// A role, which the form offers.
pub struct RoleChoice {
    pub name: &'static str,
    pub is_chosen: bool,
}

/// The words of a text, separated by commas or white space.
fn split(text: &str) -> impl Iterator<Item = String> {
    text.split(|each: char| each == ',' || each.is_whitespace()).filter(|word| !word.is_empty()).map(str::to_owned)
}

impl Draft {
    /// Reads a form.
    pub fn read(form: &Form) -> Self {
        Self {
            name: form.text("name").trim().to_owned(),
            description: form.text("description").replace("\r\n", "\n"),
            permissions: form.all("permission").map(str::to_owned).collect(),
            privileges: form.text("privileges").trim().to_owned(),
            everyone: form.has("everyone"),
            roles: form.all("role").map(str::to_owned).collect(),
            users: form.text("users").trim().to_owned(),
            owners: form.has("owners"),
            enabled: form.text("state") != "disabled",
        }
    }

    /// The fields with the current values of a policy.
    pub fn of(policy: &Policy) -> Self {
        let (rule, subjects) = (&policy.rule, &policy.rule.subjects);
        let is_platform = rule.category == Category::Platform;
        Self {
            name: policy.name.clone(),
            description: policy.description.clone(),
            permissions: if is_platform { rule.actions.clone() } else { Vec::new() },
            privileges: if is_platform { String::new() } else { rule.actions.join("\n") },
            everyone: subjects.everyone,
            roles: subjects.roles.clone(),
            users: subjects.users.join("\n"),
            owners: subjects.owners,
            enabled: policy.enabled,
        }
    }

    /// The permissions that the form offers to a user who holds these.
    pub fn permission_choices(&self, held: impl Fn(Permission) -> bool) -> Vec<PermissionChoice> {
        let choice = |permission: Permission| {
            let (title, says) = meaning(permission);
            PermissionChoice {
                name: permission.name().to_owned(),
                title: title.to_owned(),
                says,
                is_chosen: self.permissions.iter().any(|name| name == permission.name()),
                is_held: held(permission),
            }
        };
        // Stays chosen, because saving the form would take it away otherwise.
        let others = self.permissions.iter().filter(|name| Permission::find(name).is_none());
        let other = |name: &String| PermissionChoice {
            name: name.clone(),
            title: name.clone(),
            says: "",
            is_chosen: true,
            is_held: true,
        };
        Permission::ALL.into_iter().map(choice).chain(others.map(other)).collect()
    }

    /// The roles that the form offers.
    pub fn role_choices(&self) -> Vec<RoleChoice> {
        ROLES
            .map(|role| RoleChoice { name: role.name(), is_chosen: self.roles.iter().any(|name| name == role.name()) })
            .into()
    }

    /// Parses the fields into a new policy about Tessera itself, or into a change of `policy`, or returns every error.
    /// What the form does not show of a policy stays as it is.
    pub fn input(&self, policy: Option<&Policy>) -> Result<PolicyInput, FormErrors> {
        let mut errors = FormErrors::default();
        let name = errors.keep("name", DisplayName::parse(&self.name));
        let description = errors.keep("description", Description::parse(&self.description));
        let before = policy.map_or_else(
            || Rule {
                category: Category::Platform,
                effect: Effect::Allow,
                actions: Vec::new(),
                resources: Vec::new(),
                subjects: Subjects::default(),
            },
            |policy| policy.rule.clone(),
        );
        let actions = if before.category == Category::Platform {
            errors.keep("permission", self.chosen(&before))
        } else {
            errors.keep("privileges", self.listed())
        };
        let is_role =
            |name: &String| ROLES.iter().any(|role| role.name() == name) || before.subjects.roles.contains(name);
        if !self.roles.iter().all(is_role) {
            errors.add("role", "must be `$admin`, `$member` or `$guest`");
        }
        let users: Vec<String> = split(&self.users).collect();
        if users.iter().any(|name| name.contains('\0')) {
            errors.add("users", "must not contain a zero character");
        }
        let subjects = Subjects {
            users,
            roles: self.roles.clone(),
            everyone: self.everyone,
            owners: self.owners && before.category == Category::Entities,
            ..before.subjects.clone()
        };
        match (name, description, actions) {
            (Some(name), Some(description), Some(actions)) if errors.is_empty() => Ok(PolicyInput {
                name,
                description,
                rule: Rule { actions, subjects, ..before },
                enabled: self.enabled,
                attributes: policy.map_or_else(Map::new, |policy| policy.attributes.clone()),
            }),
            _ => Err(errors),
        }
    }

    fn chosen(&self, before: &Rule) -> Result<Vec<String>, String> {
        let new: Vec<String> = self.permissions.iter().filter(|name| !before.actions.contains(name)).cloned().collect();
        Permission::parse_all(&new)?;
        if self.permissions.is_empty() { Err("choose at least one".to_owned()) } else { Ok(self.permissions.clone()) }
    }

    fn listed(&self) -> Result<Vec<String>, String> {
        let privileges: Vec<String> = split(&self.privileges).collect();
        if privileges.is_empty() {
            return Err("name at least one, such as `VIEW_ENTITY_PAGE`".to_owned());
        }
        if privileges.iter().any(|name| name.chars().any(is_hidden)) {
            return Err("must be names without control or invisible characters".to_owned());
        }
        Ok(privileges)
    }
}

//! What a principal reaches beyond another, and the refusal to give it.

use crate::domain::permission::{Permission, Permissions};

/// What one principal reaches and another does not.
#[derive(Debug, Default)]
pub(in crate::service) struct Surplus {
    pub(super) permissions: Permissions,
    pub(super) personas: Vec<String>,
    pub(super) others: Vec<String>,
    /// Qualified names of personas whose denies would no longer bind; an empty name stands for other policies.
    pub(super) unbound: Vec<String>,
}

impl Surplus {
    pub(super) fn is_nothing(&self) -> bool {
        let Self { permissions, personas, others, unbound } = self;
        *permissions == Permissions::NONE && personas.is_empty() && others.is_empty() && unbound.is_empty()
    }

    /// The message why the principal with this name cannot give the surplus.
    pub(in crate::service) fn refusal(&self, username: &str) -> String {
        if self.permissions != Permissions::NONE {
            let names: Vec<_> = self.permissions.iter().map(Permission::name).collect();
            return format!("`{username}` cannot grant permissions that it does not hold: {}", names.join(", "));
        }
        if !self.personas.is_empty() {
            return format!(
                "`{username}` cannot link personas that it is not linked to itself, without the permission `{}`: {}",
                Permission::ManagePersonas.name(),
                self.personas.join(", ")
            );
        }
        if !self.others.is_empty() {
            return format!("`{username}` cannot give access that it does not have itself: {}", self.others.join(", "));
        }
        let personas: Vec<&str> = self.unbound.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        if personas.is_empty() {
            return format!(
                "`{username}` cannot give access to assets: a policy denies it some of them, but not the recipient"
            );
        }
        format!(
            "`{username}` cannot give access to assets: personas deny it some of them, and the recipient must have the same: {}",
            personas.join(", ")
        )
    }
}

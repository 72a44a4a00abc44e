//! The standing of a child with a scope: that of its parent, narrowed.

use std::sync::Arc;

use super::actor::{Restriction, Standing};
use super::child::{ChildScope, PERSONA};
use super::principal::Role;

impl Standing {
    /// The first name in a scope that this standing does not have, leaving out tools: these are decided by policies.
    #[must_use]
    pub fn lacks(&self, scope: &ChildScope) -> Option<String> {
        let lacked = scope.permissions.iter().find(|permission| !self.permissions.contains(*permission));
        let linked = |persona: &String| self.personas.iter().any(|link| link.qualified_name == *persona);
        lacked.map(|permission| permission.name().to_owned()).or_else(|| {
            scope.personas.iter().find(|persona| !linked(persona)).map(|persona| format!("{PERSONA}{persona}"))
        })
    }

    /// The standing of a child with that scope whose parent has this one; `None` when the parent has lost something that
    /// the child carries.
    #[must_use]
    pub fn narrowed_to(self, scope: &ChildScope) -> Option<Self> {
        if self.lacks(scope).is_some() {
            return None;
        }
        let mut principal = self.principal.clone();
        if principal.is_administrator() {
            principal.role = Role::Guest;
        }
        let mut personas = self.personas.to_vec();
        personas.retain(|link| scope.personas.contains(&link.qualified_name));
        Some(Self {
            principal,
            permissions: scope.permissions,
            personas: personas.into(),
            assets: Arc::default(),
            policy_revision: self.policy_revision,
            restriction: Some(Arc::new(Restriction { whole: self, tools: scope.tools.clone() })),
        })
    }
}

//! What a principal reaches, and what it reaches that another does not: the one comparison behind every grant.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::directory::Shared;
use crate::domain::actor::Standing;
use crate::domain::asset::{AssetGrant, Relation, is_within};
use crate::domain::error::Result;
use crate::domain::ids::{PersonaId, PolicyId, PrincipalId};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::persona::PersonaRef;
use crate::domain::policy::{Bucket, Effect};
use crate::domain::principal::{Principal, PrincipalKind, Role};
use crate::service::Service;
use crate::storage::database::AnyConnection;
use crate::storage::{assets, policies, standings};

/// Everything a principal may do, and what decides it. What could be switched on later counts: a disabled persona is
/// reached, and so is a deny of one.
#[derive(Debug, Clone, Default)]
pub(in crate::service) struct Reach {
    permissions: Permissions,
    assets: Assets,
    personas: Vec<PersonaRef>,
    named: Vec<AssetGrant>,
    /// Policies that are no persona's and allow it something.
    allowing: BTreeSet<PolicyId>,
    /// The assets it owns, by id, as far as a policy allows their owners something.
    owned: BTreeSet<String>,
    denies: Denies,
}

/// Which assets a principal reaches apart from those that something names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Assets {
    /// None.
    #[default]
    Named,
    /// All, unless a policy denies them: a service account with the role `$admin`.
    All,
    /// All, and the policies that deny them: a user with the role `$admin`.
    Policies,
}

/// What denies a principal something.
#[derive(Debug, Clone, Default)]
struct Denies {
    /// Linked personas with a policy that denies.
    personas: BTreeSet<PersonaId>,
    /// Policies that are no persona's.
    policies: BTreeSet<PolicyId>,
    /// The same about owners, and what the principal owns.
    of_owners: BTreeSet<PolicyId>,
    owned: BTreeSet<String>,
}

impl Reach {
    /// What a principal reaches with that standing, which policies of the platform have been added to.
    ///
    /// # Errors
    /// When the storage fails.
    pub(in crate::service) fn of(
        service: &Service,
        connection: &mut AnyConnection,
        standing: &Standing,
    ) -> Result<Self> {
        let principal = &standing.principal;
        let assets = match (principal.is_administrator(), principal.kind) {
            (false, _) => Assets::Named,
            (true, PrincipalKind::ServiceAccount) => Assets::All,
            (true, PrincipalKind::User) => Assets::Policies,
        };
        let mut reach = Self {
            permissions: standing.permissions,
            assets,
            personas: standing.personas.to_vec(),
            named: standing.assets.to_vec(),
            ..Self::default()
        };
        if assets == Assets::Policies {
            // Neither a grant nor a deny makes a difference.
            return Ok(reach);
        }
        let linked: Vec<String> = standing.personas.iter().map(|persona| persona.id.to_string()).collect();
        let denying = policies::denying(connection, &linked)?;
        reach.denies.personas = denying.iter().filter_map(|id| PersonaId::parse(id)).collect();
        let shared = shared(service, connection)?;
        let about = Bucket::of(principal);
        let mut owned = None;
        for policy in shared.about(principal) {
            let directly = policy.rule.subjects.buckets().any(|bucket| about.contains(&bucket));
            if !directly {
                let owned = match &mut owned {
                    Some(owned) => owned,
                    unread => unread.insert(assets::owned_by(connection, &principal.username().to_string())?),
                };
                if owned.is_empty() {
                    continue;
                }
                match policy.rule.effect {
                    Effect::Allow => reach.owned.clone_from(owned),
                    Effect::Deny => {
                        reach.denies.owned.clone_from(owned);
                        reach.denies.of_owners.insert(policy.id);
                    }
                }
                continue;
            }
            match policy.rule.effect {
                Effect::Allow => reach.allowing.insert(policy.id),
                Effect::Deny => reach.denies.policies.insert(policy.id),
            };
        }
        Ok(reach)
    }

    /// What the principal with that id reaches now; `None` if there is none.
    ///
    /// # Errors
    /// When the storage fails.
    pub(in crate::service) fn find(
        service: &Service,
        connection: &mut AnyConnection,
        id: PrincipalId,
    ) -> Result<Option<Self>> {
        let standing = standing(service, connection, id)?;
        standing.map(|standing| Self::of(service, connection, &standing)).transpose()
    }

    /// What a user reaches by a role alone.
    ///
    /// # Errors
    /// When the storage fails.
    pub(in crate::service) fn of_role(service: &Service, connection: &mut AnyConnection, role: Role) -> Result<Self> {
        // Nobody has this name, so nothing names it.
        let principal = Principal {
            id: PrincipalId::from(uuid::Uuid::nil()),
            kind: PrincipalKind::User,
            chosen_name: Some("".into()),
            role,
            enabled: true,
            created_at: 0,
        };
        let standing = standings::of(connection, principal)?;
        let standing = with_policies(service, connection, standing)?;
        Self::of(service, connection, &standing)
    }

    /// What it may do on the platform.
    pub(in crate::service) fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// The personas that deny it anything.
    pub(in crate::service) fn denying_personas(&self) -> Vec<PersonaId> {
        self.denies.personas.iter().copied().collect()
    }

    /// The same reach, as if that persona denied nothing.
    pub(in crate::service) fn forget_denies_of(&mut self, persona: PersonaId) {
        self.denies.personas.remove(&persona);
    }

    /// Whether it stands above another: it holds permissions that neither the other nor `least` holds, or has the role
    /// `$admin` and the other has not. What assets and policies let it reach does not count, as anybody can name it.
    pub(in crate::service) fn stands_above(&self, other: &Self, least: &Self) -> bool {
        let more = self.permissions.without(other.permissions).without(least.permissions);
        more != Permissions::NONE || self.assets > other.assets
    }

    /// Whether anything denies it anything that it does not decide about itself.
    pub(in crate::service) fn is_denied_anything(&self) -> bool {
        let Denies { personas, policies, of_owners, .. } = &self.denies;
        self.assets != Assets::Policies && !(personas.is_empty() && policies.is_empty() && of_owners.is_empty())
    }

    /// What it reaches that neither `holder` nor `beside` reaches; `None` if that is nothing. Where it reaches anything
    /// beyond `beside`, whatever denies something to `holder` must deny it to this, too.
    pub(in crate::service) fn beyond(&self, holder: &Self, beside: &Self) -> Option<Surplus> {
        let mut surplus = Surplus {
            permissions: self.permissions.without(holder.permissions).without(beside.permissions),
            ..Surplus::default()
        };
        if holder.assets != Assets::Policies {
            // Of what a deny has been taken away, everything is new.
            let nothing = Self::default();
            let beside = if beside.denies.bind(self) { beside } else { &nothing };
            self.entities_beyond(holder, beside, &mut surplus);
            if self.has_more_than(beside) {
                surplus.unbound = holder.denies.unbinding(self, &holder.personas);
            }
        }
        (!surplus.is_nothing()).then_some(surplus)
    }

    fn entities_beyond(&self, holder: &Self, beside: &Self, surplus: &mut Surplus) {
        let all = |reach: &Self| reach.assets != Assets::Named;
        if all(self) && !all(holder) && !all(beside) {
            surplus.others.push("every asset".to_owned());
        }
        if !holder.permissions.contains(Permission::ManagePersonas) {
            let has = |reach: &Self, id| reach.personas.iter().any(|persona| persona.id == id);
            let new = self.personas.iter().filter(|each| !has(holder, each.id) && !has(beside, each.id));
            surplus.personas = new.map(|persona| persona.qualified_name.clone()).collect();
        }
        if all(holder) {
            return;
        }
        let new = self.named.iter().filter(|grant| !holder.covers(grant) && !beside.covers(grant));
        surplus.others.extend(new.map(|grant| format!("the asset `{}`", grant.qualified_name)));
        if self.allowing.iter().any(|policy| !holder.allowing.contains(policy) && !beside.allowing.contains(policy)) {
            surplus.others.push("what a policy about it allows".to_owned());
        }
        if self.owned.iter().any(|asset| !holder.owned.contains(asset) && !beside.owned.contains(asset)) {
            surplus.others.push("what a policy allows the owners of its assets".to_owned());
        }
    }

    fn covers(&self, grant: &AssetGrant) -> bool {
        self.assets != Assets::Named
            || self.named.iter().any(|own| {
                is_within(&grant.qualified_name, &own.qualified_name)
                    && (own.relation == Relation::Admin || grant.relation == Relation::Viewer)
            })
    }

    /// Whether it reaches any asset that `other` does not. To link personas is to reach what they allow.
    fn has_more_than(&self, other: &Self) -> bool {
        let links = |reach: &Self| reach.permissions.contains(Permission::ManagePersonas);
        links(self) && !links(other)
            || self.assets != Assets::Named && other.assets == Assets::Named
            || self.personas.iter().any(|persona| !other.personas.iter().any(|each| each.id == persona.id))
            || self.named.iter().any(|grant| !other.covers(grant))
            || !self.allowing.is_subset(&other.allowing)
            || !self.owned.is_subset(&other.owned)
    }

    /// Whether whatever denies something to this denies it to `other`, too.
    pub(in crate::service) fn binds(&self, other: &Self) -> bool {
        self.assets == Assets::Policies || self.denies.bind(other)
    }
}

/// What the principal with that id may do now, policies of the platform included; `None` if there is none.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn standing(
    service: &Service,
    connection: &mut AnyConnection,
    id: PrincipalId,
) -> Result<Option<Standing>> {
    let found = standings::find(connection, id)?;
    found.map(|standing| with_policies(service, connection, standing)).transpose()
}

fn with_policies(service: &Service, connection: &mut AnyConnection, standing: Standing) -> Result<Standing> {
    let permissions = shared(service, connection)?.permissions(&standing.principal, standing.permissions);
    Ok(Standing { permissions, ..standing })
}

/// The policies that are no persona's, as the transaction sees them. Nothing of it is remembered, as it may yet come to
/// nothing.
pub(super) fn shared(service: &Service, connection: &mut AnyConnection) -> Result<Arc<Shared>> {
    let revision = policies::revision(connection)?;
    match service.directory.policies.shared(revision) {
        Some(known) => Ok(known),
        None => Ok(Arc::new(Shared::new(revision, policies::shared(connection)?))),
    }
}

impl Denies {
    fn bind(&self, other: &Reach) -> bool {
        self.unbinding(other, &[]).is_empty()
    }

    /// What of these does not deny anything to `other`.
    fn unbinding(&self, other: &Reach, personas: &[PersonaRef]) -> Vec<String> {
        if other.assets == Assets::Policies {
            return if self.personas.is_empty() && self.policies.is_empty() { Vec::new() } else { vec![String::new()] };
        }
        let name = |id: &PersonaId| {
            let persona = personas.iter().find(|persona| persona.id == *id);
            persona.map_or_else(String::new, |persona| persona.qualified_name.clone())
        };
        let unlinked = |id: &&PersonaId| !other.personas.iter().any(|persona| persona.id == **id);
        let mut unbinding: Vec<String> = self.personas.iter().filter(unlinked).map(name).collect();
        let owners = self.of_owners.is_empty() || self.owned.is_subset(&other.denies.owned);
        if !self.policies.is_subset(&other.denies.policies) || !owners {
            unbinding.push(String::new());
        }
        unbinding
    }
}

/// What one principal reaches and another does not.
#[derive(Debug, Default)]
pub(in crate::service) struct Surplus {
    permissions: Permissions,
    personas: Vec<String>,
    others: Vec<String>,
    /// Qualified names of personas, or nothing for other policies, that would deny something no more.
    unbound: Vec<String>,
}

impl Surplus {
    fn is_nothing(&self) -> bool {
        let Self { permissions, personas, others, unbound } = self;
        *permissions == Permissions::NONE && personas.is_empty() && others.is_empty() && unbound.is_empty()
    }

    /// Why the principal of that name cannot give it.
    pub(in crate::service) fn refusal(&self, username: &str) -> String {
        if self.permissions != Permissions::NONE {
            let names: Vec<_> = self.permissions.iter().map(Permission::name).collect();
            return format!("`{username}` cannot grant what it does not hold: {}", names.join(", "));
        }
        if !self.personas.is_empty() {
            return format!(
                "`{username}` cannot link personas it is not linked to without the permission `{}`: {}",
                Permission::ManagePersonas.name(),
                self.personas.join(", ")
            );
        }
        if !self.others.is_empty() {
            return format!("`{username}` cannot give what it does not reach: {}", self.others.join(", "));
        }
        let personas: Vec<&str> = self.unbound.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        if personas.is_empty() {
            return format!("`{username}` cannot give access to assets: a policy about it denies it some, and only it");
        }
        format!(
            "`{username}` cannot give access to assets without the personas that deny it some: {}",
            personas.join(", ")
        )
    }
}

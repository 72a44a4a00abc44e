//! What a principal reaches, and what it reaches beyond another: the comparison behind every grant (least privilege).

mod agreement;
mod surplus;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::surplus::Surplus;
use crate::domain::actor::Standing;
use crate::domain::asset::{AssetGrant, Relation, is_within};
use crate::domain::error::Result;
use crate::domain::ids::{PersonaId, PolicyId, PrincipalId};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::persona::PersonaRef;
use crate::domain::policy::{Bucket, Effect, Extent, Extents, Scope};
use crate::domain::principal::{Principal, PrincipalKind, Role};
use crate::service::Service;
use crate::storage::database::AnyConnection;
use crate::storage::policies::PersonaExtent;
use crate::storage::{assets, policies, standings};

/// Everything a principal may do, and what decides it. Includes what could be enabled later: disabled personas and
/// their denies count.
#[derive(Debug, Clone, Default)]
pub(in crate::service) struct Reach {
    permissions: Permissions,
    assets: Assets,
    personas: Vec<PersonaRef>,
    /// What policies of the linked personas allow.
    allowed: BTreeMap<PersonaId, Vec<Extent>>,
    named: Arc<[AssetGrant]>,
    /// Policies outside personas that allow the principal something.
    allowing: BTreeMap<PolicyId, Extent>,
    /// The assets it owns, by their ids, with their names; filled only if a policy allows owners something.
    owned: BTreeMap<String, String>,
    denies: Denies,
}

/// Which assets a principal reaches, apart from those that name it and those that policies allow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Assets {
    /// None.
    #[default]
    Named,
    /// All, unless a policy denies them: a service account with the role `$admin`.
    All,
    /// All, and no policy can deny them: a user with the role `$admin`.
    Policies,
}

/// What denies a principal something, and where.
#[derive(Debug, Clone, Default)]
pub(in crate::service) struct Denies {
    /// Linked personas with a denying policy.
    personas: BTreeMap<PersonaId, Vec<Extent>>,
    /// Denying policies outside personas that are about the principal itself.
    policies: BTreeMap<PolicyId, Extent>,
    /// The assets that the principal owns, by their ids, about which policies deny something to owners.
    owned: BTreeMap<String, Extent>,
}

impl Reach {
    /// What a principal with this standing reaches. The standing must already include platform policies.
    ///
    /// # Errors
    /// When the storage fails.
    pub(in crate::service) fn of(
        service: &Service,
        connection: &mut AnyConnection,
        standing: &Standing,
    ) -> Result<Self> {
        let mut reach = Self::without_grants(service, connection, standing)?;
        if reach.assets != Assets::Policies && standing.restriction.is_none() {
            let Principal { role, .. } = &standing.principal;
            let username = standing.principal.username().to_string();
            reach.named = assets::grants_of(connection, &username, role.id())?.into();
        }
        Ok(reach)
    }

    /// Like [`Reach::of`], without the grants of assets, whose number nothing bounds.
    ///
    /// # Errors
    /// When the storage fails.
    pub(in crate::service) fn without_grants(
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
        let mut reach =
            Self { permissions: standing.permissions, assets, personas: standing.personas.to_vec(), ..Self::default() };
        if assets == Assets::Policies {
            // For these, neither grants nor denies make a difference.
            return Ok(reach);
        }
        // What denies the parent of a restricted child denies the child, too.
        let (restricted, standing) = (standing.restriction.is_some(), standing.whole());
        let principal = &standing.principal;
        let linked: Vec<String> = standing.personas.iter().map(|persona| persona.id.to_string()).collect();
        for extent in policies::extents_of_personas(connection, &linked)? {
            reach.add(extent);
        }
        // The transaction may have changed policies since the standing was read.
        let revision = policies::revision(connection)?;
        let shared = service.shared_policies_in_write(connection, revision)?;
        let about = Bucket::of(principal);
        let mut owned = None;
        for policy in shared.about(principal) {
            let directly = policy.rule.subjects.buckets().any(|bucket| about.contains(&bucket));
            if !directly {
                let owned = match &mut owned {
                    Some(owned) => owned,
                    unread => unread.insert(assets::owned_by(connection, &principal.username().to_string())?),
                };
                match policy.rule.effect {
                    Effect::Allow if restricted => {}
                    Effect::Allow => reach.owned.clone_from(owned),
                    Effect::Deny => {
                        let denied = Extent::of(&policy.rule.actions, &policy.rule.resources);
                        let assets = owned.iter().map(|(id, name)| (id.clone(), everything_at(name)));
                        reach.denies.owned.extend(assets.filter(|(_, asset)| asset.overlaps(&denied)));
                    }
                }
                continue;
            }
            let extent = Extent::of(&policy.rule.actions, &policy.rule.resources);
            match policy.rule.effect {
                Effect::Allow if restricted => None,
                Effect::Allow => reach.allowing.insert(policy.id, extent),
                Effect::Deny => reach.denies.policies.insert(policy.id, extent),
            };
        }
        Ok(reach)
    }

    /// What the principal with this id reaches now; `None` if it does not exist.
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

    /// What a user reaches by the role alone.
    ///
    /// # Errors
    /// When the storage fails.
    pub(in crate::service) fn of_role(service: &Service, connection: &mut AnyConnection, role: Role) -> Result<Self> {
        Self::of_nobody(service, connection, PrincipalKind::User, role)
    }

    /// What a new API key reaches that is linked to one of these personas only, for each of them.
    ///
    /// # Errors
    /// When the storage fails.
    pub(in crate::service) fn of_keys_with(
        service: &Service,
        connection: &mut AnyConnection,
        personas: &[PersonaRef],
    ) -> Result<Vec<Self>> {
        let without = Self::of_nobody(service, connection, PrincipalKind::ServiceAccount, Role::ApiToken)?;
        let ids: Vec<String> = personas.iter().map(|persona| persona.id.to_string()).collect();
        let extents = policies::extents_of_personas(connection, &ids)?;
        let with = |persona: &PersonaRef| {
            let mut reach = Self { personas: vec![persona.clone()], ..without.clone() };
            for extent in extents.iter().filter(|extent| extent.persona == persona.id) {
                reach.add(extent.clone());
            }
            reach
        };
        Ok(personas.iter().map(with).collect())
    }

    /// What a principal reaches that has a role and nothing else.
    fn of_nobody(service: &Service, connection: &mut AnyConnection, kind: PrincipalKind, role: Role) -> Result<Self> {
        let id = PrincipalId::from(uuid::Uuid::nil());
        // No principal has an empty name, so no asset or policy names this one.
        let principal = Principal { id, kind, chosen_name: Some("".into()), role, enabled: true, created_at: 0 };
        let standing = standings::without_assets(connection, principal)?;
        let standing = service.with_policies_in_write(connection, standing)?;
        Self::of(service, connection, &standing)
    }

    /// Adds what a policy of a linked persona allows or denies.
    fn add(&mut self, PersonaExtent { persona, effect, extent }: PersonaExtent) {
        let extents = match effect {
            Effect::Allow => &mut self.allowed,
            Effect::Deny => &mut self.denies.personas,
        };
        extents.entry(persona).or_default().push(extent);
    }

    /// This reach, with these grants of assets: those that it needs for a comparison.
    pub(in crate::service) fn with_grants(&self, grants: Vec<AssetGrant>) -> Self {
        Self { named: grants.into(), ..self.clone() }
    }

    /// The names of the assets that name it: another principal reaches as far only if these assets, or assets above them,
    /// name that, too.
    pub(in crate::service) fn named(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(|grant| grant.qualified_name.as_str())
    }

    /// Whether it reaches every asset, whatever names it.
    pub(in crate::service) fn is_of_every_asset(&self) -> bool {
        self.assets != Assets::Named
    }

    /// Its platform permissions.
    pub(in crate::service) fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// This reach, without platform permissions.
    pub(in crate::service) fn without_permissions(self) -> Self {
        Self { permissions: Permissions::NONE, ..self }
    }

    /// Its linked personas with a denying policy.
    pub(in crate::service) fn denying_personas(&self) -> Vec<PersonaId> {
        self.denies.personas.keys().copied().collect()
    }

    /// Ignores the denies of this persona from now on.
    pub(in crate::service) fn forget_denies_of(&mut self, persona: PersonaId) {
        self.denies.personas.remove(&persona);
    }

    /// Whether this principal ranks above `other`: it holds permissions that neither `other` nor `least` holds, or its
    /// role `$admin` gives it more assets. What assets and policies let it reach is ignored, because any asset's admin
    /// could name it.
    pub(in crate::service) fn stands_above(&self, other: &Self, least: &Self) -> bool {
        let more = self.permissions.without(other.permissions).without(least.permissions);
        more != Permissions::NONE || self.assets > other.assets
    }

    /// What policies and personas, enabled or not, deny it within this scope.
    pub(in crate::service) fn denies_within(&self, scope: &Scope) -> Denies {
        self.denies.within(&[Extent::every_action(scope.clone())])
    }

    /// What this reaches that neither `holder` nor `beside` reaches; `None` if nothing. The denies that bind `holder` must
    /// bind this, too, where they are about anything that this reaches beyond `beside`.
    pub(in crate::service) fn beyond(&self, holder: &Self, beside: &Self) -> Option<Surplus> {
        let mut surplus = Surplus {
            permissions: self.permissions.without(holder.permissions).without(beside.permissions),
            ..Surplus::default()
        };
        if holder.assets != Assets::Policies {
            // If a deny of `beside` no longer binds this, everything counts as new.
            let nothing = Self::default();
            let beside = if beside.denies.bind(self) { beside } else { &nothing };
            self.entities_beyond(holder, beside, &mut surplus);
            surplus.unbound = holder.denies.within(&self.extents_beyond(beside)).unbinding(self, &holder.personas);
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
        let is_new = |policy| !holder.allowing.contains_key(policy) && !beside.allowing.contains_key(policy);
        if self.allowing.keys().any(is_new) {
            surplus.others.push("access by a policy that names the recipient".to_owned());
        }
        if self.owned.keys().any(|asset| !holder.owned.contains_key(asset) && !beside.owned.contains_key(asset)) {
            surplus.others.push("access by a policy about the owners of an asset".to_owned());
        }
    }

    fn covers(&self, grant: &AssetGrant) -> bool {
        self.assets != Assets::Named
            || self.named.iter().any(|own| {
                is_within(&grant.qualified_name, &own.qualified_name)
                    && (own.relation == Relation::Admin || grant.relation == Relation::Viewer)
            })
    }

    /// What this reaches of assets that `other` does not. The permission to link personas counts, because it reaches
    /// what any persona allows.
    fn extents_beyond(&self, other: &Self) -> Vec<Extent> {
        let links = |reach: &Self| reach.permissions.contains(Permission::ManagePersonas);
        if links(self) && !links(other) || self.assets != Assets::Named && other.assets == Assets::Named {
            return vec![Extent::every_action(Scope::Unbounded)];
        }
        let is_new = |persona: &&PersonaRef| !other.personas.iter().any(|each| each.id == persona.id);
        let personas =
            self.personas.iter().filter(is_new).filter_map(|persona| self.allowed.get(&persona.id)).flatten();
        let policies = self.allowing.iter().filter(|(policy, _)| !other.allowing.contains_key(policy));
        let named = self.named.iter().filter(|grant| !other.covers(grant)).map(|grant| &grant.qualified_name);
        let owned = self.owned.iter().filter(|(asset, _)| !other.owned.contains_key(*asset));
        let mut extents: Vec<Extent> = personas.chain(policies.map(|(_, extent)| extent)).cloned().collect();
        extents.extend(named.chain(owned.map(|(_, name)| name)).map(|name| everything_at(name)));
        extents
    }
}

/// The current standing of the principal with this id, platform policies included, without the grants of assets; `None`
/// if it does not exist.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn standing(
    service: &Service,
    connection: &mut AnyConnection,
    id: PrincipalId,
) -> Result<Option<Standing>> {
    let found = standings::find_without_assets(connection, id)?;
    found.map(|standing| service.with_policies_in_write(connection, standing)).transpose()
}

/// Every action on the asset with this qualified name and on all beneath it.
fn everything_at(qualified_name: &str) -> Extent {
    Extent::every_action(Scope::at(qualified_name))
}

impl Denies {
    /// Whether each of them also binds `other`.
    pub(in crate::service) fn bind(&self, other: &Reach) -> bool {
        self.unbinding(other, &[]).is_empty()
    }

    /// The personas among these, or an empty name for other policies, whose denies do not bind `other`.
    fn unbinding(&self, other: &Reach, personas: &[PersonaRef]) -> Vec<String> {
        if other.assets == Assets::Policies {
            return if self.are_none() { Vec::new() } else { vec![String::new()] };
        }
        let name = |id: &PersonaId| {
            let persona = personas.iter().find(|persona| persona.id == *id);
            persona.map_or_else(String::new, |persona| persona.qualified_name.clone())
        };
        let unlinked = |id: &&PersonaId| !other.personas.iter().any(|persona| persona.id == **id);
        let mut unbinding: Vec<String> = self.personas.keys().filter(unlinked).map(name).collect();
        let policies = self.policies.keys().all(|policy| other.denies.policies.contains_key(policy));
        if !policies || !self.owned.keys().all(|asset| other.denies.owned.contains_key(asset)) {
            unbinding.push(String::new());
        }
        unbinding
    }

    /// Whether the set of denies is empty.
    pub(in crate::service) fn are_none(&self) -> bool {
        self.personas.is_empty() && self.policies.is_empty() && self.owned.is_empty()
    }

    /// The denies that are about anything within one of these extents. The others keep nothing back of that, and may
    /// come from anybody: the admins of any asset can add a deny about it to any persona.
    fn within(&self, extents: &[Extent]) -> Self {
        let extents: Extents = extents.iter().collect();
        let concerns = |denied: &Extent| extents.overlap(denied);
        let mut denies = self.clone();
        denies.personas.retain(|_, denied| denied.iter().any(concerns));
        denies.policies.retain(|_, denied| concerns(denied));
        denies.owned.retain(|_, denied| concerns(denied));
        denies
    }
}

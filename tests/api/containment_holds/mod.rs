//! Property test: in random worlds, whatever actors without the role `$admin` do, their reach does not grow, and what
//! they create has no more reach than they have.

mod catalogue;
mod credentials;
pub mod dice;
mod moves;
mod people;
mod setup;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;
use tessera::domain::actor::Standing;
use tessera::domain::api_key::Lineage;
use tessera::domain::bounds::Bounds;
use tessera::domain::ids::PrincipalId;
use tessera::domain::permission::Permission;
use tessera::service::authz::inquiry::Inquiry;
use tessera::storage::assets::owned_by;
use tessera::storage::{api_keys, personas};

use self::dice::Dice;
use crate::support::{App, Client};

const ASSETS: [&str; 4] =
    ["default/snowflake/1", "default/snowflake/1/a", "default/snowflake/1/b", "default/snowflake/2"];
const ACTIONS: [&str; 2] = ["persona-asset-read", "persona-asset-update"];
const USERS: [&str; 3] = ["ada", "bob", "eve"];
const RIGHTS: [Permission; 9] = [
    Permission::ManagePolicies,
    Permission::ManageApiKeys,
    Permission::ManagePersonas,
    Permission::ManageAccessTokens,
    Permission::ManageServiceAccounts,
    Permission::ManageUsersAndGroups,
    Permission::ManageUserCredentials,
    Permission::VerifyTokens,
    Permission::ImpersonateUsers,
];
/// A guest to whom nothing is given: what this user reaches, every user reaches.
const LEAST: &str = "least";

/// All rights: permissions, and actions on assets.
type Power = BTreeSet<String>;

/// A token that a player holds.
#[derive(Clone)]
struct Token {
    /// The user name of the principal that it authenticates.
    name: String,
    client: Client,
    /// When it expires, in epoch milliseconds, beside the bounds of its principal.
    ends: i64,
}

impl Token {
    fn lasting(name: &str, client: Client) -> Self {
        Self { name: name.to_owned(), client, ends: i64::MAX }
    }
}

/// A player: an actor whose moves are checked, with every token that it holds.
struct Player {
    /// The first is the player's own.
    tokens: Vec<Token>,
    /// Create requests that can be repeated.
    sent: Vec<(Client, String, Value)>,
}

/// A move that was not refused.
#[derive(Default)]
struct Done {
    /// The user name of the principal that it gave a token of, if any.
    token_of: Option<String>,
    /// Whether what every user reaches does not count.
    spares_least: bool,
}

impl Done {
    fn token_of(name: &str) -> Self {
        Self { token_of: Some(name.to_owned()), ..Self::default() }
    }
}

struct Game {
    app: App,
    admin: Client,
    dice: Dice,
    players: Vec<Player>,
    personas: Vec<Value>,
    /// Ids of policies of personas.
    policies: Vec<String>,
    /// URNs of policies outside personas.
    shared: Vec<String>,
    /// Ids of keys.
    keys: Vec<String>,
    account: String,
    newcomers: usize,
    known: HashMap<String, Power>,
    /// How many times a player has written the tier of an asset, which policies test.
    tiers: usize,
    /// How many moves of each kind were not refused.
    tally: BTreeMap<usize, usize>,
    /// Cache of every principal's rights, until the next move.
    snapshot: Option<BTreeMap<String, Power>>,
}

fn bits(names: &[Permission]) -> Vec<&'static str> {
    names.iter().map(|permission| permission.name()).collect()
}

fn type_of(asset: &str) -> &'static str {
    if asset.matches('/').count() == 2 { "Connection" } else { "Table" }
}

fn username(key: &str) -> String {
    format!("service-account-apikey-{key}")
}

impl Game {
    async fn standing(&self, username: &str) -> Option<Arc<Standing>> {
        let actor = self.app.service.actor_without_proof(username.to_owned()).await.ok()?;
        Some(Arc::new(actor.standing().clone()))
    }

    /// The rights of a standing; computed once, then cached.
    async fn power(&mut self, standing: &Standing) -> Power {
        let Standing { principal, permissions, personas, assets, policy_revision, .. } = standing;
        let linked: Vec<_> = personas.iter().map(|persona| (persona.id, persona.enabled)).collect();
        let (name, role) = (principal.username(), principal.role);
        let read = |connection: &mut _| owned_by(connection, &name.to_string());
        let (owned, tiers) = (self.app.service.database.read(read).unwrap(), self.tiers);
        let fingerprint =
            format!("{name} {role:?} {permissions:?} {linked:?} {assets:?} {owned:?} {tiers} {policy_revision}");
        if let Some(known) = self.known.get(&fingerprint) {
            return known.clone();
        }
        let held = Permission::ALL.into_iter().filter(|permission| permissions.contains(*permission));
        let mut power: Power = held.map(|permission| permission.name().to_owned()).collect();
        for asset in ASSETS {
            for action in ACTIONS {
                let inquiry = Inquiry::new(action, asset, type_of(asset));
                if self.app.service.decide(standing, &inquiry).await.unwrap().is_allowed() {
                    power.insert(format!("{action} {asset}"));
                }
            }
        }
        self.known.insert(fingerprint, power.clone());
        power
    }

    /// What a principal reaches: its own rights, and those it may give. Managers of personas may link any persona.
    async fn reach(&mut self, username: &str) -> Power {
        let Some(standing) = self.standing(username).await else { return Power::new() };
        let mut reached = self.power(&standing).await;
        if standing.permissions.contains(Permission::ManagePersonas) {
            let names: Vec<String> =
                self.personas.iter().map(|each| each["qualifiedName"].as_str().unwrap().to_owned()).collect();
            let read = |connection: &mut _| personas::find_by_qualified_names(connection, &names);
            let all = self.app.service.database.read(read).unwrap();
            for mut persona in all {
                // A disabled one can be enabled.
                persona.enabled = true;
                let mut with = Standing::clone(&standing);
                with.personas = with.personas.iter().cloned().chain([persona]).collect();
                reached.extend(self.power(&with).await);
            }
        }
        reached
    }

    async fn closure(&mut self, player: usize) -> Power {
        let names: BTreeSet<String> = self.players[player].tokens.iter().map(|token| token.name.clone()).collect();
        let mut closure = Power::new();
        for name in names {
            closure.extend(self.reach(&name).await);
        }
        closure
    }

    async fn everybody(&mut self) -> BTreeMap<String, Power> {
        let mut names: Vec<String> = USERS.iter().map(|name| (*name).to_owned()).collect();
        names.extend(self.keys.iter().map(|key| username(key)));
        names.push(self.account.clone());
        names.push(LEAST.to_owned());
        names.extend((0..self.newcomers).map(|number| format!("new{number}")));
        let mut all = BTreeMap::new();
        for name in names {
            if let Some(standing) = self.standing(&name).await {
                all.insert(name, self.power(&standing).await);
            }
        }
        all
    }

    /// Drops the tokens of a player that have ended, except the player's own.
    async fn drop_ended(&mut self, player: usize) {
        let mut kept = Vec::new();
        for (place, token) in self.players[player].tokens.clone().into_iter().enumerate() {
            if place == 0 || token.client.whoami().await.status == 200 {
                kept.push(token);
            }
        }
        self.players[player].tokens = kept;
    }

    /// A client from an address that the networks of the game contain.
    fn holder(&self, token: &str) -> Client {
        self.app.holder_of(token).at("127.0.0.1")
    }

    fn bounds(&self, username: &str) -> Bounds {
        let key = username.strip_prefix("service-account-apikey-").and_then(PrincipalId::parse);
        let Some(key) = key else { return Bounds::default() };
        let found = self.app.service.database.read(|connection| api_keys::lineage(connection, key)).unwrap();
        found.map_or_else(Bounds::default, |Lineage { bounds, .. }| bounds)
    }

    /// Plays one move and checks its effects; `true` if it was not refused.
    async fn step(&mut self, seed: u64, number: usize) -> bool {
        let player = self.dice.throw(self.players.len());
        self.drop_ended(player).await;
        let before = match self.snapshot.take() {
            Some(before) => before,
            None => self.everybody().await,
        };
        let closure = self.closure(player).await;
        let bounds: BTreeMap<String, Bounds> = before.keys().map(|name| (name.clone(), self.bounds(name))).collect();
        let held: Vec<(String, i64)> =
            self.players[player].tokens.iter().map(|token| (token.name.clone(), token.ends)).collect();
        let least = self.reach(LEAST).await;
        let Some(Done { token_of: given, spares_least }) = self.play(player).await else {
            self.snapshot = Some(before);
            return false;
        };
        let closure = if spares_least { closure.union(&least).cloned().collect() } else { closure };
        let place = format!("seed {seed}, move {number}, player {player}, token for {given:?}");
        let after = self.closure(player).await;
        let gained: Vec<_> = after.difference(&closure).collect();
        assert!(gained.is_empty(), "{place}: the player has gained {gained:?}");
        let nothing = Power::new();
        for (name, power) in self.everybody().await {
            let more: Vec<_> = power.difference(before.get(&name).unwrap_or(&nothing)).collect();
            let beyond: Vec<_> = more.iter().filter(|each| !closure.contains(**each)).collect();
            assert!(beyond.is_empty(), "{place}: `{name}` was given {beyond:?}");
            // Some token of the player must have bounds at least as wide as anything new.
            let (old, new) = (bounds.get(&name), self.bounds(&name));
            let is_wider =
                old.is_none_or(|old| new.beyond(old).is_some()) || !more.is_empty() || given.as_ref() == Some(&name);
            let ceiling = |(name, ends): &(String, i64)| {
                let bounds = self.bounds(name);
                Bounds { expires_at: bounds.expires_at.min(*ends), ..bounds }
            };
            let ceilings: Vec<Bounds> = held.iter().map(ceiling).collect();
            let covered = ceilings.iter().any(|ceiling| new.beyond(ceiling).is_none());
            assert!(!is_wider || covered, "{place}: `{name}` has the bounds {new:?}, beyond {ceilings:?}");
        }
        true
    }
}

#[actix_web::test]
async fn nobody_gains_by_what_they_do() {
    let mut done: BTreeMap<usize, usize> = BTreeMap::new();
    for seed in 0..4 {
        let mut game = Game::new(seed).await;
        for number in 0..200 {
            if number % 25 == 24 {
                // Administrators may give more, but the maker of a token must not gain by that.
                let (key, body) = (game.some_key(), game.some_body());
                game.admin.try_update(&key, &body).await;
                let mut dice = Dice(seed + 1000);
                game.name_people(&mut dice).await;
                game.snapshot = None;
            }
            game.step(seed, number).await;
        }
        for (kind, times) in game.tally {
            *done.entry(kind).or_default() += times;
        }
    }
    assert!(done.len() > 20, "these kinds of moves were never allowed, or seldom: {done:?}");
}

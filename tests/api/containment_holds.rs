//! Property test: in random worlds, whatever actors without the role `$admin` do, their reach does not grow, and what
//! they create reaches no further than they do.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};
use tessera::domain::actor::Standing;
use tessera::domain::api_key::Lineage;
use tessera::domain::bounds::Bounds;
use tessera::domain::ids::PrincipalId;
use tessera::domain::permission::Permission;
use tessera::domain::policy::{Category, Criterion, Effect, Rule, Subjects};
use tessera::domain::principal::Role;
use tessera::service::authz::decide::Inquiry;
use tessera::storage::{api_keys, personas};

use crate::support::rules::{allow, criterion};
use crate::support::{App, Client, PASSWORD};

/// A deterministic random number generator (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.throw(from.len())].clone()
    }

    /// Keeps each item with the chance of one in so many.
    fn some<T: Clone>(&mut self, from: &[T], one_in: usize) -> Vec<T> {
        from.iter().filter(|_| self.throw(one_in) == 0).cloned().collect()
    }
}

const ASSETS: [&str; 4] =
    ["default/snowflake/1", "default/snowflake/1/a", "default/snowflake/1/b", "default/snowflake/2"];
const ACTIONS: [&str; 2] = ["persona-asset-read", "persona-asset-update"];
const USERS: [&str; 3] = ["ada", "bob", "eve"];
const RIGHTS: [Permission; 8] = [
    Permission::ManagePolicies,
    Permission::ManageApiKeys,
    Permission::ManagePersonas,
    Permission::ManageAccessTokens,
    Permission::ManageServiceAccounts,
    Permission::ManageUsersAndGroups,
    Permission::ManageUserCredentials,
    Permission::VerifyTokens,
];

/// All rights: permissions, and actions on assets.
type Power = BTreeSet<String>;

/// A player: an actor whose moves are checked, with every token that it holds.
struct Player {
    /// User names of the principals that the tokens authenticate, and a client for each.
    tokens: Vec<(String, Client)>,
    /// Create requests that can be repeated.
    sent: Vec<(usize, String, Value)>,
}

struct Game {
    app: App,
    admin: Client,
    dice: Dice,
    players: Vec<Player>,
    personas: Vec<Value>,
    /// Ids of policies of personas.
    policies: Vec<String>,
    /// Ids of keys.
    keys: Vec<String>,
    account: String,
    newcomers: usize,
    known: HashMap<String, Power>,
    /// Cache of every principal's rights, until the next move.
    snapshot: Option<BTreeMap<String, Power>>,
}

fn bits(names: &[Permission]) -> Vec<&'static str> {
    names.iter().map(|permission| permission.name()).collect()
}

fn username(key: &str) -> String {
    format!("service-account-apikey-{key}")
}

impl Game {
    async fn new(seed: u64) -> Self {
        let app = App::start().await;
        let admin = app.admin().await;
        let mut dice = Dice(seed);
        for (name, role) in USERS.iter().zip([Role::Member, Role::Guest, Role::Member]) {
            app.user(name, role).await;
        }
        for asset in ASSETS {
            admin.asset(if asset.matches('/').count() == 2 { "Connection" } else { "Table" }, asset).await;
        }
        let query = json!({"query": "mutation { createServiceAccount(input: {}) { name } }"});
        let made = admin.post("/api/graphql", &query).await.ok();
        let account = made["data"]["createServiceAccount"]["name"].as_str().unwrap().to_owned();
        let mut game = Self {
            app,
            admin,
            dice: Dice(0),
            players: Vec::new(),
            personas: Vec::new(),
            policies: Vec::new(),
            keys: Vec::new(),
            account,
            newcomers: 0,
            known: HashMap::new(),
            snapshot: None,
        };
        for number in 0..4 {
            let persona = game.admin.persona(&format!("p{number}")).await;
            for number in 0..=dice.throw(2) {
                let asset = dice.pick(&ASSETS);
                let connection = asset.split('/').take(3).collect::<Vec<_>>().join("/");
                let policy = json!({"typeName": "AuthPolicy", "attributes": {
                    "qualifiedName": "p", "name": format!("p{number}"), "connectionQualifiedName": connection,
                    "policyType": dice.pick(&["allow", "allow", "deny"]), "policySubCategory": "metadata",
                    "policyActions": [dice.pick(&ACTIONS)], "policyResources": [format!("entity:{asset}")],
                    "accessControl": {"guid": persona["id"]},
                }});
                let made = game.admin.bulk(&[policy]).await.ok();
                game.policies.push(made["mutatedEntities"]["CREATE"][0]["guid"].as_str().unwrap().to_owned());
            }
            let users = dice.some(&USERS, 2);
            let link =
                json!({"qualifiedName": persona["qualifiedName"], "name": persona["name"], "personaUsers": users});
            game.admin.save("Persona", &link).await.ok();
            game.personas.push(persona);
        }
        for _ in 0..3 {
            let rights = [dice.some(&RIGHTS, 2), vec![Permission::ManageApiKeys]].concat();
            let seconds = dice.pick(&[60, 3600, 409_968_000]);
            let body = json!({
                "displayName": "k", "workspacePermissions": bits(&rights), "validitySeconds": seconds,
                "personaQualifiedNames": game.names(&mut dice),
                "rateLimit": {"requests": dice.pick(&[0, 0, 10_000]), "seconds": 1},
            });
            let key = game.admin.try_create(&body).await.ok();
            let id = key["id"].as_str().unwrap().to_owned();
            let client = game.app.holder_of(key["attributes"]["accessToken"].as_str().unwrap());
            game.players.push(Player { tokens: vec![(username(&id), client)], sent: Vec::new() });
            game.keys.push(id);
        }
        for name in USERS {
            let rights = bits(&dice.some(&RIGHTS, 2));
            game.app.policy(Rule { category: Category::Platform, ..allow(&[name], &rights, &[]) }).await;
            let client = game.app.session_of(name).await;
            game.players.push(Player { tokens: vec![(name.to_owned(), client)], sent: Vec::new() });
        }
        for _ in 0..2 {
            game.shared_policy(&mut dice).await;
        }
        game.name_people(&mut dice).await;
        game.dice = dice;
        game
    }

    fn names(&self, dice: &mut Dice) -> Vec<Value> {
        dice.some(&self.personas, 3).iter().map(|persona| persona["qualifiedName"].clone()).collect()
    }

    async fn shared_policy(&self, dice: &mut Dice) {
        let everybody: Vec<String> =
            USERS.iter().map(|name| (*name).to_owned()).chain([username(&self.keys[0])]).collect();
        let named = dice.some(&everybody, 3);
        let roles = dice.some(&[Role::Member, Role::Guest, Role::ApiToken], 4);
        let subjects = Subjects {
            users: named,
            roles: roles.iter().map(|role| role.name().to_owned()).collect(),
            everyone: dice.throw(8) == 0,
            owners: dice.throw(3) == 0,
            ..Subjects::default()
        };
        let resource: Criterion = criterion("URN", "EQUALS", &[dice.pick(&ASSETS)]);
        let effect = dice.pick(&[Effect::Allow, Effect::Allow, Effect::Deny]);
        self.app.policy(Rule { effect, subjects, ..allow(&[], &[dice.pick(&ACTIONS)], &[resource]) }).await;
    }

    /// An administrator names a principal in an asset.
    async fn name_people(&self, dice: &mut Dice) {
        let mut everybody: Vec<String> = USERS.iter().map(|name| (*name).to_owned()).collect();
        everybody.extend(self.keys.iter().map(|key| username(key)));
        everybody.push(self.account.clone());
        for asset in ["default/snowflake/1", "default/snowflake/2"] {
            let people = json!({
                "qualifiedName": asset, "name": "x", "adminUsers": dice.some(&everybody, 5),
                "viewerUsers": dice.some(&everybody, 5), "ownerUsers": dice.some(&everybody, 4),
                "viewerRoles": dice.some(&[Role::Member.id(), Role::Guest.id()], 5),
            });
            // The last move may have removed the principal.
            self.admin.save("Connection", &people).await;
        }
    }

    async fn standing(&self, username: &str) -> Option<Arc<Standing>> {
        let actor = self.app.service.actor_without_proof(username.to_owned()).await.ok()?;
        Some(Arc::new(actor.standing().clone()))
    }

    /// The rights of a standing; computed once, then cached.
    async fn power(&mut self, standing: &Standing) -> Power {
        let Standing { principal, permissions, personas, assets, policy_revision, .. } = standing;
        let linked: Vec<_> = personas.iter().map(|persona| (persona.id, persona.enabled)).collect();
        let (name, role) = (principal.username(), principal.role);
        let fingerprint = format!("{name} {role:?} {permissions:?} {linked:?} {assets:?} {policy_revision}");
        if let Some(known) = self.known.get(&fingerprint) {
            return known.clone();
        }
        let held = Permission::ALL.into_iter().filter(|permission| permissions.contains(*permission));
        let mut power: Power = held.map(|permission| permission.name().to_owned()).collect();
        for asset in ASSETS {
            for action in ACTIONS {
                let kind = if asset.matches('/').count() == 2 { "Connection" } else { "Table" };
                let inquiry = Inquiry::new(action, asset, kind);
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
        let names: BTreeSet<String> = self.players[player].tokens.iter().map(|(name, _)| name.clone()).collect();
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
        names.extend((0..self.newcomers).map(|number| format!("new{number}")));
        let mut all = BTreeMap::new();
        for name in names {
            if let Some(standing) = self.standing(&name).await {
                all.insert(name, self.power(&standing).await);
            }
        }
        all
    }

    fn bounds(&self, username: &str) -> Bounds {
        let key = username.strip_prefix("service-account-apikey-").and_then(PrincipalId::parse);
        let Some(key) = key else { return Bounds::default() };
        let found = self.app.service.database.read(|connection| api_keys::lineage(connection, key)).unwrap();
        found.map_or_else(Bounds::default, |Lineage { bounds, .. }| bounds)
    }

    fn some_key(&mut self) -> String {
        self.dice.pick(&self.keys)
    }

    fn some_body(&mut self) -> Value {
        let mut dice = Dice(self.dice.throw(usize::MAX) as u64);
        let rights = dice.some(&RIGHTS, 6);
        let mut body = json!({"displayName": "k"});
        if dice.throw(2) == 0 {
            body["personaQualifiedNames"] = json!(self.names(&mut dice));
        }
        if dice.throw(2) == 0 {
            body["workspacePermissions"] = json!(bits(&rights));
        }
        if dice.throw(3) == 0 {
            body["validitySeconds"] = json!(dice.pick(&[9, 60, 3600, 409_968_000]));
        }
        if dice.throw(3) == 0 {
            body["rateLimit"] =
                json!({"requests": dice.pick(&[0, 10, 10_000, 20_000]), "seconds": dice.pick(&[1, 60])});
        }
        body
    }

    /// A move; the user name of whom it gave a token to, or nothing, if it was not refused.
    async fn play(&mut self, player: usize) -> Option<Option<String>> {
        let token = self.dice.throw(self.players[player].tokens.len());
        let client = self.players[player].tokens[token].1.clone();
        let ask = async |query: &str, input: Value| {
            let body = json!({"query": query, "variables": {"input": input}});
            let answer = client.post("/api/graphql", &body).await;
            (answer.status == 200 && answer.json["errors"].is_null()).then_some(answer.json)
        };
        let users: Vec<String> = USERS.iter().map(|name| (*name).to_owned()).chain([self.account.clone()]).collect();
        let urn = |name: &str| format!("urn:li:corpuser:{name}");
        match self.dice.throw(16) {
            0..2 => {
                let (request, body) = (format!("r{}", self.dice.throw(usize::MAX)), self.some_body());
                self.create(player, token, request, body).await
            }
            2 => {
                let sent = self.players[player].sent.clone();
                if sent.is_empty() {
                    return None;
                }
                let (token, request, body) = self.dice.pick(&sent);
                self.create(player, token, request, body).await
            }
            3..5 => {
                let (key, body) = (self.some_key(), self.some_body());
                (client.try_update(&key, &body).await.status == 200).then_some(None)
            }
            5 => {
                let key = self.some_key();
                // The players' own keys are never deleted, or the game would soon be over.
                let known = self.keys.iter().take(3).any(|each| *each == key);
                (!known && client.delete_key(&key).await.status == 200).then_some(None)
            }
            6 => {
                let name = self.dice.pick(&users);
                let kind = if name == self.account { "SERVICE_ACCOUNT" } else { "PERSONAL" };
                let query =
                    "mutation($input: CreateAccessTokenInput!) { createAccessToken(input: $input) { accessToken } }";
                let input = json!({"type": kind, "actorUrn": urn(&name), "name": "t", "duration": "NO_EXPIRY"});
                let answer = ask(query, input).await?;
                let minted = answer["data"]["createAccessToken"]["accessToken"].as_str().unwrap();
                let holder = self.app.holder_of(minted);
                self.players[player].tokens.push((name.clone(), holder));
                Some(Some(name))
            }
            7 => {
                let role = self.dice.pick(&["Reader", "Editor", "Admin"]);
                let query = "mutation($input: BatchAssignRoleInput!) { batchAssignRole(input: $input) }";
                let input =
                    json!({"roleUrn": format!("urn:li:dataHubRole:{role}"), "actors": [urn(&self.dice.pick(&users))]});
                ask(query, input).await.map(|_| None)
            }
            8 => {
                let persona = self.dice.pick(&self.personas);
                let users = self.dice.some(&USERS, 2);
                let link =
                    json!({"qualifiedName": persona["qualifiedName"], "name": persona["name"], "personaUsers": users});
                (client.save("Persona", &link).await.status == 200).then_some(None)
            }
            9..11 => self.write_policy(&client).await,
            11 => {
                let id = self.dice.pick(&self.policies);
                (client.remove("PURGE", &[&id]).await.status == 200).then_some(None)
            }
            12 => {
                let (persona, enabled) = (self.dice.pick(&self.personas), self.dice.throw(2) == 0);
                let switch = json!({"typeName": "Persona", "guid": persona["id"],
                                    "attributes": {"isAccessControlEnabled": enabled}});
                (client.bulk(&[switch]).await.status == 200).then_some(None)
            }
            13 => {
                let connection = self.dice.pick(&["default/snowflake/1", "default/snowflake/2"]);
                let people = json!({"qualifiedName": connection, "name": "x", "viewerUsers": self.dice.some(&users, 2),
                                    "viewerRoles": self.dice.some(&[Role::Guest.id(), Role::ApiToken.id()], 4)});
                (client.save("Connection", &people).await.status == 200).then_some(None)
            }
            14 => {
                let platform = self.dice.throw(2) == 0;
                let named = urn(&self.dice.pick(&users));
                let rights = bits(&self.dice.some(&RIGHTS, 4));
                let asset = self.dice.pick(&ASSETS);
                let query = "mutation($input: PolicyUpdateInput!) { createPolicy(input: $input) }";
                let actors = json!({"users": [named], "resourceOwners": false, "allUsers": false, "allGroups": false});
                let input = if platform {
                    json!({"type": "PLATFORM", "name": "p", "state": "ACTIVE", "privileges": rights, "actors": actors})
                } else {
                    json!({"type": "METADATA", "name": "p", "state": "ACTIVE", "privileges": [self.dice.pick(&ACTIONS)],
                           "resources": {"filter": {"criteria": [{"field": "URN", "values": [asset], "condition": "EQUALS"}]}},
                           "actors": actors})
                };
                ask(query, input).await.map(|_| None)
            }
            _ => self.invite(player, &client).await,
        }
    }

    /// The administrator of an asset changes who may do what with it.
    async fn write_policy(&mut self, client: &Client) -> Option<Option<String>> {
        let (persona, asset) = (self.dice.pick(&self.personas), self.dice.pick(&ASSETS));
        let policy = json!({"typeName": "AuthPolicy", "attributes": {
            "qualifiedName": "p", "name": "p", "policyType": self.dice.pick(&["allow", "allow", "deny"]),
            "policySubCategory": "metadata", "policyActions": [self.dice.pick(&ACTIONS)],
            "policyResources": [format!("entity:{asset}")], "accessControl": {"guid": persona["id"]},
        }});
        let answer = client.bulk(&[policy]).await;
        if answer.status != 200 {
            return None;
        }
        self.policies.push(answer.json["mutatedEntities"]["CREATE"][0]["guid"].as_str().unwrap().to_owned());
        Some(None)
    }

    async fn create(&mut self, player: usize, token: usize, request: String, body: Value) -> Option<Option<String>> {
        let client = self.players[player].tokens[token].1.with("idempotency-key", &request);
        let answer = client.try_create(&body).await;
        if answer.status != 200 {
            return None;
        }
        let id = answer.json["id"].as_str().unwrap().to_owned();
        let holder = self.app.holder_of(answer.json["attributes"]["accessToken"].as_str().unwrap());
        let name = username(&id);
        self.players[player].tokens.push((name.clone(), holder));
        self.players[player].sent.push((token, request, body));
        if !self.keys.contains(&id) {
            self.keys.push(id);
        }
        Some(Some(name))
    }

    async fn invite(&mut self, player: usize, client: &Client) -> Option<Option<String>> {
        let role = self.dice.pick(&["Reader", "Editor"]);
        let query =
            format!("{{ getInviteToken(input: {{roleUrn: \"urn:li:dataHubRole:{role}\"}}) {{ inviteToken }} }}");
        let answer = client.post("/api/graphql", &json!({"query": query})).await;
        let invite = answer.json["data"]["getInviteToken"]["inviteToken"].as_str()?.to_owned();
        let name = format!("new{}", self.newcomers);
        let body = json!({"fullName": "x", "email": name, "password": PASSWORD, "title": "x", "inviteToken": invite});
        if self.newcomers > 2 || self.app.anonymous().post("/signUp", &body).await.status != 200 {
            return None;
        }
        self.newcomers += 1;
        let session = self.app.session_of(&name).await;
        self.players[player].tokens.push((name.clone(), session));
        Some(Some(name))
    }

    /// Plays one move and checks its effects; `true` if it was not refused.
    async fn step(&mut self, seed: u64, number: usize) -> bool {
        let player = self.dice.throw(self.players.len());
        let before = match self.snapshot.take() {
            Some(before) => before,
            None => self.everybody().await,
        };
        let closure = self.closure(player).await;
        let bounds: BTreeMap<String, Bounds> = before.keys().map(|name| (name.clone(), self.bounds(name))).collect();
        let held: BTreeSet<String> = self.players[player].tokens.iter().map(|(name, _)| name.clone()).collect();
        let Some(given) = self.play(player).await else {
            self.snapshot = Some(before);
            return false;
        };
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
            let ceilings: Vec<Bounds> = held.iter().map(|name| self.bounds(name)).collect();
            let covered = ceilings.iter().any(|ceiling| new.beyond(ceiling).is_none());
            assert!(!is_wider || covered, "{place}: `{name}` has the bounds {new:?}, beyond {ceilings:?}");
        }
        true
    }
}

#[actix_web::test]
async fn nobody_gains_by_what_they_do() {
    let mut done = 0;
    for seed in 0..4 {
        let mut game = Game::new(seed).await;
        for number in 0..100 {
            if number % 25 == 24 {
                // Administrators may give more, but the maker of a token must not gain by that.
                let (key, body) = (game.some_key(), game.some_body());
                game.admin.try_update(&key, &body).await;
                let mut dice = Dice(seed + 1000);
                game.name_people(&mut dice).await;
                game.snapshot = None;
            }
            done += usize::from(game.step(seed, number).await);
        }
    }
    assert!(done > 20, "only {done} moves were not refused");
}

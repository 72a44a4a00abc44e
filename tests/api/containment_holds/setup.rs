//! A random world: assets, personas with policies, keys, users with permissions, and an administrator who names them.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::policy::{Category, Criterion, Effect, Rule, Subjects};
use tessera::domain::principal::Role;

use super::dice::Dice;
use super::{ACTIONS, ASSETS, Game, LEAST, Player, RIGHTS, Token, USERS, bits, type_of, username};
use crate::support::App;
use crate::support::rules::{allow, criterion};

impl Game {
    pub(super) async fn new(seed: u64) -> Self {
        let app = App::start().await;
        let admin = app.admin().await;
        let mut dice = Dice(seed);
        for (name, role) in USERS.iter().zip([Role::Member, Role::Guest, Role::Member]) {
            app.user(name, role).await;
        }
        app.user(LEAST, Role::Guest).await;
        for asset in ASSETS {
            admin.asset(type_of(asset), asset).await;
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
            shared: Vec::new(),
            keys: Vec::new(),
            account,
            newcomers: 0,
            known: HashMap::new(),
            tiers: 0,
            tally: BTreeMap::new(),
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
        for number in 0..3 {
            let mut rights = [dice.some(&RIGHTS, 2), vec![Permission::ManageApiKeys]].concat();
            let mut seconds = dice.pick(&[60, 3600, 409_968_000]);
            if number == 0 {
                // It may do much. What the default policies permit every user, an actor who impersonates one must be permitted.
                rights = [&RIGHTS[..], &[Permission::GeneratePersonalAccessTokens, Permission::ViewAnalytics]].concat();
                seconds = 409_968_000;
            }
            let body = json!({
                "displayName": "k", "workspacePermissions": bits(&rights), "validitySeconds": seconds,
                "personaQualifiedNames": game.names(&mut dice),
                "rateLimit": {"requests": dice.pick(&[0, 0, 10_000]), "seconds": 1},
            });
            let key = game.admin.try_create(&body).await.ok();
            let id = key["id"].as_str().unwrap().to_owned();
            let client = game.holder(key["attributes"]["accessToken"].as_str().unwrap());
            game.players.push(Player { tokens: vec![Token::lasting(&username(&id), client)], sent: Vec::new() });
            game.keys.push(id);
        }
        for name in USERS {
            let rights = bits(&if name == "ada" { RIGHTS.to_vec() } else { dice.some(&RIGHTS, 2) });
            let policy = game.app.policy(Rule { category: Category::Platform, ..allow(&[name], &rights, &[]) }).await;
            game.shared.push(policy.qualified_name);
            let client = game.app.session_of(name).await.at("127.0.0.1");
            game.players.push(Player { tokens: vec![Token::lasting(name, client)], sent: Vec::new() });
        }
        for _ in 0..2 {
            game.shared_policy(&mut dice).await;
        }
        game.policies_about_what_assets_say(&mut dice).await;
        game.name_people(&mut dice).await;
        game.dice = dice;
        game
    }

    pub(super) fn names(&self, dice: &mut Dice) -> Vec<Value> {
        dice.some(&self.personas, 3).iter().map(|persona| persona["qualifiedName"].clone()).collect()
    }

    pub(super) async fn shared_policy(&mut self, dice: &mut Dice) {
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
        let rule = Rule { effect, subjects, ..allow(&[], &[dice.pick(&ACTIONS)], &[resource]) };
        let policy = self.app.policy(rule).await;
        self.shared.push(policy.qualified_name);
    }

    /// A policy about the owners of assets, and one about their tier.
    async fn policies_about_what_assets_say(&mut self, dice: &mut Dice) {
        let named = dice.some(&USERS, 2);
        let open = criterion("tier", "EQUALS", &["open"]);
        let of_owners = Subjects { owners: true, ..Subjects::default() };
        let rules = [
            Rule { subjects: of_owners, ..allow(&[], &[dice.pick(&ACTIONS)], &[]) },
            allow(&named, &[dice.pick(&ACTIONS)], &[open]),
        ];
        for rule in rules {
            let effect = dice.pick(&[Effect::Allow, Effect::Allow, Effect::Allow, Effect::Deny]);
            self.shared.push(self.app.policy(Rule { effect, ..rule }).await.qualified_name);
        }
    }

    /// An administrator names a principal in an asset.
    pub(super) async fn name_people(&self, dice: &mut Dice) {
        let mut everybody: Vec<String> = USERS.iter().map(|name| (*name).to_owned()).collect();
        everybody.extend(self.keys.iter().map(|key| username(key)));
        everybody.push(self.account.clone());
        for asset in ["default/snowflake/1", "default/snowflake/2"] {
            let people = json!({
                "qualifiedName": asset, "name": "x", "adminUsers": dice.some(&everybody, 3),
                "viewerUsers": dice.some(&everybody, 5), "ownerUsers": dice.some(&everybody, 4),
                "viewerRoles": dice.some(&[Role::Member.id(), Role::Guest.id()], 5),
            });
            // The last move may have removed the principal.
            self.admin.save("Connection", &people).await;
        }
    }
}

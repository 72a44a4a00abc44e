//! The moves of a player: requests that may give something to a principal.

use serde_json::{Value, json};
use tessera::domain::principal::Role;

use super::dice::Dice;
use super::{ACTIONS, ASSETS, Done, Game, RIGHTS, Token, USERS, bits, username};
use crate::support::{Client, PASSWORD};

/// How many kinds of moves there are.
const KINDS: usize = 38;
/// Networks that an API key may be used from: the players are in the second.
const NETWORKS: [&str; 4] = ["10.0.0.0/8", "127.0.0.0/8", "127.0.0.1", "0.0.0.0/0"];

impl Game {
    pub(super) fn some_key(&mut self) -> String {
        self.dice.pick(&self.keys)
    }

    pub(super) fn some_body(&mut self) -> Value {
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
        if dice.throw(4) == 0 {
            body["allowedAddresses"] = json!(dice.some(&NETWORKS, 2));
        }
        body
    }

    /// A move; `None` if it was refused.
    pub(super) async fn play(&mut self, player: usize) -> Option<Done> {
        let kind = self.dice.throw(KINDS);
        let done = self.make_move(player, kind).await?;
        *self.tally.entry(kind).or_default() += 1;
        Some(done)
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind of move")]
    async fn make_move(&mut self, player: usize, kind: usize) -> Option<Done> {
        // Half of the moves are made with the player's own token.
        let others = self.dice.throw(2) * self.players[player].tokens.len();
        let token = self.dice.throw(others.max(1));
        let client = self.players[player].tokens[token].client.clone();
        let ask = async |query: &str, input: Value| {
            let body = json!({"query": query, "variables": {"input": input}});
            let answer = client.post("/api/graphql", &body).await;
            (answer.status == 200 && answer.json["errors"].is_null()).then_some(answer.json)
        };
        let users: Vec<String> = USERS.iter().map(|name| (*name).to_owned()).chain([self.account.clone()]).collect();
        let urn = |name: &str| format!("urn:li:corpuser:{name}");
        match kind {
            0..2 => {
                let (request, body) = (format!("r{}", self.dice.throw(usize::MAX)), self.some_body());
                self.create(player, client, request, body).await
            }
            2 => {
                let sent = self.players[player].sent.clone();
                if sent.is_empty() {
                    return None;
                }
                let (client, request, body) = self.dice.pick(&sent);
                self.create(player, client, request, body).await
            }
            3..5 => {
                let (key, body) = (self.some_key(), self.some_body());
                (client.try_update(&key, &body).await.status == 200).then(Done::default)
            }
            5 => {
                let key = self.some_key();
                // The players' own keys are never deleted, or the game would soon be over.
                let known = self.keys.iter().take(3).any(|each| *each == key);
                (!known && client.delete_key(&key).await.status == 200).then(Done::default)
            }
            6 => {
                let name = self.dice.pick(&users);
                let kind = if name == self.account { "SERVICE_ACCOUNT" } else { "PERSONAL" };
                let query =
                    "mutation($input: CreateAccessTokenInput!) { createAccessToken(input: $input) { accessToken } }";
                let input = json!({"type": kind, "actorUrn": urn(&name), "name": "t", "duration": "NO_EXPIRY"});
                let answer = ask(query, input).await?;
                let minted = answer["data"]["createAccessToken"]["accessToken"].as_str().unwrap();
                let holder = self.holder(minted);
                let bounds = self.bounds_of_token(player, token);
                self.players[player].tokens.push(Token { ends: bounds, ..Token::lasting(&name, holder) });
                Some(Done::token_of(&name))
            }
            7 => {
                let role = self.dice.pick(&["Reader", "Editor", "Admin"]);
                let query = "mutation($input: BatchAssignRoleInput!) { batchAssignRole(input: $input) }";
                let input =
                    json!({"roleUrn": format!("urn:li:dataHubRole:{role}"), "actors": [urn(&self.dice.pick(&users))]});
                ask(query, input).await.map(|_| Done::default())
            }
            8 => {
                let persona = self.dice.pick(&self.personas);
                let users = self.dice.some(&USERS, 2);
                let link =
                    json!({"qualifiedName": persona["qualifiedName"], "name": persona["name"], "personaUsers": users});
                (client.save("Persona", &link).await.status == 200).then(Done::default)
            }
            9..11 => self.write_policy(&client).await,
            11 => {
                let id = self.dice.pick(&self.policies);
                (client.remove("PURGE", &[&id]).await.status == 200).then(Done::default)
            }
            12 => {
                let (persona, enabled) = (self.dice.pick(&self.personas), self.dice.throw(2) == 0);
                let switch = json!({"typeName": "Persona", "guid": persona["id"],
                                    "attributes": {"isAccessControlEnabled": enabled}});
                (client.bulk(&[switch]).await.status == 200).then(Done::default)
            }
            13 => {
                let connection = self.dice.pick(&["default/snowflake/1", "default/snowflake/2"]);
                let mut people = json!({"qualifiedName": connection, "name": "x", "viewerUsers": self.dice.some(&users, 2),
                                        "viewerRoles": self.dice.some(&[Role::Guest.id(), Role::ApiToken.id()], 4)});
                for list in self.dice.some(&["adminUsers", "ownerUsers"], 3) {
                    let keys: Vec<String> = self.keys.iter().map(|key| username(key)).collect();
                    let named = [self.dice.some(&users, 2), self.dice.some(&keys, 4)].concat();
                    people[list] = json!(named);
                }
                (client.save("Connection", &people).await.status == 200).then(Done::default)
            }
            14 => {
                let platform = self.dice.throw(2) == 0;
                let named = urn(&self.dice.pick(&users));
                let rights = bits(&self.dice.some(&RIGHTS, 4));
                let asset = self.dice.pick(&ASSETS);
                let query = "mutation($input: PolicyUpdateInput!) { createPolicy(input: $input) }";
                let actors = json!({"users": [named], "resourceOwners": self.dice.throw(3) == 0, "allUsers": false,
                                    "allGroups": false});
                let input = if platform {
                    json!({"type": "PLATFORM", "name": "p", "state": "ACTIVE", "privileges": rights, "actors": actors})
                } else {
                    json!({"type": "METADATA", "name": "p", "state": "ACTIVE", "privileges": [self.dice.pick(&ACTIONS)],
                           "resources": {"filter": {"criteria": [{"field": "URN", "values": [asset], "condition": "EQUALS"}]}},
                           "actors": actors})
                };
                let answer = ask(query, input).await?;
                self.shared.extend(answer["data"]["createPolicy"].as_str().map(str::to_owned));
                Some(Done::default())
            }
            _ => self.make_other_move(player, token, kind).await,
        }
    }

    /// A move of one of the kinds that have a function of their own.
    async fn make_other_move(&mut self, player: usize, token: usize, kind: usize) -> Option<Done> {
        let client = self.players[player].tokens[token].client.clone();
        match kind {
            15 => self.invite(player, &client).await,
            16 | 17 => self.change_policy(&client).await,
            18 | 19 => self.change_shared_policy(&client).await,
            20 => self.create_or_delete_persona(&client).await,
            21 => self.create_or_purge_asset(&client).await,
            22 | 23 => self.suspend_or_restore(&client).await,
            24 => self.remove_person(&client).await,
            25 => self.invite_openly(player, &client).await,
            26..29 => self.derive_child(player, token).await,
            29 | 30 => self.impersonate(player, token).await,
            31 | 32 => self.take_secret(player, token).await,
            33 => self.trust(player, &client).await,
            _ => self.write_what_policies_test(&client).await,
        }
    }

    /// Until when a token that a player creates with one of its tokens can live.
    fn bounds_of_token(&self, player: usize, token: usize) -> i64 {
        self.players[player].tokens[token].ends
    }

    /// The administrator of an asset changes who may do what with it.
    pub(super) async fn write_policy(&mut self, client: &Client) -> Option<Done> {
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
        Some(Done::default())
    }

    pub(super) async fn create(&mut self, player: usize, client: Client, request: String, body: Value) -> Option<Done> {
        let answer = client.with("idempotency-key", &request).try_create(&body).await;
        if answer.status != 200 {
            return None;
        }
        let id = answer.json["id"].as_str().unwrap().to_owned();
        let holder = self.holder(answer.json["attributes"]["accessToken"].as_str().unwrap());
        let name = username(&id);
        self.players[player].tokens.push(Token::lasting(&name, holder));
        self.players[player].sent.push((client, request, body));
        if !self.keys.contains(&id) {
            self.keys.push(id);
        }
        Some(Done::token_of(&name))
    }

    pub(super) async fn invite(&mut self, player: usize, client: &Client) -> Option<Done> {
        let role = self.dice.pick(&["Reader", "Editor"]);
        let query =
            format!("{{ getInviteToken(input: {{roleUrn: \"urn:li:dataHubRole:{role}\"}}) {{ inviteToken }} }}");
        let answer = client.post("/api/graphql", &json!({"query": query})).await;
        let invite = answer.json["data"]["getInviteToken"]["inviteToken"].as_str()?.to_owned();
        self.sign_up(player, &invite).await
    }

    /// Signs up with an invitation; the player has the session of the new user.
    pub(super) async fn sign_up(&mut self, player: usize, invite: &str) -> Option<Done> {
        let name = format!("new{}", self.newcomers);
        let body = json!({"fullName": "x", "email": name, "password": PASSWORD, "title": "x", "inviteToken": invite});
        if self.newcomers > 2 || self.app.anonymous().post("/signUp", &body).await.status != 200 {
            return None;
        }
        self.newcomers += 1;
        let session = self.app.session_of(&name).await.at("127.0.0.1");
        self.players[player].tokens.push(Token::lasting(&name, session));
        Some(Done::token_of(&name))
    }
}

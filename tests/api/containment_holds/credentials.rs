//! Moves by which a player gets a token of another principal, or another token of its own.

use actix_web::http::Method;
use serde_json::json;

use super::{Done, Game, Token, username};
use crate::support::Client;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const MINUTE: i64 = 60_000;
/// How many short-lived tokens leave a player no room for another child.
const CHILDREN: usize = 4;

impl Game {
    /// Exchanges one of the player's tokens; the token of the answer, and when it ends at the latest.
    async fn exchange(&mut self, player: usize, token: usize, more: &[(&str, &str)]) -> Option<(String, i64)> {
        let Token { client, ends, .. } = self.players[player].tokens[token].clone();
        let own = client.token();
        let form = [("grant_type", EXCHANGE), ("subject_token", own.as_str()), ("subject_token_type", ACCESS_TOKEN)];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).extend_pairs(more).finish();
        let sender = self.app.anonymous().at("127.0.0.1").with("host", "tessera.example.org");
        let sender = sender.with("content-type", "application/x-www-form-urlencoded");
        let answer = sender.send(Method::POST, "/oauth/token", Some(&body)).await;
        let token = (answer.status == 200).then(|| answer.json["access_token"].as_str().unwrap().to_owned())?;
        Some((token, ends.min(self.app.service.clock.now() + 10 * MINUTE)))
    }

    /// A child of one of the player's tokens, in which another may act.
    pub(super) async fn derive_child(&mut self, player: usize, token: usize) -> Option<Done> {
        if self.players[player].tokens.iter().filter(|token| token.ends < i64::MAX).count() > CHILDREN {
            return None;
        }
        let name = self.players[player].tokens[token].name.clone();
        let actor = self.dice.throw(self.players[player].tokens.len());
        let acting = self.players[player].tokens[actor].client.token();
        let more = [("actor_token", acting.as_str()), ("actor_token_type", ACCESS_TOKEN)];
        let more = if self.dice.throw(2) == 0 { &more[..] } else { &[] };
        let (child, ends) = self.exchange(player, token, more).await?;
        let client = self.holder(&child);
        self.players[player].tokens.push(Token { ends, ..Token::lasting(&name, client) });
        Some(Done::default())
    }

    /// A child with which one of the player's principals acts as a user. What every user reaches does not count.
    pub(super) async fn impersonate(&mut self, player: usize, token: usize) -> Option<Done> {
        let name = self.dice.pick(&["ada", "bob", "eve", "new0", super::LEAST]).to_owned();
        let (child, ends) = self.exchange(player, token, &[("requested_subject", &name)]).await?;
        let client = self.holder(&child);
        self.players[player].tokens.push(Token { ends, ..Token::lasting(&name, client) });
        Some(Done { spares_least: true, ..Done::default() })
    }

    /// A short-lived secret of an API key.
    pub(super) async fn take_secret(&mut self, player: usize, token: usize) -> Option<Done> {
        let key = self.some_key();
        let Token { client, ends, .. } = self.players[player].tokens[token].clone();
        let client = client.with("host", "tessera.example.org");
        let answer = client.get(&format!("/auth/admin/realms/default/clients/{key}/client-secret")).await;
        let secret = (answer.status == 200).then(|| answer.json["value"].as_str().unwrap().to_owned())?;
        let ends = ends.min(self.app.service.clock.now() + 10 * MINUTE);
        let client = self.holder(&secret);
        self.players[player].tokens.push(Token { ends, ..Token::lasting(&username(&key), client) });
        Some(Done::default())
    }

    /// A trust rule of an API key: a workload of the player's acts as the key from now on.
    pub(super) async fn trust(&mut self, player: usize, client: &Client) -> Option<Done> {
        let key = self.some_key();
        let rule = json!({"name": "w", "issuer": "https://id.example.org", "audience": "t",
                          "claims": {"sub": self.dice.throw(usize::MAX).to_string()}});
        let settings = json!({"audiences": [], "jwks": {"keys": []}, "trust": [rule]}).to_string();
        let path = format!("/api/service/apikeys/{key}/oauth");
        if client.send(Method::PUT, &path, Some(&settings)).await.status != 200 {
            return None;
        }
        // It stands for the workload, which this game has no issuer for.
        let (name, client) = (username(&key), client.clone());
        self.players[player].tokens.push(Token::lasting(&name, client));
        Some(Done::token_of(&name))
    }
}

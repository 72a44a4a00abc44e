//! Moves that change users.

use serde_json::{Value, json};
use tessera::domain::child::{Audience, Presentation};
use tessera::domain::principal::Role;
use tessera::domain::text::DisplayName;
use tessera::service::people::open_invitations::{self, NewInvitation};

use super::{Done, Game, USERS};
use crate::support::Client;

async fn is_done(client: &Client, query: &str, variables: Value) -> bool {
    let answer = client.post("/api/graphql", &json!({"query": query, "variables": variables})).await;
    answer.status == 200 && answer.json["errors"].is_null()
}

impl Game {
    /// A user, also one who was invited.
    fn some_user(&mut self) -> String {
        let newcomers = (0..self.newcomers).map(|number| format!("new{number}"));
        let users: Vec<String> = USERS.iter().map(|name| (*name).to_owned()).chain(newcomers).collect();
        self.dice.pick(&users)
    }

    /// Restoring gives back what the user reaches, of which that of every user does not count.
    pub(super) async fn suspend_or_restore(&mut self, client: &Client) -> Option<Done> {
        let (name, status) = (self.some_user(), self.dice.pick(&["SUSPENDED", "ACTIVE", "ACTIVE"]));
        let query =
            "mutation($urn: String!, $status: CorpUserStatus!) { updateUserStatus(urn: $urn, status: $status) }";
        let variables = json!({"urn": format!("urn:li:corpuser:{name}"), "status": status});
        is_done(client, query, variables).await.then(|| Done { spares_least: true, ..Done::default() })
    }

    /// Removes an invited user: the players stay.
    pub(super) async fn remove_person(&mut self, client: &Client) -> Option<Done> {
        let newcomers: Vec<String> = (0..self.newcomers).map(|number| format!("new{number}")).collect();
        if newcomers.is_empty() {
            return None;
        }
        let urn = format!("urn:li:corpuser:{}", self.dice.pick(&newcomers));
        is_done(client, "mutation($urn: String!) { removeUser(urn: $urn) }", json!({"urn": urn}))
            .await
            .then(Done::default)
    }

    /// Invites by an open invitation, and accepts it.
    pub(super) async fn invite_openly(&mut self, player: usize, client: &Client) -> Option<Done> {
        let token = client.token();
        let presented = Presentation::bearer(&token, "127.0.0.1".parse().ok());
        let presented = Presentation { audience: Audience::Any, ..presented };
        let actor = self.app.service.authenticate(presented).await.ok()?;
        let role = self.dice.pick(&[Role::Guest, Role::Member, Role::Admin]);
        let new = NewInvitation { role, note: DisplayName::parse("x").unwrap(), days: 1 };
        let (_, text) = open_invitations::create(&self.app.service, &actor, new).await.ok()?;
        self.sign_up(player, &text).await
    }
}

//! Those who act for another principal bind the child that they act with: their addresses, limits and expiry are read again
//! inside the transactions that it authorises.

use serde_json::json;
use tessera::domain::principal::Role;

use super::{ACCESS_TOKEN, access_token, exchange};
use crate::support::meanwhile::meanwhile;
use crate::support::{App, Client, Holder};

/// A key, and a child with which it acts for a member who administers a connection.
async fn acting() -> (App, Holder, Client) {
    let app = App::start().await;
    app.admin().await;
    let carol = app.session_with("carol", Role::Member).await;
    carol.asset("Connection", "default/lake/1").await;
    let key = app.key_with(&[]).await;
    let actor = [("actor_token", key.token.as_str()), ("actor_token_type", ACCESS_TOKEN)];
    let child = access_token(exchange(&app, &carol.token(), &actor).await);
    let child = app.holder_of(&child).at("192.0.2.7");
    (app, key, child)
}

#[actix_web::test]
async fn bounds_that_a_delegate_gets_meanwhile_count() {
    let (app, key, child) = acting().await;
    let renamed = json!({"qualifiedName": "default/lake/1", "name": "renamed"});
    child.save("Connection", &renamed).await.ok();
    for (bound, code) in [
        ("rate_limit_requests = 60, rate_limit_seconds = 60".to_owned(), "TESSERA-503-003"),
        ("allowed_addresses = '192.0.2.0/24'".to_owned(), "TESSERA-503-003"),
        ("allowed_addresses = '198.51.100.1'".to_owned(), "TESSERA-403-002"),
        (format!("expires_at = {}", app.now() + 60_000), "TESSERA-503-003"),
    ] {
        meanwhile(&app, "asset.updated", &format!("UPDATE api_keys SET {bound} WHERE id = '{}'", key.id));
        child.save("Connection", &renamed).await.refused(code);
    }
}

//! Edges, from the side of the server: who may register one, what its looks tell, and which answers it may keep.
//! `tests/clients/nodes/test_edges.py` runs real ones.

mod keeping;
mod limits;

use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use actix_web::rt::time::sleep;
use serde_json::{Value, json};
use tessera::domain::child::Presentation;
use tessera::domain::entropy::Entropy;
use tessera::domain::pepper::Peppers;
use tessera::domain::permission::Permission::{ManageApiKeys, VerifyTokens};
use tessera::service::Service;
use tessera::service::edges::{self, Shown};
use tessera::service::upkeep::follow::Follower;
use tessera::storage::nodes;

use crate::freshness::strict;
use crate::support::{Answer, App, Client, Holder};

const EDGES: &str = "/api/service/edges";
const KEYS: &str = "/api/service/apikeys";
const VERIFY: &str = "/gateway/verify";
const SECRET: &str = "tessera-edge-secret";
const ASSETS: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/// A server that looks all the time, as in production.
struct Looking(JoinHandle<()>);

impl Looking {
    async fn start(service: &Service) -> Self {
        let mut follower = Follower::start(service).await.unwrap();
        follower.join(service, "here").await.unwrap();
        follower.step(service).await.unwrap();
        let service = service.clone();
        Self(actix_web::rt::spawn(async move {
            loop {
                sleep(Duration::from_millis(10)).await;
                follower.step(&service).await.unwrap();
            }
        }))
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An edge, and what its last look told.
struct Edge {
    owner: Holder,
    /// The owner with the secret of the edge.
    own: Client,
    id: String,
    known: Option<String>,
    pass: String,
}

impl Edge {
    async fn register(app: &App) -> Self {
        let owner = app.key_with(&[VerifyTokens]).await;
        let made = owner.post(EDGES, &json!({"name": "gateway-1"})).await.ok();
        assert_eq!(made["lease"], 2_000);
        let own = owner.with(SECRET, made["secret"].as_str().unwrap());
        let id = made["id"].as_str().unwrap().to_owned();
        let mut edge = Self { owner, own, id, known: None, pass: String::new() };
        assert_eq!(edge.look().await["everything"], true);
        edge
    }

    fn path(&self) -> String {
        format!("{EDGES}/{}/looks", self.id)
    }

    async fn try_look(&self, uses: &Value) -> Answer {
        let mut asked = json!({"uses": uses});
        if let Some(known) = &self.known {
            asked["known"] = json!(known);
        }
        self.own.post(&self.path(), &asked).await
    }

    async fn look(&mut self) -> Value {
        let told = self.try_look(&json!([])).await.ok();
        self.known = Some(told["look"].as_str().unwrap().to_owned());
        told["pass"].as_str().unwrap().clone_into(&mut self.pass);
        told
    }

    /// Looks until a look tells of that name.
    async fn until_told_of(&mut self, name: &str) {
        for _ in 0..200 {
            let told = self.look().await;
            if told["everything"] == true || told["changed"].as_array().unwrap().iter().any(|each| each == name) {
                return;
            }
        }
        panic!("it was not told of {name}");
    }

    /// A client whose requests the edge forwards.
    fn forwards(&self, client: &Client) -> Client {
        client.with("tessera-edge", &self.pass)
    }
}

/// What the edges of the server know a principal by.
fn name(app: &App, id: &str) -> String {
    edges::names(&app.service).of(id.parse().unwrap()).to_string()
}

fn kept(answer: &Answer) -> Option<Value> {
    answer.header("tessera-keep").map(|text| serde_json::from_str(text).unwrap())
}

async fn start() -> (App, Looking) {
    let app = App::start_with(strict()).await;
    let looking = Looking::start(&app.service).await;
    (app, looking)
}

#[actix_web::test]
async fn a_revocation_waits_until_an_edge_has_applied_it() {
    let (app, _looking) = start().await;
    let mut edge = Edge::register(&app).await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    edge.look().await;
    let path = format!("{KEYS}/{}", key.id);
    let deletion = actix_web::rt::spawn(async move { admin.delete(&path).await });
    edge.until_told_of(&name(&app, &key.id)).await;
    sleep(Duration::from_millis(100)).await;
    assert!(!deletion.is_finished(), "it has not acknowledged");
    let told = edge.look().await;
    assert_eq!((&told["everything"], &told["changed"]), (&json!(false), &json!([])));
    let answer = tokio::time::timeout(Duration::from_secs(20), deletion).await.unwrap().unwrap();
    assert!(answer.header("tessera-revocation").unwrap().starts_with("nodes=2, acknowledged=2, "));
    edge.own.delete(&format!("{EDGES}/{}", edge.id)).await.ok();
    edge.own.delete(&format!("{EDGES}/{}", edge.id)).await.refused("TESSERA-404-001");
    let other = app.key_with(&[]).await;
    let answer = app.admin().await.delete(&format!("{KEYS}/{}", other.id)).await;
    assert!(answer.header("tessera-revocation").unwrap().starts_with("nodes=1, "));
}

#[actix_web::test]
async fn an_edge_that_does_not_acknowledge_is_silenced_and_registers_anew() {
    let (app, _looking) = start().await;
    let mut edge = Edge::register(&app).await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    let path = format!("{KEYS}/{}", key.id);
    let deletion = actix_web::rt::spawn(async move { admin.delete(&path).await });
    for _ in 0..1_000 {
        app.advance(300);
        sleep(Duration::from_millis(10)).await;
        if deletion.is_finished() {
            break;
        }
    }
    let answer = deletion.await.unwrap();
    assert!(answer.header("tessera-revocation").unwrap().starts_with("nodes=2, acknowledged=1, "));
    for _ in 0..200 {
        let answer = edge.try_look(&json!([])).await;
        if answer.status == 404 {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    edge.try_look(&json!([])).await.refused("TESSERA-404-001");
    let again = edge.own.post(EDGES, &json!({"name": "gateway-1", "replaces": edge.id})).await.ok();
    edge.id = again["id"].as_str().unwrap().to_owned();
    edge.own = edge.owner.with(SECRET, again["secret"].as_str().unwrap());
    edge.known = None;
    assert_eq!(edge.look().await["everything"], true);
    let rows = app.service.database.read(nodes::all).unwrap();
    assert!(
        rows.iter().filter(|node| node.owner.is_some()).all(|node| node.id.to_string() == edge.id && !node.silenced)
    );
}

#[actix_web::test]
async fn an_edge_belongs_to_who_registered_it() {
    let (app, _looking) = start().await;
    let edge = Edge::register(&app).await;
    let (other, nobody) = (app.key_with(&[VerifyTokens]).await, app.key_with(&[ManageApiKeys]).await);
    other.post(&edge.path(), &json!({})).await.refused("TESSERA-404-001");
    other.delete(&format!("{EDGES}/{}", edge.id)).await.refused("TESSERA-404-001");
    other.post(EDGES, &json!({"name": "mine", "replaces": edge.id})).await.ok();
    nobody.post(EDGES, &json!({"name": "a"})).await.refused("TESSERA-403-001");
    nobody.post(&edge.path(), &json!({})).await.refused("TESSERA-403-001");
    nobody.delete(&format!("{EDGES}/{}", edge.id)).await.refused("TESSERA-403-001");
    assert_eq!(edge.try_look(&json!([])).await.status, 200, "it was neither removed nor replaced");
    for id in ["x", "00000000-0000-0000-0000-000000000000"] {
        other.post(&format!("{EDGES}/{id}/looks"), &json!({})).await.refused("TESSERA-404-001");
    }
    // A server is no edge, whoever asks.
    let rows = app.service.database.read(nodes::all).unwrap();
    let server = rows.iter().find(|node| node.owner.is_none()).unwrap().id;
    other.delete(&format!("{EDGES}/{server}")).await.refused("TESSERA-404-001");
}

#[actix_web::test]
async fn without_its_secret_an_edge_is_neither_acknowledged_nor_removed_nor_replaced() {
    let (app, _looking) = start().await;
    let mut edge = Edge::register(&app).await;
    let twin = edge.owner.post(EDGES, &json!({"name": "gateway-1"})).await.ok();
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    edge.look().await;
    let path = format!("{KEYS}/{}", key.id);
    let deletion = actix_web::rt::spawn(async move { admin.delete(&path).await });
    edge.until_told_of(&name(&app, &key.id)).await;
    // The token of the edge, its id and its look, with every secret but its own.
    let twins = twin["secret"].as_str().unwrap();
    let copy = |secret: &str| edge.owner.with(SECRET, secret);
    let forgers = [edge.owner.with("accept", "*/*"), copy(""), copy("00"), copy(&"0".repeat(64)), copy(twins)];
    for forger in &forgers {
        forger.post(&edge.path(), &json!({"known": edge.known})).await.refused("TESSERA-404-001");
        forger.delete(&format!("{EDGES}/{}", edge.id)).await.refused("TESSERA-404-001");
        let made = forger.post(EDGES, &json!({"name": "gateway-1", "replaces": edge.id})).await.ok();
        let made_path = format!("{EDGES}/{}", made["id"].as_str().unwrap());
        edge.owner.with(SECRET, made["secret"].as_str().unwrap()).delete(&made_path).await.ok();
    }
    sleep(Duration::from_millis(100)).await;
    assert!(!deletion.is_finished(), "it has not acknowledged");
    let twin_path = format!("{EDGES}/{}", twin["id"].as_str().unwrap());
    copy(&twins.to_uppercase()).delete(&twin_path).await.refused("TESSERA-404-001");
    copy(twins).delete(&twin_path).await.ok();
    edge.look().await;
    let answer = tokio::time::timeout(Duration::from_secs(20), deletion).await.unwrap().unwrap();
    assert!(answer.header("tessera-revocation").unwrap().starts_with("nodes="), "{}", answer.text);
    // A server with another current pepper, which has the one from before too, knows the secret.
    let rotated = app.neighbour(&format!("{} {}", Peppers::generate(Entropy::SYSTEM).unwrap(), app.pepper));
    let secret = edges::secret(&app.service, edge.id.parse().unwrap());
    assert_ne!(secret, edges::secret(&rotated, edge.id.parse().unwrap()));
    let owner = app.service.authenticate(Presentation::bearer(&edge.owner.token, None)).await.unwrap();
    edges::remove(&rotated, &owner, Shown { id: &edge.id, secret: &secret }).await.unwrap();
}

#[actix_web::test]
async fn what_an_edge_sends_is_checked() {
    let (app, _looking) = start().await;
    let edge = Edge::register(&app).await;
    assert!(edge.owner.post(EDGES, &json!({"name": ""})).await.violates("name").contains("1 to 200"));
    assert!(edge.owner.post(EDGES, &json!({"name": "a", "replaces": "b"})).await.violates("replaces").contains("id"));
    assert!(edge.own.post(&edge.path(), &json!({"known": "x"})).await.violates("known").contains("`look`"));
    let many: Vec<Value> = (0..1_001).map(|_| json!({"handle": "a", "count": 1, "ago": 0})).collect();
    assert!(edge.own.post(&edge.path(), &json!({"uses": many})).await.violates("uses").contains("1000"));
    // A look that no server remembers: everything is forgotten.
    for known in ["00000000-0000-0000-0000-000000000000.1", &format!("{}9", edge.known.as_ref().unwrap())] {
        let told = edge.own.post(&edge.path(), &json!({"known": known})).await.ok();
        assert_eq!(told["everything"], true, "{known}");
    }
}

#[actix_web::test]
async fn a_principal_has_so_many_edges_only() {
    let (app, _looking) = start().await;
    let owner = app.key_with(&[VerifyTokens]).await;
    for _ in 0..16 {
        owner.post(EDGES, &json!({"name": "one of many"})).await.ok();
    }
    let refused = owner.post(EDGES, &json!({"name": "too many"})).await.refused("TESSERA-409-001");
    assert!(refused["errorMessage"].as_str().unwrap().contains("16 edges"), "{refused}");
    app.key_with(&[VerifyTokens]).await.post(EDGES, &json!({"name": "of another"})).await.ok();
}

#[actix_web::test]
async fn without_looks_of_its_own_a_server_registers_no_edge() {
    let app = App::start().await;
    let owner = app.key_with(&[VerifyTokens]).await;
    owner.post(EDGES, &json!({"name": "a"})).await.refused("TESSERA-503-001");
}

#[actix_web::test]
async fn an_edge_whose_key_is_revoked_is_told_by_the_look_that_shows_it() {
    let (app, _looking) = start().await;
    let edge = Edge::register(&app).await;
    let command_line = app.neighbour(&app.pepper);
    let id = edge.owner.id.parse::<uuid::Uuid>().unwrap().into();
    let (operator, service) = (app.operator(), app.service.clone());
    let deletion = actix_web::rt::spawn(async move {
        tessera::service::keys::api_keys::delete(&command_line, &operator, id).await.unwrap();
    });
    for _ in 0..500 {
        let answer = edge.try_look(&json!([])).await;
        if answer.status != 200 {
            answer.refused("TESSERA-401-002");
            break;
        }
    }
    edge.try_look(&json!([])).await.refused("TESSERA-401-002");
    while !deletion.is_finished() {
        service.clock.advance(300);
        sleep(Duration::from_millis(10)).await;
    }
}

#[actix_web::test]
async fn an_edge_reports_only_uses_that_a_server_has_let_in() {
    let (app, _looking) = start().await;
    let edge = Edge::register(&app).await;
    let other = Edge::register(&app).await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    let handle_for = async |edge: &Edge| {
        let told = kept(&edge.forwards(&key.at("192.0.2.7")).get(VERIFY).await).unwrap();
        told["uses"][0].as_str().unwrap().to_owned()
    };
    let (own, foreign) = (handle_for(&edge).await, handle_for(&other).await);
    let uses = async || admin.key(&key.id).await.ok()["attributes"]["useCount"].as_str().unwrap().to_owned();
    assert_eq!(uses().await, "2");
    app.advance(5_000);
    let reported = json!([
        {"handle": own, "count": 40, "ago": 1_000},
        {"handle": foreign, "count": 500, "ago": 0},
        {"handle": "nonsense", "count": 500, "ago": 0},
        {"handle": key.id, "count": 500, "ago": 0},
    ]);
    edge.try_look(&reported).await.ok();
    assert_eq!(uses().await, "42");
    let used_at = admin.key(&key.id).await.ok()["attributes"]["lastUsedAt"].clone();
    assert_eq!(used_at, (app.now() - 1_000).to_string());
    // Neither the future nor what was long ago.
    edge.try_look(&json!([{"handle": own, "count": -5, "ago": -1_000_000}])).await.ok();
    assert_eq!(uses().await, "43");
    app.advance(21 * 60_000);
    edge.try_look(&json!([{"handle": own, "count": 5, "ago": 0}])).await.ok();
    assert_eq!(uses().await, "43");
}

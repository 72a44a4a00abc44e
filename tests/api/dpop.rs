//! DPoP proofs (RFC 9449) of requests: at this server's own endpoints, at the token endpoint, and behind a gateway.

use actix_web::http::Method;
use actix_web::middleware::{NormalizePath, from_fn};
use actix_web::test::{TestRequest, init_service, try_call_service};
use actix_web::{Error, HttpRequest, HttpResponse, web};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tessera::domain::jwk::{Key, Thumbprint};
use tessera::domain::party::Party;
use tessera::http::datahub::aliases;
use tessera::http::dpop::{self, BoundToken};
use tessera::http::envelope::envelope;
use tessera::http::gateway::original::Original;
use tessera::http::peer::TrustedProxies;
use tessera::http::state::{State, StateSettings};
use tessera::service::Service;
use tessera::service::authn::proofs::NonceRule;

use crate::support::{Answer, BEGIN, Options, World, settings};

const TOKEN: &str = "tsc_example";
const HOST: &str = "tessera.example.org";
const WHOAMI: &str = "/api/service/whoami";
const TOKEN_ENDPOINT: &str = "/oauth/token";
const PARTY: Party = Party::Upkeep;
const MINUTE: i64 = 60_000;

/// An Ed25519 key of 32 equal bytes, in PKCS #8.
fn key(byte: u8) -> EncodingKey {
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    EncodingKey::from_ed_der(&[&head[..], &[byte; 32]].concat())
}

fn jwk(byte: u8) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": json!(Jwk::from_encoding_key(&key(byte), Algorithm::EdDSA).unwrap())["x"]})
}

fn thumbprint(byte: u8) -> Thumbprint {
    Key::read(jwk(byte)).unwrap().thumbprint()
}

/// A proof for a request with [`TOKEN`], signed with the key of that byte; `others` replace claims.
pub fn proof_of(byte: u8, method: &Method, url: &str, others: &Value) -> String {
    let ath = BASE64URL_NOPAD.encode(&Sha256::digest(TOKEN));
    let mut claims = json!({"htm": method.as_str(), "htu": url, "iat": BEGIN / 1000, "jti": url, "ath": ath});
    claims.as_object_mut().unwrap().append(&mut others.as_object().unwrap().clone());
    let head = json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk(byte)});
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let message = format!("{}.{}", part(&head), part(&claims));
    let signature = crypto::sign(message.as_bytes(), &key(byte), Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}

fn proof(url: &str) -> String {
    proof_of(7, &Method::GET, url, &json!({}))
}

fn own(path: &str) -> String {
    format!("https://{HOST}{path}")
}

fn bound() -> BoundToken<'static> {
    BoundToken { token: TOKEN, key: thumbprint(7), party: PARTY }
}

async fn own_endpoint(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Error> {
    dpop::at_own_endpoint(&state, &request, &bound())?;
    Ok(HttpResponse::Ok().finish())
}

async fn token_endpoint(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let key = dpop::at_token_endpoint(&state, &request, PARTY)?;
    Ok(HttpResponse::Ok().json(key.map(|key| key.to_string())))
}

async fn gateway(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let original = Original::of(&request, &state.trusted).and_then(|original| original.target());
    dpop::at_gateway(&state, &request, original, &bound())?;
    Ok(HttpResponse::Ok().finish())
}

/// Sends a request to handlers that check proofs, as the server's own handlers do, beneath its middleware.
async fn send_to(service: &Service, public_url: Option<&str>, request: TestRequest) -> Answer {
    let settings = StateSettings {
        trusted: TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]),
        public_url: public_url.map(str::to_owned),
        ..settings(std::time::Duration::from_mins(1))
    };
    let app = actix_web::App::new()
        .app_data(web::Data::new(State::new(service.clone(), settings)))
        .route(TOKEN_ENDPOINT, web::to(token_endpoint))
        .route("/gateway/verify{path:.*}", web::to(gateway))
        .default_service(web::to(own_endpoint))
        .wrap(NormalizePath::trim())
        .wrap(from_fn(envelope))
        .wrap(from_fn(aliases::follow));
    Answer::read(try_call_service(&init_service(app).await, request.to_request()).await).await
}

fn get(path: &str) -> TestRequest {
    TestRequest::with_uri(path).insert_header(("host", HOST))
}

async fn send(world: &World, request: TestRequest) -> Answer {
    send_to(&world.service, None, request).await
}

/// What is said of a refused proof of a request with a token.
#[track_caller]
fn challenge(answer: &Answer, error: &str) -> String {
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    // The envelope adds where the metadata is.
    let challenge = challenge.split(", resource_metadata=").next().unwrap_or_default().to_owned();
    assert!(
        challenge.starts_with(&format!(r#"DPoP realm="tessera", error="{error}", "#)),
        "{challenge} {}",
        answer.text
    );
    assert!(challenge.ends_with(r#", algs="ES256 EdDSA Ed25519 RS256 PS256""#), "{challenge}");
    assert_eq!(answer.status, 401);
    answer.json["message"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_proof_is_accepted_once() {
    let world = World::new(&Options::default());
    let proof = proof(&own(WHOAMI));
    assert_eq!(send(&world, get(WHOAMI).insert_header(("dpop", proof.clone()))).await.status, 200);
    for wait in [0, MINUTE] {
        world.service.clock.advance(wait);
        let again = send(&world, get(WHOAMI).insert_header(("dpop", proof.clone()))).await;
        assert!(
            challenge(&again, "invalid_dpop_proof").ends_with("it has been used before: make a proof for each request")
        );
    }
    world.service.clock.advance(1);
    let late = send(&world, get(WHOAMI).insert_header(("dpop", proof))).await;
    assert_eq!(late.json["errorCode"], "TESSERA-401-010");
    assert!(challenge(&late, "invalid_dpop_proof").contains("`iat` is too old"));
}

#[actix_web::test]
async fn a_stolen_bound_token_is_useless() {
    let world = World::new(&Options::default());
    let url = own(WHOAMI);
    let right = proof(&url);
    let with = |proofs: &[String]| {
        proofs.iter().fold(get(WHOAMI), |request, proof| request.append_header(("dpop", proof.clone())))
    };
    let of_thief = proof_of(8, &Method::GET, &url, &json!({}));
    assert!(challenge(&send(&world, with(&[of_thief])).await, "invalid_token").contains("another key"));
    let of_another_token = BASE64URL_NOPAD.encode(&Sha256::digest("another"));
    for (stolen, reason) in [
        (vec![], "has no header `DPoP`"),
        (vec![right.clone(), right.clone()], "more than one header"),
        (vec![format!("{right}, {right}")], "no signed token"),
        (vec!["ä".to_owned()], "no signed token"),
        (vec!["A".repeat(8_193)], "more than 8192 bytes"),
        (vec![proof_of(7, &Method::POST, &url, &json!({}))], "`htm` is not the method"),
        (
            vec![proof(&own("/api/service/apikeys"))],
            "`htu` is not the URL of this request, https://tessera.example.org/api/s",
        ),
        (vec![proof("https://evil.example.org/api/service/whoami")], "`htu` is not the URL"),
        (vec![proof_of(7, &Method::GET, &url, &json!({"ath": of_another_token}))], "`ath` is not the digest"),
        (vec![proof_of(7, &Method::GET, &url, &json!({"ath": null}))], "the claim `ath` is missing"),
    ] {
        let message = challenge(&send(&world, with(&stolen)).await, "invalid_dpop_proof");
        assert!(message.contains(reason), "{message}");
    }
    assert_eq!(send(&world, with(&[right])).await.status, 200, "no refused one counts as used");
}

#[actix_web::test]
async fn the_url_is_the_one_that_the_client_sees() {
    let world = World::new(&Options::default());
    for (public_url, host, path, url) in [
        (None, HOST, "/a?b=c", "https://tessera.example.org/a"),
        (None, HOST, "/slash/", "https://tessera.example.org/slash/"),
        (None, HOST, "/", "https://tessera.example.org"),
        (None, HOST, "/a%2fb", "https://tessera.example.org/a%2Fb?x"),
        (None, HOST, "/api/gms/config", "https://tessera.example.org/api/gms/config"),
        (None, "127.0.0.1:8585", "/a", "http://127.0.0.1:8585/a"),
        (Some("https://id.example.org/tessera"), HOST, "/a", "https://id.example.org/tessera/a"),
    ] {
        let with = |url: &str| get(path).insert_header(("host", host)).insert_header(("dpop", proof(url)));
        assert_eq!(send_to(&world.service, public_url, with(url)).await.status, 200, "{url}");
        let refused = send_to(&world.service, public_url, with("https://evil.example.org/a")).await;
        challenge(&refused, "invalid_dpop_proof");
    }
    let inside = get("/b").insert_header(("dpop", proof(&own("/b"))));
    challenge(&send_to(&world.service, Some("https://id.example.org"), inside).await, "invalid_dpop_proof");
}

#[actix_web::test]
async fn a_token_is_bound_to_the_key_of_the_proof_it_is_requested_with() {
    let world = World::new(&Options::default());
    let ask = |proof: Option<String>| {
        let request = get(TOKEN_ENDPOINT).method(Method::POST);
        send(&world, proof.into_iter().fold(request, |request, proof| request.append_header(("dpop", proof))))
    };
    let proof = |byte, others| proof_of(byte, &Method::POST, &own(TOKEN_ENDPOINT), &others);
    assert_eq!(ask(None).await.ok(), Value::Null);
    for byte in [7, 8] {
        assert_eq!(ask(Some(proof(byte, json!({"ath": null})))).await.ok(), thumbprint(byte).to_string());
    }
    let again = ask(Some(proof(7, json!({"ath": null})))).await;
    assert_eq!(again.header("www-authenticate"), None);
    assert_eq!(again.refused("TESSERA-400-006")["error"], "invalid_dpop_proof");
}

/// The nonce that an answer offers.
fn nonce(answer: &Answer) -> String {
    answer.header("dpop-nonce").unwrap().to_owned()
}

#[actix_web::test]
async fn where_nonces_are_required_a_proof_has_a_recent_one_of_this_process() {
    let world = World::new(&Options { dpop_nonces: NonceRule::Required, ..Options::default() });
    let use_it = async |method: Method, path: &str, others: Value| {
        let iat = world.service.clock.now() / 1000;
        let mut claims = json!({"iat": iat, "jti": format!("{path} {iat}")});
        claims.as_object_mut().unwrap().append(&mut others.as_object().unwrap().clone());
        let proof = proof_of(7, &method, &own(path), &claims);
        send(&world, get(path).method(method).insert_header(("dpop", proof))).await
    };
    let asked = use_it(Method::POST, TOKEN_ENDPOINT, json!({})).await;
    let first = nonce(&asked);
    assert_eq!(asked.refused("TESSERA-400-006")["error"], "use_dpop_nonce");
    let asked = use_it(Method::GET, WHOAMI, json!({})).await;
    assert_eq!(nonce(&asked), first);
    challenge(&asked, "use_dpop_nonce");
    for wait in [0, 5 * MINUTE] {
        world.service.clock.advance(wait);
        assert_eq!(use_it(Method::GET, WHOAMI, json!({"nonce": first})).await.status, 200);
    }
    world.service.clock.advance(5 * MINUTE);
    let late = use_it(Method::GET, WHOAMI, json!({"nonce": first})).await;
    let next = nonce(&late);
    challenge(&late, "use_dpop_nonce");
    assert_ne!(next, first);
    assert_eq!(use_it(Method::GET, WHOAMI, json!({"nonce": next})).await.status, 200);
    // The same pepper and the same time, but another process.
    let other = world.neighbour(&world.pepper);
    let with_nonce = proof_of(7, &Method::GET, &own("/a"), &json!({"iat": other.clock.now() / 1000, "nonce": next}));
    let refused = send_to(&other, None, get("/a").insert_header(("dpop", with_nonce))).await;
    challenge(&refused, "use_dpop_nonce");
}

#[actix_web::test]
async fn a_wrong_nonce_is_refused_also_where_none_is_required() {
    let world = World::new(&Options::default());
    let with = |nonce: &str| {
        let proof = proof_of(7, &Method::GET, &own(WHOAMI), &json!({"nonce": nonce}));
        send(&world, get(WHOAMI).insert_header(("dpop", proof)))
    };
    let refused = with("invented").await;
    let right = nonce(&refused);
    challenge(&refused, "use_dpop_nonce");
    challenge(&with("").await, "use_dpop_nonce");
    assert_eq!(with(&right).await.status, 200);
}

#[actix_web::test]
async fn behind_a_gateway_the_url_is_the_one_that_the_gateway_tells() {
    let world = World::new(&Options::default());
    let url = "https://api.example.org/v1/things";
    let ask = |peer: &str, path: &str, told: &[(&str, &str)], jti: &str| {
        let request = TestRequest::with_uri(path).peer_addr(format!("{peer}:1").parse().unwrap());
        let request = told.iter().fold(request, |request, header| request.insert_header(*header));
        let proof = proof_of(7, &Method::GET, url, &json!({"jti": jti}));
        send(&world, request.insert_header(("dpop", proof)))
    };
    let verify = "/gateway/verify";
    let nginx = [("x-original-method", "GET"), ("x-original-uri", "https://api.example.org/v1/things?a=b")];
    let caddy = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/v1/things?a=b"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "api.example.org"),
    ];
    let envoy = [("host", "api.example.org"), ("x-forwarded-proto", "https")];
    assert_eq!(ask("10.0.0.1", verify, &nginx, "nginx").await.status, 200);
    assert_eq!(ask("10.0.0.1", verify, &caddy, "caddy").await.status, 200);
    assert_eq!(ask("10.0.0.1", "/gateway/verify/v1/things?a=b", &envoy, "envoy").await.status, 200);
    for path in ["/", "//", "/a/", "//a", "/a//b"] {
        let proof = proof_of(7, &Method::GET, &format!("https://api.example.org{path}"), &json!({"jti": path}));
        let request = TestRequest::with_uri(&format!("{verify}{path}?a=b")).insert_header(("dpop", proof));
        let request = request.peer_addr("10.0.0.1:1".parse().unwrap()).insert_header(envoy[0]).insert_header(envoy[1]);
        assert_eq!(send(&world, request).await.status, 200, "{path} is another path without a slash");
    }
    let again = ask("10.0.0.1", verify, &nginx, "nginx").await;
    assert!(challenge(&again, "invalid_dpop_proof").contains("used before"));
    for (peer, told) in [("192.0.2.1", &nginx[..]), ("10.0.0.1", &caddy[..2]), ("10.0.0.1", &[])] {
        let untold = ask(peer, verify, told, "untold").await;
        assert!(challenge(&untold, "invalid_dpop_proof").contains("the gateway does not tell"));
    }
    let other = [nginx[0], ("x-original-uri", "https://other.example.org/v1/things")];
    assert!(challenge(&ask("10.0.0.1", verify, &other, "other").await, "invalid_dpop_proof").contains("`htu` is not"));
    assert!(
        challenge(&ask("10.0.0.1", verify, &nginx[1..], "no method").await, "invalid_dpop_proof").contains("`htm`")
    );
}

//! Proofs that are signed here, each with something wrong.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::json;

use super::*;

const NOW: i64 = 1_795_000_000_000;
const URL: &str = "https://tessera.example.org/api/a%2Fb";
const TOKEN: &str = "tsc_example";

/// An RSA key of 2048 bits in PKCS #1, which signs nothing but these tests.
const RSA: &str = "\
MIIEogIBAAKCAQEAuIOqcvxvzandjQZGrWbIerwXaOQkL0/3s884t/4TO+whDjZDUzzjGuv23amtSp3c3JHwPzNPc2fGVd/jppmNSwHo8KnprDdDyZ7f3k\
oQQ2bwsopU6SMHZJ0kZqBR3F3bafGbliy15jJkWUHmKuBV0A0paRBvtuTu7XT3Tmg5JHWTAb1EfPKTaevtk3oyKDGgo/ag3VxN50oQbVrfneHS4Pg98JZk\
bArvZghzBftUmkP/PU2Z7sZupC7Qr+6ZbdHAWDR5r26jV5EDott/JpHMZDSzxD8LmXzbFuxVxBMQ34nibF75M6zaPgpSh0+PfR0ueGyO45BKXg7MJEfIXj\
hIPwIDAQABAoIBABFkyBKi3V9D3hDHQK5j/A4l4QcQSqDzJuSaajxeBS4m6k7OqrYUDUyiZdkrf5yDGSjp0P4ENj8ozzeVLX6tBvbFLVJSkiab5xYAlhX8\
YWAZOiN6itqXZMEFV0MdZdoiNubb0dDsUhFrOq53Wd083JoKQ5cV55IULrnPxuhrRse67KSuUiVtiiTbsohXTV2+uxt4P7xxiQoYt7AQ9UcGNK5qsVKJYd\
oit1Epu68dt/nYisjMiZwa+GowmTQm9LRzKs2W+xiWiHn63ojQfaezjA4Q4Sp5XADbpjcYEPbTKh9hvpdLCFZUMlZ9l1C4PScodpHQ1CMGZSxwtvYmI915\
amECgYEA5AzEmJPp1VeVPeqlaaG57wyYr7aBA43tOiGAzyNMPB7RRT2vDPNtgSLlEw3m21LvFTb6J7qWjZ1V9s1HJy+cmWa9wDK5Q+m36JAir5jrr/wQe9\
0CaHIUjmvvaGqNKFze6+Qz61C+H5JqSQ/5SFrx2ikEEToGTVAh9tMcFGJPBwcCgYEAzyDwGeU8JH0BRIA6uzjPVwA66z0uGoute66HYfIHOOseR8sS6uzd\
WYxwVJR9Q9etkGGul2NRlmQ0c+sZxyGfA5ty4keErmMvMPcVB+Zw1SaMgbBE566sYMaS2FhwvGX/qX+Ql1G2wti2QWTKo6WKpYQO/PbBltXS1dyFNQkzbw\
kCgYAxm1Vom0RSVCryvQgeYj+/8E2Ga3zE+SqRaphKdrMuoMWE+lYJyyoW3TBXZL7DFtdLFhp0afI1+/OnLCA+Ne0qsV61YFNMopqOzEu/RtR+A6bSStEr\
RyWRlYkOfZ8XGJylU463sWiqFX9pRUBErQPPIPzxgl28k6HPvzxscrYeIQKBgFiZDTr2bChrdBxaAUVOQppDVfCDpfHi510tRWmm/mHhaH1rJvdoRDJmuT\
HkpkRbwDkvH2BQMnjy+eDPoqIkBoGjf5u83cs+T9RRDCTp9D+okpdyz7aOZ9updOynv+lGc/qLv0yKvnNQAX2tYGRpjgnImCSqZBph8iJahnwuKFsJAoGA\
Aa40lO0RKI8tnHzJcToG7HGkrjtwcWYfLVOWfPm9AuVNqzaT2mHzUfqBkv/5dI8cqj3B5PTe7yr1HJ+eGzQ696q4q6l0O4fTTV4RGqH1sbFvay5b7t3MEt\
n7MIB+4QbPcpMlt4ySG2KndAk++oG81xajUTmVj3CGh8ik0FGfiQ4=";

/// The heads of PKCS #8 before 32 bytes of an Ed25519 and of a P-256 key.
const ED25519: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const P256: [u8; 36] = [
    0x30, 0x41, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3,
    1, 7, 4, 0x27, 0x30, 0x25, 2, 1, 1, 4, 0x20, 7,
];

fn key(algorithm: Algorithm) -> EncodingKey {
    match algorithm {
        Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_der(&[&P256[..], &[7; 31]].concat()),
        Algorithm::EdDSA => EncodingKey::from_ed_der(&[&ED25519[..], &[7; 32]].concat()),
        _ => EncodingKey::from_rsa_der(&BASE64.decode(RSA.as_bytes()).unwrap()),
    }
}

fn jwk(algorithm: Algorithm) -> Value {
    let Value::Object(mut jwk) = json!(Jwk::from_encoding_key(&key(algorithm), algorithm).unwrap()) else { panic!() };
    jwk.retain(|member, _| ["kty", "crv", "x", "y", "n", "e"].contains(&member.as_str()));
    Value::Object(jwk)
}

fn expected() -> Expected<'static> {
    Expected { method: "GET", url: URL, token: Some(TOKEN), now: NOW }
}

fn digest(token: &str) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(token))
}

/// The header and the claims of a proof that is right.
fn right(algorithm: Algorithm) -> (Value, Value) {
    let head = json!({"typ": "dpop+jwt", "alg": format!("{algorithm:?}"), "jwk": jwk(algorithm)});
    let claims = json!({"htm": "GET", "htu": URL, "iat": NOW / SECOND, "jti": "j", "ath": digest(TOKEN)});
    (head, claims)
}

fn signed(algorithm: Algorithm, head: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let message = format!("{}.{}", part(head), part(claims));
    let signature = crypto::sign(message.as_bytes(), &key(algorithm), algorithm).unwrap();
    format!("{message}.{signature}")
}

/// The reason for which a proof is refused whose header and claims have been changed; empty if it is accepted.
fn refusal(change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let (mut head, mut claims) = right(Algorithm::EdDSA);
    change(&mut head, &mut claims);
    let verified = Proof::verify(&signed(Algorithm::EdDSA, &head, &claims), &expected());
    verified.err().map(|Refused(reason)| reason).unwrap_or_default()
}

fn refused(verified: Result<Proof, Refused>) -> String {
    verified.unwrap_err().0
}

#[test]
fn a_proof_of_every_algorithm_is_accepted() {
    for algorithm in OF_PROGRAMS {
        let (head, claims) = right(algorithm);
        let proof = Proof::verify(&signed(algorithm, &head, &claims), &expected()).unwrap();
        assert_eq!(proof.key, Key::read(jwk(algorithm)).unwrap().thumbprint(), "{algorithm:?}");
        assert_eq!((proof.nonce, proof.until), (None, NOW + WINDOW + 1));
    }
    assert_eq!(refusal(|head, _| head["alg"] = json!("Ed25519")), "");
}

#[test]
fn the_proofs_of_the_standard_s_examples_are_accepted() {
    // RFC 9449: the header of both figures, and the claims and signatures of figures 2 and 13.
    let head = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZ\
        OXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIs\
        ImNydiI6IlAtMjU2In19";
    let for_token = "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rv\
        a2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNy\
        JK70nfbV37xRZT3Lg";
    let with_token = "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9w\
        cm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlp\
        S0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJp\
        LjA";
    let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
    let asking =
        Expected { method: "POST", url: "https://server.example.com/token", token: None, now: 1_562_262_616_000 };
    let using = Expected {
        method: "GET",
        url: "https://resource.example.org/protectedresource",
        token: Some(token),
        now: 1_562_262_618_000,
    };
    for (rest, expected) in [(for_token, asking), (with_token, using)] {
        let proof = Proof::verify(&format!("{head}.{rest}"), &expected).unwrap();
        assert_eq!(proof.key.to_string(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    }
    let without_digest = Proof::verify(&format!("{head}.{for_token}"), &Expected { token: Some(token), ..asking });
    assert_eq!(refused(without_digest), "the claim `ath` is missing");
}

#[test]
fn a_header_with_anything_wrong_is_refused() {
    let algorithms = "`alg` must be one of ES256, EdDSA, Ed25519, RS256, PS256";
    let unusable = "its `jwk` is no key that can be used for signatures";
    for (member, value, reason) in [
        ("typ", json!("jwt"), "`typ` must be `dpop+jwt`"),
        ("typ", json!("DPOP+JWT"), "`typ` must be `dpop+jwt`"),
        ("typ", Value::Null, "`typ` must be `dpop+jwt`"),
        ("alg", json!("none"), algorithms),
        ("alg", json!("HS256"), algorithms),
        ("alg", json!("ES384"), algorithms),
        ("alg", json!("ES256"), "its `jwk` is no key for its `alg`"),
        ("alg", Value::Null, "it is no signed token in the compact form"),
        ("jwk", Value::Null, "its header has no `jwk`"),
        ("jwk", json!("x"), "it is no signed token in the compact form"),
        ("jwk", json!({}), unusable),
        ("jwk", json!({"kty": "oct", "crv": "Ed25519"}), unusable),
        ("jwk", jwk(Algorithm::ES256), "its `jwk` is no key for its `alg`"),
        ("crit", json!(["x"]), "it has header members that must be understood and are not"),
    ] {
        assert_eq!(refusal(|head, _| head[member] = value.clone()), reason, "{member} {value}");
    }
    for member in PRIVATE {
        let reason = format!("its `jwk` has the private member `{member}`: make a new key");
        assert_eq!(refusal(|head, _| head["jwk"][member] = json!("AAAA")), reason);
    }
    for (member, value) in [("use", "enc"), ("crv", "P-256"), ("x", "AAAA"), ("alg", "HS256")] {
        assert_eq!(refusal(|head, _| head["jwk"][member] = json!(value)), unusable, "{member}");
    }
    assert_eq!(refusal(|head, _| head["jwk"]["alg"] = json!("ES256")), "its `jwk` is no key for its `alg`");
}

#[test]
fn an_rsa_key_that_costs_more_than_a_proof_may_is_refused_before_it_is_used() {
    let sized = |bits: usize| {
        let modulus = BASE64URL_NOPAD.encode(&vec![0xff; bits / 8]);
        refusal(|head, _| {
            head["alg"] = json!("RS256");
            head["jwk"] = json!({"kty": "RSA", "n": modulus, "e": "AQAB"});
        })
    };
    // What fails is the signature: a key of this size is used.
    assert_eq!(sized(4_096), "its signature is wrong");
    for bits in [4_104, 8_192] {
        assert_eq!(sized(bits), "its `jwk` is an RSA key of more than 4096 bits: use a smaller one, or ES256");
    }
}

#[test]
fn a_signature_of_another_key_or_of_other_claims_is_refused() {
    let other = json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_eq!(refusal(|head, _| head["jwk"]["x"] = other), "its signature is wrong");
    let (head, claims) = right(Algorithm::ES256);
    let proof = signed(Algorithm::ES256, &head, &claims);
    let (message, signature) = proof.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    for wrong in ["", &signature[1..], &format!("{flipped}{}", &signature[1..]), &format!("{signature}A")] {
        let verified = Proof::verify(&format!("{message}.{wrong}"), &expected());
        assert_eq!(refused(verified), "its signature is wrong", "{wrong}");
    }
    for text in ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", &format!("{proof}.x"), &format!("{proof}, {proof}")] {
        assert!(Proof::verify(text, &expected()).is_err(), "{text}");
    }
}

#[test]
fn claims_with_anything_wrong_are_refused() {
    let other_url = format!("`htu` is not the URL of this request, {URL}");
    let no_url = "`htu` must be an `https` or `http` URL";
    let old = "`iat` is too old: make a proof for each request, and set the clock";
    let early = "`iat` is in the future: set the clock";
    let now = NOW / SECOND;
    for (claim, value, reason) in [
        ("htm", json!("POST"), "`htm` is not the method of this request"),
        ("htm", json!("get"), "`htm` is not the method of this request"),
        ("htm", Value::Null, "the claim `htm` is missing"),
        ("htu", json!("http://tessera.example.org/api/a%2Fb"), &other_url),
        ("htu", json!("https://other.example.org/api/a%2Fb"), &other_url),
        ("htu", json!("https://tessera.example.org:8443/api/a%2Fb"), &other_url),
        ("htu", json!("https://tessera.example.org/api/a/b"), &other_url),
        ("htu", json!("https://tessera.example.org/API/a%2Fb"), &other_url),
        ("htu", json!("https://tessera.example.org/api/a%2Fb/"), &other_url),
        ("htu", json!("https://tessera.example.org"), &other_url),
        ("htu", json!("/api/a%2Fb"), no_url),
        ("htu", json!("https://tessera.example.org@evil.example.org/api/a%2Fb"), no_url),
        ("htu", Value::Null, "the claim `htu` is missing"),
        ("iat", json!(now - 61), old),
        ("iat", json!(-1e300), old),
        ("iat", json!(now + 61), early),
        ("iat", json!(1e300), early),
        ("iat", Value::Null, "the claim `iat` is missing"),
        ("jti", json!(""), "`jti` must have 1 to 256 bytes"),
        ("jti", json!("j".repeat(257)), "`jti` must have 1 to 256 bytes"),
        ("jti", Value::Null, "the claim `jti` is missing"),
        ("nonce", json!("n".repeat(257)), "`nonce` must have at most 256 bytes"),
        ("ath", json!(digest("another token")), "`ath` is not the digest of the access token"),
        ("ath", json!(format!("{}=", digest(TOKEN))), "`ath` is not the digest of the access token"),
        ("ath", json!(""), "`ath` is not the digest of the access token"),
        ("ath", Value::Null, "the claim `ath` is missing"),
    ] {
        assert_eq!(refusal(|_, claims| claims[claim] = value.clone()), reason, "{claim} {value}");
    }
    let mistyped = refusal(|_, claims| claims["iat"] = json!("now"));
    assert!(mistyped.starts_with("its claims: "), "{mistyped}");
}

#[test]
fn what_makes_no_difference_is_accepted() {
    let now = NOW / SECOND;
    for (claim, value) in [
        ("htu", json!("HTTPS://TESSERA.example.org:443/api/a%2fb")),
        ("htu", json!("https://tessera.example.org/./%61pi/a%2Fb?query#fragment")),
        ("iat", json!(now - 60)),
        ("iat", json!(now + 60)),
        ("jti", json!("j".repeat(256))),
        ("nonce", json!("n".repeat(256))),
        ("exp", json!(0)),
    ] {
        assert_eq!(refusal(|_, claims| claims[claim] = value.clone()), "", "{claim} {value}");
    }
}

#[test]
fn a_huge_proof_is_refused_before_it_is_read() {
    let proof = "A".repeat(LONGEST + 1);
    assert_eq!(refused(Proof::verify(&proof, &expected())), "it has more than 8192 bytes");
    assert_eq!(refused(Proof::verify(&proof[1..], &expected())), "it is no signed token in the compact form");
}

#[test]
fn a_proof_is_known_by_its_key_its_jti_and_its_url() {
    let id = |algorithm, change: &dyn Fn(&mut Value)| {
        let (head, mut claims) = right(algorithm);
        change(&mut claims);
        let url = claims["htu"].as_str().unwrap().to_owned();
        let expected = Expected { url: &url, ..expected() };
        Proof::verify(&signed(algorithm, &head, &claims), &expected).unwrap().id
    };
    let one = id(Algorithm::EdDSA, &|_| {});
    assert_eq!(one, id(Algorithm::EdDSA, &|claims| claims["iat"] = json!(NOW / SECOND - 1)));
    assert_ne!(one, id(Algorithm::ES256, &|_| {}));
    assert_ne!(one, id(Algorithm::EdDSA, &|claims| claims["jti"] = json!("k")));
    assert_ne!(one, id(Algorithm::EdDSA, &|claims| claims["htu"] = json!("https://tessera.example.org/")));
}

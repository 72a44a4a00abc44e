//! Tokens and keys of OpenID Connect providers.

use std::sync::LazyLock;

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use tessera::domain::jwk::{ALGORITHMS, KeySet, Keys};
use tessera::domain::jws::Unchecked;
use tessera::domain::nesting::read_json;
use tessera::http::oauth::sign_in::settings::{self, ProviderSettings};
use tessera::http::oauth::sign_in::{Expected, IdToken, LogoutToken};

const ISSUER: &str = "https://id.example.org";
/// Of the seeds, in epoch seconds.
const NOW: i64 = 1_795_391_999;

/// The Ed25519 key of 32 bytes 7, in PKCS #8, and its public half.
static KEY: LazyLock<EncodingKey> = LazyLock::new(|| {
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    EncodingKey::from_ed_der(&[&head[..], &[7; 32]].concat())
});
static PUBLIC: LazyLock<DecodingKey> = LazyLock::new(|| {
    DecodingKey::from_ed_components("6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw").expect("a public key")
});

static SETTINGS: LazyLock<ProviderSettings> = LazyLock::new(|| {
    let table = "id = 'a'\nissuer = 'https://id.example.org'\nclient_id = 't'\ndefault_role = '$guest'\n\
                 groups_claim = 'a.b'\n[provider.require]\nhd = 'x'\n";
    let read = settings::parse(&format!("[[provider]]\n{table}"), |_| Err(String::new()));
    read.expect("settings").remove(0)
});

/// A token that is signed by nobody has no claims. The header in the first line and the claims in the other lines,
/// signed by the provider, are an ID token, a logout token, or neither, but never both.
pub fn jws(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(token) = Unchecked::read(text, &ALGORITHMS) {
        assert!(token.claims::<IdToken>(&PUBLIC).is_err() && token.claims::<LogoutToken>(&PUBLIC).is_err());
    }
    let Some((head, claims)) = text.split_once('\n') else { return };
    let message = format!("{}.{}", BASE64URL_NOPAD.encode(head.as_bytes()), BASE64URL_NOPAD.encode(claims.as_bytes()));
    let signature = crypto::sign(message.as_bytes(), &KEY, Algorithm::EdDSA).expect("a signature");
    let signed = format!("{message}.{signature}");
    let Ok(token) = Unchecked::read(&signed, &[Algorithm::EdDSA]) else { return };
    let expected = Expected { nonce: "n", now: NOW, fresh_since: None };
    let person = token.claims::<IdToken>(&PUBLIC).ok().and_then(|it| it.accept(&SETTINGS, &expected).ok());
    let ended = token.claims::<LogoutToken>(&PUBLIC).ok().and_then(|it| it.accept(&SETTINGS, NOW).ok());
    assert!(person.is_none() || ended.is_none());
    if let Some(person) = person {
        assert_eq!(person.identity.issuer, ISSUER);
        assert!(
            (1..=255).contains(&person.identity.subject.len()) && (0..=NOW * 1000).contains(&person.authenticated_at)
        );
    }
    if let Some(ended) = ended {
        assert_eq!(ended.issuer, ISSUER);
        assert!(ended.subject.is_some() || ended.sid.is_some());
    }
}

/// No key of any set makes the check of a signature panic.
pub fn jwks(data: &[u8]) {
    let Ok(set) = read_json::<KeySet>(data) else { return };
    let keys = Keys::from(set);
    for algorithm in ALGORITHMS {
        let Some(key) = keys.find(None, algorithm) else { continue };
        for length in [0, 86, 128, 342] {
            let _ = crypto::verify(&"A".repeat(length), b"a.b", key, algorithm);
        }
    }
}

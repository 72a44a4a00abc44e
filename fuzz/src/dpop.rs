//! DPoP proofs, and the URLs in them.

use std::sync::LazyLock;

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use tessera::domain::dpop::{Expected, Proof, WINDOW};

const NOW: i64 = 1_795_391_999_000;
/// The URL of the seeds.
const URL: &str = "https://tessera.example.org/api/a%2Fb";

/// The Ed25519 key of 32 bytes 7, in PKCS #8.
static KEY: LazyLock<EncodingKey> = LazyLock::new(|| {
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    EncodingKey::from_ed_der(&[&head[..], &[7; 32]].concat())
});

/// A proof that is signed by nobody is refused. The header in the first line and the claims in the other lines, signed
/// with a key, are a proof of that key for one request at most, for a bounded time.
pub fn dpop(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let expected = Expected { method: "GET", url: URL, token: None, now: NOW };
    assert!(Proof::verify(text, &expected).is_err());
    let Some((head, claims)) = text.split_once('\n') else { return };
    let message = format!("{}.{}", BASE64URL_NOPAD.encode(head.as_bytes()), BASE64URL_NOPAD.encode(claims.as_bytes()));
    let signature = crypto::sign(message.as_bytes(), &KEY, Algorithm::EdDSA).expect("a signature");
    let Ok(proof) = Proof::verify(&format!("{message}.{signature}"), &expected) else { return };
    assert_eq!(proof.key.to_string(), "--6IM5l0OosLj9yWskISYhUA3n_3CURQkmrYMSha_ck");
    assert!((NOW - WINDOW..=NOW + 2 * WINDOW + 1).contains(&proof.until));
    for other in ["https://tessera.example.org/api/a/b", "http://tessera.example.org/api/a%2Fb", "https://t/"] {
        let proof = Proof::verify(&format!("{message}.{signature}"), &Expected { url: other, ..expected });
        assert!(proof.is_err());
    }
    assert!(Proof::verify(&format!("{message}.{signature}"), &Expected { method: "POST", ..expected }).is_err());
}

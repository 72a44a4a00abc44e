//! Tokens, peppers and database URLs.

use std::sync::LazyLock;

use tessera::domain::entropy::Entropy;
use tessera::domain::pepper::{Digest, PepperId, Peppers};
use tessera::domain::token::{KeyId, ParsedToken, Prefixes, TokenKind};
use tessera::storage::url::DatabaseUrl;

static PEPPERS: LazyLock<Peppers> =
    LazyLock::new(|| Peppers::parse(&Peppers::generate(Entropy::SYSTEM).expect("entropy")).expect("a pepper"));

/// A parsed token is written back unchanged, also when a right checksum is appended to the input.
pub fn token(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let prefixes = Prefixes::default();
    let read_back = |text: &str| {
        if let Some(token) = ParsedToken::parse(text, &prefixes) {
            assert_eq!(token.plaintext(&prefixes).expect("spelled").expose(), text);
            assert!(PEPPERS.digest(&token, PEPPERS.current()).is_some());
        }
    };
    let mut checked = rest.to_vec();
    checked.resize(70, b'0');
    checked[..4].copy_from_slice([b"tsk_", b"tsp_", b"tss_"][usize::from(kind / 4) % 3]);
    let sum = crc32fast::hash(&checked);
    checked.extend(base62(sum));
    for text in [std::str::from_utf8(rest), std::str::from_utf8(&checked)].into_iter().flatten() {
        read_back(text);
    }
    if let Ok(text) = std::str::from_utf8(rest) {
        if let Some(id) = KeyId::parse(text) {
            assert_eq!(id.to_string(), text);
        }
        if let Ok(prefixes) = text.parse::<Prefixes>() {
            let token = ParsedToken::mint(TokenKind::Session, Entropy::SYSTEM).expect("entropy");
            let spelled = token.plaintext(&prefixes).expect("spelled").expose();
            assert!(ParsedToken::parse(&spelled, &prefixes).is_some());
        }
    }
}

/// Six digits.
fn base62(mut number: u32) -> [u8; 6] {
    let mut digits = [0; 6];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[(number % 62) as usize];
        number /= 62;
    }
    digits
}

/// Input of an operator: peppers and URLs.
pub fn settings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(peppers) = Peppers::parse(text) {
        assert_eq!(peppers.ids().next(), Some(peppers.current()));
        for id in peppers.ids() {
            assert_eq!(PepperId::parse(&id.to_string()), Some(id));
        }
    }
    let _ = PepperId::parse(text);
    if let Some(digest) = Digest::parse(text) {
        assert!(Digest::parse(&digest.hex()).is_some_and(|again| again.matches(&digest)));
    }
    if let Ok(url) = text.parse::<DatabaseUrl>() {
        assert!(format!("{url:?}").contains("://"));
    }
}

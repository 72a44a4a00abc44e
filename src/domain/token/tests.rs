//! Tokens: their text, and what is no token.

use proptest::prelude::*;

use super::*;
use crate::domain::redaction::has_token;

fn minted(kind: TokenKind) -> String {
    ParsedToken::mint(kind, Entropy::SYSTEM).unwrap().plaintext(&Prefixes::default()).unwrap().expose()
}

fn accepted(text: &str) -> bool {
    ParsedToken::parse(text, &Prefixes::default()).is_some()
}

#[test]
fn a_token_is_read_back_as_it_was_minted() {
    for kind in [TokenKind::ApiKey, TokenKind::Personal, TokenKind::Session] {
        let token = ParsedToken::mint(kind, Entropy::SYSTEM).unwrap();
        let text = token.plaintext(&Prefixes::default()).unwrap().expose();
        let parsed = ParsedToken::parse(&text, &Prefixes::default()).unwrap();
        assert_eq!(text.len(), LENGTH);
        assert_eq!((parsed.kind, parsed.key_id, parsed.secret.0), (kind, token.key_id, token.secret.0));
        assert!(ParsedToken::parse_refresh(&text, &Prefixes::default()).is_none());
    }
}

#[test]
fn a_refresh_token_is_no_bearer_token_and_the_next_one_has_its_key_id() {
    let first = ParsedToken::mint(TokenKind::Refresh, Entropy::SYSTEM).unwrap();
    let next = first.next(Entropy::SYSTEM).unwrap();
    for token in [first, next] {
        let text = token.plaintext(&Prefixes::default()).unwrap().expose();
        assert!(text.starts_with("tsr_") && !accepted(&text) && has_token(&text));
        assert_eq!(ParsedToken::parse_refresh(&text, &Prefixes::default()).unwrap().key_id, first.key_id);
    }
    assert_ne!(first.secret.0, next.secret.0);
}

#[test]
fn every_truncation_and_every_extension_is_rejected() {
    let token = minted(TokenKind::ApiKey);
    assert!((0..LENGTH).all(|length| !accepted(&token[..length])));
    assert!(["0", "=", " ", "\0", "\n", "é"].iter().all(|tail| !accepted(&format!("{token}{tail}"))));
}

#[test]
fn flipping_the_case_of_any_letter_is_rejected() {
    let token = minted(TokenKind::ApiKey);
    for (index, byte) in token.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_alphabetic()) {
        let mut flipped = token.clone().into_bytes();
        flipped[index] = byte ^ 0x20;
        assert!(!accepted(std::str::from_utf8(&flipped).unwrap()));
    }
    assert!(!accepted(&token.to_ascii_uppercase()));
    assert!(!accepted(&token.to_ascii_lowercase()));
}

#[test]
fn digits_beyond_64_bits_are_no_second_spelling() {
    let mut bytes = minted(TokenKind::ApiKey).into_bytes();
    bytes[PREFIX..PREFIX + WORD].fill(b'z');
    let checksum = encode_checksum(&bytes[..CHECKED]);
    bytes[CHECKED..].copy_from_slice(&checksum);
    assert!(!accepted(std::str::from_utf8(&bytes).unwrap()));
}

#[test]
fn no_token_is_minted_without_randomness() {
    let broken = Entropy::from_fn(|_| Err(getrandom::Error::UNSUPPORTED));
    assert!(matches!(ParsedToken::mint(TokenKind::ApiKey, broken), Err(Error::Internal(_))));
}

#[test]
fn prefixes_are_configurable_and_told_apart() {
    let prefixes: Prefixes = "acm,acp,acs".parse().unwrap();
    let token = ParsedToken::mint(TokenKind::Session, Entropy::SYSTEM).unwrap();
    let text = token.plaintext(&prefixes).unwrap().expose();
    assert!(text.starts_with("acs_") && !accepted(&text));
    assert_eq!(ParsedToken::parse(&text, &prefixes).unwrap().kind, TokenKind::Session);
    assert!(
        ["", "tsk", "tsk,tsk,tss", "tsk,tsp,tsc", "tsk,tsp,tsr", "tsk,tsp,tss,tss", "tsk,tsp,ts", "a_b,abc,abd"]
            .iter()
            .all(|bad| bad.parse::<Prefixes>().is_err())
    );
}

/// Five different prefixes.
fn prefixes() -> impl Strategy<Value = Prefixes> {
    prop::collection::hash_set("[0-9A-Za-z]{3}", 5)
        .prop_map(|all| all.into_iter().collect::<Vec<_>>().join(",").parse().unwrap())
}

proptest! {
    #[test]
    fn every_token_is_read_back_with_any_prefixes(
        prefixes in prefixes(),
        key_id in any::<[u8; 16]>(),
        secret in any::<[u8; 32]>(),
        sealed in prop::collection::vec(any::<[u8; 8]>(), 1..40),
    ) {
        for kind in TokenKind::ALL {
            let text = ParsedToken { kind, key_id: KeyId(key_id), secret: Secret(secret) };
            let text = text.plaintext(&prefixes).unwrap().expose();
            let read = ParsedToken::parse_any(&text, &prefixes).unwrap();
            prop_assert_eq!((read.kind, read.key_id.0, read.secret.0), (kind, key_id, secret));
            prop_assert_eq!(TokenKind::find(kind.name()), Some(kind));
        }
        prop_assert_eq!(KeyId::parse(&KeyId(key_id).to_string()), Some(KeyId(key_id)));
        let sealed = sealed.concat();
        let text = sealed_plaintext(&sealed, &prefixes).unwrap().expose();
        prop_assert_eq!(sealed_bytes(&text, &prefixes), Some(sealed));
    }

    #[test]
    fn whatever_the_input_parsing_does_not_panic(text in ".{0,100}") {
        prop_assert!(!accepted(&text));
    }
}

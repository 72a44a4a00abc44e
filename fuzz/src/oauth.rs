//! Credentials, forms and trust rules of OAuth requests.

use actix_web::http::header::HeaderValue;
use actix_web::test::TestRequest;
use serde_json::{Map, Value};
use tessera::domain::nesting::read_json;
use tessera::domain::oauth_client::{OauthClient, find_claim};
use tessera::http::auth;
use tessera::http::oauth::form::Form;

/// Basic credentials: a name has no colon, and what is written is read.
pub fn basic(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let request = TestRequest::default().append_header(("authorization", value)).to_http_request();
    if let Some((raw, Some((name, secret)))) = auth::basic(&request) {
        assert!(!name.contains(':'));
        let again = data_encoding::BASE64.encode(format!("{name}:{secret}").as_bytes());
        assert_eq!(again, raw.trim_end());
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some((name, secret)) = text.split_once(':') {
        let encoded = data_encoding::BASE64.encode(text.as_bytes());
        let request = TestRequest::default().append_header(("authorization", format!("bAsIc  {encoded}")));
        let read = auth::basic(&request.to_http_request()).and_then(|(_, read)| read);
        assert_eq!(read, Some((name.to_owned(), secret.to_owned())));
    }
}

/// A parameter that is there once is read, and one that is there twice is refused, also beside others.
pub fn form(data: &[u8]) {
    let form = Form::of_body(data.to_vec().into());
    for name in ["grant_type", "scope", "a", ""] {
        match form.optional(name) {
            Ok(value) => {
                assert!(!form.repeats(name) && value.as_ref().is_none_or(|value| !value.is_empty()));
                assert_eq!(form.required(name).is_ok(), value.is_some());
            }
            Err(_) => assert!(form.repeats(name)),
        }
    }
    if let Ok(scope) = form.optional("scope") {
        let kept = form.without_openid().optional("scope").unwrap_or_default();
        assert_eq!(kept, scope.filter(|scope| scope != "openid"));
    }
}

/// Trust rules, and after a line feed the claims of an ID token: a rule never matches a token that lacks one of its claims.
pub fn trust(data: &[u8]) {
    let mut lines = data.splitn(2, |&byte| byte == b'\n');
    let Ok(rules) = read_json(lines.next().unwrap_or_default()) else { return };
    let Ok(client) = OauthClient::parse(Vec::new(), &[], rules) else { return };
    let claims: Result<Map<String, Value>, _> = read_json(lines.next().unwrap_or_default());
    let Ok(claims) = claims else { return };
    for rule in &client.trust {
        assert!(!rule.claims.is_empty());
        if rule.matches(&claims) {
            assert!(rule.claims.keys().all(|claim| find_claim(&claims, claim).is_some()));
        }
    }
}

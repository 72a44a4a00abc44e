//! ID tokens (OpenID Connect Core, section 3.1.3.7).

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::settings::ProviderSettings;
use crate::clock::SECOND;
use crate::domain::identity::{self, Identity, ProviderClaims};
use crate::domain::jws::{AudienceClaim, Seconds};
use crate::domain::oauth_client::find_claim;
use crate::domain::text::{DisplayName, is_hidden};
use crate::http::oauth::issuer::{LEEWAY, ProviderError};

/// The claims of an ID token whose signature has been checked.
#[derive(Deserialize)]
pub struct IdToken {
    iss: String,
    sub: String,
    aud: AudienceClaim,
    exp: Seconds,
    iat: Seconds,
    nbf: Option<Seconds>,
    auth_time: Option<Seconds>,
    nonce: Option<String>,
    azp: Option<String>,
    sid: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// The values that the claims must match.
pub struct Expected<'a> {
    /// The `nonce` of this browser.
    pub nonce: &'a str,
    /// Now, in epoch seconds.
    pub now: i64,
    /// The earliest accepted `auth_time`, in epoch seconds, if a new authentication was requested.
    pub fresh_since: Option<i64>,
}

/// Maximum length of a subject, session id or other stored text, in bytes. The standard limits a subject to 255
/// (section 2).
const LONGEST: usize = 255;
/// How many groups of a token are read; the rest are ignored.
const GROUPS: usize = 10_000;

impl IdToken {
    /// Validates the claims, and returns those that a sign-in uses.
    ///
    /// # Errors
    /// [`ProviderError::Rejected`]; [`ProviderError::Denied`] without a required claim.
    pub fn accept(self, settings: &ProviderSettings, expected: &Expected<'_>) -> Result<ProviderClaims, ProviderError> {
        let Expected { nonce, now, fresh_since } = *expected;
        let rules = [
            (self.iss == settings.issuer, "it is of another issuer"),
            (self.aud.is_only(&settings.client_id), "it is for another client, too"),
            (self.azp.as_ref().is_none_or(|azp| *azp == settings.client_id), "it was given to another client"),
            (self.exp.whole() > now - LEEWAY, "it has expired"),
            (self.iat.whole() < now + LEEWAY, "it is of the future"),
            (self.nbf.is_none_or(|nbf| nbf.whole() < now + LEEWAY), "it is not valid yet"),
            (self.nonce.as_deref() == Some(nonce), "it is not the answer to this browser's request"),
            (is_text(&self.sub) && !self.sub.is_empty(), "its subject cannot be kept"),
            (self.sid.as_deref().is_none_or(is_text), "its session id cannot be kept"),
            (self.was_fresh(fresh_since, settings), "it does not say (`auth_time`) that the person was asked again"),
        ];
        if let Some((_, wrong)) = rules.iter().find(|(holds, _)| !holds) {
            return Err(ProviderError::Rejected(format!("the ID token is not accepted: {wrong}")));
        }
        for (claim, value) in &settings.require {
            if !self.says(claim, value) {
                return Err(ProviderError::Denied(format!("the claim {claim} is not the required one")));
            }
        }
        // Anyone can claim an address that is not verified, and would be taken for its owner.
        let is_verified = match self.find("email_verified") {
            Some(_) => self.says("email_verified", "true"),
            None => settings.verifies_email,
        };
        if settings.username_claim == "email" && !is_verified {
            return Err(ProviderError::Denied(
                "the email address, which is the user name, is not verified (`email_verified`)".to_owned(),
            ));
        }
        let text = |claim: &str| match claim {
            "sub" => &self.sub,
            _ => self.find(claim).and_then(Value::as_str).unwrap_or_default(),
        };
        let for_people = |claim: &str| DisplayName::parse(text(claim)).map(|name| name.as_str().to_owned());
        Ok(ProviderClaims {
            username: identity::username(text(&settings.username_claim)),
            display_name: for_people("name").unwrap_or_default(),
            email: if is_verified { for_people("email").unwrap_or_default() } else { String::new() },
            groups: self.groups(&settings.groups_claim),
            authenticated_at: match (&self.auth_time, fresh_since) {
                (Some(at), _) => at.whole().clamp(0, now) * SECOND,
                (None, Some(_)) => now * SECOND,
                (None, None) => 0,
            },
            sid: self.sid.unwrap_or_default(),
            identity: Identity { issuer: self.iss, subject: self.sub },
        })
    }

    fn was_fresh(&self, since: Option<i64>, settings: &ProviderSettings) -> bool {
        let Some(since) = since else { return true };
        self.auth_time.map_or(!settings.sends_auth_time, |at| at.whole() > since - LEEWAY)
    }

    /// Whether a claim has this value; `true` and `false` may also be strings.
    fn says(&self, claim: &str, value: &str) -> bool {
        match self.find(claim) {
            Some(Value::String(text)) => text == value,
            Some(Value::Bool(flag)) => value == if *flag { "true" } else { "false" },
            _ => false,
        }
    }

    /// The claim with this name, or the nested member that a dotted name such as `realm_access.roles` leads to.
    fn find(&self, claim: &str) -> Option<&Value> {
        find_claim(&self.others, claim)
    }

    /// The groups in this claim: a list of strings, or one string.
    fn groups(&self, claim: &str) -> BTreeSet<String> {
        match self.find(claim) {
            Some(Value::String(one)) => [one.clone()].into(),
            Some(Value::Array(all)) => all.iter().take(GROUPS).filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => BTreeSet::new(),
        }
    }
}

/// Whether a text of a provider can be stored unchanged: not too long, and without hidden characters.
pub(super) fn is_text(text: &str) -> bool {
    text.len() <= LONGEST && !text.chars().any(is_hidden)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::settings;
    use super::*;

    fn groups(claim: &str, others: &Value) -> Vec<String> {
        let mut claims = json!({"iss": "i", "sub": "s", "aud": "t", "exp": 1, "iat": 1.5});
        claims.as_object_mut().unwrap().append(&mut others.as_object().unwrap().clone());
        let token: IdToken = serde_json::from_value(claims).unwrap();
        token.groups(claim).into_iter().collect()
    }

    /// The user name that the claims give with this setting.
    fn name(claim: &str, others: &Value) -> Result<String, ProviderError> {
        accepted(&format!("username_claim = '{claim}'"), others, None).map(|claims| claims.username)
    }

    /// What a token with these claims gives with this setting of its provider.
    fn accepted(setting: &str, others: &Value, fresh_since: Option<i64>) -> Result<ProviderClaims, ProviderError> {
        let text = format!(
            "[[provider]]\nid = 'a'\nissuer = 'https://i'\nclient_id = 't'\ndefault_role = '$guest'\n{setting}\n"
        );
        let settings = settings::parse(&text, |_| Err(String::new())).unwrap().remove(0);
        let mut claims = json!({"iss": "https://i", "sub": "S1", "aud": "t", "exp": 100, "iat": 1, "nonce": "n"});
        claims.as_object_mut().unwrap().append(&mut others.as_object().unwrap().clone());
        let token: IdToken = serde_json::from_value(claims).unwrap();
        token.accept(&settings, &Expected { nonce: "n", now: 2, fresh_since })
    }

    #[test]
    fn an_address_counts_only_if_it_is_verified() {
        let claims = |verified: Value| json!({"email": "Ada@example.org", "email_verified": verified, "name": "ada"});
        for verified in [json!(true), json!("true")] {
            assert_eq!(name("email", &claims(verified.clone())).unwrap(), "ada@example.org");
            assert_eq!(accepted("", &claims(verified), None).unwrap().email, "Ada@example.org");
        }
        let silent = json!({"email": "ada@example.org", "name": "ada"});
        let falsy =
            [json!(false), json!("false"), json!("False"), json!(0), json!(1), json!(""), json!([]), json!(null)];
        for claims in falsy.map(claims).into_iter().chain([silent.clone()]) {
            assert!(matches!(name("email", &claims), Err(ProviderError::Denied(_))), "{claims}");
            assert_eq!(name("name", &claims).unwrap(), "ada");
            assert_eq!(accepted("", &claims, None).unwrap().email, "", "{claims}");
        }
        let trusted = "username_claim = 'email'\nverifies_email = true";
        assert_eq!(accepted(trusted, &silent, None).unwrap().username, "ada@example.org");
        assert!(accepted(trusted, &claims(json!(false)), None).is_err());
    }

    #[test]
    fn a_new_authentication_is_said_by_the_token_or_by_the_settings() {
        let (silent, new, old) = (json!({}), json!({"auth_time": 1_000}), json!({"auth_time": 1}));
        let at = |setting: &str, others: &Value, since| accepted(setting, others, since).map(|it| it.authenticated_at);
        assert_eq!(at("", &new, Some(1_000)).unwrap(), 2 * SECOND, "not later than now");
        assert_eq!(at("", &silent, None).unwrap(), 0);
        assert!(at("", &silent, Some(1_000)).is_err() && at("", &old, Some(1_000)).is_err());
        let never = "sends_auth_time = false";
        assert_eq!(at(never, &silent, Some(1_000)).unwrap(), 2 * SECOND);
        assert_eq!(at(never, &silent, None).unwrap(), 0);
        assert!(at(never, &old, Some(1_000)).is_err());
    }

    #[test]
    fn the_subject_can_be_the_user_name() {
        assert_eq!(name("sub", &json!({"others": {"sub": "x"}})).unwrap(), "s1");
    }

    #[test]
    fn a_claim_that_is_required_must_have_its_value() {
        let text = "[[provider]]\nid = 'a'\nissuer = 'https://i'\nclient_id = 't'\ndefault_role = '$guest'\n\
                    username_claim = 'sub'\n[provider.require]\nacr = 'phr'\n";
        let settings = settings::parse(text, |_| Err(String::new())).unwrap().remove(0);
        for (acr, is_let_in) in
            [(json!("phr"), true), (json!("pwd"), false), (json!(["phr"]), false), (json!(null), false)]
        {
            let claims =
                json!({"iss": "https://i", "sub": "s", "aud": "t", "exp": 9, "iat": 1, "nonce": "n", "acr": acr});
            let token: IdToken = serde_json::from_value(claims).unwrap();
            let accepted = token.accept(&settings, &Expected { nonce: "n", now: 2, fresh_since: None });
            assert_eq!(accepted.is_ok(), is_let_in, "{acr}");
        }
    }

    #[test]
    fn groups_are_found_by_name_or_by_the_way_to_them() {
        assert_eq!(groups("groups", &json!({"groups": ["a", 1, "b"]})), ["a", "b"]);
        assert_eq!(groups("groups", &json!({"groups": "a"})), ["a"]);
        assert_eq!(groups("a.roles", &json!({"a": {"roles": ["x"]}})), ["x"]);
        assert_eq!(groups("https://x.org/g", &json!({"https://x.org/g": ["y"], "https://x": 1})), ["y"]);
        for others in [json!({}), json!({"groups": {"a": 1}}), json!({"groups": null})] {
            assert_eq!(groups("groups", &others), [""; 0]);
        }
    }
}

//! Trust rules: which workloads, known by the ID tokens of an issuer, act as an API key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::filter::{Case, Pattern};
use crate::domain::listing::clip;
use crate::domain::text::{DisplayName, is_hidden};

/// The longest issuer, audience, name of a claim, and pattern, in bytes.
const LONGEST: usize = 512;
/// The most claims of one rule.
const CLAIMS: usize = 32;
/// Claims that a rule must not name: those that it names elsewhere, and those that differ in every token.
const OTHER: [&str; 7] = ["iss", "aud", "exp", "nbf", "iat", "jti", "nonce"];

/// Which workloads act as an API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustRule {
    /// Its name, unique among the rules of the key.
    pub name: String,
    /// The issuer of the tokens, compared byte by byte.
    pub issuer: String,
    /// The only audience that the tokens have.
    pub audience: String,
    /// The claims that the tokens must have, by name or by the path to a nested one, and their patterns: a `*` stands for any
    /// characters, including none.
    pub claims: BTreeMap<String, String>,
}

/// Issuers whose workloads have names that can be registered again by another person, once they are given up, and ids
/// that cannot.
struct Family {
    name: &'static str,
    /// Claims that only tokens of such issuers have.
    typical: &'static [&'static str],
    /// The beginning of the subjects of their tokens.
    subject: &'static str,
    /// The claims with ids: a rule needs one of them, without wildcards.
    ids: &'static [&'static str],
}

const FAMILIES: [Family; 3] = [
    Family {
        name: "GitHub",
        typical: &["repository", "repository_owner", "job_workflow_ref", "workflow_ref"],
        subject: "repo:",
        ids: &["repository_id", "repository_owner_id"],
    },
    Family {
        name: "GitLab",
        typical: &["project_path", "namespace_path", "ci_config_ref_uri"],
        subject: "project_path:",
        ids: &["project_id", "namespace_id"],
    },
    Family {
        name: "Kubernetes",
        typical: &["kubernetes.io.namespace", "kubernetes.io.serviceaccount.name", "kubernetes.io.pod.name"],
        subject: "system:serviceaccount:",
        ids: &["kubernetes.io.serviceaccount.uid"],
    },
];

/// The wrong member, and what is wrong with it.
type Wrong = (String, String);

impl TrustRule {
    /// Checks the rule, except that its issuer is an address that can be asked for its keys.
    ///
    /// # Errors
    /// The wrong member, and a message that says what is allowed.
    pub(super) fn check(&self) -> Result<(), Wrong> {
        let wrong = |member: &str, message: String| Err((member.to_owned(), message));
        if let Err(message) = DisplayName::parse(&self.name) {
            return wrong("name", message);
        }
        for (member, text) in [("issuer", &self.issuer), ("audience", &self.audience)] {
            if !is_text(text) {
                return wrong(
                    member,
                    format!("must have 1 to {LONGEST} bytes, no white space and no hidden characters"),
                );
            }
        }
        if !(1..=CLAIMS).contains(&self.claims.len()) {
            return wrong("claims", format!("must have 1 to {CLAIMS} claims besides `iss` and `aud`"));
        }
        for (claim, pattern) in &self.claims {
            let place = format!("claims.{}", clip(claim));
            if OTHER.contains(&claim.as_str()) {
                let message = "cannot be required here: `issuer` and `audience` are members of their own, and times and ids of \
                               tokens differ in every token";
                return wrong(&place, message.to_owned());
            }
            if !is_text(claim) || claim.split('.').any(str::is_empty) {
                return wrong(
                    &place,
                    format!("must be a name of 1 to {LONGEST} bytes, or names with `.` between them"),
                );
            }
            if pattern.is_empty() || pattern.len() > LONGEST || pattern.chars().any(is_hidden) {
                return wrong(&place, format!("must have 1 to {LONGEST} bytes and no hidden characters"));
            }
            if pattern.bytes().all(|byte| byte == b'*') {
                return wrong(&place, "must be more than `*`: a rule may not match every value".to_owned());
            }
        }
        if self.claims.get("sub").is_some_and(|pattern| pattern.starts_with('*')) {
            return wrong("claims.sub", "must not begin with `*`".to_owned());
        }
        FAMILIES.iter().try_for_each(|family| self.check_ids(family))
    }

    /// Checks that a rule for workloads of this family names one by an id.
    fn check_ids(&self, family: &Family) -> Result<(), Wrong> {
        let exact = |claim: &str| self.claims.get(claim).is_some_and(|pattern| !pattern.contains('*'));
        let subject = self.claims.get("sub").map(String::as_str);
        let literal = subject.and_then(|pattern| pattern.split('*').next()).unwrap_or_default();
        let by_subject =
            !literal.is_empty() && (literal.starts_with(family.subject) || family.subject.starts_with(literal));
        let typical = family.typical.iter().find(|claim| self.claims.contains_key(**claim));
        let is_of_family = by_subject || typical.is_some() || is_issuer_of(family, &self.issuer);
        if !is_of_family || family.ids.iter().any(|claim| exact(claim)) {
            return Ok(());
        }
        let mut allowed = family.ids.iter().map(|claim| format!("`{claim}`")).collect::<Vec<_>>().join(" or ");
        if family.name == "Kubernetes" {
            // A deleted service account can be created again only by those who manage its namespace.
            let is_account = |subject: &str| {
                let parts: Vec<&str> = subject.split(':').collect();
                matches!(parts.as_slice(), ["system", "serviceaccount", namespace, name]
                         if !namespace.is_empty() && !name.is_empty() && !subject.contains('*'))
            };
            if subject.is_some_and(is_account) {
                return Ok(());
            }
            allowed += " or `sub` (`system:serviceaccount:<namespace>:<name>`)";
        }
        let place = match typical {
            Some(claim) => format!("claims.{claim}"),
            None if by_subject => "claims.sub".to_owned(),
            None => "claims".to_owned(),
        };
        let message = format!(
            "is not enough for tokens of {}, where names can be registered again: also require {allowed}, without `*`",
            family.name
        );
        Err((place, message))
    }

    /// Whether these claims have all values that the rule requires. The issuer and the audience are compared elsewhere.
    #[must_use]
    pub fn matches(&self, claims: &Map<String, Value>) -> bool {
        let fits = |(claim, pattern): (&String, &String)| {
            let value = match find_claim(claims, claim) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Bool(flag)) => flag.to_string(),
                Some(Value::Number(number)) => number.to_string(),
                _ => return false,
            };
            let pieces = pattern.split('*').map(str::to_owned).collect();
            Pattern { pieces, case: Case::Sensitive }.matches(&value)
        };
        !self.claims.is_empty() && self.claims.iter().all(fits)
    }
}

/// Whether it is known by its address that an issuer belongs to that family.
fn is_issuer_of(family: &Family, issuer: &str) -> bool {
    let address = issuer.split_once("://").map_or(issuer, |(_, address)| address);
    let host = address.split(['/', ':']).next().unwrap_or_default().to_ascii_lowercase();
    match family.name {
        // In the cloud, in the cloud with a domain of one's own, and GitHub Enterprise Server.
        "GitHub" => {
            host == "token.actions.githubusercontent.com"
                || (host.starts_with("token.actions.") && host.ends_with(".ghe.com"))
                || issuer.trim_end_matches('/').ends_with("/_services/token")
        }
        "GitLab" => host == "gitlab.com",
        _ => false,
    }
}

fn is_text(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && !text.chars().any(|each| is_hidden(each) || each.is_whitespace())
}

/// The claim with this name, or the nested one that a path such as `realm_access.roles` leads to. The names on the path may
/// have dots themselves: `kubernetes.io.namespace`.
#[must_use]
pub fn find_claim<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(path) {
        return Some(found);
    }
    path.match_indices('.').find_map(|(at, _)| find_claim(claims.get(&path[..at])?.as_object()?, &path[at + 1..]))
}

#[cfg(test)]
mod tests;

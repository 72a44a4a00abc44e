//! Trust rules: which claims match, and which rules are refused.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn rule(issuer: &str, claims: &[(&str, &str)]) -> TrustRule {
    let claims = claims.iter().map(|(claim, pattern)| ((*claim).to_owned(), (*pattern).to_owned())).collect();
    TrustRule { name: "ci".into(), issuer: issuer.into(), audience: "tessera".into(), claims }
}

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const OTHER_ISSUER: &str = "https://id.example.org";

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn every_claim_must_match_its_pattern() {
    let token = object(&json!({
        "sub": "job-7", "ref": "refs/heads/release-1", "run": 7, "protected": true, "groups": ["a"], "nothing": null,
        "kubernetes.io": {"namespace": "build", "serviceaccount": {"uid": "u"}}, "a": {"b.c": {"d": "x"}},
    }));
    for claims in [
        &[("sub", "job-7")][..],
        &[("sub", "job-*"), ("ref", "refs/heads/*")],
        &[("ref", "*/release-*")],
        &[("ref", "refs/*/release-1*")],
        &[("run", "7"), ("protected", "true")],
        &[("kubernetes.io.namespace", "build"), ("kubernetes.io.serviceaccount.uid", "u")],
        &[("a.b.c.d", "x")],
    ] {
        assert!(rule(OTHER_ISSUER, claims).matches(&token), "{claims:?}");
    }
    for claims in [
        &[][..],
        &[("sub", "job-")],
        &[("sub", "job-77")],
        &[("sub", "Job-7")],
        &[("sub", "ob-*")],
        &[("sub", "job-7"), ("ref", "refs/tags/*")],
        &[("ref", "refs/heads/release-*1*1")],
        &[("groups", "a")],
        &[("nothing", "null")],
        &[("missing", "x*")],
        &[("kubernetes.io", "*b*")],
        &[("kubernetes.io.pod.uid", "u")],
        &[("run", "07")],
    ] {
        assert!(!rule(OTHER_ISSUER, claims).matches(&token), "{claims:?}");
    }
}

#[test]
fn a_rule_names_a_workload_by_an_id_where_names_can_be_registered_again() {
    let account = ("sub", "system:serviceaccount:build:deployer");
    for (issuer, claims) in [
        (GITHUB, &[("repository_id", "1")][..]),
        (GITHUB, &[("repository_owner_id", "1"), ("repository", "o/*")]),
        ("https://github.example.org/_services/token", &[("repository_id", "1")]),
        ("https://gitlab.com", &[("project_id", "1"), ("ref", "main")]),
        ("https://gitlab.example.org", &[("namespace_id", "1"), ("project_path", "g/*")]),
        (OTHER_ISSUER, &[account]),
        (OTHER_ISSUER, &[("kubernetes.io.serviceaccount.uid", "u"), ("kubernetes.io.namespace", "build")]),
        (OTHER_ISSUER, &[("sub", "job-7")]),
        (OTHER_ISSUER, &[("sub", "job-*"), ("oidc.circleci.com/project-id", "1")]),
        (OTHER_ISSUER, &[("pipeline_id", "1"), ("ref", "m*")]),
        ("https://gitlab.example.org", &[("project_id", "1"), ("ref", "main"), ("ref_protected", "true")]),
    ] {
        assert_eq!(rule(issuer, claims).check(), Ok(()), "{issuer} {claims:?}");
    }
    for (issuer, claims, place, allowed) in [
        (GITHUB, &[("repository", "o/r")][..], "claims.repository", "repository_id"),
        (GITHUB, &[("repository_id", "1*")], "claims", "repository_owner_id"),
        (GITHUB, &[("sub", "repo:o/r:ref:refs/heads/main")], "claims.sub", "repository_id"),
        ("https://TOKEN.actions.githubusercontent.com/x", &[("ref", "a")], "claims", "repository_id"),
        ("https://token.actions.octo.ghe.com", &[("ref", "a")], "claims", "repository_id"),
        ("https://github.example.org/_services/token", &[("ref", "a")], "claims", "repository_id"),
        (OTHER_ISSUER, &[("sub", "repo:o/r:*")], "claims.sub", "repository_id"),
        (OTHER_ISSUER, &[("sub", "re*")], "claims.sub", "repository_id"),
        (OTHER_ISSUER, &[("project_path", "g/p")], "claims.project_path", "namespace_id"),
        ("https://gitlab.com", &[("ref", "main")], "claims", "project_id"),
        (OTHER_ISSUER, &[("sub", "project_path:g/p:*")], "claims.sub", "project_id"),
        (OTHER_ISSUER, &[("sub", "system:serviceaccount:build:*")], "claims.sub", "serviceaccount.uid"),
        (OTHER_ISSUER, &[("sub", "system:serviceaccount:build:")], "claims.sub", "serviceaccount.uid"),
        (OTHER_ISSUER, &[("sub", "system:*")], "claims.sub", "serviceaccount.uid"),
        (OTHER_ISSUER, &[("kubernetes.io.namespace", "b")], "claims.kubernetes.io.namespace", "serviceaccount.uid"),
        (OTHER_ISSUER, &[("sub", "job-*")], "claims", "`sub`"),
        (OTHER_ISSUER, &[("project_id", "1*"), ("sub", "job-*")], "claims", "`sub`"),
        ("https://gitlab.example.org", &[("ref", "main"), ("ref_protected", "true")], "claims", "`project_id`"),
        ("https://gitlab.example.org", &[("pipeline_source", "push"), ("user_login", "a")], "claims", "`project_id`"),
        (
            "https://gitlab.example.org",
            &[("job_id", "1"), ("user_id", "2"), ("runner_id", "3")],
            "claims",
            "`project_id`",
        ),
    ] {
        let (named, message) = rule(issuer, claims).check().unwrap_err();
        assert_eq!(named, place, "{issuer} {claims:?}: {message}");
        assert!(message.contains(allowed), "{message}");
    }
}

#[test]
fn what_is_wrong_with_a_rule_is_named() {
    let right = rule(OTHER_ISSUER, &[("sub", "job")]);
    let many: BTreeMap<_, _> = (0..=CLAIMS).map(|index| (format!("c{index}"), "x".to_owned())).collect();
    let mut most: BTreeMap<_, _> = many.clone().into_iter().take(CLAIMS - 1).collect();
    most.insert("sub".to_owned(), "job".to_owned());
    let long = "x".repeat(LONGEST);
    for fits in [
        TrustRule { claims: most, ..right.clone() },
        TrustRule { audience: long.clone(), ..right.clone() },
        rule(OTHER_ISSUER, &[("sub", &long)]),
        rule(OTHER_ISSUER, &[(&long, "x"), ("sub", "job")]),
    ] {
        assert_eq!(fits.check(), Ok(()));
    }
    let longer = format!("{long}x");
    for (wrong, named) in [
        (TrustRule { name: " ".into(), ..right.clone() }, "name"),
        (TrustRule { issuer: String::new(), ..right.clone() }, "issuer"),
        (TrustRule { audience: String::new(), ..right.clone() }, "audience"),
        (TrustRule { audience: "a b".into(), ..right.clone() }, "audience"),
        (TrustRule { audience: longer.clone(), ..right.clone() }, "audience"),
        (TrustRule { claims: BTreeMap::new(), ..right.clone() }, "claims"),
        (TrustRule { claims: many, ..right.clone() }, "claims"),
        (rule(OTHER_ISSUER, &[("sub", "*")]), "claims.sub"),
        (rule(OTHER_ISSUER, &[("sub", "**")]), "claims.sub"),
        (rule(OTHER_ISSUER, &[("sub", "*a")]), "claims.sub"),
        (rule(OTHER_ISSUER, &[("sub", "")]), "claims.sub"),
        (rule(OTHER_ISSUER, &[("sub", &longer)]), "claims.sub"),
        (rule(OTHER_ISSUER, &[("sub", "a\u{200b}")]), "claims.sub"),
        (rule(OTHER_ISSUER, &[("", "a")]), "claims."),
        (rule(OTHER_ISSUER, &[("a..b", "a")]), "claims.a..b"),
        (rule(OTHER_ISSUER, &[("iss", "a"), ("sub", "job")]), "claims.iss"),
        (rule(OTHER_ISSUER, &[("aud", "a")]), "claims.aud"),
        (rule(OTHER_ISSUER, &[("jti", "a")]), "claims.jti"),
    ] {
        assert_eq!(wrong.check().unwrap_err().0, named, "{wrong:?}");
    }
    let (named, _) = rule(OTHER_ISSUER, &[(&longer, "a")]).check().unwrap_err();
    assert!(named.starts_with("claims.xxx") && named.len() < 400, "{named}");
}

proptest! {
    /// However the claims and the patterns look.
    #[test]
    fn a_rule_never_matches_a_token_that_lacks_one_of_its_claims(
        claims in prop::collection::btree_map("[a-c](\\.[a-c])?", "[a-b*]{0,4}", 1..5),
        token in prop::collection::btree_map("[a-c](\\.[a-c])?", "[a-b]{0,4}", 0..6),
        lacking in any::<prop::sample::Index>(),
    ) {
        let mut token: Map<String, Value> = token.into_iter().map(|(claim, value)| (claim, json!(value))).collect();
        let rule = TrustRule { claims, ..rule(OTHER_ISSUER, &[]) };
        let lacking = rule.claims.keys().nth(lacking.index(rule.claims.len())).unwrap();
        for (claim, pattern) in &rule.claims {
            // All other claims have a value that fits.
            token.insert(claim.clone(), json!(pattern));
        }
        prop_assert!(rule.matches(&token));
        token.remove(lacking);
        prop_assert!(!rule.matches(&token));
    }

    #[test]
    fn a_pattern_matches_exactly_what_it_says(pattern in "[ab*]{1,5}", value in "[ab]{0,6}") {
        fn naive(pattern: &[u8], value: &[u8]) -> bool {
            match pattern.split_first() {
                None => value.is_empty(),
                Some((b'*', rest)) => (0..=value.len()).any(|from| naive(rest, &value[from..])),
                Some((byte, rest)) => value.first() == Some(byte) && naive(rest, &value[1..]),
            }
        }
        let claims = object(&json!({"c": value}));
        prop_assert_eq!(rule(OTHER_ISSUER, &[("c", &pattern)]).matches(&claims), naive(pattern.as_bytes(), value.as_bytes()));
    }
}

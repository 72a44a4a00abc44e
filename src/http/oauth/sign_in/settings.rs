//! The providers file: TOML, with one `[[provider]]` table per provider.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use crate::domain::identity::Mapping;
use crate::domain::principal::Role;
use crate::domain::text::DisplayName;
use crate::http::oauth::issuer::check_issuer;
use crate::outbound::Roots;
use crate::service::people::users::PersonalTokens;

/// The settings of a provider.
#[derive(Clone)]
pub struct ProviderSettings {
    /// Its id in URLs.
    pub id: Arc<str>,
    /// The label of its button.
    pub label: String,
    /// The issuer identifier, compared byte by byte.
    pub issuer: String,
    /// The client id of this server at the provider.
    pub client_id: String,
    /// The client secret; `None` for a public client.
    pub secret: Option<Secret>,
    /// The certificate authorities that its servers' certificates must come from.
    pub roots: Roots,
    /// The requested scopes.
    pub scopes: Vec<String>,
    /// The claim with the user name.
    pub username_claim: String,
    /// The claim with the groups.
    pub groups_claim: String,
    /// Whether the provider's addresses count as verified in tokens without `email_verified`.
    pub verifies_email: bool,
    /// Whether its ID tokens say when the user was authenticated (`auth_time`). If not, a sign-in that had to be new counts
    /// as new.
    pub sends_auth_time: bool,
    /// Claims that must have these values; every other sign-in is refused.
    pub require: BTreeMap<String, String>,
    /// The roles and personas of groups.
    pub mapping: Arc<Mapping>,
    /// What a back-channel logout does to the personal access tokens of its subject.
    pub tokens_at_logout: PersonalTokens,
}

/// A client secret. `Debug` redacts it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(redacted)")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    provider: Vec<Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    id: String,
    label: Option<String>,
    issuer: String,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    scopes: Option<Vec<String>>,
    username_claim: Option<String>,
    groups_claim: Option<String>,
    #[serde(default)]
    verifies_email: bool,
    sends_auth_time: Option<bool>,
    default_role: Option<String>,
    #[serde(default)]
    logout_revokes_access_tokens: bool,
    #[serde(default)]
    require: BTreeMap<String, String>,
    #[serde(default)]
    roles: BTreeMap<String, String>,
    #[serde(default)]
    personas: BTreeMap<String, Vec<String>>,
}

/// Ids that would collide with paths below `/login/`, or be mistaken for one.
const RESERVED: [&str; 2] = ["logout", "callback"];

/// Parses the text of the file; `read` reads the other files that it names.
///
/// # Errors
/// A message that names the provider and the setting.
pub fn parse(text: &str, read: impl Fn(&PathBuf) -> Result<String, String>) -> Result<Vec<ProviderSettings>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    let mut seen = BTreeSet::new();
    let mut providers = Vec::new();
    for table in file.provider {
        let id = table.id.clone();
        let provider = provider(table, &read).map_err(|message| format!("provider `{id}`: {message}"))?;
        if !seen.insert((true, id.clone())) || !seen.insert((false, provider.issuer.clone())) {
            return Err(format!("provider `{id}`: another provider has the same `id` or the same `issuer`"));
        }
        providers.push(provider);
    }
    Ok(providers)
}

fn provider(table: Table, read: impl Fn(&PathBuf) -> Result<String, String>) -> Result<ProviderSettings, String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=32).contains(&table.id.len()) || !table.id.bytes().all(plain) || RESERVED.contains(&table.id.as_str()) {
        return Err(
            "`id` must be 1 to 32 lower-case letters, digits or `-`, and neither `logout` nor `callback`".into()
        );
    }
    let label = table.label.unwrap_or_else(|| table.id.clone());
    let label = DisplayName::parse(&label).map_err(|message| format!("`label` {message}"))?;
    check_issuer(&table.issuer).map_err(|message| format!("`issuer` {message}"))?;
    if table.client_id.is_empty() {
        return Err("`client_id` must not be empty".into());
    }
    let secret = table.client_secret_file.as_ref().map(|path| secret(path, &read)).transpose()?;
    let roots = table.ca_file.as_ref().map(|path| roots(path, &read)).transpose()?.unwrap_or_default();
    let scopes = table.scopes.unwrap_or_else(|| ["openid", "profile", "email"].map(str::to_owned).into());
    let is_scope = |scope: &String| !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic());
    if !scopes.iter().any(|scope| scope == "openid") || !scopes.iter().all(is_scope) {
        return Err("`scopes` must have `openid` among them, and no white space within".into());
    }
    let roles = table.roles.iter().map(|(group, name)| Ok((group.clone(), role("roles", name)?)));
    let mapping = Mapping {
        roles: roles.collect::<Result<_, String>>()?,
        otherwise: table.default_role.as_deref().map(|name| role("default_role", name)).transpose()?,
        personas: table.personas,
    };
    if mapping.roles.is_empty() && mapping.otherwise.is_none() {
        return Err("no user could sign in: set `roles` or `default_role`".into());
    }
    let tokens_at_logout =
        if table.logout_revokes_access_tokens { PersonalTokens::Revoke } else { PersonalTokens::Keep };
    Ok(ProviderSettings {
        id: table.id.into(),
        label: label.as_str().to_owned(),
        issuer: table.issuer,
        client_id: table.client_id,
        secret,
        roots,
        scopes,
        username_claim: table.username_claim.unwrap_or_else(|| "preferred_username".to_owned()),
        groups_claim: table.groups_claim.unwrap_or_else(|| "groups".to_owned()),
        verifies_email: table.verifies_email,
        sends_auth_time: table.sends_auth_time.unwrap_or(true),
        require: table.require,
        mapping: Arc::new(mapping),
        tokens_at_logout,
    })
}

fn secret(path: &PathBuf, read: impl Fn(&PathBuf) -> Result<String, String>) -> Result<Secret, String> {
    let failed = |error: String| format!("`client_secret_file` `{}`: {error}", path.display());
    let text = read(path).map_err(failed)?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() || secret.chars().any(char::is_control) {
        return Err(failed("must hold the secret on one line".to_owned()));
    }
    Ok(Secret(secret.to_owned()))
}

fn roots(path: &PathBuf, read: impl Fn(&PathBuf) -> Result<String, String>) -> Result<Roots, String> {
    read(path).and_then(|text| Roots::parse(&text)).map_err(|error| format!("`ca_file` `{}`: {error}", path.display()))
}

fn role(setting: &str, name: &str) -> Result<Role, String> {
    let found = Role::find(name).filter(|role| *role != Role::ApiToken);
    found.ok_or_else(|| format!("`{setting}` names `{name}`: must be one of `$admin`, `$member`, `$guest`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "id = 'a'\nissuer = 'https://id.example.org'\nclient_id = 't'\ndefault_role = '$guest'\n";

    fn read(more: &str) -> Result<Vec<ProviderSettings>, String> {
        parse(&format!("[[provider]]\n{more}"), |_| Ok("s3cret\n".to_owned()))
    }

    #[test]
    fn the_least_that_is_needed_is_four_lines() {
        let provider = read(LEAST).unwrap().remove(0);
        assert_eq!((&*provider.id, provider.label.as_str()), ("a", "a"));
        assert_eq!(provider.scopes, ["openid", "profile", "email"]);
        assert_eq!(provider.secret, None);
        assert_eq!(provider.mapping.otherwise, Some(Role::Guest));
        assert_eq!(provider.tokens_at_logout, PersonalTokens::Keep);
        let revoking = read(&format!("{LEAST}logout_revokes_access_tokens = true\n")).unwrap().remove(0);
        assert_eq!(revoking.tokens_at_logout, PersonalTokens::Revoke);
    }

    #[test]
    fn the_secret_is_in_a_file_and_in_no_debug_output() {
        let provider = read(&format!("{LEAST}client_secret_file = '/s'\n")).unwrap().remove(0);
        assert_eq!(provider.secret, Some(Secret("s3cret".to_owned())));
        assert_eq!(format!("{:?}", provider.secret), "Some(Secret(redacted))");
        let empty = parse(&format!("[[provider]]\n{LEAST}client_secret_file = '/s'\n"), |_| Ok("\n".to_owned()));
        assert!(empty.err().unwrap().contains("/s"));
    }

    #[test]
    fn a_file_without_usable_certificates_is_refused() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (text, named) in [("", "PEM"), ("no PEM", "PEM"), (broken, "ca_file")] {
            let read = parse(&format!("[[provider]]\n{LEAST}ca_file = '/ca.pem'\n"), |_| Ok(text.to_owned()));
            let message = read.err().unwrap_or_default();
            assert!(message.contains("`/ca.pem`") && message.contains(named), "{text}: {message}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (wrong, named) in [
            (LEAST.replace("'a'", "'A b'"), "`id`"),
            (LEAST.replace("'a'", "'callback'"), "`id`"),
            (LEAST.replace("https://", "http://"), "https://"),
            (LEAST.replace("example.org", "example.org?x=1"), "`issuer`"),
            (LEAST.replace("$guest", "$api-token-default-access"), "`default_role`"),
            (LEAST.replace("default_role = '$guest'\n", ""), "no user could sign in"),
            (format!("{LEAST}scopes = ['profile']\n"), "`scopes`"),
            (format!("{LEAST}roles = {{ ops = 'admin' }}\n"), "`roles`"),
            (format!("{LEAST}client_secret = 'x'\n"), "client_secret"),
            (format!("{LEAST}[[provider]]\n{LEAST}"), "another provider"),
        ] {
            let message = read(&wrong).err().unwrap_or_default();
            assert!(message.contains(named), "{wrong}: {message}");
        }
    }
}

//! The database URL, parsed once: a typo must not create an SQLite file, and no password may appear in a log.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A checked database URL. Its `Debug` output has no user name, password or parameters.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite://tessera.db` (relative to the working directory) or `sqlite:///var/lib/tessera/tessera.db`.
    Sqlite(PathBuf),
    /// `postgres://user:password@host:port/database`, with libpq's parameters.
    Postgres(PostgresUrl),
}

/// A PostgreSQL URL, checked to mean the same to libpq.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    text: String,
    /// The hosts and the database.
    place: String,
    parameters: Vec<String>,
}

impl PostgresUrl {
    /// The URL for libpq, with the defaults for parameters that it does not set itself.
    #[must_use]
    pub fn with(&self, defaults: &[(&str, &str)]) -> String {
        let mut text = self.text.clone();
        let mut separator = if self.parameters.is_empty() { '?' } else { '&' };
        for (name, value) in defaults {
            if !self.parameters.iter().any(|given| given == name) {
                text = format!("{text}{separator}{name}={value}");
                separator = '&';
            }
        }
        text
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = "must begin with `sqlite://` or `postgres://`, as in `sqlite://tessera.db`";
        let (scheme, rest) = text.split_once("://").ok_or(rule)?;
        match scheme {
            "sqlite" if rest.starts_with(':') || rest.starts_with("file:") => {
                Err("must name a file after `sqlite://`: neither a database in memory nor a `file:` URI can be used"
                    .to_owned())
            }
            "sqlite" if rest.is_empty() || rest.ends_with('/') || rest.contains('?') => {
                Err("must name a file after `sqlite://`, without parameters".to_owned())
            }
            "sqlite" => Ok(Self::Sqlite(PathBuf::from(rest))),
            "postgres" | "postgresql" if rest.is_empty() => Err("must name a server after `postgres://`".to_owned()),
            "postgres" | "postgresql" => parse_postgres(text, rest).map(Self::Postgres),
            _ => Err(rule.to_owned()),
        }
    }
}

/// Splits a URL as libpq does: user and password end at the first `@` before any `/`, and may contain a `?`. Error
/// messages repeat nothing of the URL, because the faulty part may be the password.
fn parse_postgres(text: &str, rest: &str) -> Result<PostgresUrl, String> {
    let at = rest.find(['@', '/']).filter(|at| rest.as_bytes()[*at] == b'@');
    let (user, rest) = at.map_or(("", rest), |at| (&rest[..at], &rest[at + 1..]));
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    if hosts.contains('@') || database.contains('@') {
        return Err("has an `@` too many: in a user name or a password it is written `%40`, and a `/` `%2F`".to_owned());
    }
    for host in hosts.split(',') {
        // IPv6 addresses are in brackets.
        let port = host.rsplit_once(']').map_or(host, |(_, rest)| rest).rsplit_once(':').map_or("", |(_, port)| port);
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("must have a number for a port: in a password a `/` is written `%2F`".to_owned());
        }
    }
    let mut parameters = Vec::new();
    let mut parts = vec![("user name", name), ("password", password), ("host", hosts), ("database", database)];
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').ok_or("must have a value for each of its parameters")?;
        parameters.push(name.to_owned());
        parts.extend([("parameters", name), ("parameters", value)]);
    }
    match parts.into_iter().find(|(_, part)| !is_decodable(part)) {
        Some((part, _)) => {
            Err(format!("has a `%` in its {part} without two hexadecimal digits: a `%` is written `%25`"))
        }
        None => Ok(PostgresUrl { text: text.to_owned(), place: place.to_owned(), parameters }),
    }
}

/// Whether every `%` begins an escape that libpq accepts.
fn is_decodable(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| {
        let digits = rest.as_bytes().get(..2).unwrap_or_default();
        digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit) && digits != b"00"
    })
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite://{}", path.display()),
            Self::Postgres(url) => write!(formatter, "postgres://{}", url.place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_an_error_and_no_file() {
        for wrong in [
            "",
            "tessera.db",
            "sqlte://x.db",
            "postgre://h/d",
            "mysql://h/d",
            "sqlite://",
            "sqlite://dir/",
            "sqlite://x?mode=ro",
            "sqlite://:memory:",
            "sqlite://file:x.db",
            "postgres://",
        ] {
            assert!(wrong.parse::<DatabaseUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn nothing_that_may_be_secret_is_shown() {
        for (text, shown) in [
            ("postgres://me:hush@db:5432/tessera?password=hush", "postgres://db:5432/tessera"),
            ("postgresql://me:h%40u%2Fs%3Fh%25@db/tessera", "postgres://db/tessera"),
            ("postgres://me:hu?sh@db/tessera", "postgres://db/tessera"),
            ("postgres://me:hush@[::1]:5432/tessera", "postgres://[::1]:5432/tessera"),
            ("postgres://me:hush@a:1,b:2/tessera?target_session_attrs=read-write", "postgres://a:1,b:2/tessera"),
            ("postgres:///tessera?host=/tmp&password=hu@sh", "postgres:///tessera"),
            ("postgres://db", "postgres://db"),
        ] {
            let url: DatabaseUrl = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(format!("{url:?}"), shown);
        }
        for text in [
            "postgres://u:hush%zz9@h/d",
            "postgres://u:hush%@h/d",
            "postgres://u:hush%00@h/d",
            "postgres://u:hu@sh@h/d",
            "postgres://u:hu/sh@h/d",
            "postgres://u:1/hush@h/d",
            "postgres://h/d?password=hush%zz",
            "postgres://h/d?hush",
        ] {
            let refused = text.parse::<DatabaseUrl>().err().unwrap_or_else(|| panic!("{text}"));
            assert!(!refused.contains("hu"), "{refused}");
        }
    }

    #[test]
    fn defaults_are_added_to_the_parameters_and_never_to_a_password() {
        for (text, with) in [
            ("postgres://u:a?connect_timeout=b@h/d", "postgres://u:a?connect_timeout=b@h/d?connect_timeout=5"),
            ("postgres://h/d?sslmode=require", "postgres://h/d?sslmode=require&connect_timeout=5"),
            ("postgres://h/d?connect_timeout=9", "postgres://h/d?connect_timeout=9"),
        ] {
            let Ok(DatabaseUrl::Postgres(url)) = text.parse() else { panic!("{text}") };
            assert_eq!(url.with(&[("connect_timeout", "5")]), with);
        }
    }
}

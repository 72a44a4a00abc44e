//! The database URL, parsed once: a typo must not create an SQLite file, and no password may appear in a log.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::postgres_url::PostgresUrl;

/// A checked database URL. Its `Debug` output has no user name, password or parameters.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite://tessera.db` (relative to the working directory) or `sqlite:///var/lib/tessera/tessera.db`.
    Sqlite(PathBuf),
    /// `postgres://user:password@host:port/database`, with several hosts and libpq's parameters if need be.
    Postgres(PostgresUrl),
}

impl FromStr for DatabaseUrl {
    type Err = String;

    /// The error repeats nothing of the text, which may hold a password.
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
            "postgres" | "postgresql" => rest.parse().map(Self::Postgres),
            _ => Err(rule.to_owned()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite://{}", path.display()),
            Self::Postgres(url) => write!(formatter, "{url:?}"),
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
}

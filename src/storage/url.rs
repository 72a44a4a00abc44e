//! Where the database is, parsed once: a typo must not create an SQLite file.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A checked database URL.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite://tessera.db` (relative to the working directory) or `sqlite:///var/lib/tessera/tessera.db`.
    Sqlite(PathBuf),
    /// `postgres://user:password@host:port/database`, with libpq's parameters.
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = "must begin with `sqlite://` or `postgres://`, as in `sqlite://tessera.db`";
        let (scheme, rest) = text.split_once("://").ok_or(rule)?;
        match scheme {
            "sqlite" if rest.is_empty() || rest.ends_with('/') || rest.contains('?') => {
                Err("must name a file after `sqlite://`, without parameters".to_owned())
            }
            "sqlite" => Ok(Self::Sqlite(PathBuf::from(rest))),
            "postgres" | "postgresql" if rest.is_empty() => Err("must name a server after `postgres://`".to_owned()),
            "postgres" | "postgresql" => Ok(Self::Postgres(text.to_owned())),
            _ => Err(rule.to_owned()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite://{}", path.display()),
            Self::Postgres(url) => {
                let place = url.rsplit_once('@').map_or_else(|| url.split("://").nth(1).unwrap_or(""), |(_, at)| at);
                write!(formatter, "postgres://{}", place.split('?').next().unwrap_or(""))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_an_error_and_no_file() {
        for wrong in
            ["", "tessera.db", "sqlte://x.db", "postgre://h/d", "sqlite://", "sqlite://dir/", "sqlite://x?mode=ro"]
        {
            assert!(wrong.parse::<DatabaseUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let url: DatabaseUrl = "postgres://me:hush@db:5432/tessera?password=hush".parse().unwrap();
        assert_eq!(format!("{url:?}"), "postgres://db:5432/tessera");
    }
}

//! Connections to PostgreSQL over TLS, to the server of the other tests. Its certificate is for 127.0.0.1 only, though
//! it listens on 127.0.0.2 too. `TESSERA_TEST_POSTGRES_CERTIFICATES` names the folder with the authority
//! (`authority.pem`) and with `client.pem` and `client.key`, which the user `certified` must present. `tests/run` sets
//! all of it up.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Bool;
use tessera::storage::database::Database;

/// The server's URL at this address, without parameters, and the folder of certificates; `None` on SQLite, and where
/// somebody has said that the server has no certificates.
fn server(address: &str) -> Option<(String, String)> {
    let url = std::env::var("TESSERA_TEST_POSTGRES").ok()?;
    let folder = std::env::var("TESSERA_TEST_POSTGRES_CERTIFICATES").unwrap_or_else(|_| {
        panic!(
            "TLS cannot be tested: name the folder of certificates in TESSERA_TEST_POSTGRES_CERTIFICATES as tests/run does, \
             or set it to `none` to leave these tests out"
        )
    });
    (folder != "none").then(|| (url.replace("127.0.0.1", address), folder))
}

#[derive(QueryableByName)]
struct Encrypted {
    #[diesel(sql_type = Bool)]
    ssl: bool,
}

/// Whether the connection is encrypted, or why there is none.
fn is_encrypted(url: &str) -> Result<bool, String> {
    let database = Database::connect(&url.parse().unwrap(), 1)
        .map_err(|error| std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string))?;
    let asked = database.read(|link| {
        let query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        Ok(sql_query(query).get_result::<Encrypted>(link)?)
    });
    Ok(asked.unwrap().ssl)
}

#[test]
fn a_server_that_proves_who_it_is_is_connected_to() {
    let Some((url, folder)) = server("127.0.0.1") else { return };
    for mode in ["verify-full", "verify-ca", "require"] {
        assert_eq!(
            is_encrypted(&format!("{url}?sslmode={mode}&sslrootcert={folder}/authority.pem")),
            Ok(true),
            "{mode}"
        );
    }
    assert_eq!(is_encrypted(&format!("{url}?sslmode=disable")), Ok(false));
}

#[test]
fn a_server_that_does_not_is_refused_and_the_error_says_to_look_at_tls() {
    let Some((url, folder)) = server("127.0.0.1") else { return };
    let (elsewhere, _) = server("127.0.0.2").unwrap();
    for url in [
        // The certificate is for another name.
        format!("{elsewhere}?sslmode=verify-full&sslrootcert={folder}/authority.pem"),
        // The operating system does not trust the authority.
        format!("{url}?sslmode=verify-full&sslrootcert=system"),
        format!("{url}?sslmode=verify-full&sslrootcert=/nowhere.pem"),
    ] {
        let error = is_encrypted(&url).unwrap_err();
        assert!(error.contains("look first at TLS"), "{url}: {error}");
    }
    assert_eq!(is_encrypted(&format!("{elsewhere}?sslmode=verify-ca&sslrootcert={folder}/authority.pem")), Ok(true));
}

#[test]
fn a_certificate_of_a_client_authenticates_it() {
    let Some((url, folder)) = server("127.0.0.1") else { return };
    let url = format!(
        "{}?sslmode=verify-full&sslrootcert={folder}/authority.pem",
        url.replacen("postgres@", "certified@", 1)
    );
    assert_eq!(is_encrypted(&format!("{url}&sslcert={folder}/client.pem&sslkey={folder}/client.key")), Ok(true));
    let refused = is_encrypted(&format!("{url}&sslcert=/nowhere.pem")).unwrap_err();
    assert!(refused.contains("certificate"), "{refused}");
}

#[test]
fn the_first_server_that_takes_writes_is_found_among_several() {
    let Ok(url) = std::env::var("TESSERA_TEST_POSTGRES") else { return };
    let (scheme, place) = url.split_once('@').unwrap();
    // Nothing listens on the first server's port.
    let several = format!("{scheme}@127.0.0.1:1,{place}?target_session_attrs=read-write");
    assert!(is_encrypted(&several).is_ok(), "{several}");
}

#[test]
fn a_refused_connection_says_what_to_look_at() {
    let Ok(url) = std::env::var("TESSERA_TEST_POSTGRES") else { return };
    let (place, _) = url.rsplit_once('/').unwrap();
    for (url, named) in [
        (format!("{place}/not_there"), "the name of the database"),
        ("postgres://u:hush@127.0.0.1:1/d".to_owned(), "the host and the port"),
        ("postgres://u:hush@name.invalid/d".to_owned(), "the host name"),
        (format!("{}/postgres", place.replacen("postgres@", "nobody_there@", 1)), "the user and the password"),
    ] {
        let error = is_encrypted(&url).unwrap_err();
        assert!(error.contains(&format!("look first at {named}")) && !error.contains("hush"), "{url}: {error}");
    }
}

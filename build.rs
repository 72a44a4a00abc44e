//! Fails the build unless SQLite keeps its query plans whatever values are bound.

/// The SQLite option that the queries rely on: without it SQLite sorts a million rows for some page sizes.
const OPTION: &str = "SQLITE_ENABLE_QPSG";

fn main() {
    println!("cargo::rerun-if-env-changed=LIBSQLITE3_FLAGS");
    let flags = std::env::var("LIBSQLITE3_FLAGS").unwrap_or_default();
    if !flags.split_whitespace().any(|flag| flag.trim_start_matches("-D") == OPTION) {
        println!(
            "cargo::error=the environment variable LIBSQLITE3_FLAGS must have {OPTION} in it. `.cargo/config.toml` sets it where \
             cargo runs in this folder; elsewhere: LIBSQLITE3_FLAGS={OPTION} cargo …"
        );
    }
}

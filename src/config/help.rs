//! Parses the command line, and selects the settings that each command's help shows.

use clap::{CommandFactory, FromArgMatches};

use super::Cli;

/// The settings of every command that works with the database.
const OF_ALL: [&str; 6] = ["database_url", "pepper", "pepper_file", "seen_file", "log", "log_format"];

/// The settings of an edge that it shares with a server.
const EDGE: [&str; 15] = [
    "listen",
    "workers",
    "body_limit",
    "body_memory",
    "body_seconds",
    "body_bytes_per_second",
    "connections",
    "connections_per_address",
    "head_seconds",
    "raw_request_targets",
    "keep_alive_seconds",
    "shutdown_seconds",
    "trusted_proxies",
    "log",
    "log_format",
];

impl Cli {
    /// Parses the command line of this process. Exits for `--help` and on errors.
    #[must_use]
    pub fn read() -> Self {
        let matches = Self::documented().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// The command line, where each command's help shows only the settings that it uses. A command accepts the others,
    /// too, so that one environment serves all commands.
    #[must_use]
    pub fn documented() -> clap::Command {
        let mut command = Self::command();
        command.build();
        command = without_empty(command);
        let names: Vec<String> = command.get_subcommands().map(|each| each.get_name().to_owned()).collect();
        for name in names {
            let shown: Vec<&str> = match name.as_str() {
                "serve" | "help" => continue,
                "openapi" | "graphql-schema" | "login" | "token" | "logout" | "whoami" => Vec::new(),
                "edge" => EDGE.to_vec(),
                "audit" => vec!["database_url", "audit_log_witnesses", "log", "log_format"],
                "init" | "keys" => [&OF_ALL[..], &["token_prefixes", "admin_password", "first_start_file"]].concat(),
                _ => OF_ALL.to_vec(),
            };
            command = command.mut_subcommand(name, |each| hide(each, &shown));
        }
        command
    }
}

/// A setting whose variable is empty is not set, in a command and its subcommands: so files of variables can name all of
/// them.
fn without_empty(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|setting| {
        let is_empty = setting.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
        if is_empty { setting.env(None::<&str>) } else { setting }
    });
    each_subcommand(command, without_empty)
}

/// Changes each subcommand of a command.
fn each_subcommand(mut command: clap::Command, change: impl Fn(clap::Command) -> clap::Command) -> clap::Command {
    let names: Vec<String> = command.get_subcommands().map(|each| each.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, &change);
    }
    command
}

/// Hides all settings except those in `shown`, in a command and its subcommands.
fn hide(mut command: clap::Command, shown: &[&str]) -> clap::Command {
    // `mut_args` keeps the order of the arguments; `mut_arg` would move them.
    command = command.mut_args(|argument| {
        let is_hidden = argument.is_global_set() && !shown.contains(&argument.get_id().as_str());
        if is_hidden { argument.hide(true) } else { argument }
    });
    each_subcommand(command, |each| hide(each, shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help_of(names: &[&str]) -> String {
        let mut command = Cli::documented();
        let mut found = &mut command;
        for name in names {
            found = found.find_subcommand_mut(name).unwrap();
        }
        found.render_long_help().to_string()
    }

    #[test]
    fn help_shows_what_concerns_a_command() {
        for (names, shown, hidden) in [
            (
                &["users", "create"][..],
                &["--role", "--database-url", "TESSERA_PEPPER"][..],
                &["--listen", "--workers", "--admin-password"][..],
            ),
            (&["keys", "create"], &["--permission", "--token-prefixes"], &["--listen", "--body-limit"]),
            (&["init"], &["--admin-password", "--database-url"], &["--listen"]),
            (&["migrate"], &["--database-url"], &["--listen", "--admin-password"]),
            (&["openapi"], &["--as"], &["--database-url", "--listen"]),
            (&["login"], &["--server", "TESSERA_SERVER"], &["--database-url", "--pepper", "--listen"]),
            (&["edge"], &["--upstream", "--token-file", "--listen"], &["--database-url", "--pepper", "--lease"]),
            (&["serve"], &["--listen", "--database-url", "--admin-password"], &[]),
            (&[], &["--listen", "users", "keys", "init"], &[]),
        ] {
            let text = help_of(names);
            for word in shown {
                assert!(text.contains(word), "{names:?} does not show {word}:\n{text}");
            }
            for word in hidden {
                assert!(!text.contains(word), "{names:?} shows {word}");
            }
        }
        assert!(help_of(&["users", "create"]).lines().count() < 90);
    }

    #[test]
    fn what_help_hides_is_taken_all_the_same() {
        for line in [
            "tessera users create ada --listen 127.0.0.1:1",
            "tessera --listen 127.0.0.1:1 serve",
            "tessera serve --listen 127.0.0.1:1",
        ] {
            let matches = Cli::documented()
                .try_get_matches_from(line.split(' '))
                .unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(
                Cli::from_arg_matches(&matches).unwrap().settings.listen,
                "127.0.0.1:1".parse().unwrap(),
                "{line}"
            );
        }
    }
}

//! Parser for PostgreSQL URLs in libpq's syntax, and the connection string made of them.
//!
//! libpq gets the parts as `name='value'`, not the URL: so the URL is parsed once, and libpq's errors cannot quote it.
//! General URL parsers do not support several hosts.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// libpq's connection parameters for one or several servers; the last value of a name counts. `Debug` shows hosts,
/// ports and database only.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    parameters: Vec<(String, String)>,
}

/// Default timeouts that detect a vanished server; the URL can override them.
const DEFAULT_TIMEOUTS: [(&str, &str); 5] = [
    ("connect_timeout", "5"),
    ("tcp_user_timeout", "10000"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "2"),
    ("keepalives_count", "3"),
];

/// The only `sslmode` that authenticates the server by name.
const VERIFY_FULL: &str = "verify-full";

/// The `sslrootcert` value for the operating system's trust store.
const SYSTEM: &str = "system";

impl FromStr for PostgresUrl {
    type Err = String;

    /// Parses what follows `postgres://`: `[user[:password]@][host[:port][,…]][/database][?name=value[&…]]`.
    fn from_str(rest: &str) -> Result<Self, Self::Err> {
        if rest.is_empty() {
            return Err("must name a server after `postgres://`".to_owned());
        }
        let mut parameters = Vec::new();
        let mut set = |name: &str, value: String| parameters.push((name.to_owned(), value));
        // Like libpq: user and password end at the first `@`, unless a `/` comes before it.
        let place = match rest.find(['@', '/']) {
            Some(end) if rest[end..].starts_with('@') => {
                let (user, password) = match rest[..end].split_once(':') {
                    Some((user, password)) => (user, Some(password)),
                    None => (&rest[..end], None),
                };
                set("user", decoded("the user", user)?);
                if let Some(password) = password {
                    set("password", decoded("the password", password)?);
                }
                &rest[end + 1..]
            }
            _ => rest,
        };
        let (place, query) = place.split_once('?').unwrap_or((place, ""));
        let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
        if hosts.contains('@') || database.contains('@') {
            return Err(format!("has one `@` too many: {ESCAPES}"));
        }
        let (hosts, ports) = hosts_and_ports(hosts)?;
        for (name, value) in [("host", hosts), ("port", ports), ("dbname", decoded("the database", database)?)] {
            if !value.is_empty() {
                set(name, value);
            }
        }
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').ok_or("must have parameters of the form `name=value`")?;
            let name = decoded("the name of a parameter", name)?;
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
                return Err("must name its parameters as libpq does, as in `sslmode`".to_owned());
            }
            let value = decoded(&format!("`{name}`"), value)?;
            match (name.as_str(), value.as_str()) {
                // JDBC's parameter, which libpq accepts too.
                ("ssl", "true") => set("sslmode", "require".to_owned()),
                _ => set(&name, value),
            }
        }
        Ok(Self { parameters })
    }
}

/// The advice for special characters in a user name or a password.
const ESCAPES: &str = "`/`, `@` and `%` in a user name or a password are written `%2F`, `%40` and `%25`";

/// Splits `host:port,host:port` into libpq's parameters `host` and `port`, with as many ports as hosts.
fn hosts_and_ports(text: &str) -> Result<(String, String), String> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for place in text.split(',') {
        let (host, port) = match place.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(Some((host, rest))) => (host, rest.strip_prefix(':').unwrap_or(rest)),
            Some(None) => return Err("must close the bracket of an IPv6 address".to_owned()),
            None => place.split_once(':').unwrap_or((place, "")),
        };
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("must have a number for its port: {ESCAPES}"));
        }
        hosts.push(decoded("the host", host)?);
        ports.push(port);
    }
    let ports = if ports.iter().all(|port| port.is_empty()) { String::new() } else { ports.join(",") };
    Ok((hosts.join(","), ports))
}

/// Decodes percent escapes.
fn decoded(part: &str, text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        (rest, bytes) = match (first, others) {
            (b'%', [high, low, others @ ..]) => {
                let digits = [*high, *low];
                let code = str::from_utf8(&digits).ok().filter(|_| digits.iter().all(u8::is_ascii_hexdigit));
                let code = code.and_then(|code| u8::from_str_radix(code, 16).ok()).filter(|code| *code != 0);
                bytes.push(code.ok_or_else(|| wrong_escape(part))?);
                (others, bytes)
            }
            (b'%', _) => return Err(wrong_escape(part)),
            _ => {
                bytes.push(*first);
                (others, bytes)
            }
        };
    }
    String::from_utf8(bytes).map_err(|_| format!("must be UTF-8 in {part}"))
}

fn wrong_escape(part: &str) -> String {
    format!("must have two hexadecimal digits, not 00, after each `%` in {part}; `%` itself is written `%25`")
}

impl PostgresUrl {
    fn get(&self, wanted: &str) -> Option<&str> {
        self.parameters.iter().rev().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    /// The connection string for libpq. `variable` reads the environment variables that libpq itself reads (`PGSSLMODE`
    /// and others), and `authorities` finds the operating system's certificate authorities.
    ///
    /// Across a network the default is `verify-full` instead of libpq's `prefer`, because nothing less authenticates
    /// the server. A `service` keeps its own settings.
    pub(super) fn connection_string(
        &self,
        variable: impl Fn(&str) -> Option<String>,
        authorities: impl FnOnce() -> Option<String>,
    ) -> String {
        let setting = |name: &str, other: &str| self.get(name).map(str::to_owned).or_else(|| variable(other));
        let mut added: Vec<(&str, String)> = Vec::new();
        added.extend(
            DEFAULT_TIMEOUTS
                .iter()
                .filter(|(name, _)| self.get(name).is_none())
                .map(|(name, value)| (*name, (*value).into())),
        );
        let mut mode = setting("sslmode", "PGSSLMODE");
        let roots = setting("sslrootcert", "PGSSLROOTCERT");
        let wants_system = roots.as_deref() == Some(SYSTEM);
        let places = setting("hostaddr", "PGHOSTADDR").or_else(|| setting("host", "PGHOST")).unwrap_or_default();
        let is_remote = !places.split(',').all(is_loopback) && setting("service", "PGSERVICE").is_none();
        if mode.is_none() && (is_remote || wants_system) {
            mode = Some(VERIFY_FULL.to_owned());
            added.push(("sslmode", VERIFY_FULL.to_owned()));
        }
        // The bundled OpenSSL's default certificate folder exists on no machine, so the file is named explicitly.
        // `system` with a weaker mode is left to libpq, which refuses it.
        let mode = mode.unwrap_or_default();
        let needs_authorities = roots.is_none() && mode.starts_with("verify-") || wants_system && mode == VERIFY_FULL;
        if let Some(file) = needs_authorities.then(authorities).flatten() {
            added.push(("sslrootcert", file));
        }
        let given = self.parameters.iter().map(|(name, value)| (name.as_str(), value));
        let all = given.chain(added.iter().map(|(name, value)| (*name, value)));
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
        all.map(|(name, value)| format!("{name}='{}'", quoted(value))).collect::<Vec<_>>().join(" ")
    }
}

/// Whether a host is reached without a network: loopback, or a Unix socket.
fn is_loopback(host: &str) -> bool {
    let is_address = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    host.is_empty() || host == "localhost" || host.starts_with(['/', '@']) || is_address
}

/// Reads an environment variable of this process.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The certificate authorities for libpq: the user's `~/.postgresql/root.crt`, or else the operating system's file.
pub(super) fn authorities() -> Option<String> {
    let own = std::env::home_dir().map(|home| home.join(".postgresql/root.crt"));
    let file = own.filter(|file| file.exists()).or_else(|| openssl_probe::probe().cert_file);
    file.map(|file| file.to_string_lossy().into_owned())
}

/// Adds to libpq's connection error what the operator should check first.
pub(super) fn with_advice(message: &str) -> String {
    const PLACES: [(&[&str], &str); 8] = [
        (&["could not translate host name"], "the host name"),
        (&["SSL encryption"], "the users, databases and addresses that the server lets in (`pg_hba.conf`)"),
        (&["certificate", "SSL", "TLS", "private key", "no encryption"], TLS),
        (&["Connection refused", "timeout expired", "No route", "unreachable"], "the host and the port"),
        (&["password", "authentication", "pg_hba.conf", "role \""], "the user and the password"),
        (&["database \""], "the name of the database"),
        (&["session is read-only", "session is not read-only"], "`target_session_attrs`"),
        (&["too many clients", "remaining connection slots"], "how many connections the server allows"),
    ];
    let found = PLACES.iter().find(|(signs, _)| signs.iter().any(|sign| message.contains(sign)));
    let place = found.map_or("the server's log", |(_, place)| place);
    format!("{}; look first at {place}", message.trim_end())
}

const TLS: &str =
    "TLS (`sslmode`, `sslrootcert`; across a network `sslmode` is `verify-full` unless the URL says otherwise)";

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |name| self.get(name).unwrap_or("");
        let ports: Vec<&str> = part("port").split(',').collect();
        formatter.write_str("postgres://")?;
        for (index, host) in part("host").split(',').enumerate() {
            let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
            write!(formatter, "{}{open}{host}{close}", if index > 0 { "," } else { "" })?;
            if let Some(port) = ports.get(index).filter(|port| !port.is_empty()) {
                write!(formatter, ":{port}")?;
            }
        }
        write!(formatter, "/{}", part("dbname"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> PostgresUrl {
        text.parse().unwrap()
    }

    fn connection_string(text: &str, environment: &[(&str, &str)]) -> String {
        let find =
            |wanted: &str| environment.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned());
        let whole = url(text).connection_string(find, || Some("/etc/roots.pem".to_owned()));
        whole
            .split(' ')
            .filter(|part| !DEFAULT_TIMEOUTS.iter().any(|(name, _)| part.starts_with(name)))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn a_url_is_read_as_libpq_reads_it() {
        for (text, read) in [
            ("localhost", "host='localhost'"),
            ("me@localhost:5433/db", "user='me' host='localhost' port='5433' dbname='db'"),
            ("me:a?b:c%2F%40%25'\\@localhost", r"user='me' password='a?b:c/@%\'\\' host='localhost'"),
            ("[::1]:5433/db", "host='::1' port='5433' dbname='db'"),
            ("/db?host=/var/run", "dbname='db' host='/var/run'"),
            (
                "localhost:1,127.0.0.1/db?target_session_attrs=read-write",
                "host='localhost,127.0.0.1' port='1,' dbname='db' target_session_attrs='read-write'",
            ),
            ("localhost/db?application_name=a%20b&", "host='localhost' dbname='db' application_name='a b'"),
        ] {
            assert_eq!(connection_string(text, &[]), read, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_repeating_a_secret() {
        for (text, named) in [
            ("u:hush%zz9@h/d", "the password"),
            ("u:hush%@h/d", "the password"),
            ("u:hu/sh@h/d", "`@` too many"),
            ("u:hush@h:port/d", "a number for its port"),
            ("h/d?password=hush%4", "`password`"),
            ("h/d?hush", "name=value"),
            ("h/d?Hush=x", "libpq"),
            ("u:hush%00@h/d", "the password"),
            ("u:hu@sh@h/d", "`@` too many"),
            ("u:1/hush@h/d", "`@` too many"),
            ("", "a server"),
            ("[::1/d", "bracket"),
            ("u:hush%ff@h", "UTF-8"),
        ] {
            let error = text.parse::<PostgresUrl>().unwrap_err();
            assert!(error.contains(named) && !error.contains("hu"), "{text}: {error}");
        }
    }

    #[test]
    fn patience_is_added_unless_the_url_has_its_own() {
        let whole = |text: &str| url(text).connection_string(|_| None, || None);
        assert!(whole("u:a?connect_timeout=b@h/d?sslmode=disable").contains(" connect_timeout='5'"));
        let own = whole("h/d?connect_timeout=9&sslmode=disable");
        assert!(own.contains("connect_timeout='9'") && !own.contains("connect_timeout='5'"), "{own}");
    }

    #[test]
    fn advice_goes_by_what_libpq_says() {
        for (message, place) in [
            ("FATAL:  no pg_hba.conf entry for host \"h\", user \"u\", database \"d\", no encryption", "TLS"),
            ("FATAL:  no pg_hba.conf entry for host \"h\", user \"u\", database \"d\", SSL encryption", "lets in"),
            ("server does not support SSL, but SSL was required", "TLS"),
            ("fe_sendauth: no password supplied", "the user and the password"),
            ("something new", "the server's log"),
        ] {
            let advice = with_advice(message);
            let (said, first) = advice.rsplit_once("; look first at ").unwrap();
            assert!(said == message && first.contains(place), "{advice}");
        }
    }

    #[test]
    fn what_is_shown_names_the_place_and_nothing_else() {
        for (text, shown) in [
            ("me:hush@db:5432/tessera?password=hush", "postgres://db:5432/tessera"),
            ("me:hu?sh@db/tessera?sslpassword=hush", "postgres://db/tessera"),
            ("me:hush@[::1]:1,h2/d", "postgres://[::1]:1,h2/d"),
            ("h", "postgres://h/"),
            ("me:h%40u%2Fs%3Fh%25@db/tessera", "postgres://db/tessera"),
            ("me:hush@a:1,b:2/tessera?target_session_attrs=read-write", "postgres://a:1,b:2/tessera"),
            ("/tessera?host=/tmp&password=hu@sh", "postgres:///tmp/tessera"),
        ] {
            assert_eq!(format!("{:?}", url(text)), shown);
        }
    }

    #[test]
    fn a_server_across_a_network_is_verified_unless_something_else_is_said() {
        let verified = "sslmode='verify-full' sslrootcert='/etc/roots.pem'";
        for text in ["db.example/d", "192.0.2.1/d", "localhost,db.example/d", "localhost/d?hostaddr=192.0.2.1"] {
            assert!(connection_string(text, &[]).ends_with(verified), "{text}");
        }
        assert!(connection_string("/d", &[("PGHOST", "db.example")]).ends_with(verified));
        for text in ["localhost/d", "127.0.0.1/d", "[::1]/d", "/d", "/d?host=/run", "/d?service=mine"] {
            assert!(!connection_string(text, &[]).contains("ssl"), "{text}");
        }
        assert!(connection_string("db.example/d?sslmode=disable", &[]).ends_with("sslmode='disable'"));
        assert!(!connection_string("db.example/d", &[("PGSSLMODE", "require")]).contains("ssl"));
        let own = connection_string("db.example/d?sslrootcert=own.pem", &[]);
        assert!(own.ends_with("sslrootcert='own.pem' sslmode='verify-full'"), "{own}");
        let system = connection_string("localhost/d?sslrootcert=system", &[]);
        assert!(system.ends_with(verified), "{system}");
        // libpq itself refuses this combination.
        let weak = connection_string("localhost/d?sslmode=require&sslrootcert=system", &[]);
        assert!(weak.ends_with("sslmode='require' sslrootcert='system'"), "{weak}");
    }

    proptest! {
        #[test]
        fn any_password_that_is_encoded_arrives(password in "[^\0]{0,20}") {
            let encoded: Vec<String> = password.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let encoded = encoded.concat();
            let url = url(&format!("u:{encoded}@h"));
            prop_assert_eq!(url.get("password"), Some(password.as_str()));
        }

        #[test]
        fn nothing_in_a_url_panics(text in ".{0,40}") {
            let _ = text.parse::<PostgresUrl>();
        }
    }
}

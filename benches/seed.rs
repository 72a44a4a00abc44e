//! Fills a new database with API keys, and writes their tokens to a file, one a line:
//! `TESSERA_PEPPER=… cargo run --release --example seed -- DATABASE_URL KEYS TOKENS_FILE`
//!
//! The rows are those that creating the keys would leave, without the audit trail. Every key is linked to one of a
//! hundred personas. One key in a hundred has expired; its token is not in the file.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};

use diesel::RunQueryDsl;
use tessera::clock::{Clock, DAY, SECOND};
use tessera::domain::api_key::NEVER;
use tessera::domain::entropy::Entropy;
use tessera::domain::ids::{Id, PersonaId, PrincipalId};
use tessera::domain::pepper::Peppers;
use tessera::domain::principal::{Role, service_account_username};
use tessera::domain::token::{ParsedToken, Prefixes, TokenKind};
use tessera::storage::database::Database;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// How many rows one statement inserts.
const ROWS: usize = 1_000;
const PERSONAS: usize = 100;

/// The tables that are filled, with the columns that are; the others have their default values.
const PERSONA_COLUMNS: &str = "personas (id, qualified_name, name, display_name, description, enabled, created_by, created_at, \
                               updated_at, attributes, name_folded, display_name_folded)";
const PRINCIPAL_COLUMNS: &str = "principals (id, kind, username, role, enabled, created_at, username_folded)";
const KEY_COLUMNS: &str = "api_keys (id, display_name, display_name_folded, description, validity_seconds, created_by, created_at, \
                           updated_at, expires_at, last_used_at, allowed_addresses, rate_limit_requests, rate_limit_seconds, \
                           use_count, maker_id, maker_kind, description_folded)";
const CREDENTIAL_COLUMNS: &str = "credentials (key_id, kind, principal_id, digest, pepper, created_at, expires_at)";
const LINK_COLUMNS: &str = "persona_links (principal_id, persona_id)";

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, keys, tokens] = arguments.as_slice() else {
        return Err("usage: TESSERA_PEPPER=… seed DATABASE_URL KEYS TOKENS_FILE".into());
    };
    let database = Database::connect(&url.parse()?, 1)?;
    database.migrate()?;
    let seed =
        Seed { database, peppers: Peppers::parse(&std::env::var("TESSERA_PEPPER")?)?, now: Clock::system().now() };
    let mut tokens = BufWriter::new(File::create(tokens)?);
    let personas = seed.personas()?;
    let all: Vec<usize> = (0..keys.parse()?).collect();
    for indexes in all.chunks(ROWS) {
        seed.keys(indexes, all.len(), &personas, &mut tokens)?;
    }
    Ok(tokens.flush()?)
}

struct Seed {
    database: Database,
    peppers: Peppers,
    now: i64,
}

impl Seed {
    fn personas(&self) -> Outcome<Vec<PersonaId>> {
        let ids = (0..PERSONAS).map(|_| Id::new(self.now, Entropy::SYSTEM)).collect::<Result<Vec<PersonaId>, _>>()?;
        let row = |(index, id): (usize, &PersonaId)| {
            format!(
                "('{id}', 'default/{index:022}', 'Persona {index}', 'Persona {index}', '', TRUE, 'seed', {now}, {now}, '{{}}', 'persona {index}', \
                 'persona {index}')",
                now = self.now
            )
        };
        self.insert(&[(PERSONA_COLUMNS, ids.iter().enumerate().map(row).collect())])?;
        Ok(ids)
    }

    fn keys(&self, indexes: &[usize], all: usize, personas: &[PersonaId], tokens: &mut impl Write) -> Outcome {
        let mut tables =
            [PRINCIPAL_COLUMNS, KEY_COLUMNS, CREDENTIAL_COLUMNS, LINK_COLUMNS].map(|table| (table, Vec::new()));
        for index in indexes {
            let created_at = self.now - i64::try_from(all - index)? * SECOND;
            let expires_at = if index.is_multiple_of(100) { created_at } else { NEVER };
            let id: PrincipalId = Id::new(created_at, Entropy::SYSTEM)?;
            let token = ParsedToken::mint(TokenKind::ApiKey, Entropy::SYSTEM)?;
            let digest = self.peppers.digest(&token, self.peppers.current()).ok_or("no pepper")?;
            let (username, role, persona) = (service_account_username(id), Role::ApiToken.name(), index % PERSONAS);
            let rows = [
                format!("('{id}', 'service_account', '{username}', '{role}', TRUE, {created_at}, '{username}')"),
                format!(
                    "('{id}', 'Key {index} of team {team}', 'key {index} of team {team}', 'Made by a seed.', {validity}, \
                     'user {owner}', {created_at}, {created_at}, {expires_at}, 0, '', 0, 0, 0, '', 'user', 'made by a seed.')",
                    team = index % 1_000,
                    owner = index % 5_000,
                    validity = 365 * DAY / SECOND,
                ),
                format!(
                    "('{key_id}', 'api_key', '{id}', '{digest}', '{pepper}', {created_at}, {NEVER})",
                    key_id = token.key_id,
                    digest = digest.hex(),
                    pepper = self.peppers.current(),
                ),
                format!("('{id}', '{}')", personas[persona]),
            ];
            for ((_, known), row) in tables.iter_mut().zip(rows) {
                known.push(row);
            }
            if expires_at > self.now {
                writeln!(tokens, "{}", token.plaintext(&Prefixes::default())?.expose())?;
            }
        }
        self.insert(&tables)
    }

    fn insert(&self, tables: &[(&str, Vec<String>)]) -> Outcome {
        let insert = |connection: &mut _| {
            for (table, rows) in tables {
                diesel::sql_query(format!("INSERT INTO {table} VALUES {}", rows.join(", "))).execute(connection)?;
                if *table == KEY_COLUMNS {
                    let count = format!("UPDATE key_counts SET keys = keys + {} WHERE shard = 0", rows.len());
                    diesel::sql_query(count).execute(connection)?;
                }
            }
            Ok(())
        };
        Ok(self.database.write(insert)?)
    }
}

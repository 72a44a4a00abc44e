//! The cost of saving uses per hour and by address, beside that of the last uses alone: `cargo bench --bench saving`,
//! or `cargo bench --bench saving -- postgres://…/EMPTY_DATABASE`.
//!
//! Groups of keys are used, and their uses saved in batches as the server saves them: as last uses alone, then by its
//! upkeep in an hour in which no key was used yet, and again in the same hour.

mod population;

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use futures_util::FutureExt;
use population::{Outcome, Population};
use tessera::domain::api_key::{ApiKey, Maker, NEVER, Validity};
use tessera::domain::child::Presentation;
use tessera::domain::credential::Use;
use tessera::domain::limits::Limits;
use tessera::domain::permission::Permissions;
use tessera::domain::principal::{Principal, PrincipalKind};
use tessera::service::Service;
use tessera::service::upkeep::maintenance;
use tessera::storage::database::AnyConnection;
use tessera::storage::{api_keys, principals};
use tokio::runtime::Runtime;

/// How many keys are used in an hour, each time others.
const KEYS: [usize; 3] = [1_000, 10_000, 100_000];
/// How many keys are used before their uses are saved; as many as upkeep saves in one transaction.
const BATCH: usize = 5_000;
/// How often keys are used again in the same hour.
const AGAIN: usize = 3;
/// From where each key is used.
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));

/// What saving the uses of a group of keys took.
#[derive(Default)]
struct Cost {
    time: Duration,
    /// Rows that were written, if the database counts them: SQLite does.
    rows: i64,
    /// Bytes written by this process to SQLite's files, or by PostgreSQL to its write-ahead log.
    bytes: i64,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// A key whose uses are saved.
struct Key {
    bearer: String,
    principal: Principal,
}

struct Bench {
    population: Population,
    runtime: Runtime,
}

impl Bench {
    fn service(&self) -> &Service {
        &self.population.service
    }

    /// Makes keys, in memory and in the database.
    fn keys(&self, count: usize) -> Outcome<Vec<Key>> {
        let service = self.service();
        let tokens = self.population.grow(count)?;
        let key = |bearer: String| -> Outcome<Key> {
            let actor = service
                .authenticate(Presentation::bearer(&bearer, None))
                .now_or_never()
                .ok_or("the directory waits")??;
            Ok(Key { bearer, principal: actor.principal().clone() })
        };
        let bearers = tokens.iter().map(|token| Ok(token.plaintext(&service.prefixes)?.expose()));
        let keys = bearers.map(|bearer: Outcome<String>| key(bearer?)).collect::<Outcome<Vec<Key>>>()?;
        for some in keys.chunks(BATCH) {
            service.database.write(|connection| {
                some.iter().try_for_each(|Key { principal, .. }| {
                    principals::insert(connection, principal)?;
                    api_keys::insert(connection, &row(principal), Maker { id: None, kind: PrincipalKind::User })
                })
            })?;
        }
        self.runtime.block_on(maintenance::save_uses(service))?;
        Ok(keys)
    }

    /// Saves that each key was used now, and nothing else.
    fn save_last_uses(&self, keys: &[Key]) -> Outcome<Cost> {
        let service = self.service();
        self.measured(
            keys,
            |_| Ok(()),
            |some| {
                let once = |key: &Key| Use { principal: key.principal.id, last_used_at: service.clock.now(), count: 1 };
                let mut uses: Vec<Use> = some.iter().map(once).collect();
                uses.sort_unstable_by_key(|each| each.principal.uuid());
                Ok(service.database.write(|connection| api_keys::record_uses(connection, &uses))?)
            },
        )
    }

    /// Uses each key, and saves what upkeep saves.
    fn use_and_save(&self, keys: &[Key]) -> Outcome<Cost> {
        let service = self.service();
        let used = |some: &[Key]| -> Outcome {
            for key in some {
                service
                    .authenticate(Presentation::bearer(&key.bearer, Some(ADDRESS)))
                    .now_or_never()
                    .ok_or("the directory waits")??;
            }
            Ok(())
        };
        self.measured(keys, used, |_| Ok(self.runtime.block_on(maintenance::save_uses(service))?))
    }

    /// What `save` costs for all keys, in batches; `before` is not part of it.
    fn measured(
        &self,
        keys: &[Key],
        before: impl Fn(&[Key]) -> Outcome,
        save: impl Fn(&[Key]) -> Outcome,
    ) -> Outcome<Cost> {
        let mut cost = Cost::default();
        for some in keys.chunks(BATCH) {
            before(some)?;
            let (rows, bytes) = self.written()?;
            let started = Instant::now();
            save(some)?;
            cost.time += started.elapsed();
            let (rows_then, bytes_then) = self.written()?;
            cost.rows += rows_then - rows;
            cost.bytes += bytes_then - bytes;
        }
        Ok(cost)
    }

    /// The rows and bytes that were written since the database was opened.
    fn written(&self) -> Outcome<(i64, i64)> {
        let (rows, logged) = self.service().database.write(|connection| {
            Ok(match connection {
                AnyConnection::Sqlite(_) => (number(connection, "total_changes()")?, None),
                AnyConnection::Postgres(_) => {
                    (0, Some(number(connection, "CAST(pg_current_wal_insert_lsn() - '0/0' AS BIGINT)")?))
                }
            })
        })?;
        Ok((rows, logged.map_or_else(bytes_of_this_process, Ok)?))
    }
}

fn number(connection: &mut AnyConnection, expression: &str) -> tessera::domain::error::Result<i64> {
    let rows: Number = sql_query(format!("SELECT {expression} AS number")).get_result(connection)?;
    Ok(rows.number)
}

/// The bytes that this process has passed to the kernel for writing.
fn bytes_of_this_process() -> Outcome<i64> {
    let counts = std::fs::read_to_string("/proc/self/io")?;
    let line = counts.lines().find_map(|line| line.strip_prefix("wchar:")).ok_or("no wchar")?;
    Ok(line.trim().parse()?)
}

fn row(principal: &Principal) -> ApiKey {
    ApiKey {
        id: principal.id,
        display_name: format!("Key {}", principal.id),
        description: String::new(),
        validity: Validity::NEVER,
        created_by: "bench".to_owned(),
        created_at: principal.created_at,
        updated_at: principal.created_at,
        expires_at: NEVER,
        last_used_at: 0,
        use_count: 0,
        limits: Limits::default(),
        permissions: Permissions::default(),
        personas: Vec::new(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "two digits matter")]
fn print(keys: usize, saved: &str, cost: &Cost, alone: &Cost) {
    let ratio = |of: fn(&Cost) -> f64| of(cost) / of(alone);
    println!(
        "| {keys} | {saved} | {:.1} ms | {:.2} | {} | {:.2} MB | {:.2} |",
        cost.time.as_secs_f64() * 1000.0,
        ratio(|each| each.time.as_secs_f64()),
        if cost.rows == 0 { "not counted".to_owned() } else { cost.rows.to_string() },
        cost.bytes as f64 / 1e6,
        ratio(|each| each.bytes as f64),
    );
}

/// The median in time.
fn median(mut costs: Vec<Cost>) -> Outcome<Cost> {
    costs.sort_by_key(|cost| cost.time);
    let middle = costs.len() / 2;
    costs.into_iter().nth(middle).ok_or_else(|| "no cost".into())
}

fn main() -> Outcome {
    let url = std::env::args().find(|argument| argument.contains("://"));
    let bench =
        Bench { population: Population::with_room_for(KEYS.iter().sum(), url.as_deref())?, runtime: Runtime::new()? };
    bench.service().database.migrate()?;
    let groups = KEYS.map(|count| bench.keys(count));
    println!("| keys used in an hour | saved | time | ratio | rows | bytes | ratio |\n|--:|---|--:|--:|--:|--:|--:|");
    for keys in groups {
        let keys = keys?;
        let mut alone = vec![bench.save_last_uses(&keys)?];
        let first = bench.use_and_save(&keys)?;
        let mut later = Vec::new();
        for _ in 0..AGAIN {
            alone.push(bench.save_last_uses(&keys)?);
            later.push(bench.use_and_save(&keys)?);
        }
        let alone = median(alone)?;
        print(keys.len(), "last uses alone", &alone, &alone);
        print(keys.len(), "all, first in the hour", &first, &alone);
        print(keys.len(), "all, again in the hour", &median(later)?, &alone);
    }
    Ok(())
}

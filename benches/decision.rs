//! A decision for a key in memory, in CPU time: `cargo bench --bench decision`.
//!
//! The key has one persona with `own` policies; other personas have `others` policies. The cost must depend on `own`
//! only.

mod population;

use std::hint::black_box;
use std::time::Duration;

use cpu_time::ThreadTime;
use criterion::Criterion;
use futures_util::FutureExt;
use population::{Outcome, Population};
use tessera::domain::actor::Actor;
use tessera::domain::child::Presentation;
use tessera::domain::entropy::Entropy;
use tessera::domain::ids::{PersonaId, PolicyId};
use tessera::domain::persona::{Persona, PersonaRef, mint_qualified_name};
use tessera::domain::policy::{Category, Criterion as Condition, Effect, Policy, Rule, Subjects};
use tessera::service::authz::inquiry::Inquiry;
use tessera::storage::{personas, policies};
use tokio::runtime::Runtime;

/// How many policies the key's persona has.
const OWN: [usize; 2] = [5, 50];
/// How many policies other personas have, ten each.
const OTHERS: [usize; 3] = [10, 1_000, 10_000];

fn decide(criterion: &mut Criterion, own: usize, others: usize) -> Outcome {
    let population = Population::with_room_for(2, None)?;
    let service = &population.service;
    service.database.migrate()?;
    let token = population.grow(2)?[1].plaintext(&service.prefixes)?.expose();
    let actor: Actor =
        service.authenticate(Presentation::bearer(&token, None)).now_or_never().ok_or("the directory waits")??;
    let persona = actor.personas().first().ok_or("the key has no persona")?;
    write(&population, persona, own)?;
    for number in 0..others / 10 {
        let id = PersonaId::new(0, Entropy::SYSTEM)?;
        let name = format!("other {number}");
        let qualified_name = mint_qualified_name(Entropy::SYSTEM)?;
        write(&population, &PersonaRef { id, name, qualified_name, enabled: true }, 10)?;
    }
    let permitted = Inquiry::new("persona-asset-read", "default/snowflake/3/db/schema/table", "Table");
    let refused = Inquiry::new("persona-asset-read", "default/postgres/3/db/schema/table", "Table");
    let runtime = Runtime::new()?;
    for (name, inquiry, expected) in [("permitted", permitted, true), ("refused", refused, false)] {
        let first = runtime.block_on(service.decide(actor.standing(), &inquiry))?;
        assert_eq!(first.is_allowed(), expected, "{name}");
        criterion.bench_function(&format!("{name} by {own} policies among {others} of others"), |bencher| {
            bencher.iter_custom(|iterations| {
                let mut elapsed = Duration::ZERO;
                for _ in 0..iterations {
                    let started = ThreadTime::now();
                    let decision = service.decide(actor.standing(), black_box(&inquiry)).now_or_never();
                    elapsed += started.elapsed();
                    assert!(decision.is_some(), "it waits for the database");
                }
                elapsed
            });
        });
    }
    Ok(())
}

/// Inserts a persona with `count` policies, each about another connection.
fn write(population: &Population, persona: &PersonaRef, count: usize) -> Outcome {
    let kept = Persona {
        id: persona.id,
        qualified_name: persona.qualified_name.clone(),
        name: persona.qualified_name.clone(),
        display_name: persona.name.clone(),
        description: String::new(),
        enabled: true,
        attributes: serde_json::Map::new(),
        created_by: String::new(),
        created_at: 0,
        updated_at: 0,
    };
    let rules = (0..count).map(|number| policy(persona, number)).collect::<Outcome<Vec<_>>>()?;
    population.service.database.write(|connection| {
        policies::raise_revision(connection)?;
        personas::insert(connection, &kept)?;
        rules.iter().try_for_each(|policy| policies::insert(connection, policy))
    })?;
    Ok(())
}

fn policy(persona: &PersonaRef, number: usize) -> Outcome<Policy> {
    let id = PolicyId::new(0, Entropy::SYSTEM)?;
    Ok(Policy {
        id,
        qualified_name: format!("{}/{id}", persona.qualified_name),
        persona: Some(persona.id),
        name: format!("policy {number}"),
        description: String::new(),
        rule: Rule {
            category: Category::Metadata,
            effect: Effect::Allow,
            actions: vec!["persona-asset-read".to_owned(), "persona-asset-update".to_owned()],
            resources: vec![Condition::covers(vec![format!("default/snowflake/{number}")])],
            subjects: Subjects::default(),
        },
        enabled: true,
        editable: true,
        attributes: serde_json::Map::new(),
        created_by: String::new(),
        created_at: 0,
        updated_at: 0,
    })
}

fn main() -> Outcome {
    let mut criterion = Criterion::default().configure_from_args();
    for own in OWN {
        for others in OTHERS {
            decide(&mut criterion, own, others)?;
        }
    }
    criterion.final_summary();
    Ok(())
}

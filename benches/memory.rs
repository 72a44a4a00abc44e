//! Allocations of a verification, and bytes per record: `cargo bench --bench memory`.

mod population;

use std::alloc::System;

use futures_util::FutureExt;
use population::{Outcome, Population};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};
use tessera::domain::child::Presentation;
use tessera::domain::token::{ParsedToken, Token};

/// Counts allocations, in this program only.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Outcome {
    for keys in [100_000, 1_000_000] {
        measure(keys)?;
    }
    Ok(())
}

fn measure(keys: usize) -> Outcome {
    let region = Region::new(ALLOCATOR);
    let resident = resident_bytes()?;
    let population = Population::with_room_for(keys, None)?;
    let service = &population.service;
    let tokens = population.grow(keys)?;
    let listed = (tokens.capacity() * size_of_val(&tokens[0])) as u64;
    println!("{keys} keys");
    println!("  bytes a record          {:6.1}", per(grown(&region.change()).saturating_sub(listed), keys));
    println!("  resident bytes a record {:6.1}", per(resident_bytes()?.saturating_sub(resident + listed), keys));
    let plaintext = |token| ParsedToken::plaintext(token, &service.prefixes).map(Token::expose);
    let plaintexts = tokens.iter().map(plaintext).collect::<Result<Vec<_>, _>>()?;
    for round in ["first", "later"] {
        let region = Region::new(ALLOCATOR);
        let verified = |token: &String| {
            service.authenticate(Presentation::bearer(token, None)).now_or_never().is_some_and(|answer| answer.is_ok())
        };
        let refused = plaintexts.iter().filter(|token| !verified(token)).count();
        let Stats { allocations, reallocations, .. } = region.change();
        println!(
            "  allocations, {round} use  {:6.3}, refused {refused}",
            per((allocations + reallocations) as u64, keys)
        );
    }
    Ok(())
}

fn grown(stats: &Stats) -> u64 {
    (stats.bytes_allocated as u64).saturating_sub(stats.bytes_deallocated as u64)
}

#[expect(clippy::cast_precision_loss, reason = "three digits matter")]
fn per(total: u64, keys: usize) -> f64 {
    total as f64 / keys as f64
}

/// The resident memory of this process according to the kernel.
fn resident_bytes() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? * 1024)
}

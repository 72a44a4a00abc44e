//! The steps of the hot path in CPU time, so that other programs on the machine distort less: `cargo bench --bench
//! micro`.

mod population;

use std::hint::black_box;
use std::time::Duration;

use cpu_time::ThreadTime;
use criterion::{Bencher, Criterion};
use futures_util::FutureExt;
use population::{Outcome, Population};
use tessera::domain::actor::Actor;
use tessera::domain::child::Presentation;
use tessera::domain::token::{KeyId, ParsedToken, Token};
use tessera::service::Service;

/// The allocator of the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many keys the directory holds.
const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];

/// How many inputs are read into the cache before the clock runs.
const READY: usize = 256;

/// Steps that do not depend on the number of keys.
fn parts(criterion: &mut Criterion) -> Outcome {
    let population = Population::with_room_for(1, None)?;
    let service = &population.service;
    let token = population.grow(1)?[0];
    let good = token.plaintext(&service.prefixes)?.expose();
    let (start, last) = good.split_at(good.len() - 1);
    let mistyped = format!("{start}{}", if last == "0" { "1" } else { "0" });
    let parse = |text: &&str| ParsedToken::parse(text, &service.prefixes);
    criterion.bench_function("parse, refused for its length", |bencher| time(bencher, &[start; READY], || (), parse));
    criterion.bench_function("parse, refused for its checksum", |bencher| {
        time(bencher, &[mistyped.as_str(); READY], || (), parse);
    });
    criterion.bench_function("parse, accepted", |bencher| time(bencher, &[good.as_str(); READY], || (), parse));
    let pepper = service.peppers.current();
    let digest = |_: &&str| service.peppers.digest(black_box(&token), pepper);
    criterion.bench_function("digest", |bencher| time(bencher, &[""; READY], || (), digest));
    Ok(())
}

/// Steps that depend on the number of keys.
fn whole(criterion: &mut Criterion, keys: usize) -> Outcome {
    let population = Population::with_room_for(keys, None)?;
    let (service, tokens) = (&population.service, population.grow(keys)?);
    let key_ids: Vec<[u8; 16]> = tokens.iter().map(|token| token.key_id.0).collect();
    let plaintext = |token: &ParsedToken| token.plaintext(&service.prefixes).map(Token::expose);
    let plaintexts = tokens.iter().map(plaintext).collect::<Result<Vec<_>, _>>()?;
    criterion.bench_function(&format!("find among {keys}"), |bencher| {
        time(bencher, &key_ids, || (), |key_id| service.directory.find(KeyId(*key_id), service.clock.uptime()));
    });
    // Uses are saved once per round of all keys, so each use is the first since a save, which takes longer to note.
    let save = || {
        drop(service.directory.take_uses(usize::MAX));
        service.directory.uses_saved();
    };
    criterion.bench_function(&format!("verify among {keys}, first use"), |bencher| {
        time(bencher, &plaintexts, save, |token| verify(service, token));
    });
    criterion.bench_function(&format!("verify among {keys}, later use"), |bencher| {
        time(bencher, &plaintexts, || (), |token| verify(service, token));
    });
    Ok(())
}

/// Authenticates a token as every protocol does. With the record in memory the future is ready at once.
fn verify(service: &Service, token: &str) -> Option<Actor> {
    service.authenticate(Presentation::bearer(token, None)).now_or_never()?.ok()
}

/// Times `work` on the inputs in order, round after round. Inputs come from a socket in production, so they are in the
/// nearest cache; the records are wherever the previous round left them.
fn time<T: AsRef<[u8]>, O>(bencher: &mut Bencher<'_>, inputs: &[T], each_round: impl Fn(), work: impl Fn(&T) -> O) {
    let mut place = 0;
    bencher.iter_custom(|iterations| {
        let mut left = usize::try_from(iterations).unwrap_or(usize::MAX);
        let mut elapsed = Duration::ZERO;
        while left > 0 {
            if place == 0 {
                each_round();
            }
            let ready = &inputs[place..(place + READY.min(left)).min(inputs.len())];
            place = (place + ready.len()) % inputs.len();
            left -= ready.len();
            black_box(ready.iter().flat_map(AsRef::as_ref).fold(0, |all, byte| all ^ byte));
            let started = ThreadTime::now();
            for input in ready {
                black_box(work(input));
            }
            elapsed += started.elapsed();
        }
        elapsed
    });
}

fn main() -> Outcome {
    let mut criterion = Criterion::default().configure_from_args();
    parts(&mut criterion)?;
    for keys in SIZES {
        whole(&mut criterion, keys)?;
    }
    criterion.final_summary();
    Ok(())
}

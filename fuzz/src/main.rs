//! One libFuzzer program with a target for each parser, chosen by `FUZZ_TARGET`. A target fails by a panic, a stack
//! overflow, or a timeout.

#![no_main]

mod dpop;
mod graphql;
mod headers;
mod jws;
mod listing;
mod log;
mod oauth;
mod policies;
mod records;
mod secrets;
mod wire;

use std::sync::LazyLock;

type Target = fn(&[u8]);

/// The names of the targets; `tests/run` and `seeds.py` list them, too.
const TARGETS: [(&str, Target); 24] = [
    ("wire", wire::wire),
    ("json", listing::json),
    ("filter", listing::filter),
    ("sort", listing::sort),
    ("cursor", listing::cursor),
    ("dsl", listing::dsl),
    ("token", secrets::token),
    ("settings", secrets::settings),
    ("nesting", graphql::nesting),
    ("graphql", graphql::execute),
    ("policy", policies::policy),
    ("etag", headers::etag),
    ("forwarded", headers::forwarded),
    ("texts", headers::texts),
    ("jws", jws::jws),
    ("jwks", jws::jwks),
    ("dpop", dpop::dpop),
    ("log", log::log),
    ("basic", oauth::basic),
    ("form", oauth::form),
    ("trust", oauth::trust),
    ("redaction", records::redaction),
    ("addresses", records::addresses),
    ("journal", records::journal),
];

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let names = TARGETS.map(|(name, _)| name).join(", ");
    let found = TARGETS.iter().find(|(name, _)| *name == wanted);
    found.unwrap_or_else(|| panic!("FUZZ_TARGET must be one of {names}")).1
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));

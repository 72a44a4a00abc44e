//! Parameters of collections: JSON, filters, sorts, cursors and the search language.

use std::sync::LazyLock;

use serde_json::{Map, Value as Json};
use tessera::domain::cursor::CursorSeal;
use tessera::domain::entropy::Entropy;
use tessera::domain::fields::{ApiKeyField, ChangeField, PersonaField, UserField};
use tessera::domain::filter::{Filter, Test, Value};
use tessera::domain::listing::{Direction, Field, Kind, Sort};
use tessera::domain::nesting::{JSON_DEPTH, Unreadable, check_json, read_json, without_mark};
use tessera::domain::pepper::Peppers;
use tessera::domain::search::Clause;
use tessera::http::atlan::search::parse;

/// JSON that is read is what the parser reads, and no deeper than the limit; what the parser refuses is refused.
pub fn json(data: &[u8]) {
    fn depth(value: &Json) -> usize {
        match value {
            Json::Array(members) => 1 + members.iter().map(depth).max().unwrap_or(0),
            Json::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }
    let read = read_json::<Json>(data);
    match (serde_json::from_slice::<Json>(without_mark(data)), read) {
        (Ok(value), Ok(read)) => {
            assert!(depth(&value) <= JSON_DEPTH);
            assert_eq!(read, value);
        }
        (Ok(value), Err(Unreadable::LimitExceeded(_))) => assert!(depth(&value) > JSON_DEPTH || data.len() >= 65_536),
        (Ok(_), Err(Unreadable::DuplicateMember(_))) | (Err(_), Err(_)) => {}
        (parsed, read) => panic!("{parsed:?} {read:?}"),
    }
    let _ = check_json(data);
}

/// The first byte chooses the collection; the rest is the text.
fn split(data: &[u8]) -> Option<(u8, &str)> {
    let (kind, rest) = data.split_first()?;
    Some((kind % 4, std::str::from_utf8(rest).ok()?))
}

pub fn filter(data: &[u8]) {
    match split(data) {
        Some((0, text)) => filter_of::<ApiKeyField>(text),
        Some((1, text)) => filter_of::<PersonaField>(text),
        Some((2, text)) => filter_of::<UserField>(text),
        Some((_, text)) => filter_of::<ChangeField>(text),
        None => {}
    }
}

fn depth<F>(filter: &Filter<F>) -> usize {
    match filter {
        Filter::All(members) | Filter::Any(members) => 1 + members.iter().map(depth).max().unwrap_or(0),
        Filter::Not(member) => 1 + depth(member),
        Filter::Test(..) => 1,
    }
}

fn collect<F: Field>(filter: &Filter<F>, all: &mut Vec<(F, Value)>) {
    match filter {
        Filter::All(members) | Filter::Any(members) => members.iter().for_each(|member| collect(member, all)),
        Filter::Not(member) => collect(member, all),
        Filter::Test(field, Test::OneOf(values)) => all.extend(values.iter().map(|value| (*field, value.clone()))),
        Filter::Test(field, Test::Compare(_, value)) => all.push((*field, value.clone())),
        Filter::Test(..) => {}
    }
}

/// A parsed filter is shallow, and its split-off parts together mean the same as the whole.
fn filter_of<F: Field>(text: &str) {
    let Ok(filter) = Filter::<F>::parse(text) else { return };
    assert!(depth(&filter) < 60);
    let mut pool = Vec::new();
    collect(&filter, &mut pool);
    let record = |round: usize| {
        let pool = &pool;
        move |field: F| -> Option<Value> {
            let mut own = pool.iter().filter(|(known, _)| *known == field).map(|(_, value)| value);
            match round {
                0 => None,
                1 => own.next().cloned(),
                2 => own.next_back().cloned(),
                _ if matches!(field.kind(), Kind::Instant) => Some(Value::Instant(5)),
                _ => Some(Value::Text("Äé%".into())),
            }
        }
    };
    for round in 0..4 {
        let record = record(round);
        let whole = filter.wants(&record);
        for &field in F::ALL {
            if let Some((value, rest)) = filter.split_fixed(field) {
                assert_eq!(whole, record(field).as_ref() == Some(value) && rest.wants(&record));
            }
        }
    }
}

pub fn sort(data: &[u8]) {
    match split(data) {
        Some((0, text)) => sort_of::<ApiKeyField>(text),
        Some((1, text)) => sort_of::<PersonaField>(text),
        Some((2, text)) => sort_of::<UserField>(text),
        Some((_, text)) => sort_of::<ChangeField>(text),
        None => {}
    }
}

/// A parsed sort is written back unchanged.
fn sort_of<F: Field>(text: &str) {
    if let Ok(sort) = Sort::<F>::parse(text) {
        let sign = |direction| if direction == Direction::Descending { "-" } else { "" };
        let written = sort.0.iter().map(|(field, direction)| format!("{}{}", sign(*direction), field.name()));
        assert!(text.is_empty() || written.collect::<Vec<_>>().join(",") == text);
    }
}

static PEPPERS: LazyLock<Peppers> =
    LazyLock::new(|| Peppers::parse(&Peppers::generate(Entropy::SYSTEM).expect("entropy")).expect("a pepper"));

/// A cursor that was not made with this seal is refused.
pub fn cursor(data: &[u8]) {
    let seal = CursorSeal::new(PEPPERS.derive("cursor"), &["/a", "", ""]);
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(seal.read(text).is_err());
    }
}

/// A parsed search is within its limits.
pub fn dsl(data: &[u8]) {
    fn size(condition: &Clause) -> (usize, usize) {
        match condition {
            Clause::All(members) | Clause::Any(members) => {
                let sizes = members.iter().map(size);
                sizes.fold((1, 1), |(count, deep), (more, deeper)| (count + more, deep.max(deeper + 1)))
            }
            Clause::Not(member) => {
                let (count, deep) = size(member);
                (count + 1, deep + 1)
            }
            Clause::Guid(values) | Clause::OneOf(_, values) => {
                assert!(values.iter().all(|value| value.len() <= 512));
                (1 + values.len(), 1)
            }
            _ => (1, 1),
        }
    }
    let Ok(members) = read_json::<Map<String, Json>>(data) else { return };
    if let Ok(search) = parse(&members) {
        assert!((0..=1000).contains(&search.size) && (0..=i64::from(i32::MAX)).contains(&search.from));
        let (count, deep) = size(&search.condition);
        assert!(count <= 4 * 1024 && deep <= 4 * 17, "{count} {deep}");
    }
}

//! Kept answers: what makes them usable, and what ends them.

use super::*;

const LEASE: i64 = 2_000;

fn memory() -> Memory {
    Memory::new(1 << 20, Entropy::SYSTEM).unwrap()
}

fn answer(text: &'static str) -> EdgeAnswer {
    EdgeAnswer { status: StatusCode::OK, headers: Vec::new(), body: Bytes::from_static(text.as_bytes()) }
}

fn keep(on: &[u128]) -> Keep {
    let on = on.iter().copied().map(Uuid::from_u128).collect();
    Keep { millis: 10_000, on, uses: Vec::new(), left: None }
}

fn only(ids: &[u128]) -> Changed {
    Changed::Only(ids.iter().copied().map(Uuid::from_u128).collect())
}

fn look(memory: &Memory, changed: Changed, sent: i64) {
    memory.apply(changed, "pass".to_owned(), sent, LEASE);
}

fn key(memory: &Memory, name: &str) -> Key {
    memory.key([name.as_bytes()].into_iter())
}

#[test]
fn without_a_lease_nothing_is_given_and_with_one_it_is_again() {
    let memory = memory();
    let one = key(&memory, "one");
    memory.keep(one, &memory.sending(0), keep(&[1]), answer("one"));
    assert!(memory.find(&one, 1).is_none());
    look(&memory, only(&[]), 0);
    assert!(memory.find(&one, LEASE - 1).is_some());
    assert!(memory.find(&one, LEASE).is_none(), "it counts from when the request for the look was sent");
    look(&memory, only(&[]), LEASE);
    assert!(memory.find(&one, LEASE).is_some());
    memory.end_lease();
    assert!(memory.find(&one, LEASE).is_none() && !memory.has_lease(LEASE));
}

#[test]
fn a_change_ends_what_depends_on_it_and_nothing_else() {
    let memory = memory();
    look(&memory, Changed::Everything, 0);
    let [one, both, other] = ["one", "both", "other"].map(|name| key(&memory, name));
    memory.keep(one, &memory.sending(0), keep(&[1]), answer("one"));
    memory.keep(both, &memory.sending(0), keep(&[1, 2]), answer("both"));
    memory.keep(other, &memory.sending(0), keep(&[3]), answer("other"));
    look(&memory, only(&[2]), 1);
    assert!(memory.find(&one, 2).is_some() && memory.find(&both, 2).is_none() && memory.find(&other, 2).is_some());
    look(&memory, Changed::Everything, 1);
    assert!(memory.find(&one, 2).is_none() && memory.find(&other, 2).is_none());
}

#[test]
fn an_answer_whose_request_was_sent_before_a_change_was_applied_is_never_given() {
    let memory = memory();
    look(&memory, Changed::Everything, 0);
    let one = key(&memory, "one");
    let sending = memory.sending(0);
    look(&memory, only(&[1]), 1);
    memory.keep(one, &sending, keep(&[1]), answer("old"));
    assert!(memory.find(&one, 2).is_none());
    memory.keep(one, &memory.sending(2), keep(&[1]), answer("new"));
    assert_eq!(memory.find(&one, 2).unwrap().answer.body, "new");
}

#[test]
fn an_answer_is_given_for_as_long_as_the_server_says_from_when_it_was_asked() {
    let memory = memory();
    let one = key(&memory, "one");
    memory.keep(one, &memory.sending(500), Keep { millis: 1_000, ..keep(&[1]) }, answer("one"));
    look(&memory, only(&[]), 500);
    assert!(memory.find(&one, 1_499).is_some() && memory.find(&one, 1_500).is_none());
}

#[test]
fn more_changes_than_are_remembered_end_everything() {
    let memory = memory();
    look(&memory, Changed::Everything, 0);
    let one = key(&memory, "one");
    memory.keep(one, &memory.sending(0), keep(&[1]), answer("one"));
    let many: Vec<u128> = (10..=10 + CHANGED as u128).collect();
    look(&memory, only(&many), 1);
    assert!(memory.find(&one, 2).is_none());
    assert!(memory.state.read().unwrap().changed.is_empty());
}

#[test]
fn memory_is_bounded_whatever_is_kept() {
    let memory = Memory::new(1 << 20, Entropy::SYSTEM).unwrap();
    for number in 0..20_000 {
        memory.keep(key(&memory, &number.to_string()), &memory.sending(0), keep(&[1]), answer("0123456789"));
    }
    assert!(memory.answers.weight() <= 1 << 20 && memory.len() > 100, "{}", memory.len());
}

#[test]
fn parts_of_a_question_are_told_apart() {
    let memory = memory();
    let of = |parts: &[&str]| memory.key(parts.iter().map(|part| part.as_bytes()));
    assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
    assert!(of(&["a", "b"]) != of(&["ab"]) && of(&["a", "b"]) != of(&["b", "a"]) && of(&["a", ""]) != of(&["a"]));
    assert!(Memory::new(1 << 20, Entropy::SYSTEM).unwrap().key(["a".as_bytes()].into_iter()) != of(&["a"]));
}

/// In any order of steps of an edge and its server: nothing is given that was true before a change that has been
/// acknowledged, or whose writer has waited for the lease.
#[test]
fn in_no_order_of_steps_is_anything_given_that_was_true_before_an_acknowledged_change() {
    let mut given = 0;
    for seed in 0..3_000_u64 {
        given += run(seed);
    }
    assert!(given > 1_000, "{given}");
}

/// One run: a server with a revision of one principal, looks and forwarded requests under way. Returns how often an answer
/// was given from memory.
fn run(seed: u64) -> usize {
    let memory = memory();
    let one = key(&memory, "one");
    let texts: [&'static str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below as u64).unwrap()
    };
    // The revision, those that looks have told, those acknowledged; requests under way with what the server has said.
    let (mut revision, mut acknowledged, mut now, mut given) = (0_usize, 0_usize, 0_i64, 0);
    let mut committed_at = vec![i64::MIN / 2; texts.len()];
    let mut applied = 0;
    let mut looking: Option<(i64, Option<usize>)> = None;
    let mut asking: Vec<(Sending, Option<usize>)> = Vec::new();
    look(&memory, Changed::Everything, 0);
    for _ in 0..120 {
        match draw(9) {
            0 if revision + 1 < texts.len() => {
                revision += 1;
                committed_at[revision] = now;
            }
            1 if looking.is_none() => looking = Some((now, None)),
            2 => {
                if let Some((_, seen @ None)) = &mut looking {
                    *seen = Some(revision);
                }
            }
            3 => {
                if let Some((sent, Some(seen))) = looking {
                    look(&memory, only(if seen > applied { &[1] } else { &[] }), sent);
                    (applied, looking) = (seen, None);
                }
            }
            4 => acknowledged = applied,
            5 => asking.push((memory.sending(now), None)),
            6 if !asking.is_empty() => {
                let at = draw(asking.len());
                // The server answers with what it has applied itself: at least what it has told.
                asking[at].1.get_or_insert(revision);
            }
            7 if !asking.is_empty() => {
                let at = draw(asking.len());
                if let (sending, Some(said)) = asking.swap_remove(at) {
                    memory.keep(one, &sending, keep(&[1]), answer(texts[said]));
                }
            }
            _ => now += i64::try_from(draw(1_000)).unwrap(),
        }
        if let Some(kept) = memory.find(&one, now) {
            given += 1;
            let said: usize = std::str::from_utf8(&kept.answer.body).unwrap().parse().unwrap();
            assert!(said >= acknowledged, "seed {seed}: {said} after {acknowledged} was acknowledged");
            let over = (0..=revision).rfind(|each| committed_at[*each] + LEASE <= now).unwrap();
            assert!(said >= over, "seed {seed}: {said} although the lease is over that {over} waited for");
        }
    }
    given
}

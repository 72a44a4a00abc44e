//! A filter means the same in SQL as in memory: random filters on both databases.

use std::cmp::Ordering;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value as Json, json};
use tessera::domain::api_key::{ApiKey, Maker, NEVER, Status, Validity};
use tessera::domain::cursor::Cursor;
use tessera::domain::error::Result;
use tessera::domain::fields::ApiKeyField;
use tessera::domain::filter::{Filter, Value};
use tessera::domain::ids::{Id, PrincipalId};
use tessera::domain::limits::Limits;
use tessera::domain::listing::{Direction, Field, Query, RecordCounts, Sort, Start, Totals};
use tessera::domain::permission::Permissions;
use tessera::domain::persona::{Persona, PersonaRef};
use tessera::domain::principal::{Principal, PrincipalKind, Role, client_id};
use tessera::storage::database::AnyConnection;
use tessera::storage::listing::Listed;
use tessera::storage::{self, api_keys, principals};

use crate::support::{BEGIN, Options, World};

/// The characters of names: wildcards, escapes, case pairs of several scripts, and characters that sort oddly.
const NAMES: [&str; 16] =
    ["a", "A", "ab", "aB_", "100%", "%", "_", "\\", "a\\%b", "é", "É", "Straße", "STRASSE", "ΣΊΣΥΦΟΣ", "a b", "zz"];
const DESCRIPTIONS: [&str; 5] = ["", "x", "École_y", "50% off", "back\\slash É"];

/// How many keys a page has.
const PAGE: i64 = 3;

/// Keys that differ in every field.
fn keys(world: &World, personas: &[PersonaRef]) -> Vec<ApiKey> {
    let mut keys = Vec::new();
    for (index, name) in NAMES.iter().cycle().take(48).enumerate() {
        let number = i64::try_from(index).unwrap();
        let id = Id::new(BEGIN + number / 7, world.service.entropy).unwrap();
        keys.push(ApiKey {
            id,
            display_name: (*name).to_owned(),
            description: DESCRIPTIONS[index % 5].to_owned(),
            validity: Validity::NEVER,
            created_by: ["ada", "Bob"][index % 2].to_owned(),
            created_at: BEGIN + number / 7,
            updated_at: BEGIN + number / 5,
            expires_at: [NEVER, BEGIN, BEGIN + 1, BEGIN + 2][index % 4],
            last_used_at: [0, BEGIN - 1, BEGIN + 3][index % 3],
            use_count: 0,
            limits: Limits::default(),
            permissions: Permissions::NONE,
            personas: personas.get((index / 4) % 4).cloned().into_iter().collect(),
        });
    }
    keys
}

/// Three, so that some keys have none.
fn personas(world: &World) -> Vec<Persona> {
    let persona = |name: &str| Persona {
        id: Id::new(BEGIN, world.service.entropy).unwrap(),
        qualified_name: format!("default/{name}"),
        name: name.to_owned(),
        display_name: name.to_owned(),
        description: String::new(),
        enabled: true,
        created_by: String::new(),
        created_at: BEGIN,
        updated_at: BEGIN,
        attributes: Map::new(),
    };
    ["a", "b", "c"].map(persona).to_vec()
}

fn store(world: &World, personas: &[Persona], keys: &[ApiKey]) {
    let principal =
        |id, kind, chosen_name, role| Principal { id, kind, chosen_name, role, enabled: true, created_at: BEGIN };
    // Linked too, but not a key.
    let user = Id::new(BEGIN, world.service.entropy).unwrap();
    let insert = |connection: &mut _| {
        principals::insert(connection, &principal(user, PrincipalKind::User, Some("eve".into()), Role::Member))?;
        for persona in personas {
            storage::personas::insert(connection, persona)?;
            storage::personas::replace_users(connection, persona.id, &[user.to_string()])?;
        }
        for key in keys {
            principals::insert(connection, &principal(key.id, PrincipalKind::ServiceAccount, None, Role::ApiToken))?;
            let maker = Maker { id: Some(user), kind: PrincipalKind::User };
            api_keys::insert(connection, key, maker)?;
        }
        Ok(())
    };
    world.service.database.write(insert).unwrap();
}

/// The fields of a key as the filter language sees them.
fn value(key: &ApiKey, field: ApiKeyField) -> Option<Value> {
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    let instant = |instant: i64, absent: i64| (instant != absent).then_some(Value::Instant(instant));
    match field {
        ApiKeyField::Id => text(&key.id.to_string()),
        ApiKeyField::ClientId => text(&client_id(key.id)),
        ApiKeyField::DisplayName => text(&key.display_name),
        ApiKeyField::Description => text(&key.description),
        ApiKeyField::CreatedBy => text(&key.created_by),
        ApiKeyField::CreatedAt => instant(key.created_at, i64::MIN),
        ApiKeyField::UpdatedAt => instant(key.updated_at, i64::MIN),
        ApiKeyField::ExpiresAt => instant(key.expires_at, NEVER),
        ApiKeyField::LastUsedAt => instant(key.last_used_at, 0),
        ApiKeyField::Status => text(Status::of(key.expires_at, BEGIN).name()),
        ApiKeyField::PersonaQualifiedName => key.personas.first().and_then(|each| text(&each.qualified_name)),
    }
}

fn instants() -> impl Strategy<Value = Json> {
    let close = (-2..9_i64).prop_map(|offset| BEGIN + offset);
    prop_oneof![8 => close, 1 => Just(0), 1 => Just(i64::MAX), 1 => Just(-1), 1 => Just(i64::MIN)].prop_map(Json::from)
}

fn patterns() -> impl Strategy<Value = Json> {
    let piece = prop_oneof![
        prop::sample::select(&NAMES[..]).prop_map(str::to_owned),
        prop::sample::select(&["%", "_", "\\", "\\%", "\\_", "\\\\", "S", "σ", "", "E"][..]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| Json::from(pieces.concat()))
}

/// `field: {operators}` for a field of each kind.
fn tests(ids: Vec<PrincipalId>) -> impl Strategy<Value = Json> {
    let names = prop::sample::select(&NAMES[..]).prop_map(Json::from);
    let described = prop::sample::select(&DESCRIPTIONS[..]).prop_map(Json::from);
    let creators = prop::sample::select(&["ada", "Bob", "bob", ""][..]).prop_map(Json::from);
    let states = prop::sample::select(&["active", "expired"][..]).prop_map(Json::from);
    let linked = prop::sample::select(&["default/a", "default/b", "default/x"][..]).prop_map(Json::from);
    let ids = prop::sample::select(ids);
    let clients = ids.clone().prop_map(|id| Json::from(client_id(id)));
    let ids = ids.prop_map(|id| Json::from(id.to_string()));
    let text = |field: &'static str, values: BoxedStrategy<Json>| {
        let operators = prop_oneof![
            2 => equalities(values.clone()),
            1 => (order(), values).prop_map(|(operator, value)| json!({operator: value})),
            2 => (prop::sample::select(&["$like", "$ilike"][..]), patterns())
                .prop_map(|(operator, pattern)| json!({operator: pattern})),
        ];
        operators.prop_map(move |test| json!({field: test})).boxed()
    };
    let exact = |field: &'static str, values: BoxedStrategy<Json>| {
        equalities(values).prop_map(move |test| json!({field: test}))
    };
    let moment = prop::sample::select(&["createdAt", "updatedAt", "expiresAt", "lastUsedAt"][..]);
    let compared = (order(), instants()).prop_map(|(operator, value)| json!({operator: value}));
    let moments = (moment, prop_oneof![equalities(instants().boxed()), compared.boxed()])
        .prop_map(|(field, test)| json!({field: test}));
    prop_oneof![
        4 => text("displayName", names.boxed()),
        2 => text("description", described.boxed()),
        1 => text("createdBy", creators.boxed()),
        4 => moments,
        1 => exact("status", states.boxed()),
        3 => exact("personaQualifiedName", linked.boxed()),
        1 => exact("id", ids.boxed()),
        1 => exact("clientId", clients.boxed()),
    ]
}

fn order() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["$gt", "$gte", "$lt", "$lte"][..])
}

fn equalities(values: BoxedStrategy<Json>) -> BoxedStrategy<Json> {
    let list = (prop::sample::select(&["$in", "$nin"][..]), prop::collection::vec(values.clone(), 0..4));
    prop_oneof![
        values.clone(),
        (prop::sample::select(&["$eq", "$ne"][..]), values).prop_map(|(operator, value)| json!({operator: value})),
        list.prop_map(|(operator, values)| json!({operator: values})),
        any::<bool>().prop_map(|exists| json!({"$exists": exists})),
        Just(Json::Null),
    ]
    .boxed()
}

fn filters(ids: Vec<PrincipalId>) -> impl Strategy<Value = Json> {
    tests(ids).prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|members| json!({"$and": members})),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|members| json!({"$or": members})),
            inner.prop_map(|member| json!({"$not": member})),
        ]
    })
}

/// By creation, by id and by something else, in both directions.
fn sorts() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["", "createdAt", "-id", "displayName", "-lastUsedAt,createdAt"][..])
}

fn sorted(mut keys: Vec<&ApiKey>, sort: &Sort<ApiKeyField>) -> Vec<String> {
    let order = |left: &ApiKey, right: &ApiKey| {
        let directed =
            |order: Ordering, direction| if direction == Direction::Descending { order.reverse() } else { order };
        let by_fields = sort
            .0
            .iter()
            .map(|(field, direction)| directed(field.sort_value(left).cmp(&field.sort_value(right)), *direction));
        let by_id = directed(left.id.to_string().cmp(&right.id.to_string()), sort.tie());
        by_fields.fold(Ordering::Equal, Ordering::then).then(by_id)
    };
    keys.sort_by(|left, right| order(left, right));
    keys.into_iter().map(|key| key.id.to_string()).collect()
}

/// The ids on every page by cursor, on the page by the offset of the second, and the counts.
fn pages(
    connection: &mut AnyConnection,
    filter: &Filter<ApiKeyField>,
    sort: &Sort<ApiKeyField>,
) -> Result<(Vec<String>, Vec<String>, RecordCounts)> {
    let (filter, sort) = (filter.clone(), sort.clone());
    let mut query = Query { filter, sort, limit: PAGE, start: Start::Offset(PAGE), totals: Totals::Exact };
    let counts = ApiKeyField::counts(connection, &query, &Filter::EVERYTHING, BEGIN)?.unwrap();
    let ids = |page: &[ApiKey]| page.iter().map(|key| key.id.to_string()).collect::<Vec<_>>();
    let second = ids(&ApiKeyField::page(connection, &query, BEGIN)?);
    query.start = Start::Offset(0);
    let mut all = Vec::new();
    loop {
        let mut page = ApiKeyField::page(connection, &query, BEGIN)?;
        let more = page.len() > usize::try_from(PAGE).unwrap();
        page.truncate(usize::try_from(PAGE).unwrap());
        all.extend(ids(&page));
        let Some(last) = page.pop().filter(|_| more) else { return Ok((all, second, counts)) };
        let values = query.sort.0.iter().map(|(field, _)| field.sort_value(&last)).collect();
        query.start = Start::After(Cursor { values, id: last.id.to_string() });
    }
}

#[test]
fn sql_lets_through_what_the_filter_wants_in_its_order() {
    let world = World::new(&Options::default());
    let personas = personas(&world);
    let reference =
        |Persona { id, name, qualified_name, enabled, .. }: Persona| PersonaRef { id, name, qualified_name, enabled };
    let links: Vec<PersonaRef> = personas.iter().cloned().map(reference).collect();
    let keys = keys(&world, &links);
    store(&world, &personas, &keys);
    let ids = keys.iter().map(|key| key.id).collect();
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(filters(ids), sorts()), |(json, sort)| {
        let filter = Filter::<ApiKeyField>::parse(&json.to_string()).unwrap();
        let sort = Sort::parse(sort).unwrap();
        let wanted = sorted(keys.iter().filter(|key| filter.wants(&|field| value(key, field))).collect(), &sort);
        let (found, second, counts) =
            world.service.database.read(|connection| pages(connection, &filter, &sort)).unwrap();
        prop_assert_eq!(&found, &wanted, "{} {:?}", json, sort);
        prop_assert_eq!(second, wanted.into_iter().skip(3).take(4).collect::<Vec<_>>(), "{} {:?}", json, sort);
        prop_assert_eq!((counts.total, counts.filtered), (48, i64::try_from(found.len()).unwrap()));
        Ok(())
    });
    outcome.unwrap();
}

//! Every collection, sorted and paged by every sortable field.

use std::fmt::Debug;

use serde_json::json;
use tessera::domain::access_token::AccessTokenField;
use tessera::domain::fields::{ApiKeyField, ChangeField, PersonaField, UserField};
use tessera::domain::filter::Filter;
use tessera::domain::listing::{Direction, Field, Page, Query, Sort, Start, Totals};
use tessera::domain::principal::Role;
use tessera::domain::service_account::ServiceAccountField;
use tessera::domain::text::Description;
use tessera::service::catalogue::personas;
use tessera::service::keys::{access_tokens, api_keys, service_accounts};
use tessera::service::people::users;
use tessera::service::upkeep::audit;

use crate::datahub;
use crate::support::{App, repository};

/// How many records the smallest collection has.
const RECORDS: usize = 5;

#[test]
fn every_field_of_an_enum_is_in_its_table() {
    let mut tables = 0;
    for path in repository::files("src/domain", &["rs"]) {
        let text = repository::read(&path);
        for block in text.split("\nimpl Field for ").skip(1) {
            let name = block.split(' ').next().unwrap();
            let body = text.split(&format!("enum {name} {{")).nth(1).and_then(|rest| rest.split("\n}").next()).unwrap();
            let (mut variants, mut about) = (Vec::new(), "");
            for line in body.lines().map(str::trim) {
                match line.strip_suffix(',') {
                    // What only the service filters by is in no table.
                    Some(variant) if !about.contains("Internal") => variants.push(variant),
                    _ => about = line,
                }
                if !line.starts_with("///") {
                    about = "";
                }
            }
            let all = block.split("ALL: &'static [Self] =").nth(1).and_then(|rest| rest.split("];").next()).unwrap();
            let listed: Vec<&str> =
                all.split([',', '[']).filter_map(|field| field.trim().strip_prefix("Self::")).collect();
            assert_eq!(listed, variants, "{path}: {name}");
            tables += 1;
        }
    }
    assert!(tables >= 6, "{tables}");
}

async fn is_in_order<F: Field + Debug>(
    fields: usize,
    list: impl AsyncFn(Query<F>) -> tessera::domain::error::Result<Page<F::Record>>,
) {
    let sortable: Vec<F> = F::ALL.iter().copied().filter(|field| field.sortable()).collect();
    assert_eq!(sortable.len(), fields, "{sortable:?}");
    for field in sortable {
        for (direction, sign) in [(Direction::Ascending, ""), (Direction::Descending, "-")] {
            let sort = Sort::parse(&format!("{sign}{}", field.name())).unwrap();
            let page = async |limit, start| {
                let (filter, sort) = (Filter::EVERYTHING, sort.clone());
                list(Query { filter, sort, limit, start, totals: Totals::Exact }).await.unwrap()
            };
            let whole = page(1000, Start::Offset(0)).await;
            assert!(whole.next.is_none() && whole.records.len() >= RECORDS, "{field:?}");
            let counts = whole.counts.unwrap();
            assert_eq!([counts.total, counts.filtered], [i64::try_from(whole.records.len()).unwrap(); 2], "{field:?}");
            let mut expected: Vec<_> =
                whole.records.iter().map(|each| (field.sort_value(each), F::id_of(each))).collect();
            let told = expected.clone();
            expected.sort();
            if direction == Direction::Descending {
                expected.reverse();
            }
            assert_eq!(told, expected, "{field:?}");
            let (mut paged, mut start) = (Vec::new(), Some(Start::Offset(0)));
            while let Some(from) = start.take() {
                let part = page(2, from).await;
                assert!(part.records.len() <= 2);
                paged.extend(part.records.iter().map(F::id_of));
                start = part.next.map(Start::After);
            }
            let ids: Vec<String> = expected.into_iter().map(|(_, id)| id).collect();
            assert_eq!(paged, ids, "{field:?} {direction:?}");
        }
    }
}

#[actix_web::test]
async fn every_collection_is_sorted_and_paged_by_every_sortable_field() {
    let app = App::start().await;
    let admin = app.admin().await;
    let operator = app.operator();
    for index in 0..RECORDS {
        // Two of each have the same names and instants, and only their ids tell which comes first.
        if index != 1 {
            app.advance(1000);
        }
        let body = json!({"displayName": format!("key {}", index / 2), "validitySeconds": 1000 + index / 2});
        admin.try_create(&body).await.ok();
        admin.persona(&format!("persona {index}")).await;
        app.user(&format!("user{index}"), Role::Member).await;
        datahub::created(&admin, "admin", &format!("token {index}")).await;
        service_accounts::create(&app.service, &operator, None, Description::default()).await.unwrap();
    }
    let service = &app.service;
    is_in_order::<ApiKeyField>(7, async |query| api_keys::list(service, &operator, query).await).await;
    is_in_order::<PersonaField>(2, async |query| personas::list(service, &operator, query).await).await;
    is_in_order::<UserField>(2, async |query| users::list(service, &operator, query).await).await;
    is_in_order::<ServiceAccountField>(1, async |query| service_accounts::list(service, &operator, query).await).await;
    is_in_order::<AccessTokenField>(1, async |query| access_tokens::list(service, &operator, query).await).await;
    is_in_order::<ChangeField>(1, async |query| audit::list(service, &operator, query).await).await;
}

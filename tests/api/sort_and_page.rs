//! `sort`, `limit`, `offset` and `cursor`.

use std::collections::BTreeSet;

use serde_json::json;

use crate::create::KEYS;
use crate::support::{App, Client};

/// The fields that keys can be sorted by.
const SORTS: [&str; 7] = ["id", "displayName", "createdBy", "createdAt", "updatedAt", "expiresAt", "lastUsedAt"];

/// Twelve keys with ties in every field but the id.
async fn crowd() -> (App, Client) {
    let app = App::start().await;
    let admin = app.admin().await;
    let other = app.session_with("Zoe", tessera::domain::principal::Role::Admin).await;
    for index in 0..12_i64 {
        let name = ["b", "a", "B", "é"][usize::try_from(index % 4).unwrap()];
        let validity = if index % 3 == 0 { 409_968_000 } else { 60 * (index % 3) };
        let creator = if index % 5 == 0 { &other } else { &admin };
        let key = creator.try_create(&json!({"displayName": name, "validitySeconds": validity})).await.ok();
        if index % 2 == 0 {
            app.holder_of(key["attributes"]["accessToken"].as_str().unwrap()).whoami().await.ok();
        }
        if index % 4 == 3 {
            app.advance(1000);
            admin.try_update(key["id"].as_str().unwrap(), &json!({"displayName": name})).await.ok();
        }
    }
    (app, admin)
}

/// What a page is sorted by, in the order of `sort`, for comparison.
fn keys_of(records: &[serde_json::Value], sort: &str) -> Vec<(String, String)> {
    let field = sort.trim_start_matches('-');
    let text = |record: &serde_json::Value| match field {
        "id" => record["id"].as_str().unwrap().to_owned(),
        "displayName" => record["displayName"].as_str().unwrap().to_lowercase(),
        "createdBy" => record["attributes"][field].as_str().unwrap().to_owned(),
        _ => {
            let absent = if field == "expiresAt" { "9223372036854775807" } else { "0" };
            format!("{:0>19}", record["attributes"][field].as_str().unwrap_or(absent))
        }
    };
    records.iter().map(|record| (text(record), record["id"].as_str().unwrap().to_owned())).collect()
}

#[actix_web::test]
async fn every_sort_orders_by_its_field_and_breaks_ties_by_id() {
    let (_app, admin) = crowd().await;
    for sort in SORTS.iter().flat_map(|field| [(*field).to_owned(), format!("-{field}")]) {
        let page = admin.keys(&[("sort", &sort)]).await.ok();
        let listed = keys_of(page["records"].as_array().unwrap(), &sort);
        let mut sorted = listed.clone();
        sorted.sort();
        if sort.starts_with('-') {
            sorted.reverse();
        }
        assert_eq!(listed, sorted, "{sort}");
    }
}

#[actix_web::test]
async fn several_fields_sort_one_after_the_other() {
    let (_app, admin) = crowd().await;
    let page = admin.keys(&[("sort", "displayName,-expiresAt,createdBy")]).await.ok();
    let records = page["records"].as_array().unwrap();
    let names = keys_of(records, "displayName");
    let ends = keys_of(records, "expiresAt");
    let creators = keys_of(records, "createdBy");
    for next in 1..records.len() {
        let here = next - 1;
        let ascending = names[here]
            .0
            .cmp(&names[next].0)
            .then(ends[next].0.cmp(&ends[here].0))
            .then(creators[here].cmp(&creators[next]));
        assert!(ascending.is_lt(), "{} before {}", records[here], records[next]);
    }
}

#[actix_web::test]
async fn cursors_visit_every_record_once_in_every_order() {
    let (_app, admin) = crowd().await;
    let sorts = SORTS.iter().flat_map(|field| [(*field).to_owned(), format!("-{field}")]);
    for sort in sorts.chain(["displayName,-createdAt".to_owned(), "-createdBy,expiresAt,-lastUsedAt".to_owned()]) {
        let whole = admin.keys(&[("sort", &sort)]).await.column("id");
        let mut visited = Vec::new();
        let mut page = admin.keys(&[("sort", &sort), ("limit", "5")]).await;
        let mut pages = 1;
        while let Some(next) = page.next() {
            visited.extend(page.column("id"));
            page = admin.get(&next).await;
            pages += 1;
        }
        visited.extend(page.column("id"));
        assert_eq!((visited, pages), (whole, 3), "{sort}");
    }
}

#[actix_web::test]
async fn cursors_carry_the_filter_and_give_exact_totals_when_asked() {
    let (_app, admin) = crowd().await;
    let filter = json!({"displayName": {"$ilike": "B"}}).to_string();
    let first = admin.keys(&[("sort", "displayName"), ("limit", "4"), ("filter", &filter)]).await;
    assert_eq!(first.totals(), [12, 6]);
    let second = admin.get(&format!("{}&count=true", first.next().unwrap())).await;
    assert_eq!(second.totals(), [12, 6]);
    assert_eq!(second.column("id").len(), 2);
    assert_eq!(second.next(), None);
}

#[actix_web::test]
async fn a_page_by_cursor_leaves_the_totals_out_unless_asked() {
    let (_app, admin) = crowd().await;
    let next = admin.keys(&[("limit", "5")]).await.next().unwrap();
    let page = admin.get(&next).await.ok();
    assert_eq!((page.get("totalRecord"), page.get("filterRecord")), (None, None));
    assert_eq!(page["records"].as_array().unwrap().len(), 5);
}

#[actix_web::test]
async fn the_last_page_has_no_next_even_if_it_is_full() {
    let (_app, admin) = crowd().await;
    assert_eq!(admin.keys(&[("limit", "12")]).await.next(), None);
    assert!(admin.keys(&[("limit", "11")]).await.next().is_some());
}

#[actix_web::test]
async fn records_made_or_deleted_while_paging_move_no_other_record() {
    let (app, admin) = crowd().await;
    let before: BTreeSet<String> = admin.keys(&[]).await.column("id").into_iter().collect();
    let first = admin.keys(&[("limit", "5")]).await;
    app.advance(1);
    admin.create("newer").await;
    let seen = first.column("id");
    admin.delete_key(&seen[0]).await.ok();
    admin.delete_key(&seen[4]).await.ok();
    let second = admin.get(&first.next().unwrap()).await;
    let third = admin.get(&second.next().unwrap()).await;
    let visited: Vec<String> = [seen, second.column("id"), third.column("id")].concat();
    assert_eq!(visited.len(), 12);
    assert_eq!(visited.into_iter().collect::<BTreeSet<_>>(), before);
}

#[actix_web::test]
async fn offsets_visit_every_record_and_end_with_an_empty_page() {
    let (_app, admin) = crowd().await;
    let whole = admin.keys(&[]).await.column("id");
    let mut visited = Vec::new();
    for offset in ["0", "5", "10", "15"] {
        visited.extend(admin.keys(&[("offset", offset), ("limit", "5")]).await.column("id"));
    }
    assert_eq!(visited, whole);
}

#[actix_web::test]
async fn a_cursor_works_only_unaltered_and_for_its_own_question() {
    let (_app, admin) = crowd().await;
    let next = admin.keys(&[("limit", "5"), ("sort", "createdAt")]).await.next().unwrap();
    let cursor = next.rsplit_once("cursor=").unwrap().1.to_owned();
    admin.keys(&[("cursor", &cursor), ("sort", "createdAt"), ("limit", "3")]).await.ok();
    let forged = format!("{}{}", if cursor.starts_with('A') { 'B' } else { 'A' }, &cursor[1..]);
    for params in [
        [("cursor", cursor.as_str()), ("sort", "-createdAt")],
        [("cursor", cursor.as_str()), ("sort", "")],
        [("cursor", forged.as_str()), ("sort", "createdAt")],
        [("cursor", &cursor[..cursor.len() - 1]), ("sort", "createdAt")],
        [("cursor", "x"), ("sort", "createdAt")],
        [("cursor", "AAAAAAAAAAAAAAAAAAAAAA"), ("sort", "createdAt")],
    ] {
        admin.keys(&params).await.violates("cursor");
    }
    let filtered = [("cursor", cursor.as_str()), ("sort", "createdAt"), ("filter", r#"{"displayName":"a"}"#)];
    admin.keys(&filtered).await.violates("cursor");
    admin.list("/api/service/personas", &[("cursor", &cursor), ("sort", "createdAt")]).await.violates("cursor");
    admin.keys(&[("cursor", &cursor), ("sort", "createdAt"), ("offset", "1")]).await.violates("offset");
}

#[actix_web::test]
async fn a_cursor_of_another_installation_is_refused() {
    let (_app, admin) = crowd().await;
    let (_other, stranger) = crowd().await;
    let next = admin.keys(&[("limit", "5")]).await.next().unwrap();
    stranger.get(&next).await.violates("cursor");
}

#[actix_web::test]
async fn only_listed_fields_sort_and_each_once() {
    let admin = App::start().await.admin().await;
    for wrong in [
        "digest",
        "hash",
        "secret",
        "prefix",
        "password_hash",
        "display_name",
        "clientId",
        "description",
        "status",
        "personaQualifiedName",
        "-",
        ",",
        "-displayName,",
        "createdAt,createdAt",
        "createdAt,-createdAt",
        "--createdAt",
        "createdAt desc",
        "createdAt;",
        "+createdAt",
        "ASC,(CASE WHEN 1=1 THEN id END)",
        "1",
    ] {
        let message = admin.keys(&[("sort", wrong)]).await.violates("sort");
        assert!(!message.contains("SELECT"), "{message}");
    }
}

#[actix_web::test]
async fn the_next_page_is_relative_to_the_address_that_was_asked() {
    let (_app, admin) = crowd().await;
    for path in [KEYS.to_owned(), format!("{KEYS}/")] {
        let next = admin.list(&path, &[("limit", "5")]).await.next().unwrap();
        assert!(next.starts_with(&format!("{path}?")), "{next}");
        admin.get(&next).await.ok();
    }
}

//! API keys in the console.

use serde_json::json;
use tessera::clock::{DAY, MINUTE};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use super::{administered, cookies, csrf, enter, field, fields, led, post};
use crate::support::{App, PASSWORD};

fn token_in(text: &str) -> String {
    let at = text.find("tsk_").unwrap_or_else(|| panic!("{text}"));
    text[at..].chars().take(76).collect()
}

#[actix_web::test]
async fn a_token_is_on_one_page_once() {
    let (app, browser) = administered().await;
    let page = browser.get("/keys/new").await;
    let request_key = field(&page, "request_key");
    let form = [("name", "etl"), ("lifetime", "30"), ("request_key", request_key.as_str())];
    let created = browser.post("/keys/new", &form).await;
    let token = token_in(&created.text);
    assert_eq!(created.text.matches("tsk_").count(), 1);
    assert_eq!(app.holder_of(&token).whoami().await.status, 200);
    let id = app.admin().await.keys(&[]).await.column("id").remove(0);
    for path in [
        "/".to_owned(),
        "/keys".to_owned(),
        format!("/keys/{id}"),
        "/audit".to_owned(),
        "/audit/export/json".to_owned(),
    ] {
        assert!(!browser.get(&path).await.text.contains("tsk_"), "{path}");
    }
}

#[actix_web::test]
async fn a_host_that_the_page_cannot_show_creates_no_key() {
    let app = App::start().await;
    app.user("admin", Role::Admin).await;
    let entered = post(&app.anonymous(), "/login", &[("username", "admin"), ("password", PASSWORD)]).await;
    let odd = app.anonymous().with("host", "a@b/c").with("cookie", &cookies(&entered));
    let csrf = csrf(&odd.get("/keys/new").await);
    let form = [("csrf", csrf.as_str()), ("name", "etl"), ("lifetime", "30")];
    let refused = post(&odd, "/keys/new", &form).await;
    assert!(refused.status == 400 && refused.text.contains("must name a host"), "{}", refused.text);
    assert!(app.admin().await.keys(&[]).await.column("id").is_empty());
}

/// Idempotency key: a form sent again makes no second key, and voids the token shown before.
#[actix_web::test]
async fn reloading_the_page_of_a_token_makes_no_second_key() {
    let (app, browser) = administered().await;
    let request_key = field(&browser.get("/keys/new").await, "request_key");
    let form = [("name", "etl"), ("lifetime", "30"), ("request_key", request_key.as_str())];
    let first = token_in(&browser.post("/keys/new", &form).await.text);
    let second = token_in(&browser.post("/keys/new", &form).await.text);
    assert_ne!(first, second);
    assert_eq!(app.holder_of(&first).whoami().await.status, 401);
    assert_eq!(app.holder_of(&second).whoami().await.status, 200);
    assert_eq!(app.admin().await.keys(&[]).await.column("displayName"), ["etl"]);
}

#[actix_web::test]
async fn a_key_gets_what_the_form_says_and_what_is_wrong_is_said_beside_the_field() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    let persona = admin.persona("readers").await["qualifiedName"].as_str().unwrap().to_owned();
    let form = [
        ("name", "etl"),
        ("description", "loads"),
        ("lifetime", "until"),
        ("until", "2999-01-01"),
        ("persona", persona.as_str()),
        ("permission", "VERIFY_TOKENS"),
        ("addresses", "10.0.0.0/8 2001:db8::/32"),
        ("rate", "10"),
        ("period", "60"),
    ];
    let answer = browser.post("/keys/new", &form).await;
    assert!(
        answer.status == 400 && answer.text.contains("id=\"lifetime-error\"") && answer.text.contains("value=\"etl\"")
    );
    let form = form.map(|(name, value)| if name == "lifetime" { (name, "90") } else { (name, value) });
    assert_eq!(browser.post("/keys/new", &form).await.status, 200);
    let key = &admin.keys(&[]).await.json["records"][0];
    let told = &key["attributes"];
    assert_eq!(told["access.token.lifespan"], "7776000");
    assert_eq!(told["personaQualifiedName"][0]["personaQualifiedName"], persona.as_str());
    assert_eq!(told["workspacePermissions"], json!(["VERIFY_TOKENS"]));
    assert_eq!(told["allowedAddresses"], json!(["10.0.0.0/8", "2001:db8::/32"]));
    assert_eq!(told["rateLimit"], json!({"requests": 10, "seconds": 60}));
    for (broken, beside) in [
        (("name", " "), "name-error"),
        (("permission", "NONE"), "permission-error"),
        (("addresses", "here"), "addresses-error"),
        (("rate", "many"), "rate-error"),
        (("rate", "0"), "rate-error"),
        (("persona", "default/nobody"), "persona-error"),
    ] {
        let fields = [("name", "x"), ("lifetime", "30"), broken];
        let fields: Vec<_> = if broken.0 == "name" { vec![broken, ("lifetime", "30")] } else { fields.to_vec() };
        let answer = browser.post("/keys/new", &fields).await;
        assert!(answer.status == 400 && answer.text.contains(&format!("id=\"{beside}\"")), "{beside}: {}", answer.text);
    }
}

#[actix_web::test]
async fn nobody_gives_a_permission_that_they_do_not_hold() {
    let (app, _) = administered().await;
    let admin = app.admin().await;
    // A user whose only permission is `MANAGE_APIKEYS`.
    app.user("ada", Role::Guest).await;
    let policy = json!({"query": "mutation($input: PolicyUpdateInput!) { createPolicy(input: $input) }", "variables": {"input": {
        "name": "keys", "type": "PLATFORM", "state": "ACTIVE", "description": "", "privileges": ["MANAGE_APIKEYS"],
        "actors": {"users": ["urn:li:corpuser:ada"], "groups": [], "resourceOwners": false, "allUsers": false, "allGroups": false},
    }}});
    let written = admin.post("/api/graphql", &policy).await.ok();
    assert!(written["errors"].is_null(), "{written}");
    let ada = enter(&app, "ada").await;
    let page = ada.get("/keys/new").await;
    assert!(page.text.contains("You do not hold it, so you cannot give it."), "{}", page.text);
    let answer = ada.post("/keys/new", &[("name", "x"), ("lifetime", "30"), ("permission", "MANAGE_PERSONAS")]).await;
    assert!(answer.status == 400 && !answer.text.contains("tsk_"), "{}", answer.text);
    let own = ada.post("/keys/new", &[("name", "x"), ("lifetime", "30"), ("permission", "MANAGE_APIKEYS")]).await;
    assert!(own.text.contains("tsk_"), "{}", own.text);
}

#[actix_web::test]
async fn filters_are_in_the_address_and_can_be_taken_away() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    for (name, seconds) in [("short", 3 * 86_400), ("long", 300 * 86_400)] {
        admin.try_create(&json!({"displayName": name, "validitySeconds": seconds})).await.ok();
    }
    let id = admin.create("used").await["id"].as_str().unwrap().to_owned();
    let page = browser.get("/keys?expires=7&sort=displayName").await;
    assert!(page.text.contains(">short</a>") && !page.text.contains(">long</a>") && !page.text.contains(">used</a>"));
    assert!(
        page.text.contains("href=\"./keys?sort=displayName\""),
        "the chip leads to the list without it: {}",
        page.text
    );
    for (query, found) in [
        ("q=LON", "long"),
        (&format!("q=apikey-{id}")[..], "used"),
        (&format!("q={id}"), "used"),
        ("expires=never", "used"),
        ("q=long&status=active&used=never&creator=admin&persona=none", "long"),
    ] {
        let page = browser.get(&format!("/keys?{query}")).await;
        assert_eq!((page.status, page.text.matches("class=\"name\"").count()), (200, 1), "{query}");
        assert!(page.text.contains(&format!(">{found}</a>")), "{query}");
    }
    assert!(browser.get("/keys?q=100%25").await.text.contains("No key matches"));
    app.advance(4 * DAY);
    let browser = enter(&app, "admin").await;
    assert!(browser.get("/keys?status=expired").await.text.contains(">short</a>"));
}

/// Whatever the select lists: the next search would drop the filter otherwise.
#[actix_web::test]
async fn the_chosen_persona_is_offered_however_many_there_are() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    let mut last = String::new();
    for number in 0..=80 {
        let persona = admin.persona(&format!("persona {number:03}")).await;
        last = persona["qualifiedName"].as_str().unwrap().to_owned();
    }
    let listed = browser.get("/keys").await;
    assert!(listed.text.contains(">persona 079</option>") && !listed.text.contains(&last), "{}", listed.text);
    assert!(listed.text.contains("Others: on the page of a persona</option>"), "{}", listed.text);
    let page = browser.get(&format!("/keys?persona={last}")).await;
    let chosen = format!("<option value=\"{last}\" selected>persona 080</option>");
    assert!(page.text.contains(&chosen), "{}", page.text);
    assert!(page.text.contains("<b>Persona</b> persona 080 "), "{}", page.text);
    let unknown = browser.get("/keys?persona=default/unknown").await;
    assert!(unknown.text.contains("<option value=\"default/unknown\" selected>"), "{}", unknown.text);
}

#[actix_web::test]
async fn pages_follow_each_other_without_gaps() {
    let (app, browser) = administered().await;
    for number in 0..120 {
        app.key(&format!("key-{number:03}"), &[]).await;
    }
    let (mut path, mut seen, mut pages) = ("/keys?sort=displayName".to_owned(), Vec::new(), 0);
    loop {
        let page = browser.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        seen.extend(
            page.text.split("class=\"name\"").skip(1).map(|rest| rest.split(['>', '<']).nth(1).unwrap().to_owned()),
        );
        pages += 1;
        let Some((_, rest)) = page.text.split_once("rel=\"next\" href=\".") else { break };
        path = rest.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
    }
    assert_eq!((pages, seen.len()), (3, 120));
    assert!(seen.is_sorted(), "{seen:?}");
}

#[actix_web::test]
async fn a_key_tells_what_it_may_do_and_why_not() {
    let (app, browser) = administered().await;
    let id = app.key("etl", &[Permission::VerifyTokens]).await.api_key.id;
    let page = browser.get(&format!("/keys/{id}")).await;
    assert!(page.text.contains("VERIFY_TOKENS") && page.text.contains("granted to the key itself"), "{}", page.text);
    let no = browser.get(&format!("/keys/{id}?action=MANAGE_APIKEYS")).await;
    assert!(no.text.contains("<strong>No.</strong> It lacks the permission."), "{}", no.text);
    let yes = browser.get(&format!("/keys/{id}?action=VERIFY_TOKENS")).await;
    assert!(yes.text.contains("<strong>Yes.</strong>"), "{}", yes.text);
    let no = browser.get(&format!("/keys/{id}?action=persona-asset-read&resource=default%2Fx&type=Table")).await;
    assert!(no.text.contains("It has no persona"), "{}", no.text);
}

#[actix_web::test]
async fn actions_that_are_shown_together_tell_their_latest_use() {
    let (app, browser) = administered().await;
    let both = [Permission::ManageApiKeys, Permission::ViewAudit];
    let (one, other) = (app.key_with(&both).await, app.key_with(&both).await);
    let new = json!({"displayName": "made"});
    one.try_create(&new).await.ok();
    other.get("/api/service/audit").await.ok();
    app.advance(20 * MINUTE);
    one.get("/api/service/audit").await.ok();
    other.try_create(&new).await.ok();
    for key in [one, other] {
        let page = browser.get(&format!("/keys/{}", key.id)).await.text;
        let (_, may) = page.split_once("id=\"may\"").unwrap();
        let (may, _) = may.split_once("</section>").unwrap();
        assert_eq!(may.matches("granted to the key itself").count(), 1, "{may}");
        assert!(!may.contains("20 minutes ago") && !may.contains("never used"), "{may}");
    }
}

#[actix_web::test]
async fn the_chart_and_the_question_keep_each_other() {
    let (app, browser) = administered().await;
    let id = app.key("etl", &[]).await.api_key.id;
    let page = browser.get(&format!("/keys/{id}?action=VERIFY_TOKENS&resource=a%26b&by=day")).await.text;
    assert!(page.contains("href=\"?by=month&#38;action=VERIFY_TOKENS&#38;resource=a%26b#use\""), "{page}");
    assert!(page.contains("<input type=\"hidden\" name=\"by\" value=\"day\">"), "{page}");
}

/// Optimistic locking: the same form is open in two tabs.
#[actix_web::test]
async fn who_edits_what_has_changed_meanwhile_is_told_and_loses_nothing() {
    let (app, browser) = administered().await;
    let id = app.key("etl", &[Permission::VerifyTokens]).await.api_key.id;
    let path = format!("/keys/{id}/edit");
    let edition = field(&browser.get(&path).await, "edition");
    let mine = |name| {
        [
            ("edition", edition.clone()),
            ("name", String::from(name)),
            ("lifetime", "keep".into()),
            ("permission", "VERIFY_TOKENS".into()),
        ]
    };
    let first = mine("first");
    let first: Vec<_> = first.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(led(&browser.post(&path, &first).await), format!("../../keys/{id}?done=changed"));
    let second = mine("second");
    let second: Vec<_> = second.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let told = browser.post(&path, &second).await;
    assert!(told.status == 400 && told.text.contains("This key was changed while you edited it."), "{}", told.text);
    assert!(told.text.contains("value=\"second\""), "what was entered is still there");
    assert_eq!(app.admin().await.keys(&[]).await.column("displayName"), ["first"]);
    let fresh = field(&told, "edition");
    let again: Vec<_> = second
        .iter()
        .map(|(name, value)| if *name == "edition" { (*name, fresh.as_str()) } else { (*name, *value) })
        .collect();
    assert_eq!(led(&browser.post(&path, &again).await), format!("../../keys/{id}?done=changed"));
}

#[actix_web::test]
async fn a_key_is_deleted_only_by_its_name() {
    let (app, browser) = administered().await;
    let created = app.key("etl", &[]).await;
    let (id, token) = (created.api_key.id, created.token.expose());
    let path = format!("/keys/{id}/delete");
    let refused = browser.post(&path, &[("name", "et")]).await;
    assert!(refused.status == 400 && refused.text.contains("This is not the name."), "{}", refused.text);
    assert_eq!(app.holder_of(&token).whoami().await.status, 200);
    assert!(browser.get(&path).await.text.contains("It is in use."));
    let shown = field(&browser.get(&path).await, "edition");
    let change = json!({"displayName": "etl", "description": "the pipeline of all"});
    app.admin().await.try_update(&id.to_string(), &change).await.ok();
    let late = browser.post(&path, &[("edition", &shown), ("name", "etl")]).await;
    assert!(late.status == 400 && late.text.contains("This key was changed since you loaded"), "{}", late.text);
    assert_eq!(app.holder_of(&token).whoami().await.status, 200);
    let deleted = browser.post_shown(&path, &path, &[("name", "etl")]).await;
    assert_eq!(led(&deleted), "../../keys?done=deleted");
    assert_eq!(app.holder_of(&token).whoami().await.status, 401);
}

#[actix_web::test]
async fn several_keys_change_only_after_a_preview() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    let persona = admin.persona("readers").await["qualifiedName"].as_str().unwrap().to_owned();
    let (one, two) =
        (app.key("one", &[]).await.api_key.id.to_string(), app.key("two", &[]).await.api_key.id.to_string());
    let chosen = [("key", one.as_str()), ("key", two.as_str())];
    let link = [&chosen[..], &[("operation", "link"), ("with", &persona)]].concat();
    let preview = browser.post("/keys/bulk", &link).await;
    assert!(
        preview.text.contains("Nothing has happened yet.") && preview.text.contains("gains the persona"),
        "{}",
        preview.text
    );
    let linked = async || {
        let filter = json!({"personaQualifiedName": persona}).to_string();
        admin.keys(&[("filter", &filter)]).await.column("displayName").len()
    };
    assert_eq!(linked().await, 0);
    let seen = fields(&preview, "seen");
    let seen: Vec<_> = seen.iter().map(|value| ("seen", value.as_str())).collect();
    let done = browser.post("/keys/bulk", &[&link[..], &[("step", "go")], &seen].concat()).await;
    assert!(done.text.contains("<h1>Done</h1>"), "{}", done.text);
    assert_eq!(linked().await, 2);
    let seen = fields(&browser.post("/keys/bulk", &[&chosen[..], &[("operation", "delete")]].concat()).await, "seen");
    let seen: Vec<_> = seen.iter().map(|value| ("seen", value.as_str())).collect();
    let delete = [&chosen[..], &[("operation", "delete"), ("step", "go")], &seen].concat();
    for count in ["", "1", "3"] {
        let refused = browser.post("/keys/bulk", &[&delete[..], &[("count", count)]].concat()).await;
        assert!(refused.status == 400 && refused.text.contains("This is not how many keys there are."), "{count}");
    }
    assert_eq!(linked().await, 2);
    browser.post("/keys/bulk", &[&delete[..], &[("count", "2")]].concat()).await;
    assert_eq!(linked().await, 0);
    let list = [("operation", "delete"), ("list", "keys?status=active")];
    assert_eq!(led(&browser.post("/keys/bulk", &list).await), "../keys?status=active&done=none-chosen");
    let elsewhere = [("operation", "delete"), ("list", "https://example.com")];
    assert_eq!(led(&browser.post("/keys/bulk", &elsewhere).await), "../keys?done=none-chosen");
    let told = browser.get("/keys?status=active&done=none-chosen").await;
    assert!(told.text.contains("role=\"alert\">Nothing was done: choose 1 to 50 keys"), "{}", told.text);
}

#[actix_web::test]
async fn several_keys_that_changed_since_the_preview_are_shown_again() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    let mut ids = Vec::new();
    for name in ["kept", "renamed", "edited", "gone", "woken"] {
        ids.push(app.key(name, &[]).await);
    }
    let chosen: Vec<String> = ids.iter().map(|created| created.api_key.id.to_string()).collect();
    let keys: Vec<_> = chosen.iter().map(|id| ("key", id.as_str())).collect();
    let ask = [&keys[..], &[("operation", "delete")]].concat();
    let preview = fields(&browser.post("/keys/bulk", &ask).await, "seen");
    let go = |seen: &[String], count: &'static str| -> Vec<(&'static str, String)> {
        let keys = chosen.iter().map(|id| ("key", id.clone()));
        let rest = [("operation", "delete".to_owned()), ("step", "go".to_owned()), ("count", count.to_owned())];
        keys.chain(seen.iter().map(|value| ("seen", value.clone()))).chain(rest).collect()
    };
    let send = async |form: Vec<(&'static str, String)>| {
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post("/keys/bulk", &form).await
    };
    admin.try_update(&chosen[1], &json!({"displayName": "other"})).await.ok();
    admin.try_update(&chosen[2], &json!({"displayName": "edited", "description": "new"})).await.ok();
    admin.delete_key(&chosen[3]).await.ok();
    app.holder_of(&ids[4].token.clone().expose()).whoami().await.ok();
    let told = send(go(&preview, "5")).await;
    assert_eq!(told.status, 409, "{}", told.text);
    for sentence in [
        "“renamed” was changed, and is now called “other”.",
        "“edited” was changed.",
        "“gone” was deleted.",
        "“woken” was used.",
    ] {
        assert!(told.text.contains(sentence), "{sentence} {}", told.text);
    }
    assert!(!told.text.contains("“kept” was"), "{}", told.text);
    assert_eq!(admin.keys(&[]).await.column("id").len(), 4, "nothing was done");
    let unseen = send(go(&fields(&told, "seen")[..3], "4")).await;
    assert!(unseen.status == 409 && unseen.text.contains("was not shown."), "{}", unseen.text);
    let done = send(go(&fields(&told, "seen"), "4")).await;
    assert!(done.text.contains("<h1>Done</h1>"), "{}", done.text);
    assert!(admin.keys(&[]).await.column("id").is_empty());
}

/// URLs are kept in histories and logs.
#[actix_web::test]
async fn a_token_is_not_searched_for() {
    let (app, browser) = administered().await;
    let token = app.key_with(&[]).await.token;
    let page = browser.get(&format!("/keys?q={token}")).await;
    assert_eq!(page.status, 400);
    assert!(!page.text.contains(&token), "{}", page.text);
}

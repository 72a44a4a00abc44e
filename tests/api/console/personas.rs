//! Personas in the console: creating, linking, policies with a preview, and what a key could do with other personas.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use super::{Browser, administered, enter, field, led};
use crate::datahub;
use crate::support::{App, Client, Holder};

const CONNECTION: &str = "default/snowflake/1";
const READ: &str = "persona-asset-read";
const UPDATE: &str = "persona-asset-update";

/// A persona of that name, and a key linked to it.
struct Linked {
    id: String,
    qualified_name: String,
    key: Holder,
}

async fn linked(app: &App, admin: &Client, name: &str) -> Linked {
    let persona = admin.persona(name).await;
    let (id, qualified_name) = (text(&persona["id"]), text(&persona["qualifiedName"]));
    let key = app.key_with(&[]).await;
    let link = json!({"displayName": format!("key of {name}"), "personaQualifiedNames": [qualified_name]});
    admin.try_update(&key.id, &link).await.ok();
    Linked { id, qualified_name, key }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The fields of a metadata policy about the connection.
fn policy<'a>(name: &'a str, effect: &'a str, action: &'a str, resources: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("name", name),
        ("effect", effect),
        ("category", "metadata"),
        ("action-metadata", action),
        ("resources", resources),
    ]
}

fn plus<'a>(fields: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [fields, more].concat()
}

/// Saves a new policy.
async fn save(browser: &Browser, persona: &str, fields: &[(&str, &str)]) {
    let saved = browser.post(&format!("/personas/{persona}/policies/new"), &plus(fields, &[("step", "save")])).await;
    assert_eq!(led(&saved), format!("../../../personas/{persona}?done=policy"));
}

/// The path of the only policy of a persona, as its page links to it.
async fn only_policy(browser: &Browser, persona: &str) -> String {
    let page = browser.get(&format!("/personas/{persona}")).await;
    let start = format!("../personas/{persona}/policies/");
    let ids: Vec<&str> = page.text.split(&start).skip(1).map(|rest| &rest[..36]).collect();
    let id = ids.iter().find(|id| !id.starts_with("new")).unwrap_or_else(|| panic!("{}", page.text));
    format!("/personas/{persona}/policies/{id}")
}

/// Whether the engine allows an action on a resource for the bearer.
async fn may(key: &Holder, action: &str, resource: &str) -> bool {
    let asked = json!({"action": action, "resource": {"id": resource, "type": "Table"}});
    let answer = key.post("/api/service/explain", &asked).await.ok();
    answer["allowed"].as_bool().unwrap_or_else(|| panic!("{answer}"))
}

#[actix_web::test]
async fn a_persona_is_created_changed_and_deleted_by_its_name() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    let created = browser.post("/personas/new", &[("name", "Readers"), ("description", "They read")]).await;
    let id = led(&created).strip_prefix("../personas/").and_then(|rest| rest.strip_suffix("?done=created")).unwrap();
    let (path, edit) = (format!("/api/service/personas/{id}"), format!("/personas/{id}/edit"));
    assert_eq!(admin.get(&path).await.json["description"], "They read");
    let taken = browser.post("/personas/new", &[("name", "Readers")]).await;
    assert!(taken.status == 400 && taken.text.contains("id=\"name-error\""), "{}", taken.text);
    let edition = field(&browser.get(&edit).await, "edition");
    let changes =
        [("edition", edition.as_str()), ("name", "Writers"), ("display_name", "All who write"), ("state", "disabled")];
    assert_eq!(led(&browser.post(&edit, &changes).await), format!("../../personas/{id}?done=changed"));
    let changed = admin.get(&path).await.json;
    assert_eq!(
        (&changed["name"], &changed["displayName"], &changed["enabled"]),
        (&json!("Writers"), &json!("All who write"), &json!(false))
    );
    let late = browser.post(&edit, &[("edition", edition.as_str()), ("name", "Mine")]).await;
    assert!(late.status == 400 && late.text.contains("This persona was changed"), "{}", late.text);
    assert!(late.text.contains("value=\"Mine\""), "nothing is lost: {}", late.text);
    let delete = format!("/personas/{id}/delete");
    assert_eq!(browser.post(&delete, &[("name", "Writers")]).await.status, 400, "people read its display name");
    let shown = field(&browser.get(&delete).await, "edition");
    save(&browser, id, &policy("reads", "deny", READ, "*")).await;
    let late = browser.post(&delete, &[("edition", &shown), ("name", "All who write")]).await;
    assert!(late.status == 400 && late.text.contains("Nothing was deleted."), "its policies changed: {}", late.text);
    let deleted = browser.post_shown(&delete, &delete, &[("name", "All who write")]).await;
    assert_eq!(led(&deleted), "../../personas?done=deleted");
    assert_eq!(admin.get(&path).await.status, 404);
}

#[actix_web::test]
async fn a_policy_is_saved_after_a_preview_of_who_gains_what() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    admin.asset("Connection", CONNECTION).await;
    let readers = linked(&app, &admin, "Readers").await;
    let new = format!("/personas/{}/policies/new", readers.id);
    let fields = policy("reads", "allow", READ, CONNECTION);
    let preview = browser.post(&new, &fields).await;
    assert_eq!(preview.status, 200, "{}", preview.text);
    for told in ["Gains", "key of Readers", READ, "default/snowflake/1 and what lies beneath"] {
        assert!(preview.text.contains(told), "{told}: {}", preview.text);
    }
    let table = format!("{CONNECTION}/t");
    assert!(!may(&readers.key, READ, &table).await, "a preview changes nothing");
    save(&browser, &readers.id, &fields).await;
    assert!(may(&readers.key, READ, &table).await);

    let path = only_policy(&browser, &readers.id).await;
    let form = browser.get(&path).await;
    assert!(form.text.contains(&format!("value=\"{READ}\" checked")), "{}", form.text);
    let edition = field(&form, "edition");
    let narrower = policy("reads", "allow", READ, "default/snowflake/1/sales");
    let preview = browser.post(&path, &narrower).await;
    assert!(preview.text.contains("Loses"), "{}", preview.text);
    assert!(preview.text.contains("default/snowflake/1/sales and what lies beneath"), "what stays: {}", preview.text);
    let back = browser.post(&path, &plus(&narrower, &[("step", "edit"), ("edition", &edition)])).await;
    assert!(back.status == 200 && back.text.contains("default/snowflake/1/sales</textarea>"), "{}", back.text);
    let saved = plus(&narrower, &[("step", "save"), ("edition", &edition)]);
    assert!(led(&browser.post(&path, &saved).await).ends_with("?done=policy"));
    assert!(!may(&readers.key, READ, &table).await && may(&readers.key, READ, &format!("{CONNECTION}/sales/t")).await);

    let question = browser.get(&format!("{path}/delete")).await;
    assert!(question.text.contains("Loses"), "{}", question.text);
    let deleted = browser.post(&format!("{path}/delete"), &[("edition", &field(&question, "edition"))]).await;
    assert!(led(&deleted).ends_with("?done=policy-deleted"));
    assert!(!may(&readers.key, READ, &format!("{CONNECTION}/sales/t")).await);
}

#[actix_web::test]
async fn a_preview_tells_what_stays_as_it_is_and_because_of_what() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    admin.asset("Connection", CONNECTION).await;
    let readers = linked(&app, &admin, "Readers").await;
    let guarded = admin.persona("Guarded").await;
    let link = json!({"displayName": "k", "personaQualifiedNames": [readers.qualified_name, guarded["qualifiedName"]]});
    admin.try_update(&readers.key.id, &link).await.ok();
    save(&browser, guarded["id"].as_str().unwrap(), &policy("no salaries", "deny", READ, "default/snowflake/1/hr"))
        .await;
    let new = format!("/personas/{}/policies/new", readers.id);
    let within = browser.post(&new, &policy("reads", "allow", READ, "default/snowflake/1/hr/salaries")).await;
    assert!(within.text.contains("Still refused") && !within.text.contains("Gains"), "{}", within.text);
    assert!(within.text.contains("because of no salaries"), "{}", within.text);
    let around = browser.post(&new, &policy("reads", "allow", READ, CONNECTION)).await;
    assert!(around.text.contains("Gains") && around.text.contains("Still refused"), "{}", around.text);
    assert!(around.text.contains("default/snowflake/1/hr and what lies beneath"), "{}", around.text);
    let disabled = plus(&policy("reads", "allow", READ, CONNECTION), &[("state", "disabled")]);
    let disabled = browser.post(&new, &disabled).await;
    assert!(disabled.text.contains("Nothing changes.") && !disabled.text.contains("Gains"), "{}", disabled.text);
}

#[actix_web::test]
async fn what_is_wrong_with_a_policy_is_said_beside_its_field() {
    let (app, browser) = administered().await;
    let persona = text(&app.admin().await.persona("Readers").await["id"]);
    let good = policy("reads", "allow", READ, CONNECTION);
    let long = format!("default/{}", "x".repeat(1024));
    for (name, value, beside) in [
        ("name", "", "name-error"),
        ("effect", "permit", "effect-error"),
        ("category", "platform", "category-error"),
        ("category", "data", "actions-error"),
        ("action-metadata", "select", "actions-error"),
        ("resources", " \n ", "resources-error"),
        ("resources", &long, "resources-error"),
        ("resources", "default/\u{0}", "resources-error"),
    ] {
        let fields: Vec<_> =
            good.iter().map(|(known, old)| (*known, if *known == name { value } else { *old })).collect();
        // The script asks for a check while the user types: what is wrong then is no failure.
        for (step, status) in [("preview", 400), ("save", 400), ("check", 200)] {
            let fields = plus(&fields, &[("step", step)]);
            let answer = browser.post(&format!("/personas/{persona}/policies/new"), &fields).await;
            assert_eq!(answer.status, status, "{name} {value}");
            assert!(answer.text.contains(&format!("id=\"{beside}\"")), "{beside}: {}", answer.text);
        }
    }
    let checked = browser.post(&format!("/personas/{persona}/policies/new"), &plus(&good, &[("step", "check")])).await;
    assert!(checked.status == 200 && !checked.text.contains("class=\"error\""), "{}", checked.text);
    assert!(browser.get(&format!("/personas/{persona}")).await.text.contains("No policies yet"));
}

#[actix_web::test]
async fn who_edits_a_policy_that_changed_meanwhile_is_told_and_loses_nothing() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    admin.asset("Connection", CONNECTION).await;
    let persona = text(&admin.persona("Readers").await["id"]);
    save(&browser, &persona, &policy("reads", "allow", READ, CONNECTION)).await;
    let path = only_policy(&browser, &persona).await;
    let edition = field(&browser.get(&path).await, "edition");
    let named = |name| plus(&policy(name, "allow", READ, CONNECTION), &[("step", "save")]);
    led(&browser.post(&path, &plus(&named("theirs"), &[("edition", &edition)])).await);
    let late = browser.post(&path, &plus(&named("mine"), &[("edition", &edition)])).await;
    assert!(late.status == 400 && late.text.contains("This policy was changed"), "{}", late.text);
    assert!(late.text.contains("value=\"mine\""), "{}", late.text);
    let late = browser.post(&format!("{path}/delete"), &[("edition", &edition)]).await;
    assert!(late.status == 400 && late.text.contains("It was not deleted."), "{}", late.text);
    led(&browser.post(&path, &plus(&named("mine"), &[("edition", &field(&late, "edition"))])).await);
}

#[actix_web::test]
async fn keys_and_users_are_linked_and_unlinked_by_picking_them() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    app.user("ada", Role::Member).await;
    let persona = admin.persona("Readers").await;
    let (id, name) = (text(&persona["id"]), text(&persona["qualifiedName"]));
    let key = app.key("nightly", &[]).await.api_key.id;
    let members = format!("/personas/{id}/members");
    let found = browser.get(&format!("{members}?q=nightly")).await;
    let member = field(&found, "member");
    assert_eq!(member, format!("service-account-apikey-{key}"));
    assert_eq!(
        led(&browser.post(&members, &[("member", &member), ("operation", "link")]).await),
        format!("../..{members}?done=linked")
    );
    led(&browser.post(&members, &[("member", "ada"), ("operation", "link")]).await);
    let linked = admin.key(&key.to_string()).await.json;
    assert_eq!(linked["attributes"]["personaQualifiedName"][0]["personaQualifiedName"], name.as_str(), "{linked}");
    assert_eq!(admin.entity(&id).await.json["entity"]["attributes"]["personaUsers"], json!(["ada"]));
    let page = browser.get(&format!("/personas/{id}")).await;
    assert!(page.text.contains("nightly") && page.text.contains("<li>ada</li>"), "{}", page.text);
    for member in [member.as_str(), "ada"] {
        led(&browser.post(&members, &[("member", member), ("operation", "unlink")]).await);
    }
    assert!(browser.get(&members).await.text.contains("No keys or users that you see"));
    for (member, operation, status) in
        [("nobody", "link", 400), ("ada", "x", 400), ("\u{0}", "link", 400), ("", "link", 400)]
    {
        assert_eq!(
            browser.post(&members, &[("member", member), ("operation", operation)]).await.status,
            status,
            "{member} {operation}"
        );
    }
}

#[actix_web::test]
async fn what_a_key_would_gain_and_lose_with_other_personas_is_shown_before_saving() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    admin.asset("Connection", CONNECTION).await;
    let readers = linked(&app, &admin, "Readers").await;
    let writers = admin.persona("Writers").await;
    save(&browser, &readers.id, &policy("reads", "allow", READ, CONNECTION)).await;
    save(&browser, writers["id"].as_str().unwrap(), &policy("writes", "allow", UPDATE, CONNECTION)).await;
    let path = format!("/keys/{}/personas", readers.key.id);
    assert!(browser.get(&path).await.text.contains("Choose other personas"));
    let writers = text(&writers["qualifiedName"]);
    let tried = browser.get(&format!("{path}?try=1&persona={writers}")).await;
    for (word, action) in [("Gains", UPDATE), ("Loses", READ)] {
        let (_, row) = tried.text.split_once(word).unwrap_or_else(|| panic!("{word}: {}", tried.text));
        assert!(row.split("</tr>").next().unwrap().contains(action), "{word} {action}: {}", tried.text);
    }
    assert!(may(&readers.key, READ, CONNECTION).await, "nothing is saved");
    let form = [("edition", field(&tried, "edition")), ("persona", writers.clone())];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(led(&browser.post(&path, &form).await), format!("../../keys/{}?done=changed", readers.key.id));
    assert!(may(&readers.key, UPDATE, CONNECTION).await && !may(&readers.key, READ, CONNECTION).await);
    let late = browser.post(&path, &form).await;
    assert!(late.status == 400 && late.text.contains("This key was changed"), "{}", late.text);
    let unknown = browser.get(&format!("{path}?try=1&persona=default/nothing")).await;
    assert!(unknown.status == 400 && unknown.text.contains("default/nothing"), "{}", unknown.text);
}

#[actix_web::test]
async fn nobody_is_told_what_others_gain_without_the_permission_to_ask() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    app.user("ada", Role::Member).await;
    let named = json!({"qualifiedName": CONNECTION, "name": "x", "adminUsers": ["admin", "ada"]});
    admin.save("Connection", &named).await.ok();
    let readers = linked(&app, &admin, "Readers").await;
    let members = format!("/personas/{}/members", readers.id);
    let ada = enter(&app, "ada").await;
    for path in ["/personas/new", &members, &format!("/keys/{}/personas", readers.key.id)] {
        assert_eq!(ada.get(path).await.status, 403, "{path}");
    }
    let new = format!("/personas/{}/policies/new", readers.id);
    let fields = policy("reads", "allow", READ, CONNECTION);
    let others = ada.post(&new, &fields).await;
    assert!(others.status == 200 && others.text.contains("MANAGE_APIKEYS"), "{}", others.text);
    assert!(!others.text.contains("Gains") && !others.text.contains("key of Readers"), "{}", others.text);
    led(&browser.post(&members, &[("member", "ada"), ("operation", "link")]).await);
    // A change of what she may do ends no session, and her next request sees it.
    let own = ada.post(&new, &policy("reads", "deny", READ, CONNECTION)).await;
    assert!(own.text.contains("Loses") || own.text.contains("Keeps"), "{}", own.text);
    assert!(own.text.contains("ada") && !own.text.contains("key of Readers"), "{}", own.text);
    let elsewhere = plus(&policy("reads", "allow", READ, "default/oracle/1"), &[("step", "save")]);
    let refused = ada.post(&new, &elsewhere).await;
    assert!(refused.status == 400 && refused.text.contains("id=\"resources-error\""), "{}", refused.text);
    save(&ada, &readers.id, &fields).await;
    assert!(may(&readers.key, READ, CONNECTION).await, "an admin of the connection may write about it");
}

/// Its patterns are the names of what somebody has.
#[actix_web::test]
async fn a_preview_shows_no_pattern_of_policies_that_the_actor_may_not_read() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    let readers = linked(&app, &admin, "Readers").await;
    save(&browser, &readers.id, &policy("secret", "deny", READ, "default/snowflake/1/salaries")).await;
    app.user("kim", Role::Member).await;
    let actors =
        json!({"users": ["urn:li:corpuser:kim"], "resourceOwners": false, "allUsers": false, "allGroups": false});
    let policy_of_kim = datahub::policy(&actors, &["MANAGE_APIKEYS"]);
    datahub::data(&datahub::ask(&admin, datahub::CREATE_POLICY, json!({"input": policy_of_kim})).await);
    let kim = enter(&app, "kim").await;
    let new = format!("/personas/{}/policies/new", readers.id);
    let preview = kim.post(&new, &policy("all", "allow", READ, "*")).await;
    assert!(preview.status == 200 && preview.text.contains("Gains"), "{}", preview.text);
    assert!(!preview.text.contains("salaries"), "{}", preview.text);
    let told = browser.post(&new, &policy("all", "allow", READ, "*")).await;
    assert!(told.text.contains("salaries"), "{}", told.text);
}

#[actix_web::test]
async fn a_preview_of_very_many_resources_is_cut_short() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    let readers = linked(&app, &admin, "Readers").await;
    let names: Vec<String> = (0..60).map(|number| format!("{CONNECTION}/schema-{number}")).collect();
    let types: Vec<String> = (0..60).map(|number| format!("Type{number}")).collect();
    let (names, types) = (names.join("\n"), types.join("\n"));
    let fields = plus(&policy("all", "allow", READ, &names), &[("types", &types)]);
    let new = format!("/personas/{}/policies/new", readers.id);
    let draft = browser.post(&new, &fields).await;
    assert!(draft.text.contains("More keys, users or resources are concerned"), "{} {}", draft.status, draft.text);
    save(&browser, &readers.id, &fields).await;
    let stored = browser.post(&new, &policy("one", "deny", READ, "*")).await;
    assert!(stored.text.contains("More keys, users or resources are concerned"), "{} {}", stored.status, stored.text);
}

#[actix_web::test]
async fn a_preview_says_if_more_keys_are_linked_than_it_compares() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    let persona = admin.persona("Readers").await;
    let new = format!("/personas/{}/policies/new", persona["id"].as_str().unwrap());
    let key = json!({"displayName": "k", "personaQualifiedNames": [persona["qualifiedName"]]});
    let fields = policy("reads", "allow", READ, CONNECTION);
    for linked in 1..=101 {
        admin.try_create(&key).await.ok();
        if linked < 100 {
            continue;
        }
        let preview = browser.post(&new, &fields).await;
        assert!(preview.text.contains("and 88 more"), "{}", preview.text);
        let more = "More keys, users or resources are concerned";
        assert_eq!(preview.text.contains(more), linked > 100, "{linked}: {}", preview.text);
    }
}

#[actix_web::test]
async fn a_persona_beyond_those_that_a_form_lists_stays_linked() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    for number in 0..501 {
        admin.persona(&format!("p{number:03}")).await;
    }
    let last = linked(&app, &admin, "zzz").await;
    let page = browser.get(&format!("/keys/{}/edit", last.key.id)).await;
    assert!(page.text.contains(&format!("value=\"{}\" checked", last.qualified_name)), "{}", page.text);
    assert!(!page.text.contains(&format!("value=\"{}\" disabled", Permission::ManageApiKeys.name())));
}

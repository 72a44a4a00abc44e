//! Policies of the platform in the console: creating, changing, enabling, disabling and deleting them.

use tessera::domain::principal::Role;

use super::{Browser, administered, enter, field, led};

const FORM: [(&str, &str); 4] =
    [("name", "Auditors"), ("permission", "VIEW_AUDIT"), ("users", "ada"), ("state", "enabled")];

/// The path of the policy of that name, as the list links to it.
async fn path_of(browser: &Browser, name: &str) -> String {
    let page = browser.get("/policies").await.text;
    let (before, _) =
        page.split_once(&format!("Edit<span class=\"unseen\"> {name}<")).unwrap_or_else(|| panic!("{page}"));
    let (_, link) = before.rsplit_once("href=\".").unwrap();
    link.split('"').next().unwrap().to_owned()
}

#[actix_web::test]
async fn a_policy_of_the_platform_is_created_switched_changed_and_deleted() {
    let (app, browser) = administered().await;
    app.user("ada", Role::Guest).await;
    let ada = enter(&app, "ada").await;
    let may = async || ada.get("/audit").await.status == 200;
    assert!(!may().await);
    assert_eq!(led(&browser.post("/policies/new", &FORM).await), "../policies?done=saved");
    assert!(may().await);
    let path = path_of(&browser, "Auditors").await;
    let page = browser.get("/policies").await.text;
    assert!(page.contains("May read who changed what: Tessera itself.") && page.contains("To ada, with"), "{page}");

    let state = format!("{path}/state");
    let disabled = browser.post_shown(&path, &state, &[("state", "disabled")]).await;
    assert!(led(&disabled).ends_with("policies?done=disabled"));
    assert!(!may().await, "a disabled policy has no effect");
    let enabled = browser.post_shown(&path, &state, &[("state", "enabled")]).await;
    assert!(led(&enabled).ends_with("policies?done=enabled"));
    assert!(may().await);

    let form = browser.get(&path).await;
    assert!(
        form.text.contains("value=\"VIEW_AUDIT\" checked") && form.text.contains("\nada</textarea>"),
        "{}",
        form.text
    );
    let edition = field(&form, "edition");
    let changed =
        [("edition", edition.as_str()), ("name", "Analysts"), ("permission", "VIEW_ANALYTICS"), ("users", "ada")];
    assert!(led(&browser.post(&path, &changed).await).ends_with("policies?done=saved"));
    assert!(!may().await);
    let late = browser.post(&path, &[&changed[..1], &FORM[..]].concat()).await;
    assert!(late.status == 400 && late.text.contains("This policy was changed while you edited it."), "{}", late.text);
    assert!(late.text.contains("value=\"Auditors\"") && !may().await, "what was entered is kept, and not saved");

    let delete = format!("{path}/delete");
    let wrong = browser.post(&delete, &[("name", "other")]).await;
    assert!(wrong.status == 400 && wrong.text.contains("id=\"name-error\""), "{}", wrong.text);
    let deleted = browser.post_shown(&delete, &delete, &[("name", "Analysts")]).await;
    assert!(led(&deleted).ends_with("policies?done=deleted"));
    assert_eq!(browser.get(&path).await.status, 404);
}

/// What a user enables or deletes is what the page showed, not what somebody has made of it since.
#[actix_web::test]
async fn a_policy_of_the_platform_is_switched_and_deleted_as_it_was_shown() {
    let (app, browser) = administered().await;
    app.user("ada", Role::Guest).await;
    app.user("eve", Role::Guest).await;
    let disabled = FORM.map(|(name, value)| if name == "state" { (name, "disabled") } else { (name, value) });
    led(&browser.post("/policies/new", &disabled).await);
    let path = path_of(&browser, "Auditors").await;
    let listed = browser.get("/policies").await;
    let (_, form) = listed.text.split_once(&format!("action=\".{path}/state\"")).unwrap();
    let (_, edition) = form.split_once("name=\"edition\" value=\"").unwrap();
    let shown = edition.split('"').next().unwrap();
    assert_eq!(shown, field(&browser.get(&path).await, "edition"), "the list sends the edition that it shows");

    let theirs = disabled.map(|(name, value)| if name == "users" { (name, "eve") } else { (name, value) });
    led(&browser.post_shown(&path, &path, &theirs).await);
    for edition in [shown, ""] {
        let late = browser.post(&format!("{path}/state"), &[("edition", edition), ("state", "enabled")]).await;
        assert!(late.status == 400 && late.text.contains("This policy was changed"), "{}", late.text);
        assert!(late.text.contains("\neve</textarea>"), "as it is now: {}", late.text);
        let late = browser.post(&format!("{path}/delete"), &[("edition", edition), ("name", "Auditors")]).await;
        assert!(late.status == 400 && late.text.contains("Nothing was deleted."), "{}", late.text);
        assert!(late.text.contains("To eve, with"), "as it is now: {}", late.text);
    }
    assert_eq!(enter(&app, "eve").await.get("/audit").await.status, 403, "nothing was enabled");
}

#[actix_web::test]
async fn what_is_wrong_with_a_policy_of_the_platform_is_said_beside_its_field() {
    let (_app, browser) = administered().await;
    for (at, value, beside) in [
        (0, "", "name-error"),
        (1, "NONE", "permission-error"),
        (1, "", "permission-error"),
        (2, "nobody-of-this-name", "users-error"),
    ] {
        let mut form = FORM;
        form[at].1 = value;
        let told = browser.post("/policies/new", &form).await;
        let shown = told.text.contains(&format!("id=\"{beside}\""));
        assert!(
            told.status == 400 && shown && told.text.contains("<nav aria-label=\"Main\">"),
            "{beside}: {}",
            told.text
        );
    }
}

#[actix_web::test]
async fn a_policy_of_the_system_and_one_of_others_are_not_changed() {
    let (app, browser) = administered().await;
    let page = browser.get("/policies").await.text;
    assert!(
        page.contains("the system&#39;s own: it cannot be changed") || page.contains("the system's own: it cannot"),
        "{page}"
    );
    assert!(page.contains("May do nothing more: it names no action"), "{page}");
    assert!(!page.contains("Edit<span class=\"unseen\"> Admins - Platform Policy<"), "{page}");
    // The policy `Admins - Platform Policy`, which no page links to.
    let fixed = "/policies/5f0c1a52-6f0e-4d0b-9a55-0a4f6f3d2c02";
    let refused = [("state", "disabled"), ("name", "Admins - Platform Policy")];
    for path in [fixed.to_owned(), format!("{fixed}/state"), format!("{fixed}/delete")] {
        let answer = browser.post(&path, &refused).await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.text);
    }
    led(&browser
        .post("/policies/new", &FORM.map(|(name, value)| if name == "users" { (name, "admin") } else { (name, value) }))
        .await);
    let path = path_of(&browser, "Auditors").await;
    app.user("kim", Role::Member).await;
    let kim = enter(&app, "kim").await;
    for path in ["/policies/new".to_owned(), path.clone(), format!("{path}/state"), format!("{path}/delete")] {
        let answer = kim.post(&path, &[("name", "Auditors"), ("state", "disabled")]).await;
        assert!(answer.status == 403 && !answer.text.contains("Auditors"), "{path}: {}", answer.text);
    }
    assert_eq!(kim.get(&path).await.status, 403);
}

/// Whoever manages policies and nothing else gives nobody more than that.
#[actix_web::test]
async fn nobody_gives_by_a_policy_what_they_do_not_hold() {
    let (app, browser) = administered().await;
    app.user("kim", Role::Guest).await;
    let managers = [("name", "Managers"), ("permission", "MANAGE_POLICIES"), ("users", "kim")];
    led(&browser.post("/policies/new", &managers).await);
    let kim = enter(&app, "kim").await;
    for role in ["", "$guest"] {
        let own = [("name", "Mine"), ("permission", "MANAGE_APIKEYS"), ("users", "kim"), ("role", role)];
        let refused = kim.post("/policies/new", &own).await;
        assert!(refused.status == 400 && refused.text.contains("Nothing was saved."), "{}", refused.text);
    }
    assert_eq!(kim.get("/keys/new").await.status, 403);
}

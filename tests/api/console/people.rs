//! Users in the console.

use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use super::{administered, enter, led};

#[actix_web::test]
async fn a_role_is_given_and_a_user_is_removed_by_their_name() {
    let (app, browser) = administered().await;
    app.user("ada", Role::Guest).await;
    let ada = enter(&app, "ada").await;
    assert_eq!(ada.get("/audit").await.status, 403);
    let given = [("username", "ada"), ("role of ada", "$admin")];
    assert_eq!(led(&browser.post("/people/role", &given).await), "../people?done=role");
    assert_eq!(ada.get("/audit").await.status, 200);
    let wrong = browser.post("/people/remove", &[("username", "ada"), ("name", "ad")]).await;
    assert!(wrong.status == 400 && wrong.text.contains("This is not the name."), "{}", wrong.text);
    assert_eq!(ada.get("/keys").await.status, 200);
    let removed = browser.post("/people/remove", &[("username", "ada"), ("name", "ada")]).await;
    assert_eq!(led(&removed), "../people?done=removed");
    assert_eq!(led(&ada.get("/keys").await), "./login?because=ended&next=keys");
    assert!(!browser.get("/people").await.text.contains("ada"));
}

#[actix_web::test]
async fn a_user_is_disabled_and_enabled_again() {
    let (app, browser) = administered().await;
    app.user("ada", Role::Member).await;
    let ada = enter(&app, "ada").await;
    let (token, _) = crate::datahub::created(&app.session_of("ada").await, "ada", "of a program").await;
    let program = app.holder_of(&token);
    let set = async |verb: &str| browser.post("/people/state", &[(verb, "ada")]).await;
    assert_eq!(led(&set("disable").await), "../people?done=disabled");
    assert_eq!(led(&ada.get("/keys").await), "./login?because=ended&next=keys");
    assert_eq!(program.whoami().await.status, 401);
    let page = browser.get("/people").await;
    assert!(
        page.text.contains("Disabled") && page.text.contains("name=\"enable\" value=\"ada\">Enable"),
        "{}",
        page.text
    );
    assert_eq!(led(&set("enable").await), "../people?done=enabled");
    // The session that has ended stays so.
    assert_eq!(led(&ada.get("/keys").await), "./login?because=ended&next=keys");
    program.whoami().await.ok();
    enter(&app, "ada").await;
    for verb in ["state", "gone"] {
        assert_eq!(set(verb).await.status, 400, "{verb}");
    }
}

#[actix_web::test]
async fn the_last_administrator_is_not_disabled_and_nobody_disables_who_may_more() {
    let (app, browser) = administered().await;
    let last = browser.post("/people/state", &[("disable", "admin")]).await;
    assert!(last.status == 400 && last.text.contains("last enabled user"), "{}", last.text);
    assert_eq!(browser.get("/keys").await.status, 200);
    let admin = app.admin().await;
    let keeper = [Permission::ManageUsersAndGroups, Permission::ViewUsers];
    crate::datahub::user_with(&app, &admin, "keeper", &keeper).await;
    app.user("eve", Role::Guest).await;
    let keeper = enter(&app, "keeper").await;
    let more = keeper.post("/people/state", &[("disable", "admin")]).await;
    assert!(more.status == 400 && more.text.contains("The user stays as before"), "{}", more.text);
    let less = keeper.post("/people/state", &[("disable", "eve")]).await;
    assert_eq!(led(&less), "../people?done=disabled");
    // Enabling gives back all that somebody reaches.
    let second = [("disable", "second")];
    app.user("second", Role::Admin).await;
    assert_eq!(led(&browser.post("/people/state", &second).await), "../people?done=disabled");
    let back = keeper.post("/people/state", &[("enable", "second")]).await;
    assert_eq!(back.status, 400, "{}", back.text);
}

#[actix_web::test]
async fn who_manages_no_people_changes_none() {
    let (app, _) = administered().await;
    app.user("ada", Role::Guest).await;
    app.user("eve", Role::Guest).await;
    let ada = enter(&app, "ada").await;
    let page = ada.get("/people").await;
    assert!(
        page.text.contains("ada") && !page.text.contains("eve") && !page.text.contains("name=\"role of"),
        "{}",
        page.text
    );
    for name in ["ada", "eve", "admin"] {
        let refused = ada.post("/people/role", &[("username", name), (&format!("role of {name}"), "$admin")]).await;
        assert_eq!(refused.status, 400, "{name}");
        let refused = ada.post("/people/state", &[("disable", name)]).await;
        assert_eq!(refused.status, 400, "{name}");
        ada.post("/people/remove", &[("username", name), ("name", name)]).await;
    }
    for role in ["", "$api-token-default-access", "admin"] {
        assert_eq!(ada.post("/people/role", &[("username", "ada"), ("role of ada", role)]).await.status, 400, "{role}");
    }
    assert_eq!(ada.get("/audit").await.status, 403);
    enter(&app, "eve").await;
}

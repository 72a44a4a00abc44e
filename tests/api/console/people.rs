//! Users in the console.

use tessera::domain::principal::Role;

use super::{administered, enter, led};

#[actix_web::test]
async fn a_role_is_given_and_a_user_is_removed_by_their_name() {
    let (app, browser) = administered().await;
    app.user("ada", Role::Guest).await;
    let ada = enter(&app, "ada").await;
    assert_eq!(ada.get("/audit").await.status, 403);
    let given = [("username", "ada"), ("role", "$admin")];
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
async fn who_manages_no_people_changes_none() {
    let (app, _) = administered().await;
    app.user("ada", Role::Guest).await;
    app.user("eve", Role::Guest).await;
    let ada = enter(&app, "ada").await;
    let page = ada.get("/people").await;
    assert!(
        page.text.contains("ada") && !page.text.contains("eve") && !page.text.contains("name=\"role\""),
        "{}",
        page.text
    );
    for name in ["ada", "eve", "admin"] {
        let refused = ada.post("/people/role", &[("username", name), ("role", "$admin")]).await;
        assert_eq!(refused.status, 400, "{name}");
        ada.post("/people/remove", &[("username", name), ("name", name)]).await;
    }
    for role in ["", "$api-token-default-access", "admin"] {
        assert_eq!(ada.post("/people/role", &[("username", "ada"), ("role", role)]).await.status, 400, "{role}");
    }
    assert_eq!(ada.get("/audit").await.status, 403);
    enter(&app, "eve").await;
}

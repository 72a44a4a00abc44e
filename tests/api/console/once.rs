//! Forms that make something are carried out once: reloading the page of their answer sends them again.

use tessera::domain::principal::Role;

use super::{Browser, administered, enter, field, fields, led};
use crate::support::Answer;

/// Loads a form, sends it twice, and returns both answers.
async fn twice(browser: &Browser, path: &str, sent: &[(&str, &str)]) -> (Answer, Answer) {
    let key = field(&browser.get(path).await, "request_key");
    let form = [sent, &[("request_key", key.as_str())]].concat();
    let first = browser.post(path, &form).await;
    (first, browser.post(path, &form).await)
}

#[track_caller]
fn sent_before(again: &Answer) {
    assert_eq!(again.status, 409, "{}", again.text);
    assert!(again.text.contains("This form was sent before"), "{}", again.text);
    assert!(!again.text.contains("data-secret"), "{}", again.text);
}

/// Whoever reloads the page of a secret must not make a second one without noticing it.
#[actix_web::test]
async fn reloading_the_page_of_a_secret_makes_no_second_one() {
    let (_app, browser) = administered().await;
    let token = [("name", "laptop"), ("lifetime", "P30D")];
    let (made, again) = twice(&browser, "/settings/tokens/new", &token).await;
    assert!(made.text.contains("tsp_"), "{}", made.text);
    sent_before(&again);
    assert_eq!(browser.get("/settings/tokens").await.text.matches("laptop").count(), 2, "in one row");

    let (made, again) = twice(&browser, "/token", &[("validitySeconds", "900")]).await;
    assert!(made.text.contains("tss_"), "{}", made.text);
    sent_before(&again);
    assert_eq!(
        browser.get("/settings/sessions").await.text.matches("Bearer token made by hand").count(),
        2,
        "in one row"
    );

    let invitation = [("note", "Ada"), ("role", "$guest"), ("days", "7")];
    let (made, again) = twice(&browser, "/people/invitations", &invitation).await;
    assert!(made.text.contains("/signup?invite_token="), "{}", made.text);
    sent_before(&again);
    assert_eq!(fields(&browser.get("/people/invitations").await, "id").len(), 1);

    let (made, again) = twice(&browser, "/people/service-accounts/new", &[("name", "ingestion")]).await;
    led(&made);
    sent_before(&again);
    assert_eq!(browser.get("/people/service-accounts").await.text.matches("ingestion<").count(), 1);
}

/// A form that was refused can be sent again as it is, and is shown with a new key; the keys of two users are independent.
#[actix_web::test]
async fn a_form_that_made_nothing_can_be_sent_again() {
    let (app, browser) = administered().await;
    let key = field(&browser.get("/settings/tokens/new").await, "request_key");
    let nobody = [("kind", "user"), ("user", "nobody"), ("name", "x"), ("lifetime", "P30D"), ("request_key", &key)];
    let refused = browser.post("/settings/tokens/new", &nobody).await;
    assert!(refused.status == 400 && refused.text.contains("id=\"user-error\""), "{}", refused.text);
    // Reloading sends the same form.
    let reloaded = browser.post("/settings/tokens/new", &nobody).await;
    assert!(reloaded.status == 400 && reloaded.text.contains("id=\"user-error\""), "{}", reloaded.text);
    let fresh = field(&refused, "request_key");
    let right = [("name", "laptop"), ("lifetime", "P30D"), ("request_key", fresh.as_str())];
    assert!(browser.post("/settings/tokens/new", &right).await.text.contains("tsp_"));
    app.user("ada", Role::Admin).await;
    let ada = enter(&app, "ada").await;
    assert!(ada.post("/settings/tokens/new", &right).await.text.contains("tsp_"));
}

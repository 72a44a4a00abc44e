//! Invitations, signing up with one, and what roles may do.

use tessera::clock::DAY;
use tessera::domain::principal::{PrincipalState, Role};
use tessera::service::people::users::{self, PersonalTokens};
use tessera::service::upkeep::restore;

use super::{Browser, administered, cookies, enter, field, fields, led, post, with};
use crate::datahub::ask;
use crate::support::{App, PASSWORD};

/// The host that browsers of the tests ask.
const HOST: &str = "tessera.example.org";

/// Invites a person; returns the text of the invitation.
async fn invite(browser: &Browser, note: &str, role: &str) -> String {
    let form = [("csrf", browser.csrf.as_str()), ("note", note), ("role", role), ("days", "7")];
    let made = post(&browser.client, "/people/invitations", &form).await;
    let start = format!("{HOST}/signup?invite_token=");
    let (_, rest) = made.text.split_once(&start).unwrap_or_else(|| panic!("{}", made.text));
    rest.chars().take_while(char::is_ascii_hexdigit).collect()
}

fn form<'a>(invitation: &'a str, username: &'a str, password: &'a str) -> [(&'a str, &'a str); 4] {
    [("invite_token", invitation), ("full_name", "Ada Lovelace"), ("username", username), ("password", password)]
}

#[actix_web::test]
async fn an_invited_person_signs_up_once() {
    let (app, browser) = administered().await;
    let invitation = invite(&browser, "Ada from sales", "$admin").await;
    let list = browser.get("/people/invitations").await;
    assert!(list.text.contains("Ada from sales") && !list.text.contains(&invitation), "{}", list.text);
    let page = app.anonymous().get(&format!("/signup?invite_token={invitation}")).await;
    assert!(page.status == 200 && page.text.contains("You are invited with the role Admin."), "{}", page.text);
    for (username, password, beside) in
        [("ada", "short", "password-error"), ("a b", PASSWORD, "username-error"), ("admin", PASSWORD, "username-error")]
    {
        let refused = post(&app.anonymous(), "/signup", &form(&invitation, username, password)).await;
        assert!(refused.status == 400 && refused.text.contains(&format!("id=\"{beside}\"")), "{}", refused.text);
        assert!(!refused.text.contains(PASSWORD) && field(&refused, "invite_token") == invitation);
    }
    let joined = post(&app.anonymous(), "/signup", &form(&invitation, "ada", PASSWORD)).await;
    assert_eq!(led(&joined), "./");
    let ada = with(&app, &cookies(&joined)).await;
    assert_eq!(ada.get("/audit").await.status, 200, "the role is the invitation's");
    let again = post(&app.anonymous(), "/signup", &form(&invitation, "eve", PASSWORD)).await;
    assert!(again.status == 400 && again.text.contains("This invitation is not valid"), "{}", again.text);
    assert!(!browser.get("/people/invitations").await.text.contains("Ada from sales"));
}

#[actix_web::test]
async fn an_invitation_ends_when_it_is_revoked_or_expires_or_its_inviter_is_gone() {
    let (app, browser) = administered().await;
    app.user("boss", Role::Admin).await;
    let boss = enter(&app, "boss").await;
    let revoked = invite(&browser, "one", "$guest").await;
    app.advance(1);
    let of_boss = invite(&boss, "two", "$guest").await;
    app.advance(1);
    let old = invite(&browser, "three", "$guest").await;
    let ids = fields(&browser.get("/people/invitations").await, "id");
    assert_eq!(ids.len(), 3);
    let gone = browser.post("/people/invitations/revoke", &[("id", &ids[2])]).await;
    assert_eq!(led(&gone), "../../people/invitations?done=revoked");
    let again = browser.post("/people/invitations/revoke", &[("id", &ids[2])]).await;
    assert_eq!(led(&again), "../../people/invitations?done=gone");
    assert_eq!(browser.post("/people/invitations/revoke", &[("id", "x")]).await.status, 400);
    browser.post("/people/remove", &[("username", "boss"), ("name", "boss")]).await;
    let open = async |text: &str| app.anonymous().get(&format!("/signup?invite_token={text}")).await.status;
    assert_eq!((open(&revoked).await, open(&of_boss).await, open(&old).await), (400, 400, 200));
    for text in [&revoked, &of_boss] {
        let refused = post(&app.anonymous(), "/signup", &form(text, "eve", PASSWORD)).await;
        assert_eq!(refused.status, 400);
    }
    app.advance(7 * DAY);
    assert_eq!(open(&old).await, 400);
    assert_eq!(post(&app.anonymous(), "/signup", &form(&old, "eve", PASSWORD)).await.status, 400);
}

/// Whoever revokes an invitation that was just accepted must not be told that nobody can sign up with it.
#[actix_web::test]
async fn an_invitation_that_was_accepted_is_not_said_to_be_revoked() {
    let (app, browser) = administered().await;
    let invitation = invite(&browser, "Ada from sales", "$guest").await;
    let id = field(&browser.get("/people/invitations").await, "id");
    led(&post(&app.anonymous(), "/signup", &form(&invitation, "ada", PASSWORD)).await);
    let late = browser.post("/people/invitations/revoke", &[("id", &id)]).await;
    assert_eq!(led(&late), "../../people/invitations?done=gone");
    let told = browser.get("/people/invitations?done=gone").await;
    assert!(told.text.contains("It was no longer open: accepted, revoked or expired."), "{}", told.text);
    assert!(told.text.contains("note warn") && !told.text.contains("no one can sign up"), "{}", told.text);
}

#[actix_web::test]
async fn an_invitation_ends_with_the_password_of_its_inviter_and_with_a_restored_copy() {
    let (app, browser) = administered().await;
    let of_password = invite(&browser, "one", "$guest").await;
    let operator = app.operator();
    let keep = PersonalTokens::Keep;
    users::set_password(&app.service, &operator, "admin".into(), Some(PASSWORD.into()), keep).await.unwrap();
    let browser = enter(&app, "admin").await;
    let of_copy = invite(&browser, "two", "$guest").await;
    let query = "mutation { createInviteToken(input: {roleUrn: \"urn:li:dataHubRole:Reader\"}) { inviteToken } }";
    let made = ask(&app.session_of("admin").await, query, serde_json::Value::Null).await;
    let link = made["data"]["createInviteToken"]["inviteToken"].as_str().unwrap().to_owned();
    restore::accept(&app.service, None, std::sync::Arc::default()).await.unwrap();
    for void in [of_password, of_copy, link] {
        let refused = post(&app.anonymous(), "/signup", &form(&void, "ada", PASSWORD)).await;
        assert!(refused.status == 400 && refused.text.contains("This invitation is not valid"), "{}", refused.text);
    }
}

#[actix_web::test]
async fn a_user_without_the_permission_reads_why_and_invites_nobody() {
    let (app, browser) = administered().await;
    app.user("ada", Role::Member).await;
    let ada = enter(&app, "ada").await;
    let page = ada.get("/people/invitations").await;
    assert!(page.text.contains("You cannot invite people") && !page.text.contains("name=\"note\""), "{}", page.text);
    let refused = ada.post("/people/invitations", &[("note", "x"), ("role", "$guest"), ("days", "7")]).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(!refused.text.contains("/signup?"), "{}", refused.text);
    invite(&browser, "somebody", "$guest").await;
    let id = field(&browser.get("/people/invitations").await, "id");
    assert_eq!(ada.post("/people/invitations/revoke", &[("id", &id)]).await.status, 403);
    assert_eq!(fields(&browser.get("/people/invitations").await, "id"), [id]);
    for wrong in [
        [("note", ""), ("role", "$guest"), ("days", "7")],
        [("note", "x"), ("role", "$api-token-default-access"), ("days", "7")],
        [("note", "x"), ("role", "$guest"), ("days", "31")],
        [("note", "x"), ("role", "$guest"), ("days", "-1")],
    ] {
        assert_eq!(browser.post("/people/invitations", &wrong).await.status, 400, "{wrong:?}");
    }
}

/// The permission to invite does not reach roles that hold more than the inviter.
#[actix_web::test]
async fn an_inviter_gives_no_role_that_holds_more() {
    let (app, browser) = administered().await;
    let admin = app.admin().await;
    app.user("ada", Role::Member).await;
    let policy = serde_json::json!({"input": {
        "name": "inviting", "type": "PLATFORM", "state": "ACTIVE", "description": "",
        "privileges": ["MANAGE_USER_CREDENTIALS"],
        "actors": {"users": ["urn:li:corpuser:ada"], "groups": [], "resourceOwners": false, "allUsers": false, "allGroups": false},
    }});
    let query = "mutation($input: PolicyUpdateInput!) { createPolicy(input: $input) }";
    assert!(ask(&admin, query, policy).await["errors"].is_null());
    let ada = enter(&app, "ada").await;
    let page = ada.get("/people/invitations").await;
    assert!(page.text.contains("You cannot invite to it"), "{}", page.text);
    let refused = ada.post("/people/invitations", &[("note", "x"), ("role", "$admin"), ("days", "7")]).await;
    assert!(refused.status == 400 && !refused.text.contains("/signup?"), "{}", refused.text);
    invite(&browser, "of another", "$guest").await;
    let own = invite(&ada, "own", "$member").await;
    let list = ada.get("/people/invitations").await;
    assert!(list.text.contains(">own<") && !list.text.contains("of another"), "{}", list.text);
    // The inviter is disabled before the person signs up.
    let state = PrincipalState::Disabled;
    users::set_state(&app.service, &app.operator(), "ada".into(), state).await.unwrap();
    assert_eq!(post(&app.anonymous(), "/signup", &form(&own, "eve", PASSWORD)).await.status, 400);
}

#[actix_web::test]
async fn too_many_open_invitations_are_refused() {
    let (app, browser) = administered().await;
    for number in 0..20 {
        invite(&browser, &format!("person {number}"), "$guest").await;
    }
    let form = [("csrf", browser.csrf.as_str()), ("note", "one more"), ("role", "$guest"), ("days", "7")];
    let refused = post(&browser.client, "/people/invitations", &form).await;
    assert!(refused.status == 400 && refused.text.contains("20 of your invitations are open"), "{}", refused.text);
    let id = field(&browser.get("/people/invitations").await, "id");
    browser.post("/people/invitations/revoke", &[("id", &id)]).await;
    invite(&browser, "one more", "$guest").await;
    app.user("boss", Role::Admin).await;
    invite(&enter(&app, "boss").await, "another inviter is not held up", "$guest").await;
}

/// DataHub's links, which are not stored, lead to the same page.
#[actix_web::test]
async fn an_invitation_link_of_datahub_opens_the_page() {
    let app = App::start().await;
    let admin = app.admin().await;
    let query = "mutation { createInviteToken(input: {roleUrn: \"urn:li:dataHubRole:Reader\"}) { inviteToken } }";
    let made = ask(&admin, query, serde_json::Value::Null).await;
    let text = made["data"]["createInviteToken"]["inviteToken"].as_str().unwrap_or_else(|| panic!("{made}"));
    let joined = post(&app.anonymous(), "/signup", &form(text, "ada", PASSWORD)).await;
    assert_eq!(led(&joined), "./");
}

#[actix_web::test]
async fn a_form_of_another_site_signs_nobody_up() {
    let (app, browser) = administered().await;
    let invitation = invite(&browser, "ada", "$guest").await;
    let client = app.anonymous().with("sec-fetch-site", "cross-site");
    assert_eq!(post(&client, "/signup", &form(&invitation, "ada", PASSWORD)).await.status, 403);
    assert_eq!(led(&post(&app.anonymous(), "/signup", &form(&invitation, "ada", PASSWORD)).await), "./");
}

#[actix_web::test]
async fn roles_tell_what_they_may_do_and_who_has_them() {
    let (app, browser) = administered().await;
    app.user("ada", Role::Guest).await;
    let page = browser.get("/people/roles").await.text;
    let section = |role: &str| {
        let (_, rest) = page.split_once(&format!("<code>{role}</code>")).unwrap();
        rest.split("</section>").next().unwrap()
    };
    assert!(section("$guest").contains(">ada<") && !section("$guest").contains(">admin<"), "{page}");
    assert!(section("$admin").contains(">admin<") && !section("$admin").contains(">ada<"), "{page}");
    assert!(section("$member").contains("read the list of API keys"), "{page}");
    let some = browser.get("/people?role=$guest").await.text;
    assert!(some.contains("class=\"name\">ada<") && !some.contains("class=\"name\">admin<"), "{some}");
    assert_eq!(browser.get("/people?role=x").await.status, 400);
    let ada = enter(&app, "ada").await;
    let own = ada.get("/people/roles").await.text;
    assert!(
        own.contains("class=\"tag\">ada<") && !own.contains("class=\"tag\">admin<") && own.contains("MANAGE_POLICIES"),
        "{own}"
    );
}

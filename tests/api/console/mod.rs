//! The console: HTML pages.

mod changes;
mod confirmed;
mod connections;
mod exports;
mod forms;
mod invitations;
mod keys;
mod limited;
mod once;
mod pages;
mod people;
mod permissions;
mod personas;
mod platform_policies;
mod programs;
mod refused_forms;
mod settings;
mod sign_in;
mod start;
mod verdicts;

use actix_web::http::Method;
use form_urlencoded::Serializer;
use tessera::domain::principal::Role;

use crate::support::{Answer, App, Client, PASSWORD};

/// A browser with a session.
pub struct Browser {
    pub client: Client,
    pub csrf: String,
}

/// Sends a form.
pub async fn post(client: &Client, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = Serializer::new(String::new()).extend_pairs(fields).finish();
    let client = client.with("content-type", "application/x-www-form-urlencoded");
    client.send(Method::POST, path, Some(&body)).await
}

/// The cookies that an answer sets, as a browser sends them back.
pub fn cookies(answer: &Answer) -> String {
    let set = answer.headers.get_all("set-cookie").map(|value| value.to_str().unwrap().split(';').next().unwrap());
    set.collect::<Vec<_>>().join("; ")
}

/// The CSRF token of a page's forms.
#[track_caller]
pub fn csrf(answer: &Answer) -> String {
    field(answer, "csrf")
}

/// The value of a hidden field.
#[track_caller]
pub fn field(answer: &Answer, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let (_, rest) = answer.text.split_once(&start).unwrap_or_else(|| panic!("{name} in {}", answer.text));
    rest.split('"').next().unwrap().to_owned()
}

/// The values of hidden fields of one name.
pub fn fields(answer: &Answer, name: &str) -> Vec<String> {
    let start = format!("name=\"{name}\" value=\"");
    let values = answer.text.split(&start).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    values.collect()
}

/// The target of a redirect (303).
#[track_caller]
pub fn led(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.header("location").unwrap()
}

/// Signs a user in.
pub async fn enter(app: &App, name: &str) -> Browser {
    let answer = post(&app.anonymous(), "/login", &[("username", name), ("password", PASSWORD)]).await;
    assert_eq!(led(&answer), "./");
    with(app, &cookies(&answer)).await
}

/// A browser with these cookies.
pub async fn with(app: &App, cookies: &str) -> Browser {
    let client = app.anonymous().with("host", "tessera.example.org").with("cookie", cookies);
    let page = client.get("/settings/sessions").await;
    assert_eq!(page.status, 200, "{}", page.text);
    Browser { csrf: csrf(&page), client }
}

impl Browser {
    pub async fn get(&self, path: &str) -> Answer {
        self.client.get(path).await
    }

    /// Sends a form with the edition of the page that shows the record.
    pub async fn post_shown(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let edition = field(&self.get(page).await, "edition");
        self.post(path, &[&[("edition", edition.as_str())], fields].concat()).await
    }

    /// Sends a form of this session.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let fields = [&[("csrf", self.csrf.as_str())], fields].concat();
        post(&self.client, path, &fields).await
    }
}

/// An application, and a browser where `admin` is signed in.
pub async fn administered() -> (App, Browser) {
    let app = App::start().await;
    app.user("admin", Role::Admin).await;
    let browser = enter(&app, "admin").await;
    (app, browser)
}

//! `tessera login`, `token`, `logout`, `whoami`: sessions in the user's configuration folder, one per server.

mod remote;
mod store;

use std::time::{Duration, Instant};

use chrono::DateTime;
use serde::Deserialize;

use self::remote::{Remote, ServerAnswer, plain, server_url};
use self::store::{Store, StoredSession};
use super::CommandResult;
use super::output::{say, warn};
use crate::clock::{Clock, SECOND};
use crate::config::{Server, Terminal};
use crate::domain::device::COMMAND_LINE;
use crate::http::oauth::device;

const SESSION: &str = "/api/service/sessions/current";
const WHO_AM_I: &str = "/api/service/whoami";

pub(super) fn run(command: &Terminal) -> CommandResult {
    let store = Store::of_user()?;
    match command {
        Terminal::Login(server) => login(&store, &chosen(&store, server)?),
        Terminal::Token(server) => {
            say(session(&store, &chosen(&store, server)?)?.token);
            Ok(())
        }
        Terminal::Logout(server) => logout(&store, &chosen(&store, server)?),
        Terminal::Whoami(server) => whoami(&store, &chosen(&store, server)?),
    }
}

/// The server of the command line, or else that of the last sign-in.
fn chosen(store: &Store, server: &Server) -> Result<String, String> {
    match &server.url {
        Some(url) => server_url(url),
        None => store.last()?.ok_or_else(|| "which server? say --server URL, or set TESSERA_SERVER".to_owned()),
    }
}

/// The stored session of a server, unless it has expired by this machine's clock.
fn session(store: &Store, server: &str) -> Result<StoredSession, String> {
    let session = store.find(server)?.ok_or_else(|| signed_out(server))?;
    if session.expires_at <= Clock::system().now() { Err(signed_out(server)) } else { Ok(session) }
}

fn signed_out(server: &str) -> String {
    format!("there is no session for {server}, or it has ended: sign in with `tessera login --server {server}`")
}

/// A device authorization (RFC 8628, section 3.2).
#[derive(Deserialize)]
struct Authorized {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    #[serde(default = "default_interval")]
    interval: u64,
}

/// The default polling interval of RFC 8628, in seconds.
fn default_interval() -> u64 {
    5
}

/// A token response.
#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    expires_in: i64,
}

fn login(store: &Store, server: &str) -> CommandResult {
    store.check()?;
    let (remote, earlier) = (Remote::new(server), store.find(server)?);
    let answer = remote.post("/oauth/device_authorization", &[("client_id", COMMAND_LINE)])?;
    let asked: Authorized = answer.read()?;
    say(format_args!("Open this page in any browser:\n\n    {}\n", plain(&asked.verification_uri)));
    say(format_args!("and type this code:\n\n    {}\n", plain(&asked.user_code)));
    if let Some(complete) = &asked.verification_uri_complete {
        say(format_args!("Or open both in one:\n\n    {}\n", plain(complete)));
    }
    say(format_args!("Waiting for up to {} minutes.", asked.expires_in.div_ceil(60)));
    let given = wait(&remote, &asked)?;
    let expires_at = Clock::system().now() + given.expires_in.saturating_mul(SECOND);
    let token = given.access_token;
    let kept = username_of(&remote, &token).and_then(|username| {
        let session = StoredSession { server: server.to_owned(), username, token: token.clone(), expires_at };
        store.keep(&session).map(|()| session)
    });
    // A session that is stored nowhere could not be ended with `tessera logout`.
    let session = kept.inspect_err(|_| end(&remote, &token))?;
    if let Some(earlier) = earlier {
        end(&remote, &earlier.token);
    }
    say(format_args!("Signed in as {}\nat {server}\nuntil {}.", session.username, date(expires_at)));
    Ok(())
}

/// Ends a session that this machine uses no more. If that fails, the session ends by itself.
fn end(remote: &Remote, token: &str) {
    match remote.delete(SESSION, token) {
        // 401: the session has already ended.
        Ok(answer) if [200, 401].contains(&answer.status) => {}
        Ok(answer) => warn(format_args!("a session goes on until it expires: {}", answer.refusal())),
        Err(error) => warn(format_args!("a session goes on until it expires: {error}")),
    }
}

/// Polls until the user has decided, and honours `interval` and `slow_down` (RFC 8628, section 3.5).
fn wait(remote: &Remote, asked: &Authorized) -> Result<TokenResponse, String> {
    let form = [("grant_type", device::GRANT), ("client_id", COMMAND_LINE), ("device_code", &asked.device_code)];
    let began = Instant::now();
    let mut interval = Duration::from_secs(asked.interval.clamp(1, 60));
    while began.elapsed() < Duration::from_secs(asked.expires_in.min(A_DAY)) {
        std::thread::sleep(interval);
        // The connection, a proxy or the server may recover before the code expires.
        let trouble = match remote.post("/oauth/token", &form) {
            Ok(answer) if answer.status == 200 => return answer.read(),
            Ok(answer) if answer.status == 429 || answer.status >= 500 => answer.refusal(),
            Ok(answer) => match answer.error().as_str() {
                "authorization_pending" | "temporarily_unavailable" => continue,
                "slow_down" => {
                    interval += Duration::from_secs(5);
                    continue;
                }
                "access_denied" => return Err("the sign-in was denied".to_owned()),
                "expired_token" => break,
                _ => return Err(answer.refusal()),
            },
            Err(error) => error,
        };
        warn(format_args!("{trouble}; trying again"));
        interval = (interval * 2).min(Duration::from_mins(1));
    }
    Err("the sign-in was not approved in time: try again with `tessera login`".to_owned())
}

/// Upper limit for `expires_in`, in seconds.
const A_DAY: u64 = 86_400;

fn logout(store: &Store, server: &str) -> CommandResult {
    let Some(session) = store.find(server)? else {
        say(format_args!("Nobody was signed in to {server}."));
        return Ok(());
    };
    let answer = Remote::new(server).delete(SESSION, &session.token)?;
    // 401: the session has already ended.
    if ![200, 401].contains(&answer.status) {
        return Err(format!("the session goes on: {}", answer.refusal()));
    }
    store.remove(server)?;
    say(format_args!("Signed out of {server}."));
    Ok(())
}

fn whoami(store: &Store, server: &str) -> CommandResult {
    let session = session(store, server)?;
    let username = username_of(&Remote::new(server), &session.token)?;
    say(format_args!("{username} at {server}, until {}", date(session.expires_at)));
    Ok(())
}

/// The user name of a token's holder.
fn username_of(remote: &Remote, token: &str) -> Result<String, String> {
    #[derive(Deserialize)]
    struct WhoAmI {
        username: String,
    }
    let answer: ServerAnswer = remote.get(WHO_AM_I, token)?;
    if answer.status == 401 {
        return Err(signed_out(remote.server()));
    }
    Ok(plain(&answer.read::<WhoAmI>()?.username))
}

fn date(millis: i64) -> String {
    DateTime::from_timestamp_secs(millis / SECOND).map(|date| date.to_string()).unwrap_or_default()
}

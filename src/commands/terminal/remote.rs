//! HTTP requests to a server.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use ureq::http::{Method, Request, Uri};

use crate::domain::nesting::read_json;
use crate::outbound::{Destinations, Outbound, check, is_this_machine};

/// Normalizes the URL of a server: with a scheme, lower-case host, no slash at its end.
///
/// # Errors
/// A sentence for the user.
pub(super) fn server_url(text: &str) -> Result<String, String> {
    let text = text.trim().trim_end_matches('/');
    let wrong = || format!("`{}` is no server: an address such as https://tessera.example.org is", plain(text));
    let text = if text.contains("://") {
        text.to_owned()
    } else {
        let host = text.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).ok_or_else(wrong)?;
        format!("{}://{text}", if is_this_machine(&host) { "http" } else { "https" })
    };
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    check(&uri).map_err(|error| error.to_string())?;
    let authority = uri.authority().ok_or_else(wrong)?.as_str();
    if uri.query().is_some() || authority.contains('@') {
        return Err(wrong());
    }
    let scheme = uri.scheme_str().unwrap_or_default();
    Ok(format!("{scheme}://{}{}", authority.to_ascii_lowercase(), uri.path().trim_end_matches('/')))
}

/// A server's text without control characters, which a terminal would interpret.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|each| !each.is_control()).take(500).collect()
}

/// A server.
pub(super) struct Remote {
    server: String,
    client: Outbound,
}

/// A response.
pub(super) struct ServerAnswer {
    pub(super) status: u16,
    body: Vec<u8>,
}

/// An error body of OAuth or of Atlan's format.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    error: String,
    error_description: String,
    #[serde(rename = "errorMessage")]
    error_message: String,
}

impl ServerAnswer {
    /// Parses the body of a success.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, String> {
        if self.status != 200 {
            return Err(self.refusal());
        }
        read_json(&self.body).map_err(|_| "the server's answer cannot be read: is it Tessera?".to_owned())
    }

    fn refused(&self) -> Refused {
        read_json(&self.body).unwrap_or_default()
    }

    /// The OAuth error code.
    pub(super) fn error(&self) -> String {
        self.refused().error
    }

    /// The error as a sentence for the user.
    pub(super) fn refusal(&self) -> String {
        let Refused { error, error_description, error_message } = self.refused();
        let told = [error_description, error_message, error].into_iter().find(|text| !text.is_empty());
        format!("the server answered {}: {}", self.status, plain(&told.unwrap_or_else(|| "is it Tessera?".to_owned())))
    }
}

impl Remote {
    pub(super) fn new(server: &str) -> Self {
        Self { server: server.to_owned(), client: Outbound::default() }
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<ServerAnswer, String> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.send(Method::POST, path, None, body)
    }

    pub(super) fn get(&self, path: &str, token: &str) -> Result<ServerAnswer, String> {
        self.send(Method::GET, path, Some(token), String::new())
    }

    pub(super) fn delete(&self, path: &str, token: &str) -> Result<ServerAnswer, String> {
        self.send(Method::DELETE, path, Some(token), String::new())
    }

    fn send(&self, method: Method, path: &str, token: Option<&str>, body: String) -> Result<ServerAnswer, String> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.server));
        request = request.header(ACCEPT, "application/json");
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(body.into_bytes()).map_err(|error| error.to_string())?;
        // The user named the server, so it may be anywhere.
        let answer = self.client.send_blocking(request, Destinations::Anywhere);
        let answer = answer.map_err(|error| format!("cannot reach {}: {error}", self.server))?;
        Ok(ServerAnswer { status: answer.status().as_u16(), body: answer.into_body() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_kept_under_one_name() {
        for (typed, kept) in [
            ("https://Tessera.example.org/", "https://tessera.example.org"),
            ("tessera.example.org", "https://tessera.example.org"),
            ("tessera.example.org:8443", "https://tessera.example.org:8443"),
            ("https://example.org/Keys/", "https://example.org/Keys"),
            ("127.0.0.1:8585", "http://127.0.0.1:8585"),
            ("localhost:8585", "http://localhost:8585"),
            ("http://[::1]:8585", "http://[::1]:8585"),
        ] {
            assert_eq!(server_url(typed).as_deref(), Ok(kept), "{typed}");
        }
        for wrong in ["", "/", "http://tessera.example.org", "ftp://a", "https://a?b", "https://u:p@a", "a b"] {
            assert!(server_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_a_server_says_moves_no_cursor() {
        assert_eq!(plain("a\x1b[2Jb\r\n\u{9b}c"), "a[2Jbc");
    }
}

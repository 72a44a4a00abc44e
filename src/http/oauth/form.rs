//! Form bodies of OAuth requests.

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest};

use super::OauthSettings;
use crate::domain::network::Network;
use crate::http::auth::{basic, refuse_token_in};
use crate::http::bodies::{Sender, UNAUTHENTICATED_LENGTH};
use crate::http::problem::Failure;
use crate::http::state::State;

/// The parameters of a request. A parameter without a value counts as absent, duplicates are refused (RFC 6749, section
/// 3.2), and unknown parameters are ignored.
pub struct Form(Bytes);

impl Form {
    /// Reads the body of an unauthenticated request.
    ///
    /// # Errors
    /// When the body is not form-encoded or cannot be read, or the query holds a token.
    pub async fn read(state: &State, request: &HttpRequest, payload: Payload) -> Result<Self, Failure> {
        let sender = Sender::Stranger(Network::of(state.trusted.client_address(request)));
        Self::read_of(state, request, payload, sender).await
    }

    /// Reads the body of a request of this sender.
    ///
    /// # Errors
    /// Those of [`Form::read`].
    pub async fn read_of(
        state: &State,
        request: &HttpRequest,
        payload: Payload,
        sender: Sender,
    ) -> Result<Self, Failure> {
        refuse_token_in(request.query_string())?;
        if !Self::is_sent(request) {
            let message = "parameters are sent as `application/x-www-form-urlencoded`, in the body";
            return Err(invalid(message.to_owned()));
        }
        let body =
            state.bodies.read(request, payload, UNAUTHENTICATED_LENGTH.min(state.bodies.longest()), sender).await?;
        Ok(Self(body))
    }

    /// Whether the request says that its body is a form.
    #[must_use]
    pub fn is_sent(request: &HttpRequest) -> bool {
        request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    }

    /// The form in a body, unchecked.
    #[cfg(feature = "fuzzing")]
    #[must_use]
    pub fn of_body(body: Bytes) -> Self {
        Self(body)
    }

    /// A form with these parameters.
    #[must_use]
    pub fn of(parameters: &[(&str, &str)]) -> Self {
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        Self(text.into())
    }

    /// The form without the scope `openid`, which Atlan's SDKs send for a token that carries everything.
    #[must_use]
    pub fn without_openid(&self) -> Self {
        let kept = form_urlencoded::parse(&self.0).filter(|(name, value)| name != "scope" || value != "openid");
        Self(form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish().into())
    }

    /// The value of an optional parameter.
    ///
    /// # Errors
    /// `invalid_request` for a duplicate.
    pub fn optional(&self, name: &str) -> Result<Option<String>, Failure> {
        let mut values = form_urlencoded::parse(&self.0).filter(|(known, value)| known == name && !value.is_empty());
        let first = values.next().map(|(_, value)| value.into_owned());
        if values.next().is_some() {
            return Err(invalid(format!("`{name}` is there more than once")));
        }
        Ok(first)
    }

    /// Whether a parameter has more than one value.
    pub fn repeats(&self, name: &str) -> bool {
        form_urlencoded::parse(&self.0).filter(|(known, value)| known == name && !value.is_empty()).nth(1).is_some()
    }

    /// The value of a required parameter.
    ///
    /// # Errors
    /// `invalid_request` when it is absent.
    pub fn required(&self, name: &str) -> Result<String, Failure> {
        self.optional(name)?.ok_or_else(|| invalid(format!("`{name}` is required")))
    }

    /// The id of a public client that may use the device grant. Public clients have no secret, so a request with one is
    /// refused.
    ///
    /// # Errors
    /// `invalid_client`
    pub fn public_client(&self, settings: &OauthSettings, request: &HttpRequest) -> Result<String, Failure> {
        let unknown = |message: &str| Failure::Oauth("invalid_client", message.to_owned());
        let secret = "clients of this grant are public: send `client_id` and no secret";
        if request.headers().contains_key(AUTHORIZATION) && basic(request).is_some() {
            // A client that has used this header is told by 401 and a challenge (RFC 6749, section 5.2).
            return Err(Failure::ClientRefused(secret.to_owned()));
        }
        if self.optional("client_secret")?.is_some() {
            return Err(unknown(secret));
        }
        let client = self.required("client_id")?;
        if settings.knows(&client) {
            return Ok(client);
        }
        Err(unknown("`client_id` must be `tessera-cli` or one of TESSERA_DEVICE_CLIENTS"))
    }
}

/// The error `invalid_request`.
fn invalid(message: String) -> Failure {
    Failure::Oauth("invalid_request", message)
}

//! `/gateway/verify`: forward authentication for nginx, Caddy, Traefik, `HAProxy`, Apache and Envoy.
//!
//! The gateway sends the headers of the client's request here and forwards the request on 200. It copies the
//! `X-Tessera-*` headers of the answer to the request. The answer always has all of them, possibly empty, so that
//! values forged by the client are overwritten.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::BytesMut;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder, web};
use utoipa::IntoParams;

use crate::domain::actor::Actor;
use crate::domain::child::{Audience, Presentation};
use crate::domain::error::{Error, Refusal};
use crate::domain::listing::clip;
use crate::domain::permission::Permission;
use crate::http::address::sent_path;
use crate::http::auth::{
    Metering, authenticate_presented, bearer, bound_token, is_dpop, mark_authenticated, refuse_token_in,
};
use crate::http::dpop;
use crate::http::gateway::keep::{self, Depends};
use crate::http::gateway::original::{Original, PATH};
use crate::http::oauth::protected_resource::Protected;
use crate::http::openapi::{AnyError, Fails};
use crate::http::problem::Failure;
use crate::http::state::State;
use crate::service::authz::inquiry::Inquiry;

/// The requirements, as documented in the OpenAPI description.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its documentation is used")]
pub struct VerifyParams {
    /// The qualified name of a persona that the actor must be linked to; may be repeated.
    persona: Option<String>,
    /// A permission that the actor must have; may be repeated.
    permission: Option<String>,
    /// What the actor must be allowed to do with `resource`: an action of a policy or a DataHub privilege.
    action: Option<String>,
    /// The qualified name or URN of the resource of `action`.
    resource: Option<String>,
    /// The type of `resource`, for policies with a condition on it.
    r#type: Option<String>,
    /// The audience that the token of a child must be for: the URL of what the gateway protects. This server if absent.
    audience: Option<String>,
}

/// Registers `verify` for every method, at its path and at all paths below.
pub struct Verify;

impl HttpServiceFactory for Verify {
    fn register(self, config: &mut AppService) {
        // Two resources, because the first then matches by string comparison; one for both would need a regular
        // expression.
        web::resource(PATH).to(verify).register(config);
        web::resource(format!("{PATH}/{{original:.*}}")).to(verify).register(config);
    }
}

/// Verify the token of a request that a gateway forwards
///
/// 200 with the principal in headers; 401; 403 for a missing persona or permission, or if no policy permits the action;
/// or 429. Never a redirect. Every method and every path below this one is answered like `GET`, because some gateways
/// send the method and the path of the client's request.
#[utoipa::path(
    impl_for = Verify,
    tag = "Gateways",
    operation_id = "verify_request",
    get,
    path = "/gateway/verify",
    params(VerifyParams),
    responses(
        (status = 200, description = "Verified: forward the request", headers(
            ("X-Tessera-Principal" = String, description = "The user name"),
            ("X-Tessera-Principal-Id" = String, description = "The id"),
            ("X-Tessera-Client-Id" = String, description = "`apikey-<id>`; empty for a user"),
            ("X-Tessera-Personas" = String, description = "Comma-separated qualified names of the enabled personas"),
            ("X-Tessera-Permissions" = String, description = "Comma-separated names of the permissions"),
            ("X-Tessera-Expires-In" = String, description = "Seconds until the token expires; empty for never"),
        )),
        AnyError, Fails<403>, Fails<503>, Fails<429>,
    ),
)]
async fn verify(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let required = Requirements::parse(&request);
    let audience = required.as_ref().ok().and_then(|required| required.audience.as_deref());
    if let Some(audience) = audience {
        // The client of a 401 must ask for a token for what the gateway protects, not for one for this server.
        request.extensions_mut().insert(Protected(audience.to_owned()));
    }
    let actor = identify(&state, &request, audience.map_or(Audience::Issuer, Audience::Named)).await?;
    let required = required?;
    required.met_by(&actor)?;
    if let Some(inquiry) = required.inquiry()
        && !state.service.permits(&actor, inquiry).await.map_err(Failure::or_unavailable)?
    {
        let (action, resource) = (clip(&inquiry.action), clip(&inquiry.resource.name));
        return Err(Error::Forbidden(format!("`{}` may not `{action}` `{resource}`", actor.username())).into());
    }
    let mut response = HttpResponse::build(StatusCode::OK);
    describe(&mut response, &actor, state.service.clock.now());
    let mut response = response.finish();
    keep::mark(&state, &request, response.headers_mut(), |now| {
        let depends = Depends::new(now).on_use(&actor, actor.address).telling(actor.expires_at());
        if required.inquiry.is_some() { depends.on_assets() } else { depends }
    });
    Ok(response)
}

async fn identify(state: &State, request: &HttpRequest, audience: Audience<'_>) -> Result<Actor, Failure> {
    let original = Original::of(request, &state.trusted);
    if let Some(original) = &original {
        tracing::Span::current().record("original", tracing::field::display(original));
    }
    let query = original.as_ref().map_or("", |original| original.query);
    // 401 instead of 400 for ambiguous credentials: nginx treats every status but 401 and 403 as a failure of its own.
    let bearer = refuse_token_in(query).and_then(|()| bearer(request)).map_err(|failure| match failure {
        Failure::Credentials(_) => Failure::Domain(Error::Unauthenticated(Refusal::Ambiguous)),
        other => other,
    })?;
    let proof_key = if is_dpop(request) {
        let bound = bound_token(state, bearer, request).await?;
        dpop::at_gateway(state, request, original.and_then(|original| original.target()), &bound)?;
        Some(bound.key)
    } else {
        None
    };
    let address = state.trusted.client_address(request);
    let presented = Presentation { token: bearer, address, audience, proof_key };
    let actor = authenticate_presented(state, presented, request, Metering::Counted).await;
    let actor = actor.map_err(Failure::or_unavailable)?;
    mark_authenticated(&actor, request);
    Ok(actor)
}

/// Whether a path, as it was sent, is below [`PATH`]: then the query string is the client's own. Every other spelling of
/// [`PATH`], such as one that begins with two slashes, is the gateway's address, and its requirements count.
fn is_below(path: &str) -> bool {
    let segments = PATH.split('/').skip(1);
    let rest = segments.into_iter().try_fold(path, |rest, segment| rest.trim_start_matches('/').strip_prefix(segment));
    rest.is_some_and(|rest| rest.starts_with('/'))
}

/// The requirements in a path and a query string, which decide the answer besides the credential and the client's
/// address. An edge keeps one answer for all requests of the same requirements. `path`: as the gateway sent it.
#[must_use]
pub fn decided_by(path: &str, query: &str) -> String {
    if !is_below(path) {
        return format!("{PATH}?{query}");
    }
    let own = |(name, _): &(Cow<'_, str>, Cow<'_, str>)| name == "persona" || name == "permission";
    let required = form_urlencoded::parse(query.as_bytes()).filter(own);
    format!("{PATH}/?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(required).finish())
}

/// The requirements of a gateway for the actor of a request.
struct Requirements<'a> {
    personas: Vec<Cow<'a, str>>,
    permissions: Vec<Permission>,
    inquiry: Option<Inquiry>,
    audience: Option<Cow<'a, str>>,
}

impl<'a> Requirements<'a> {
    /// Parses the query string of a request.
    ///
    /// An unknown requirement fails with `Forbidden`. Below [`PATH`] the query string is the client's own, so
    /// everything in it but `persona` and `permission` is ignored. The path counts as it was sent: at the root of what the
    /// gateway protects, only a slash tells it from [`PATH`].
    fn parse(request: &'a HttpRequest) -> Result<Self, Error> {
        let forbidden = |message: String| Err(Error::Forbidden(message));
        let (mut personas, mut permissions, mut decision) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut audience = None;
        let is_own = is_below(&sent_path(request));
        for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
            match &*name {
                "persona" => personas.push(value),
                "permission" => match Permission::find(&value) {
                    Some(permission) => permissions.push(permission),
                    None => return forbidden(format!("there is no permission `{}`", clip(&value))),
                },
                _ if is_own => {}
                "audience" => {
                    if audience.replace(value).is_some() {
                        return forbidden("`audience` is given more than once".to_owned());
                    }
                }
                "action" | "resource" | "type" => {
                    if decision.insert(name.clone(), value).is_some() {
                        return forbidden(format!("`{name}` is given more than once"));
                    }
                }
                _ => return forbidden(format!("there is no requirement `{}`", clip(&name))),
            }
        }
        if decision.is_empty() {
            return Ok(Self { personas, permissions, inquiry: None, audience });
        }
        let [action, resource, kind] =
            ["action", "resource", "type"].map(|name| decision.get(name).map_or("", |it| it));
        if action.is_empty() || resource.is_empty() {
            return forbidden("`action` and `resource` are required together".to_owned());
        }
        if [action, resource, kind].iter().any(|name| name.contains('\0')) {
            return forbidden("no action and no resource has a zero character in its name".to_owned());
        }
        Ok(Self { personas, permissions, inquiry: Some(Inquiry::new(action, resource, kind)), audience })
    }

    /// Whether the actor has every persona and permission.
    fn met_by(&self, actor: &Actor) -> Result<(), Error> {
        let missing = self.personas.iter().find(|persona| actor.enabled_personas().all(|linked| linked != **persona));
        if let Some(persona) = missing {
            let message = format!("`{}` is not linked to the persona `{}`", actor.username(), clip(persona));
            return Err(Error::Forbidden(message));
        }
        self.permissions.iter().try_for_each(|permission| actor.require(*permission))
    }

    /// The action on a resource that policies must permit.
    fn inquiry(&self) -> Option<&Inquiry> {
        self.inquiry.as_ref()
    }
}

fn describe(response: &mut HttpResponseBuilder, actor: &Actor, now: i64) {
    // All values share one allocation: six allocations cost more than the rest of the verification.
    let mut values = Values(BytesMut::with_capacity(VALUES));
    response.insert_header((PRINCIPAL, values.of(actor.username())));
    response.insert_header((PRINCIPAL_ID, values.of(actor.id())));
    response.insert_header((CLIENT_ID, values.of_any(actor.client_id())));
    response.insert_header((PERSONAS, values.joined(actor.enabled_personas())));
    response.insert_header((PERMISSIONS, values.joined(actor.permissions().iter().map(Permission::name))));
    let expires_in = actor.expires_at().map(|instant| (instant - now) / crate::clock::SECOND);
    response.insert_header((EXPIRES_IN, values.of_any(expires_in)));
}

/// The initial capacity for all header values, in bytes; usually enough.
const VALUES: usize = 384;

/// Header values, written one after the other into one buffer.
struct Values(BytesMut);

impl Values {
    fn of(&mut self, value: impl Display) -> HeaderValue {
        // Cannot fail: the target is memory, and the names contain only characters valid in headers.
        let written = write!(self.0, "{value}").ok();
        written.and_then(|()| HeaderValue::from_maybe_shared(self.0.split().freeze()).ok()).unwrap_or(EMPTY)
    }

    fn of_any(&mut self, value: Option<impl Display>) -> HeaderValue {
        value.map_or(EMPTY, |value| self.of(value))
    }

    fn joined<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> HeaderValue {
        for name in names {
            if !self.0.is_empty() {
                self.0.extend_from_slice(b",");
            }
            self.0.extend_from_slice(name.as_bytes());
        }
        if self.0.is_empty() { EMPTY } else { self.of("") }
    }
}

const EMPTY: HeaderValue = HeaderValue::from_static("");

const PRINCIPAL: HeaderName = HeaderName::from_static("x-tessera-principal");
const PRINCIPAL_ID: HeaderName = HeaderName::from_static("x-tessera-principal-id");
const CLIENT_ID: HeaderName = HeaderName::from_static("x-tessera-client-id");
const PERSONAS: HeaderName = HeaderName::from_static("x-tessera-personas");
const PERMISSIONS: HeaderName = HeaderName::from_static("x-tessera-permissions");
/// For how many seconds more the credential is valid.
pub const EXPIRES_IN: HeaderName = HeaderName::from_static("x-tessera-expires-in");

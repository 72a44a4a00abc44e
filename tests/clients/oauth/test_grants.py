"""Grants, introspection, revocation and metadata, with OAuth libraries of PyPI and npm."""

import json
import subprocess

import httpx
import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from joserfc import jwt
from joserfc.jwk import KeySet
from oauthlib.oauth2 import BackendApplicationClient, InvalidScopeError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session as RequestsSession

from certified_provider import HERE, NODE, NODE_MODULES
from programs import ACCESS_TOKEN, CLIENT_CREDENTIALS, EXCHANGE, SERVICE, Program, claims_of
from servers import ok

PERMISSIONS = ("VERIFY_TOKENS", "VIEW_USERS")


@pytest.fixture
def program(server, admin):
    return Program(server, admin, *PERMISSIONS)


def authlib_session(program, method="client_secret_basic", **more):
    return OAuth2Session(program.client_id, program.secret, token_endpoint_auth_method=method, **more)


def verified(server, token, kind="at+jwt"):
    """The claims of a JWT, checked with the published keys as a resource server does."""
    keys = KeySet.import_key_set(ok(httpx.get(f"{server.base_url}/oauth/jwks.json", trust_env=False)))
    checked = jwt.decode(token, keys, algorithms=["ES256"])
    assert checked.header["typ"] == kind
    return checked.claims


# Authlib


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib_trades_a_key_for_a_token(server, program, method):
    session = authlib_session(program, method)
    token = session.fetch_token(f"{server.base_url}/oauth/token", grant_type=CLIENT_CREDENTIALS)
    assert token["token_type"] == "Bearer" and token["expires_in"] == 600
    assert set(token["scope"].split()) == set(PERMISSIONS)
    # The session sends the token from now on.
    current = session.get(f"{server.base_url}/api/service/users/current").json()
    assert current["username"] == program.username
    claims = verified(server, token["access_token"])
    assert claims["iss"] == claims["aud"] == server.base_url
    assert claims["client_id"] == program.client_id
    assert claims["exp"] - claims["iat"] == 600


def test_authlib_signs_instead_of_sending_a_secret(server, program):
    endpoint = f"{server.base_url}/oauth/token"
    way = "private_key_jwt"
    session = OAuth2Session(
        program.client_id, program.private_key, token_endpoint_auth_method=way, revocation_endpoint_auth_method=way
    )
    session.register_client_auth_method(PrivateKeyJWT(endpoint, alg="ES256"))
    token = session.fetch_token(endpoint, grant_type=CLIENT_CREDENTIALS, resource=SERVICE)
    assert verified(server, token["access_token"])["aud"] == SERVICE
    # Its assertions are for the token endpoint wherever it sends them: Atlan's address, and revocation.
    realm = f"{server.base_url}/auth/realms/default/protocol/openid-connect/token"
    assert session.fetch_token(realm, grant_type=CLIENT_CREDENTIALS)["access_token"]
    assert session.revoke_token(f"{server.base_url}/oauth/revoke", token["access_token"]).status_code == 200
    assert program.introspect(token["access_token"]) == {"active": False}


def test_authlib_exchanges_introspects_and_revokes(server, program, admin):
    endpoint, whole = f"{server.base_url}/oauth/token", program.child()
    session = authlib_session(program)
    asked = {"subject_token": whole, "subject_token_type": ACCESS_TOKEN, "scope": "VIEW_USERS", "resource": SERVICE}
    token = session.fetch_token(endpoint, grant_type=EXCHANGE, **asked)
    assert token["issued_token_type"] == ACCESS_TOKEN and token["scope"] == "VIEW_USERS"
    claims = verified(server, token["access_token"])
    assert (claims["scope"], claims["aud"]) == ("VIEW_USERS", SERVICE)
    assert "act" not in claims, "the program acts for itself"

    introspection = f"{server.base_url}/oauth/introspect"
    told = session.introspect_token(introspection, token["access_token"]).json()
    assert told["active"] and told["scope"] == "VIEW_USERS" and told["aud"] == [SERVICE]
    assert told["iss"] == server.base_url and told["jti"] == claims["jti"] and told["sub"] == claims["sub"]

    # RFC 7009: what is derived from a revoked token ends, too, and unknown tokens are no error.
    assert session.revoke_token(f"{server.base_url}/oauth/revoke", whole).status_code == 200
    for gone in (whole, token["access_token"], "unknown"):
        assert session.introspect_token(introspection, gone).json() == {"active": False}
    assert session.revoke_token(f"{server.base_url}/oauth/revoke", "unknown").status_code == 200


def test_authlib_delegates(server, program, admin):
    """RFC 8693, section 4.1: `act` says who acts for the subject."""
    agent = Program(server, admin)
    session = authlib_session(agent)
    asked = {"subject_token": program.child(), "subject_token_type": ACCESS_TOKEN, "scope": "VIEW_USERS"}
    token = session.fetch_token(f"{server.base_url}/oauth/token", grant_type=EXCHANGE, **asked)
    claims = verified(server, token["access_token"])
    subject, actor = claims["sub"], claims["act"]["sub"]
    assert subject == program.introspect(program.secret)["sub"]
    assert actor == agent.introspect(agent.secret)["sub"]
    assert program.introspect(token["access_token"])["act"]["username"] == agent.username
    # The agent acts as the program, with what the program lent it.
    current = session.get(f"{server.base_url}/api/service/users/current").json()
    assert current["username"] == program.username


def test_authlib_accepts_the_metadata_behind_a_proxy(own_server):
    own_server.stop()
    own_server.start(TESSERA_PUBLIC_URL="https://tessera.example.org")
    with own_server.anonymous() as client:
        told = ok(client.get("/.well-known/oauth-authorization-server"))
        resource = ok(client.get("/.well-known/oauth-protected-resource"))
        refused = client.get("/api/service/users/current")
    AuthorizationServerMetadata(told).validate()
    addresses = {name: value for name, value in told.items() if name.endswith(("_endpoint", "_uri", "issuer"))}
    assert len(addresses) == 7, addresses
    for name, address in addresses.items():
        assert address.startswith("https://tessera.example.org"), name
    assert resource["authorization_servers"] == [told["issuer"]] == [resource["resource"]]
    named = 'resource_metadata="https://tessera.example.org/.well-known/oauth-protected-resource"'
    assert refused.status_code == 401 and named in refused.headers["www-authenticate"]


def test_introspection_is_signed_for_its_receiver(server, program):
    """RFC 9701, checked with Authlib's successor joserfc."""
    token = program.child(resource=SERVICE, scope="VIEW_USERS")
    with server.anonymous() as client:
        answer = client.post(
            "/oauth/introspect",
            data={"token": token},
            auth=(program.client_id, program.secret),
            headers={"Accept": "application/token-introspection+jwt"},
        )
    assert answer.headers["content-type"] == "application/token-introspection+jwt"
    claims = verified(server, answer.text, "token-introspection+jwt")
    assert (claims["iss"], claims["aud"]) == (server.base_url, program.client_id)
    assert claims["token_introspection"]["aud"] == [SERVICE]
    assert "sub" not in claims and "exp" not in claims, "the answer cannot be mistaken for an access token"


# requests-oauthlib


@pytest.fixture
def insecure_transport(monkeypatch):
    """Without it, oauthlib refuses `http://127.0.0.1`."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def test_requests_oauthlib_trades_a_key_for_a_token(server, program, insecure_transport):
    session = RequestsSession(client=BackendApplicationClient(client_id=program.client_id, scope=["VIEW_USERS"]))
    endpoint = f"{server.base_url}/oauth/token"
    token = session.fetch_token(endpoint, auth=HTTPBasicAuth(program.client_id, program.secret))
    assert token["scope"] == ["VIEW_USERS"]
    assert session.get(f"{server.base_url}/api/service/users/current").json()["username"] == program.username
    assert session.get(f"{server.base_url}/api/service/users").status_code == 200
    posted = RequestsSession(client=BackendApplicationClient(client_id=program.client_id))
    token = posted.fetch_token(endpoint, client_secret=program.secret, include_client_id=True)
    assert verified(server, token["access_token"])["client_id"] == program.client_id


def test_requests_oauthlib_understands_a_refusal(server, program, insecure_transport):
    session = RequestsSession(client=BackendApplicationClient(client_id=program.client_id, scope=["VIEW_AUDIT"]))
    with pytest.raises(InvalidScopeError, match="VIEW_AUDIT"):
        session.fetch_token(f"{server.base_url}/oauth/token", auth=HTTPBasicAuth(program.client_id, program.secret))


# oauth4webapi and openid-client


def told_by(script, server, program):
    jwk = program.private_key.as_dict(private=True)
    told = {"server": server.base_url, "id": program.client_id, "secret": program.secret, "jwk": jwk, "audience": SERVICE}
    command = [NODE, HERE / script, NODE_MODULES, json.dumps(told)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr[-4000:]
    return json.loads(ended.stdout)


def check_oauth4webapi(told, server, program):
    for way in ("basic", "post", "private_key_jwt"):
        assert told[way]["token_type"] == "bearer" and set(told[way]["scope"].split()) == set(PERMISSIONS), told[way]
        assert claims_of(told[way]["access_token"])["client_id"] == program.client_id
    challenge = told["wrong"]["challenges"][0]
    assert told["wrong"]["status"] == 401 and challenge["scheme"] == "basic"
    assert told["foreign"] == {"error": "invalid_target", "status": 400}
    assert told["validated"]["aud"] == SERVICE and told["validated"]["scope"] == "VIEW_USERS"
    assert told["otherAudience"]["error"] == "OAUTH_JWT_CLAIM_COMPARISON_FAILED"
    assert "error" in told["tampered"]
    assert told["exchanged"]["issued_token_type"] == ACCESS_TOKEN and told["exchanged"]["scope"] == "VIEW_USERS"
    assert told["exceeding"] == {"error": "invalid_scope", "status": 400}
    for name in ("introspected", "introspectedByPost", "signed"):
        assert told[name]["active"] and told[name]["aud"] == [SERVICE], told[name]
    assert told["revoked"] == told["revokedUnknown"] == "done"
    assert told["introspectedAfterwards"] == {"active": False}

    assert told["proved"]["token_type"] == "dpop"
    assert told["provedIntrospected"]["cnf"] == {"jkt": told["thumbprint"]}
    assert told["provedIntrospected"]["token_type"] == "DPoP"
    assert told["used"]["username"] == program.username
    assert told["usedWithoutProof"]["status"] == 401

    metadata = f"{server.base_url}/.well-known/oauth-protected-resource"
    assert told["resource"]["resource"] == server.base_url
    assert told["resource"]["authorization_servers"] == [told["metadata"]["issuer"]]
    bearer = next(each for each in told["challenged"]["challenges"] if each["scheme"] == "bearer")
    assert bearer["parameters"]["error"] == "invalid_token"
    assert bearer["parameters"]["resource_metadata"] == metadata


def test_oauth4webapi_agrees(server, program):
    told = told_by("oauth4webapi.mjs", server, program)
    check_oauth4webapi(told, server, program)
    assert "nonces" not in told


def test_openid_client(server, program):
    told = told_by("openid_client.mjs", server, program)
    for way in ("default", "basic", "post", "private_key_jwt"):
        assert claims_of(told[way]["access_token"])["client_id"] == program.client_id
    assert told["metadata"]["issuer"] == server.base_url
    assert told["exchanged"]["scope"] == "VIEW_USERS"
    assert told["introspected"]["aud"] == [SERVICE]
    assert told["introspectedAfterwards"] == {"active": False}
    assert told["proved"]["token_type"] == "dpop" and told["used"]["username"] == program.username


def test_nonces_on_demand(own_server):
    own_server.stop()
    own_server.start(TESSERA_DPOP_NONCE="required")
    with own_server.admin() as admin:
        program = Program(own_server, admin, *PERMISSIONS)
        told = told_by("oauth4webapi.mjs", own_server, program)
        check_oauth4webapi(told, own_server, program)
        # Once at the token endpoint; the resource is the same server, whose nonce the client has by then.
        assert told["nonces"] == 1
        assert told_by("openid_client.mjs", own_server, program)["used"]["username"] == program.username

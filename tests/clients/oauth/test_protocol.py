"""The token endpoint and its neighbours, rule by rule: docs/oauth.md has the rules, and names these tests."""

import json
import random
import secrets
import time
from base64 import urlsafe_b64decode

import joserfc.jwt
import pytest

from programs import (
    ACCESS_TOKEN,
    CLIENT_CREDENTIALS,
    EXCHANGE,
    SERVICE,
    Program,
    claims_of,
    exchange_without_client,
)
from servers import ok

OTHER_SERVICE = "https://other.example.org/"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="module")
def program(server, admin):
    return Program(server, admin, "VIEW_USERS", "VERIFY_TOKENS", audiences=[SERVICE, OTHER_SERVICE])


@pytest.fixture
def anonymous(server):
    with server.anonymous() as client:
        yield client


def refused(answer, error, status=400):
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"
    return answer


# RFC 6749


def test_a_token_is_answered_as_the_standard_has_it(program):
    answer = program.ask(grant_type=CLIENT_CREDENTIALS, scope="VIEW_USERS", lifetime="60")
    told = ok(answer)
    assert set(told) == {"access_token", "token_type", "expires_in", "scope"}, "no refresh token"
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 60, "VIEW_USERS")
    assert answer.headers["cache-control"] == "no-store" and answer.headers["pragma"] == "no-cache"
    assert answer.headers["content-type"] == "application/json"


def test_a_member_without_a_value_is_left_out(program):
    told = ok(program.ask(grant_type=CLIENT_CREDENTIALS, scope="", resource=""))
    assert set(told["scope"].split()) == {"VIEW_USERS", "VERIFY_TOKENS"}
    # And one that is not known is ignored.
    assert program.ask(grant_type=CLIENT_CREDENTIALS, unknown="x").status_code == 200


def test_errors_have_the_codes_of_the_standard(program, anonymous):
    refused(program.ask(), "invalid_request")
    refused(program.ask(grant_type="password", username="a", password="b"), "unsupported_grant_type")
    refused(program.ask(grant_type="refresh_token", refresh_token="x"), "invalid_client", 401)
    refused(program.ask(grant_type=CLIENT_CREDENTIALS, scope="VIEW_AUDIT"), "invalid_scope")
    refused(program.ask(grant_type=CLIENT_CREDENTIALS, scope='"'), "invalid_scope")
    for lifetime in ("59", "3601", "-1", "x"):
        refused(program.ask(grant_type=CLIENT_CREDENTIALS, lifetime=lifetime), "invalid_request")
    refused(program.ask(grant_type=[CLIENT_CREDENTIALS, CLIENT_CREDENTIALS]), "invalid_request")
    refused(program.ask(grant_type=CLIENT_CREDENTIALS, token_format="saml"), "invalid_request")
    nobody = anonymous.post("/oauth/token", data={"grant_type": CLIENT_CREDENTIALS})
    assert refused(nobody, "invalid_client", 401).headers["www-authenticate"].startswith("Basic ")
    wrong = anonymous.post("/oauth/token", data={"grant_type": CLIENT_CREDENTIALS}, auth=(program.client_id, "wrong"))
    refused(wrong, "invalid_client", 401)
    assert anonymous.get("/oauth/token").status_code == 405


RESERVED = "iss sub aud exp nbf iat jti act cnf akid meta tessera_parent tessera_impersonator".split()


@pytest.mark.parametrize("claim", RESERVED)
def test_a_claim_is_not_overridden(program, claim):
    """Failure F29: refused, not silently dropped."""
    told = refused(program.ask(grant_type=CLIENT_CREDENTIALS, **{claim: "9999999999"}), "invalid_request")
    assert claim in told.json()["error_description"]
    asked = {"grant_type": EXCHANGE, "subject_token": program.child(), "subject_token_type": ACCESS_TOKEN}
    refused(program.ask(**asked, **{claim: "9999999999"}), "invalid_request")


def test_a_client_authenticates_in_one_way(program, server, admin, anonymous):
    own = {"client_id": program.client_id, "client_secret": program.secret}
    asked = {"grant_type": CLIENT_CREDENTIALS}
    both = anonymous.post("/oauth/token", data=asked | own, auth=(program.client_id, program.secret))
    assert both.status_code == 400 and both.json()["error"] == "invalid_request", both.text
    other = Program(server, admin)
    mixed = anonymous.post("/oauth/token", data=asked | own | {"client_id": other.client_id})
    refused(mixed, "invalid_client", 401)
    assert anonymous.post("/oauth/token", data=asked, params=own).status_code in (400, 401), "not in the URL"


# RFC 6750


def test_challenges_say_what_is_wrong(program, anonymous):
    without = anonymous.get("/api/service/users/current")
    assert without.status_code == 401 and "error" not in without.headers["www-authenticate"]
    wrong = anonymous.get("/api/service/users/current", headers={"Authorization": "Bearer wrong"})
    assert wrong.status_code == 401 and 'error="invalid_token"' in wrong.headers["www-authenticate"]
    for answer in (without, wrong):
        assert "resource_metadata=" in answer.headers["www-authenticate"]
    poor = anonymous.get("/api/service/audit", headers={"Authorization": f"Bearer {program.child()}"})
    assert poor.status_code == 403 and 'error="insufficient_scope"' in poor.headers["www-authenticate"]
    in_query = anonymous.get("/api/service/users/current", params={"access_token": program.child()})
    assert in_query.status_code == 400, "a token in a URL ends up in logs"


# RFC 7009


def test_only_the_client_revokes_its_tokens(program, server, admin, anonymous):
    token, other = program.child(), Program(server, admin)
    assert other.revoke(token).status_code == 200, "as for an unknown token"
    assert program.introspect(token)["active"]
    assert anonymous.post("/oauth/revoke", data={"token": token}).status_code == 401
    assert program.revoke(token).status_code == 200
    assert program.introspect(token) == {"active": False}
    assert program.revoke(token).status_code == 200, "again"
    refused(program.revoke(program.secret), "unsupported_token_type")
    with server.anonymous() as client:
        missing = client.post("/oauth/revoke", data={}, auth=(program.client_id, program.secret))
    refused(missing, "invalid_request")


# RFC 7523


def asserted(program, anonymous, key=None, **changed):
    now = int(time.time())
    claims = {"iss": program.client_id, "sub": program.client_id, "aud": program.server.base_url}
    claims |= {"iat": now, "exp": now + 60, "jti": secrets.token_hex(8)} | changed
    claims = {name: value for name, value in claims.items() if value is not None}
    head = {"alg": "ES256", "kid": program.private_key.kid}
    assertion = joserfc.jwt.encode(head, claims, key or program.private_key, algorithms=["ES256"])
    form = {"grant_type": CLIENT_CREDENTIALS, "client_assertion_type": ASSERTION, "client_assertion": assertion}
    return anonymous.post("/oauth/token", data=form)


def test_an_assertion_is_taken_once_and_only_as_it_must_be(program, server, admin, anonymous):
    assert asserted(program, anonymous).status_code == 200
    assert asserted(program, anonymous, aud=f"{server.base_url}/oauth/token").status_code == 200
    once = secrets.token_hex(8)
    assert asserted(program, anonymous, jti=once).status_code == 200
    other = Program(server, admin)
    now = int(time.time())
    wrong = {
        "used before": {"jti": once},
        "of another client": {"iss": other.client_id, "sub": other.client_id},
        "of two clients": {"iss": other.client_id},
        "for another server": {"aud": "https://other.example.org"},
        "for two servers": {"aud": [server.base_url, "https://other.example.org"]},
        "expired": {"exp": now - 1},
        "for a day": {"exp": now + 86_400},
        "of the future": {"iat": now + 600},
        "without an end": {"exp": None},
        "without an id": {"jti": None},
    }
    for name, claims in wrong.items():
        answer = asserted(program, anonymous, **claims)
        assert answer.status_code in (400, 401) and answer.json()["error"] == "invalid_client", name
    assert asserted(program, anonymous, key=other.private_key).json()["error"] == "invalid_client"


# RFC 7662


def test_introspection_tells_nothing_without_a_right(program, server, admin):
    other = Program(server, admin)
    token = program.child()
    with server.anonymous() as client:
        answer = client.post("/oauth/introspect", data={"token": token}, auth=(other.client_id, other.secret))
        assert answer.status_code == 403 or answer.json() == {"active": False}, answer.text
        assert client.post("/oauth/introspect", data={"token": token}).status_code == 401
    assert other.introspect(other.child())["active"], "a client may ask about itself"


def test_an_answer_is_kept_for_a_minute_at_most(program):
    """A gateway may keep an answer until its `exp`, and this key has no end."""
    for token in (program.secret, program.child(lifetime="3600"), program.child(token_format="opaque")):
        assert 0 < program.introspect(token)["exp"] - time.time() <= 60


# RFC 8414


def test_every_address_of_the_metadata_answers(server, anonymous):
    told = ok(anonymous.get("/.well-known/oauth-authorization-server"))
    assert told["issuer"] == server.base_url
    for name, address in told.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            answer = anonymous.request("GET" if name in ("jwks_uri", "authorization_endpoint") else "POST", address)
            assert answer.status_code in (200, 400, 401), f"{name}: {answer.status_code}"
    assert anonymous.get("/.well-known/openid-configuration").status_code == 404, "there are no ID tokens"


def test_the_authorization_endpoint_is_a_page_in_words(anonymous):
    query = {"response_type": "code", "client_id": "x", "redirect_uri": "https://evil.example.org/"}
    answer = anonymous.get("/oauth/authorize", params=query)
    assert answer.status_code == 400 and answer.headers["content-type"].startswith("text/html")
    assert "location" not in answer.headers and "evil" not in answer.text


# RFC 8693


def test_an_exchange_names_the_types_of_its_tokens(program):
    token = program.child()
    given = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN}
    refused(program.ask(grant_type=EXCHANGE), "invalid_request")
    refused(program.ask(**{**given, "subject_token_type": ""}), "invalid_request")
    refused(program.ask(**{**given, "subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}), "invalid_request")
    refused(program.ask(**given, actor_token=token), "invalid_request")
    refused(program.ask(**given, actor_token_type=ACCESS_TOKEN), "invalid_request")
    refused(program.ask(**given, requested_token_type="urn:ietf:params:oauth:token-type:refresh_token"), "invalid_request")
    refused(program.ask(**given, requested_token_type=JWT, token_format="opaque"), "invalid_request")
    refused(program.ask(**{**given, "subject_token": "unknown"}), "invalid_request")
    refused(program.ask(**{**given, "subject_token": f"{token[:-8]}AAAAAAAA"}), "invalid_request")
    told = ok(program.ask(**given, requested_token_type=JWT))
    assert told["issued_token_type"] == JWT


def test_an_actor_is_named_by_its_token(program, server, admin):
    actor = Program(server, admin)
    asked = {"actor_token": actor.secret, "actor_token_type": ACCESS_TOKEN}
    told = ok(exchange_without_client(server, program.child(), **asked))
    assert program.introspect(told["access_token"])["act"]["username"] == actor.username
    refused(exchange_without_client(server, program.child(), actor_token="x", actor_token_type=JWT), "invalid_request")


def test_impersonation_takes_a_permission(program, server):
    asked = {"grant_type": EXCHANGE, "subject_token": program.child(), "subject_token_type": ACCESS_TOKEN}
    refused(program.ask(**asked, requested_subject="admin"), "unauthorized_client")


# RFC 8707


def test_a_token_has_one_registered_audience(program):
    for resource in ("https://unknown.example.org/", f"{SERVICE}#part", "service", SERVICE.rstrip("/")):
        refused(program.ask(grant_type=CLIENT_CREDENTIALS, resource=resource), "invalid_target")
    two = program.ask(grant_type=CLIENT_CREDENTIALS, resource=SERVICE, audience=OTHER_SERVICE)
    refused(two, "invalid_target")
    refused(program.ask(grant_type=CLIENT_CREDENTIALS, resource=[SERVICE, OTHER_SERVICE]), "invalid_target")
    for name in ("resource", "audience"):
        assert claims_of(program.child(**{name: SERVICE}))["aud"] == SERVICE


# RFC 9068


def test_an_access_token_has_the_claims_of_the_profile(program):
    claims = claims_of(program.child(scope="VIEW_USERS"))
    assert {"iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope"} <= set(claims)
    assert claims["jti"] != claims_of(program.child())["jti"]


def test_a_token_for_another_resource_is_refused_here(program, server):
    for token_format in ("jwt", "opaque"):
        with server.holder_of(program.child(resource=SERVICE, token_format=token_format)) as client:
            assert not client.is_let_in()
            assert client.get("/gateway/verify").status_code == 401
            assert client.get("/gateway/verify", params={"audience": SERVICE}).status_code == 200
            assert client.get("/gateway/verify", params={"audience": OTHER_SERVICE}).status_code == 401


def test_keys_are_rotated_without_a_gap(own_server):
    def keys():
        with own_server.anonymous() as client:
            return {key["kid"] for key in ok(client.get("/oauth/jwks.json"))["keys"]}

    def signer(token):
        return json.loads(urlsafe_b64decode(token.split(".")[0] + "=="))["kid"]

    def eventually(holds):
        deadline = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline, "the server reads its keys every ten seconds"
            time.sleep(0.5)

    with own_server.admin() as admin:
        program = Program(own_server, admin)
        before = program.child()
        assert keys() == {signer(before)}
        # Published first: it signs in ten minutes.
        following = own_server.cli("signing-keys", "rotate")
        eventually(lambda: following in keys())
        assert signer(program.child()) == signer(before)
        # At once, on command. The tokens of the old key stay valid.
        urgent = own_server.cli("signing-keys", "rotate", "--now")
        eventually(lambda: signer(program.child()) == urgent)
        assert signer(before) in keys() and own_server.holder_of(before).is_let_in()
        own_server.cli("signing-keys", "remove", signer(before))
        eventually(lambda: not own_server.holder_of(before).is_let_in())
        assert signer(before) not in keys()
        own_server.restart()
        assert own_server.holder_of(program.child()).is_let_in()


# The rule of all exchanges


@pytest.mark.parametrize("seed", range(4))
def test_no_sequence_of_exchanges_gains_anything(server, admin, program, seed):
    """A token may no more, reaches no further and lives no longer than what it came from, whatever is asked for."""
    choice = random.Random(seed)
    # None of them includes another.
    permissions = ["VIEW_USERS", "VIEW_AUDIT", "VIEW_APIKEYS", "VERIFY_TOKENS"]
    audiences = [SERVICE, OTHER_SERVICE]
    actors = [Program(server, admin, *permissions, audiences=audiences) for _ in range(3)]
    known = [(None, actor.secret) for actor in actors]
    made = refusals = 0
    for _ in range(40):
        parent, token = choice.choice(known[-6:])
        form = {}
        if choice.random() < 0.6:
            form["scope"] = " ".join(choice.sample(permissions, choice.randint(1, 3)))
        if choice.random() < 0.4:
            form["resource"] = choice.choice([*audiences, server.base_url])
        if choice.random() < 0.5:
            form["lifetime"] = str(choice.randint(60, 3600))
        form["token_format"] = choice.choice(["jwt", "opaque"])
        asked = {"subject_token": token, "subject_token_type": ACCESS_TOKEN}
        answer = choice.choice(actors).ask(grant_type=EXCHANGE, **asked, **form)
        if answer.status_code != 200:
            assert answer.json()["error"] in ("invalid_scope", "invalid_target", "invalid_request"), answer.text
            refusals += 1
            continue
        made += 1
        told = answer.json()
        child = {
            "scope": set(told["scope"].split()),
            "expires": time.time() + told["expires_in"],
            "audience": program.introspect(told["access_token"])["aud"],
            "subject": program.introspect(told["access_token"])["sub"],
        }
        assert told["expires_in"] <= 3600 and child["scope"] <= set(permissions)
        if parent is not None:
            assert child["scope"] <= parent["scope"]
            assert child["expires"] <= parent["expires"] + 1.5, "seconds are rounded"
            assert child["subject"] == parent["subject"]
            assert child["audience"] == parent["audience"] or parent["audience"] == [server.base_url]
        known.append((child, told["access_token"]))
    assert made > 5 and refusals > 5, (made, refusals)

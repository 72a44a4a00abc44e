"""The documented file of each gateway, in front of an application: docs/gateways.md, failures F11 to F14."""

import pytest

from conftest import TRUSTED
from servers import token_of

# What the client claims to be, in the spellings that an application may take for ours.
CLAIMS = {
    spelling: "admin"
    # The last two are not Tessera's, but an application may come to trust them all the same.
    for field in ("Principal", "Principal-Id", "Client-Id", "Personas", "Permissions", "Expires-In", "Extra", "Is-Admin")
    for spelling in (
        f"X-Tessera-{field}",
        f"x-tessera-{field.lower()}",
        f"X_Tessera_{field.replace('-', '_')}",
        f"X-Tessera_{field.replace('-', '_')}",
    )
}


def told(answer):
    """The identity that the application was told, by the names that CGI and WSGI make of headers."""
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    identity = {}
    for name, value in answer.json()["headers"]:
        name = name.replace("_", "-")
        if name.startswith("x-tessera-"):
            assert name not in identity, "the application is told twice"
            identity[name.removeprefix("x-tessera-")] = value
    return identity


def headers_of(answer):
    return {name for name, _ in answer.json()["headers"]}


def test_without_a_key_there_is_no_way_through(gateway):
    with gateway.client() as client:
        answer = client.get("/")
        assert answer.status_code == 401
        assert "bearer" in answer.headers["www-authenticate"].lower()
        assert client.get("/admin/").status_code == 401


@pytest.mark.parametrize("wrong", ["nonsense", "tsk_" + "0" * 70, "", "{token}x", "{token} {token}"])
def test_a_wrong_key_is_refused(gateway, keys, wrong):
    with gateway.client(wrong.format(token=keys.plain)) as client:
        assert client.get("/").status_code == 401


def test_the_application_is_told_who_it_is(gateway, keys, persona):
    created = keys.created["operator"]
    with gateway.client(keys.operator) as client:
        answer = client.get("/reports?of=today")
    identity = told(answer)
    assert identity["principal"] == f"service-account-{created['attributes']['clientId']}"
    assert identity["principal-id"] == created["id"]
    assert identity["client-id"] == created["attributes"]["clientId"]
    assert identity["personas"] == persona
    assert identity["permissions"] == "MANAGE_APIKEYS"
    assert answer.json()["target"] == "/reports?of=today"


def test_the_application_never_sees_the_key(gateway, keys):
    with gateway.client(keys.plain) as client:
        answer = client.get("/", headers={"X-API-Key": keys.plain})
    assert answer.status_code == 200
    assert keys.plain not in answer.text
    assert not headers_of(answer) & {"authorization", "x-api-key"}


def test_what_a_client_says_of_itself_is_dropped(gateway, keys):
    with gateway.client(keys.plain) as client:
        honest, liar = told(client.get("/")), told(client.get("/", headers=CLAIMS))
    assert "admin" not in liar.values()
    assert liar == honest


def test_what_the_application_needs_of_a_request_arrives(gateway, keys):
    sent = {
        "accept": "application/json",
        "content-type": "text/csv",
        "cookie": "a=b",
        "if-none-match": '"1"',
        "user-agent": "test/1",
    }
    with gateway.client(keys.plain) as client:
        answer = client.post("/orders", content=b"x", headers=sent)
    arrived = dict(answer.json()["headers"])
    assert {name: arrived.get(name) for name in sent} == sent


def test_a_revoked_key_is_refused_at_once(gateway, manager):
    created = manager.create()
    with gateway.client(token_of(created)) as client:
        for _ in range(3):
            assert client.get("/").status_code == 200
        assert manager.delete(f"/api/service/apikeys/{created['id']}").status_code == 200
        assert client.get("/").status_code == 401


def test_an_expired_key_is_refused(gateway, keys):
    with gateway.client(keys.expired) as client:
        assert client.get("/").status_code == 401


@pytest.mark.parametrize("lacking", ["plain", "permitted", "linked"])
def test_a_missing_persona_or_permission_is_forbidden(gateway, keys, lacking):
    with gateway.client(getattr(keys, lacking)) as client:
        assert client.get("/").status_code == 200
        assert client.get("/admin/").status_code == 403
        assert client.get("/admin/keys?permission=&persona=").status_code == 403


def test_who_has_what_is_required_is_let_through(gateway, keys):
    with gateway.client(keys.operator) as client:
        assert client.get("/admin/keys?page=2").json()["target"] == "/admin/keys?page=2"


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_body_arrives_whole(gateway, keys, framing):
    body = "x" * 300_000
    content = body.encode() if framing == "length" else iter([body[:100].encode(), body[100:].encode()])
    with gateway.client(keys.plain) as client:
        answer = client.post("/orders", content=content)
    assert told(answer)
    assert (answer.json()["method"], answer.json()["body"]) == ("POST", body)
    with gateway.client() as client:
        assert client.post("/orders", content=b"x").status_code == 401


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_every_method_is_asked_about(gateway, keys, method):
    with gateway.client() as client:
        for path in ("/", "/admin/"):
            # 403 where the documented file itself refuses what the gateway would let through.
            assert client.request(method, path).status_code in (401, 403)
            assert client.request(method, path, auth=("admin", keys.operator)).status_code in (401, 403)
            assert client.request(method, path, headers={"Authorization": "Bearer nonsense"}).status_code == 401
        answer = client.request(method, "/", headers={"Authorization": f"Bearer {keys.plain}"})
        assert answer.json()["method"] == method


def test_the_head_alone_can_be_asked_for(gateway, keys):
    with gateway.client(keys.plain) as client:
        assert client.head("/").status_code == 200
    with gateway.client() as client:
        assert client.head("/").status_code == 401


def test_a_bound_key_is_judged_by_the_real_address(gateway, keys):
    with gateway.client(keys.bound, address="127.0.0.2") as client:
        answer = client.get("/")
        assert answer.status_code == (200 if gateway.foreign == 403 else gateway.foreign), answer.text
        assert client.get("/", headers={"X-Forwarded-For": "127.0.0.3"}).status_code == answer.status_code
    with gateway.client(keys.bound, address="127.0.0.3") as client:
        for name in ("X-Forwarded-For", "X_Forwarded_For", "X-Real-IP", "Forwarded", "X-Original-Forwarded-For"):
            for value in ("127.0.0.2", "127.0.0.2, 127.0.0.1", "for=127.0.0.2"):
                assert client.get("/", headers={name: value}).status_code == gateway.foreign, (name, value)
        twice = [("X-Forwarded-For", "127.0.0.2"), ("X-Forwarded-For", "127.0.0.2")]
        assert client.get("/", headers=twice).status_code == gateway.foreign


def test_two_credentials_are_refused(gateway, keys):
    lines = [("Authorization", f"Bearer {keys.plain}"), ("Authorization", f"Bearer {keys.operator}")]
    with gateway.client() as client:
        for both in (lines, lines[::-1]):
            assert client.get("/", headers=both).status_code in (400, 401)


def test_two_kinds_of_credential_must_agree(gateway, keys):
    with gateway.client(keys.plain) as client:
        answer = client.get("/", headers={"X-API-Key": keys.operator})
    if gateway.name == "apache":  # takes the one, and passes on neither
        assert told(answer)["principal-id"] == keys.created["plain"]["id"]
    else:
        assert answer.status_code == 401


def test_a_key_in_the_query_string_is_refused(gateway, keys):
    with gateway.client() as client:
        assert client.get("/", params={"access_token": keys.plain}).status_code == 401
    if gateway.tells_query:
        with gateway.client(keys.plain) as client:
            assert client.get("/", params={"access_token": keys.plain}).status_code == 401


def test_the_client_does_not_speak_for_the_gateway(gateway, keys):
    names = ("X-Original-URI", "X-Original-Method", "X-Forwarded-Uri", "X-Forwarded-Method")
    lies = dict.fromkeys(names, "/?access_token=x")
    with gateway.client(keys.plain) as client:
        assert client.get("/", headers=lies).status_code == 200
    assert "?access_token=x" not in gateway.tessera.output()


def test_a_used_up_rate_limit_is_passed_on(gateway, manager):
    key = manager.create(rateLimit={"requests": 2, "seconds": 600})
    with gateway.client(token_of(key)) as client:
        assert [client.get("/").status_code for _ in range(2)] == [200, 200]
        answer = client.get("/")
    assert answer.status_code == gateway.rate_limited
    if gateway.rate_limited == 429:
        assert 1 <= int(answer.headers["retry-after"]) <= 600


def test_a_key_that_is_deleted_is_refused_from_then_on(gateway, manager):
    for _ in range(10):
        key = manager.create()
        with gateway.client(token_of(key)) as client:
            assert [client.get("/").status_code for _ in range(3)] == [200] * 3
            assert manager.delete(f"/api/service/apikeys/{key['id']}").status_code == 200
            assert client.get("/").status_code == 401


def test_nobody_gets_through_while_tessera_is_down(gateway, keys, manager):
    with gateway.client(keys.plain) as client:
        assert client.get("/").status_code == 200
        gateway.tessera.stop()
        try:
            assert client.get("/").status_code == gateway.down
            assert client.post("/", content=b"x").status_code == gateway.down
        finally:
            gateway.tessera.start(**TRUSTED)
        assert client.get("/").status_code == 200

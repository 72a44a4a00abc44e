"""Envoy and Apache check children by themselves, with Tessera's published keys: docs/gateways.md, *Without asking*."""

import time

import pytest

from gateways import ApacheJwt, EnvoyJwt
from servers import ok, running, token_of

AUDIENCE = "https://app.example.org/"


@pytest.fixture(scope="module", params=["ES256", "RS256"])
def signing(request, tmp_path_factory):
    """A server that signs with one of its algorithms. Which database it has makes no difference to the receivers."""
    for server in running("sqlite", tmp_path_factory, TESSERA_SIGNING_ALGORITHM=request.param):
        server.algorithm = request.param
        yield server


@pytest.fixture(scope="module", params=[EnvoyJwt, ApacheJwt])
def receiver(request, signing, upstream, tmp_path_factory):
    directory = tmp_path_factory.mktemp(request.param.name)
    # A server may have given up root's rights when it reads its files.
    directory.chmod(0o755)
    directory.parent.chmod(0o755)
    with request.param(directory, signing, upstream, "default/unused") as running:
        yield running


@pytest.fixture
def key(signing):
    return new_key(signing)


def new_key(server, **members):
    with server.admin() as admin:
        key = admin.create(workspacePermissions=["VIEW_USERS"], **members)
        body = {"audiences": [AUDIENCE, "https://other.example.org/"]}
        ok(admin.put(f"/api/service/apikeys/{key['id']}/oauth", json=body))
    return key


def child(server, key, **form):
    asked = {"grant_type": "client_credentials"} | form
    with server.anonymous() as client:
        answer = client.post("/oauth/token", data=asked, auth=(key["attributes"]["clientId"], token_of(key)))
    return ok(answer)["access_token"]


def test_the_keys_are_of_the_algorithm(signing):
    with signing.anonymous() as client:
        keys = ok(client.get("/oauth/jwks.json"))["keys"]
    assert keys and {each["alg"] for each in keys} == {signing.algorithm}
    assert all("kid" in each and not {"d", "p", "q"} & set(each) for each in keys)


def test_a_child_is_let_in(receiver, signing, key):
    token = child(signing, key, resource=AUDIENCE, scope="VIEW_USERS")
    lies = {"X-Tessera-Principal-Id": "admin", "X-Tessera-Scope": "MANAGE_APIKEYS"}
    with receiver.client(token) as client:
        answer = client.get("/reports?of=today", headers=lies)
    assert answer.status_code == 200, answer.text
    told = [(name, value) for name, value in answer.json()["headers"] if name.startswith("x-tessera-")]
    assert sorted(told) == [
        ("x-tessera-client-id", key["attributes"]["clientId"]),
        ("x-tessera-principal-id", key["id"]),
        ("x-tessera-scope", "VIEW_USERS"),
    ]
    assert token not in answer.text


def test_what_is_no_child_for_it_is_refused(receiver, signing, key):
    token = child(signing, key, resource=AUDIENCE)
    head, body, signature = token.split(".")
    _, other_body, _ = child(signing, key).split(".")
    wrong = {
        "for Tessera itself": child(signing, key),
        "for another": child(signing, key, resource="https://other.example.org/"),
        "opaque": child(signing, key, resource=AUDIENCE, token_format="opaque"),
        "the key's own token": token_of(key),
        "another signature": f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        "another body": f"{head}.{other_body}.{signature}",
        "not signed": f"eyJhbGciOiJub25lIn0.{body}.",
        "nothing": "",
    }
    for name, token in wrong.items():
        with receiver.client(token) as client:
            assert client.get("/").status_code in (401, 403), name


def test_the_bound_of_a_revoked_key_is_the_expiry(receiver, signing):
    """A receiver that does not ask accepts a revoked token until it expires, and no longer."""
    key = new_key(signing, validitySeconds=6)
    token = child(signing, key, resource=AUDIENCE)
    expires = time.monotonic() + 6
    with receiver.client(token) as client:
        assert client.get("/").status_code == 200
        with signing.admin() as admin:
            assert admin.delete(f"/api/service/apikeys/{key['id']}").status_code == 200
        assert client.get("/").status_code == 200
        # Envoy allows for a second of difference between clocks.
        time.sleep(max(0, expires + 2 - time.monotonic()))
        assert client.get("/").status_code == 401

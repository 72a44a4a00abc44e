"""Envoy with the path and the query of the client: what a client writes there is no requirement of the gateway."""

import hashlib
import secrets
import socket
import time
from base64 import urlsafe_b64encode

import joserfc.jwt
import pytest
from joserfc.jwk import ECKey

from conftest import Beside
from edges import edge_at
from gateways import EnvoyPrefix
from servers import ok, token_of

AUDIENCE = "https://tools.example.org/"
PATHS = ["/", "//", "/a", "/a/", "//a"]


@pytest.fixture(scope="module", params=["server", "edge"])
def envoy(request, tessera, upstream, persona, tmp_path_factory):
    directory = tmp_path_factory.mktemp(f"envoy-prefix-{request.param}")
    if request.param == "server":
        with EnvoyPrefix(directory, tessera, upstream, persona) as gateway:
            yield gateway
        return
    own = tessera.new_key("--permission", "VERIFY_TOKENS")
    with edge_at(directory / "edge", tessera.port, own) as edge:
        with EnvoyPrefix(directory, Beside(tessera, edge), upstream, persona) as gateway:
            yield gateway


@pytest.fixture(scope="module")
def key(manager):
    created = manager.create()
    ok(manager.put(f"/api/service/apikeys/{created['id']}/oauth", json={"audiences": [AUDIENCE]}))
    return created


def child(tessera, key, headers=None, **form):
    credentials = (key["attributes"]["clientId"], token_of(key))
    with tessera.anonymous() as client:
        asked = {"grant_type": "client_credentials"} | form
        return ok(client.post("/oauth/token", data=asked, auth=credentials, headers=headers))["access_token"]


@pytest.mark.parametrize("path", PATHS)
def test_a_client_chooses_no_audience(envoy, tessera, key, path):
    elsewhere = child(tessera, key, resource=AUDIENCE)
    with tessera.holder_of(elsewhere) as client:
        assert client.get("/gateway/verify", params={"audience": AUDIENCE}).status_code == 200
    # A whole URL: in a relative one the client itself would join the slashes.
    url = f"http://127.0.0.1:{envoy.port}{path}"
    with envoy.client(elsewhere) as client:
        for _ in range(2):
            assert client.get(f"{url}?audience={AUDIENCE}").status_code == 401
    with envoy.client(token_of(key)) as client:
        for own in ("foo=bar", "action=edit", f"audience={AUDIENCE}"):
            assert client.get(f"{url}?{own}").status_code == 200
        assert client.get(f"{url}?permission=MANAGE_APIKEYS").status_code == 403


@pytest.mark.parametrize("target", ["http://127.0.0.1", ""])
def test_neither_does_a_request_without_a_path(envoy, tessera, key, target):
    """In the absolute form of HTTP/1.1 the query may follow the host at once."""
    elsewhere = child(tessera, key, resource=AUDIENCE)
    with socket.create_connection(("127.0.0.1", envoy.port), timeout=30) as client:
        lines = [
            f"GET {target}?audience={AUDIENCE} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Bearer {elsewhere}",
            "Connection: close",
        ]
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        status = client.makefile("rb").readline().split()[1]
    assert status in (b"400", b"401", b"404"), status


@pytest.mark.parametrize("path", PATHS)
def test_a_bound_token_is_proved_for_the_path_as_it_was_sent(envoy, tessera, key, path):
    pair = ECKey.generate_key("P-256")

    def proof(method, url, **claims):
        claims |= {"jti": secrets.token_hex(16), "htm": method, "htu": url, "iat": int(time.time())}
        head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": pair.as_dict(private=False)}
        return joserfc.jwt.encode(head, claims, pair, algorithms=["ES256"])

    token = child(tessera, key, {"DPoP": proof("POST", f"{tessera.base_url}/oauth/token")})
    digest = urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    with envoy.client() as client:
        sent = lambda url: {"Authorization": f"DPoP {token}", "DPoP": proof("GET", url, ath=digest)}
        url = f"http://127.0.0.1:{envoy.port}{path}"
        assert client.get(f"{url}?a=b", headers=sent(url)).status_code == 200
        assert client.get(f"{url}?a=b", headers=sent(f"{url}/other")).status_code == 401

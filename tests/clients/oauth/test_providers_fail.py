"""Providers that are down, slow, or have wrong metadata."""

import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from browsers import Browser, write_providers
from lying_provider import Provider
from servers import ADMIN_PASSWORD

UNAVAILABLE = "login?because=unavailable"


@pytest.fixture
def fresh(own_server, request):
    """A new Tessera that has not contacted its provider yet, and the provider."""
    provider = Provider()
    provider.person["groups"] = ["staff"]
    own_server.stop()
    write_providers(own_server.directory, [provider])
    own_server.start(TESSERA_PROVIDERS_FILE=str(own_server.directory / "providers.toml"))
    yield own_server, provider
    provider.close()


def begin(server):
    return Browser(server).get("/login/company").headers["location"]


def big():
    return 200, {"content-type": "application/json"}, b'{"issuer":"' + b"x" * 600_000 + b'"}'


WELL_KNOWN = "/.well-known/openid-configuration"
LIES = {
    "another issuer": lambda it: it.documents.update(issuer="https://id.example.org"),
    "no key address": lambda it: it.documents.update(jwks_uri=None),
    "a token address without TLS": lambda it: it.documents.update(token_endpoint="http://id.example.org/token"),
    "an authorization address that is a script": lambda it: it.documents.update(authorization_endpoint="javascript:1"),
    "no algorithm but none and HMAC": lambda it: it.documents.update(
        id_token_signing_alg_values_supported=["none", "HS256"]
    ),
    "no JSON": lambda it: it.path.update({WELL_KNOWN: (200, {}, b"<html>")}),
    "a member twice": lambda it: it.path.update({WELL_KNOWN: (200, {}, b'{"issuer":"a","issuer":"b"}')}),
    "nesting without end": lambda it: it.path.update({WELL_KNOWN: (200, {}, b"[" * 100_000)}),
    "too much": lambda it: it.path.update({WELL_KNOWN: big()}),
    "a redirection": lambda it: it.path.update({WELL_KNOWN: (302, {"location": f"{it.issuer}/elsewhere"}, b"")}),
    "an error": lambda it: it.path.update({WELL_KNOWN: (500, {}, b"")}),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_provider_that_lies_about_itself_is_not_used(fresh, lie):
    server, provider = fresh
    LIES[lie](provider)
    assert begin(server).endswith(UNAVAILABLE)
    assert not any(path == "/elsewhere" for _, path, _, _ in provider.requests)


@pytest.mark.parametrize("member", ["token_endpoint", "jwks_uri"])
def test_a_provider_leads_no_request_into_another_private_host(fresh, member):
    server, provider = fresh
    path = {"token_endpoint": "/token", "jwks_uri": "/keys"}[member]
    # Loopback like the issuer, but under another host name.
    provider.documents[member] = f"http://localhost:{provider.port}{path}"
    assert Browser(server).sign_in().endswith(UNAVAILABLE)
    assert not any(asked == path for _, asked, _, _ in provider.requests)


def test_a_provider_that_is_down_is_left_in_peace_and_comes_back(fresh):
    server, provider = fresh
    provider.path[WELL_KNOWN] = (503, {}, b"")
    for _ in range(5):
        assert begin(server).endswith(UNAVAILABLE)
    assert len(provider.requests) == 1
    provider.be_honest()
    provider.person["groups"] = ["staff"]
    time.sleep(5.2)
    browser = Browser(server)
    browser.sign_in()
    assert browser.whoami()["username"] == "ada"


def leave(server, path, cookies=""):
    """Sends a request, and resets the connection before the answer."""
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nCookie: {cookies}\r\n\r\n".encode())
        time.sleep(0.3)


def test_a_client_that_disconnects_ends_no_request_that_others_wait_for(fresh):
    server, provider = fresh
    provider.delay = 1
    leave(server, "/login/company")
    assert begin(server).startswith(provider.issuer)
    assert len(provider.requests) == 1


def test_a_client_that_disconnects_is_counted(fresh):
    server, provider = fresh
    with Browser(server) as browser:
        address = browser.begin()
        state = parse_qs(urlsplit(address).query)["state"][0]
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    provider.delay = 1
    for _ in range(3):
        leave(server, f"/login/company/callback?code=x&state={state}&iss={quote(provider.issuer, safe='')}", cookies)
    deadline = time.monotonic() + 20
    while 'tessera_sign_ins_total{outcome="wrong"} 3\n' not in server.anonymous().get("/metrics").text:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_provider_that_is_slow_keeps_nobody_else_out(fresh):
    server, provider = fresh
    provider.delay = 30
    with ThreadPoolExecutor(30) as pool:
        began = time.monotonic()
        waiting = [pool.submit(begin, server) for _ in range(24)]
        time.sleep(0.5)
        server.user("admin", ADMIN_PASSWORD)
        assert time.monotonic() - began < 5
        for each in waiting:
            assert each.result().endswith(UNAVAILABLE)
        assert time.monotonic() - began < 25
    assert len(provider.requests) == 1, "those who want the same wait for one question"

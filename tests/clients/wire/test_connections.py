"""Too many connections, and slow-loris heads and bodies."""

import re
import resource
import time

import httpx
import pytest

from errors import error_of
from raw_http import Connection, request

DESCRIPTORS = 1024
HEAD_SECONDS, BODY_SECONDS = 2, 3


@pytest.fixture
def small_server(own_server):
    """A server that may open 1024 files and closes what is slow within seconds, for a client that may open more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    own_server.stop()
    own_server.start(
        descriptors=DESCRIPTORS,
        TESSERA_HEAD_SECONDS=str(HEAD_SECONDS),
        TESSERA_BODY_SECONDS=str(BODY_SECONDS),
        TESSERA_BODY_BYTES_PER_SECOND="100000",
    )
    yield own_server
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def status_of(server, path, token=None):
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{server.base_url}{path}", headers=headers, trust_env=False, timeout=10).status_code


@pytest.mark.parametrize("sent", [b"", b"GET /livez HTTP/1.1\r\nHos", request("POST", "/api/service/sessions", "Content-Length: 100")])
def test_more_connections_than_descriptors_keep_nobody_out(small_server, sent):
    token = small_server.new_key()
    held = [Connection(small_server) for _ in range(DESCRIPTORS + 26)]
    try:
        for connection in held:
            connection.send(sent)
        for _ in range(20):
            assert status_of(small_server, "/gateway/verify", token) == 200
            assert [status_of(small_server, path) for path in ("/livez", "/readyz", "/metrics")] == [200, 200, 200]
    finally:
        for connection in held:
            connection.socket.close()


def test_every_head_of_a_connection_is_timed(small_server):
    with Connection(small_server) as connection:
        connection.send(request("GET", "/livez"))
        assert connection.answer().status_code == 200
        begun = time.monotonic()
        connection.send(b"GET /livez HTTP/1.1\r\nHos")
        assert connection.is_closed()
        assert time.monotonic() - begun < HEAD_SECONDS + 5


def test_a_body_that_does_not_arrive_is_given_up(small_server):
    token = small_server.managing_key()
    with Connection(small_server) as connection:
        begun = time.monotonic()
        connection.send(
            request("POST", "/api/service/apikeys", f"Authorization: Bearer {token}", "Content-Length: 100")
        )
        connection.send(b"{")
        error_of(connection.answer(), 408)
        assert time.monotonic() - begun < BODY_SECONDS + 5


def test_a_wrong_bearer_is_refused_before_its_body_is_sent(small_server):
    with Connection(small_server) as connection:
        connection.send(request("POST", "/api/service/apikeys", "Authorization: Bearer x", "Content-Length: 100000"))
        error_of(connection.answer(), 401)
        assert connection.is_closed()


def test_half_bodies_are_bounded_in_memory(own_server):
    own_server.stop()
    own_server.start(TESSERA_BODY_MEMORY=str(8 << 20))
    token = own_server.managing_key()
    before, held = own_server.memory(), []
    try:
        # 43 MiB of bodies.
        for _ in range(300):
            connection = Connection(own_server)
            held.append(connection)
            connection.send(
                request("POST", "/api/service/apikeys", f"Authorization: Bearer {token}", "Content-Length: 200000")
            )
            connection.send(b" " * 150_000)
        time.sleep(1)
        # Also what connections have read until they were refused, which the allocator keeps for a while.
        assert own_server.memory() - before < 96 << 20
        taken = re.search(r"^tessera_body_memory_bytes (\d+)$", own_server.anonymous().get("/metrics").text, re.MULTILINE)
        assert 0 < int(taken[1]) <= 8 << 20
        # Others have their own share.
        other = own_server.holder_of(own_server.managing_key())
        assert other.post("/api/service/apikeys", json={"displayName": "a", "description": "x" * 4000}).status_code == 200
    finally:
        for connection in held:
            connection.socket.close()


ANSWERED_WITHOUT_THEIR_BODIES = [
    (request("POST", "/api/service/apikeys", "Content-Length: 2"), b"{}"),
    (request("POST", "/nowhere", "Content-Length: 2"), b"{}"),
    (request("POST", "/api/service/apikeys", "Transfer-Encoding: chunked"), b"2\r\n{}\r\n0\r\n\r\n"),
]


@pytest.mark.parametrize(("head", "body"), [*ANSWERED_WITHOUT_THEIR_BODIES, (request("GET", "/livez", "Connection: close"), b"")])
def test_nothing_behind_an_announced_end_is_processed(server, head, body):
    with Connection(server) as connection:
        connection.send(head)
        assert connection.answer().headers["connection"] == "close"
        connection.send(body + request("GET", "/livez"))
        assert connection.is_closed()


@pytest.mark.parametrize(("head", "body"), ANSWERED_WITHOUT_THEIR_BODIES)
def test_a_body_that_has_arrived_ends_no_connection(server, head, body):
    with Connection(server) as connection:
        for _ in range(3):
            connection.send(head + body + request("GET", "/livez"))
            refused = connection.answer()
            assert refused.status_code in (401, 404) and "connection" not in refused.headers
            assert connection.answer().status_code == 200


def test_a_body_that_breaks_its_framing_ends_the_connection_with_an_announcement(server):
    form = ("Content-Type: application/x-www-form-urlencoded", "Transfer-Encoding: chunked")
    with Connection(server) as connection:
        connection.send(request("POST", "/oauth/token", *form) + b"zz\r\n")
        answer = connection.answer()
        assert (answer.status_code, answer.headers["connection"]) == (400, "close")
        assert connection.is_closed()

"""Paths, spellings and framing: docs/contracts/atlan.md, section 2 and trap 10; failures F12 and F16."""

import uuid

import pytest

from raw_http import Connection, bearer, exchange, request
from servers import ok

KEYS = "/api/service/apikeys"
READABLE = [
    KEYS,
    "/api/service/users/current",
    "/api/service/whoami",
    "/api/service/roles",
    "/api/service/users",
    "/api/service/v2/groups",
    "/api/service/personas",
]


@pytest.mark.parametrize("path", READABLE)
def test_both_slash_spellings_answer_without_redirect(admin, path):
    plain, slashed = admin.get(path), admin.get(path + "/")
    assert plain.status_code == slashed.status_code == 200
    assert plain.json() == slashed.json()


def test_both_slash_spellings_write(server, admin):
    created = ok(admin.post(KEYS + "/", json={"displayName": "slashed"}))
    path = f"{KEYS}/{created['id']}/"
    assert ok(admin.post(path, json={"displayName": "renamed"}))["displayName"] == "renamed"
    assert admin.get(path).status_code == 200
    assert admin.delete(path).status_code == 200
    assert admin.get(path).status_code == 404
    assert server.anonymous().post("/api/service/sessions/", json={"username": "a", "password": "b"}).status_code == 401


def test_a_delete_answers_with_nothing_or_json(admin):
    answer = admin.delete(f"{KEYS}/{admin.create()['id']}")
    assert answer.status_code == 200
    if answer.content:
        answer.json()


@pytest.mark.parametrize(
    "spelling",
    [
        "//api/service/apikeys/{guid}",
        "/api//service/apikeys/{guid}",
        "/api/service/./apikeys/{guid}",
        "/api/service/apikeys//{guid}",
        "/api/service/apikeys/x/../{guid}",
        "/api/service/apikeys/x/%2e%2e/{guid}",
        "/api/service/apikeys/%2e%2e/apikeys/{guid}",
        "/api/service/personas/../apikeys/{guid}",
        "/swagger-ui/../api/service/apikeys/{guid}",
        "/api/service/apikeys/..%2fapikeys/{guid}",
        "/readyz/../api/service/apikeys/{guid}",
        "/api/service/apikeys/{guid};x=1",
        "/api/service/apikeys/{guid}%00",
        "/api/service/apikeys/{guid}%20",
        "/api/service/apikeys/{guid}#x",
        "/API/service/apikeys/{guid}",
        "/api\\service\\apikeys\\{guid}",
    ],
)
def test_no_spelling_of_a_path_gets_past_authorisation(server, admin, spelling):
    victim = admin.create()["id"]
    weak = admin.create()["attributes"]["accessToken"]
    target = spelling.format(guid=victim)
    for headers in ([], [bearer(weak)]):
        answer = exchange(server, request("DELETE", target, *headers))
        assert answer.status_code in (400, 401, 403, 404, 405), target
    assert admin.get(f"{KEYS}/{victim}").status_code == 200


def test_an_absolute_target_is_the_same_resource(server, admin):
    for host in (f"127.0.0.1:{server.port}", "example.com"):
        answer = exchange(server, request("GET", f"http://{host}/api/service/users/current", bearer(admin.token)))
        assert answer.status_code == 200
        assert answer.json()["username"] == "admin"
        assert exchange(server, request("GET", f"http://{host}/api/service/users/current")).status_code == 401


def test_a_smuggled_request_is_not_carried_out(server, admin):
    name = f"smuggled-{uuid.uuid4()}"
    inner = request(
        "POST",
        KEYS,
        bearer(admin.token),
        "Content-Type: application/json",
        body=b'{"displayName":"%s"}' % name.encode(),
    )
    framings = [
        ["Transfer-Encoding: chunked", "Content-Length: {length}"],
        ["Content-Length: {length}", "Transfer-Encoding: chunked"],
        ["Content-Length: 5", "Content-Length: {length}"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding : chunked"],
        ["Content-Length: +5"],
        ["Content-Length: 5, {length}"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
    ]
    for framing in framings:
        body = b"0\r\n\r\n" + inner
        headers = [header.format(length=len(body)) for header in framing]
        with Connection(server) as connection:
            connection.send(request("GET", KEYS + "?limit=1", bearer(admin.token), *headers) + body)
            connection.socket.settimeout(2)
            try:
                while connection.answer():
                    pass
            except TimeoutError:
                pass
        assert not admin.list(filter=f'{{"displayName":"{name}"}}')["records"], framing


def test_an_old_client_gets_its_answer_and_the_end(server, admin):
    with Connection(server) as connection:
        connection.send(f"GET {KEYS}?limit=1 HTTP/1.0\r\n{bearer(admin.token)}\r\n\r\n".encode())
        assert connection.answer().status_code == 200
        assert connection.is_closed()
    with Connection(server) as connection:
        for _ in range(2):
            connection.send(
                f"GET {KEYS}?limit=1 HTTP/1.0\r\nConnection: keep-alive\r\n{bearer(admin.token)}\r\n\r\n".encode()
            )
            assert connection.answer().status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "X-Atlan-Principal: admin",
        "X_Api_Key: x",
        "X-Forwarded-For: 127.0.0.1",
        "X_Forwarded_For: 127.0.0.1",
        "X-User: admin",
        "X-Auth-Subject: admin",
        "X-Remote-User: admin",
        "X-HTTP-Method-Override: DELETE",
    ],
)
def test_no_header_but_authorization_tells_who_asks(server, admin, header):
    assert exchange(server, request("GET", "/api/service/users/current", header)).status_code == 401
    created = admin.create()
    token = created["attributes"]["accessToken"]
    answer = exchange(server, request("GET", "/api/service/users/current", bearer(token), header))
    assert answer.json()["id"] == created["id"]

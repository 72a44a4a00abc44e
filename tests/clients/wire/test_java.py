"""The request line of Atlan's Java SDK, whose filter is not percent-encoded: contract trap 1."""

import json
import time
import uuid

import pytest

from errors import error_of
from families import ids
from raw_http import Connection, bearer, request

KEYS = "/api/service/apikeys"
JAVA_HEADERS = [
    "User-Agent: atlan-java/4.0.0 (test)",
    "Accept: application/json",
    "Accept-Charset: UTF-8",
    "Connection: keep-alive",
]


def java_find(admin, name, **before):
    """The bytes that JDK 17's HttpURLConnection sends for a find: nothing in the filter is escaped."""
    query = "".join(f"{key}={value}&" for key, value in before.items())
    target = f'{KEYS}?{query}limit=2&offset=0&sort=-createdAt&filter={{"displayName":"{name}"}}'
    return request("GET", target, bearer(admin.token), *JAVA_HEADERS)


@pytest.mark.parametrize(
    "name",
    [
        "my töken",
        "two  spaces",
        "a",
        "日本語 🔑",
        "<b> | [x] ^ ` \u00a0 \u2603",
        "end ",
        " HTTP/1.1",
        "x HTTP/1.1 y",
        "semi;colon,comma",
        "per/path?question",
    ],
)
def test_javas_raw_find_finds(server, admin, name):
    unique = f"{uuid.uuid4()} {name} {uuid.uuid4()}"
    created = admin.create(unique)
    with Connection(server) as connection:
        for _ in range(2):
            connection.send(java_find(admin, unique))
            answer = connection.answer()
            assert answer.status_code == 200, answer.text
            assert ids(answer.json()) == [created["id"]]


def test_javas_raw_find_shares_its_connection_with_other_requests(server, admin):
    name = f"my töken {uuid.uuid4()}"
    body = json.dumps({"displayName": name, "description": 'GET /a b"c HTTP/1.1\r\n\r\n'}, ensure_ascii=False).encode()
    create = request("POST", KEYS, bearer(admin.token), "Content-Type: application/json", body=body)
    with Connection(server) as connection:
        connection.send(create)
        created = connection.answer().json()
        assert created["attributes"]["description"] == 'GET /a b"c HTTP/1.1\r\n\r\n'
        # Pipelined: raw, escaped, a body that looks like a request line, raw again.
        escaped = request("GET", f"{KEYS}?limit=1&filter=%7B%22id%22%3A%22{created['id']}%22%7D", bearer(admin.token))
        rename = request(
            "POST",
            f"{KEYS}/{created['id']}",
            bearer(admin.token),
            "Content-Type: application/json",
            body=body.replace(b"my ", b"our "),
        )
        connection.send(java_find(admin, name) + escaped + rename + java_find(admin, name.replace("my ", "our ")))
        found, again, renamed, last = (connection.answer() for _ in range(4))
        assert ids(found.json()) == ids(again.json()) == ids(last.json()) == [created["id"]]
        assert renamed.json()["displayName"] == name.replace("my ", "our ")


def test_a_chunked_body_that_looks_like_a_request_stays_a_body(server, admin):
    description = 'GET /a b"c HTTP/1.1\r\nHost: x\r\n\r\n'
    body = json.dumps(
        {"displayName": f"my töken {uuid.uuid4()}", "description": description}, ensure_ascii=False
    ).encode()
    pieces = [body[n : n + 9] for n in range(0, len(body), 9)] + [b""]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    head = request("POST", KEYS, bearer(admin.token), "Content-Type: application/json", "Transfer-Encoding: chunked")
    with Connection(server) as connection:
        connection.send(head + chunks + request("GET", f"{KEYS}?limit=1", bearer(admin.token)))
        created, listed = connection.answer().json(), connection.answer().json()
        assert created["attributes"]["description"] == description
        assert ids(listed) == [created["id"]]


def test_javas_raw_find_may_arrive_in_pieces(server, admin):
    name = f"my töken {uuid.uuid4()}"
    created = admin.create(name)
    data = java_find(admin, name)
    for cut in [1, 3, 4, 5, *range(20, 140, 7), len(data) - 3, len(data) - 1]:
        with Connection(server) as connection:
            connection.socket.setsockopt(6, 1, 1)  # TCP_NODELAY: the pieces travel apart
            connection.send(data[:cut])
            time.sleep(0.01)
            connection.send(data[cut:])
            assert ids(connection.answer().json()) == [created["id"]], cut


def test_javas_raw_find_that_finds_nothing_is_empty(server, admin):
    with Connection(server) as connection:
        connection.send(java_find(admin, 'nö such "näme'))
        error_of(connection.answer(), 400)
        connection.send(java_find(admin, f"nö such näme {uuid.uuid4()}"))
        assert connection.answer().json()["records"] == []

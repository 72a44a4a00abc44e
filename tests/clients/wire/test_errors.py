"""Every error has the same error body: docs/contracts/atlan.md, section 5, traps 8 and 10."""

import uuid

import pytest

from errors import error_of
from raw_http import Connection, bearer, exchange, request

KEYS = "/api/service/apikeys"
JSON = "Content-Type: application/json"
# The id of nothing. A constant, because processes that share the tests compare the names of these.
UNKNOWN = "01a205f3-fb6b-777b-b71f-c9b5970ce30f"


def test_an_unknown_path_is_not_found(admin):
    error_of(admin.get("/no/such/path"), 404)
    error_of(admin.get("/api/service/nosuchthing"), 404)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE"])
@pytest.mark.parametrize("path", [KEYS, KEYS + "/", f"{KEYS}/{UNKNOWN}", "/api/service/users/current"])
def test_a_wrong_method_is_not_allowed(admin, method, path):
    answer = admin.request(method, path)
    error_of(answer, 405)
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize("guid", [UNKNOWN, "no-guid", "0", "%00", "' OR '1'='1"])
def test_an_unknown_guid_is_not_found(admin, guid):
    for answer in (
        admin.get(f"{KEYS}/{guid}"),
        admin.post(f"{KEYS}/{guid}", json={"displayName": "x"}),
        admin.delete(f"{KEYS}/{guid}"),
    ):
        error_of(answer, 404)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"text"', b"{}", b'{"displayName":1}', b"\xff\xfe", b'{"displayName":"a"} x']
)
def test_a_bad_body_is_a_bad_request(admin, body):
    headers = {"Content-Type": "application/json"}
    error_of(admin.post(KEYS, content=body, headers=headers), 400)
    error_of(admin.post("/api/service/personas", content=body, headers=headers), 400)
    error_of(admin.post("/api/service/sessions", content=body, headers=headers), 400)


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "nonsense"]
)
def test_a_wrong_media_type_is_a_bad_request(admin, media_type):
    body = b'{"displayName":"media type"}'
    error_of(admin.post(KEYS, content=body, headers={"Content-Type": media_type}), 400)


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_taken_however_it_is_spelt(server, admin, media_type):
    body = b'{"displayName":"media type"}'
    answer = exchange(server, request("POST", KEYS, bearer(admin.token), f"Content-Type: {media_type}", body=body))
    assert answer.status_code == 200


def test_a_body_that_is_too_large_is_refused(admin):
    answer = admin.post(KEYS, json={"displayName": "x", "description": "y" * 10_000_000})
    assert answer.status_code in (400, 413)
    error_of(answer, answer.status_code)


def test_bytes_that_are_no_http_are_a_bad_request(server):
    with Connection(server) as connection:
        connection.send(b"this is not HTTP at all\r\n\r\n")
        assert connection.answer().status_code == 400  # the HTTP parser's own answer: there is no request to answer
        assert connection.is_closed()


def test_a_missing_token_is_unauthenticated(server):
    anonymous = server.anonymous()
    for method, path in [
        ("GET", KEYS),
        ("POST", KEYS),
        ("GET", f"{KEYS}/{UNKNOWN}"),
        ("POST", f"{KEYS}/{UNKNOWN}"),
        ("DELETE", f"{KEYS}/{UNKNOWN}"),
        ("GET", "/api/service/users/current"),
        ("GET", "/api/service/whoami"),
        ("GET", "/api/service/roles"),
        ("GET", "/api/service/users"),
        ("GET", "/api/service/v2/groups"),
        ("GET", "/api/service/personas"),
        ("POST", "/api/service/personas"),
        ("GET", f"/api/service/personas/{UNKNOWN}"),
        ("POST", f"/api/service/personas/{UNKNOWN}"),
        ("DELETE", f"/api/service/personas/{UNKNOWN}"),
    ]:
        answer = anonymous.request(method, path)
        error_of(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_bad_token_is_told_apart_from_none_in_the_challenge(server):
    answer = server.holder_of("tsk_nonsense").get(KEYS)
    error_of(answer, 401)
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_wrong_password_is_unauthenticated_and_names_neither_part(server):
    anonymous = server.anonymous()
    wrong = anonymous.post("/api/service/sessions", json={"username": "admin", "password": "wrong"})
    unknown = anonymous.post("/api/service/sessions", json={"username": "nobody", "password": "wrong"})
    assert error_of(wrong, 401)["errorMessage"] == error_of(unknown, 401)["errorMessage"]


def test_a_refusal_says_when_to_try_again(server, admin):
    created = admin.create()
    answer = server.holder_of(created["attributes"]["accessToken"]).post(KEYS, json={"displayName": "x"})
    error_of(answer, 403)
    assert answer.headers["retry-after"] == "1"


def test_problem_json_is_for_those_who_ask(admin):
    answer = admin.get(f"{KEYS}/{uuid.uuid4()}", headers={"Accept": "application/problem+json"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 404
    assert isinstance(problem["title"], str) and isinstance(problem["detail"], str) and isinstance(problem["type"], str)


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "text/html", "application/x-www-form-urlencoded", "*/*, application/json"]
)
def test_everybody_else_gets_plain_json(admin, accept):
    error_of(admin.get(f"{KEYS}/{uuid.uuid4()}", headers={"Accept": accept}), 404)
    assert admin.get(KEYS, headers={"Accept": accept}).headers["content-type"] == "application/json"


@pytest.mark.parametrize("header", ["X-Request-Id", "X-Atlan-Request-Id"])
def test_a_request_id_is_echoed(admin, header):
    wanted = str(uuid.uuid4())
    answer = admin.get(f"{KEYS}/{uuid.uuid4()}", headers={header: wanted})
    assert error_of(answer, 404)["requestId"] == wanted
    assert answer.headers[header] == wanted


def test_both_request_ids_are_echoed_as_they_came(admin):
    headers = {"X-Request-Id": "of-the-gateway", "X-Atlan-Request-Id": "of-the-sdk"}
    answer = admin.get(KEYS, headers=headers)
    assert {name: answer.headers[name] for name in headers} == headers


def test_a_request_id_is_made_where_none_is_given(admin):
    first, second = (error_of(admin.get("/nowhere"), 404)["requestId"] for _ in range(2))
    assert first != second
    assert admin.get(KEYS).headers["x-request-id"]


def test_every_violation_is_told_at_once(admin):
    answer = admin.post(KEYS, json={"displayName": " ", "validitySeconds": 0, "description": "\x00"})
    message = error_of(answer, 400)["errorMessage"]
    assert "displayName" in message and "validitySeconds" in message and "description" in message

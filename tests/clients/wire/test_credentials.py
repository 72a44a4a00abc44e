"""Which credentials authenticate: failures F2 to F5, F8, F11, F18 and F20."""

import time
import unicodedata

import pytest

from errors import error_of
from raw_http import Connection, bearer, exchange, request
from servers import ADMIN_PASSWORD, ok, token_of

CURRENT = "/api/service/users/current"
KEYS = "/api/service/apikeys"


@pytest.fixture(scope="module")
def token(admin):
    """A valid token."""
    return token_of(admin.create())


@pytest.fixture(scope="module")
def other_token(admin):
    """A valid token of another key."""
    return token_of(admin.create())


def status_of(server, *headers):
    return exchange(server, request("GET", CURRENT, *headers)).status_code


def test_a_valid_token_is_let_in(server, token):
    assert status_of(server, bearer(token)) == 200
    assert status_of(server, f"authorization: bearer {token}") == 200


def test_a_token_with_more_or_less_characters_is_refused(server, token):
    with server.anonymous() as client:
        for wrong in [token + token[-1], token + "A" * 100, token + token, *(token[:n] for n in range(1, len(token)))]:
            assert client.get(CURRENT, headers={"Authorization": f"Bearer {wrong}"}).status_code == 401, wrong


def test_a_token_with_flipped_case_is_refused(server, token):
    flipped = [token[:n] + token[n].swapcase() + token[n + 1 :] for n in range(len(token)) if token[n].isalpha()]
    with server.anonymous() as client:
        for wrong in [*flipped, token.lower(), token.upper(), token.swapcase()]:
            assert client.get(CURRENT, headers={"Authorization": f"Bearer {wrong}"}).status_code == 401, wrong


def test_a_token_with_one_other_character_is_refused(server, token):
    with server.anonymous() as client:
        for n in range(len(token)):
            wrong = token[:n] + ("0" if token[n] != "0" else "1") + token[n + 1 :]
            assert client.get(CURRENT, headers={"Authorization": f"Bearer {wrong}"}).status_code == 401, wrong


def test_the_halves_of_two_tokens_make_none(server, token, other_token):
    for n in range(13, len(token), 9):
        assert status_of(server, bearer(token[:n] + other_token[n:])) == 401


@pytest.mark.parametrize(
    "disguise",
    [
        "{token}\0",
        "\0{token}",
        "{token}\r",
        "{head}\n{tail}",
        "{head}\r\n{tail}",
        "{head}\r{tail}",
        "{head}\0{tail}",
        "{token}\u00a0",
        "\u00a0{token}",
        "\ufeff{token}",
        "{token}\u200b",
        "{token} x",
        "x {token}",
        '"{token}"',
        "{token};",
        "{token},",
        "{token}=",
        "{token}%20",
        "%74sk_{rest}",
        "ｔsk_{rest}",
        "tsk＿{rest}",
        "tsk_ {rest}",
        "tsk_\t{rest}",
        "TSK_{rest}",
        "{token}\u0301",
        "Bearer {token}",
        "{token} {token}",
    ],
)
def test_a_disguised_token_is_refused(server, token, disguise):
    written = disguise.format(token=token, rest=token[4:], head=token[:40], tail=token[40:])
    for form in {written, unicodedata.normalize("NFC", written), unicodedata.normalize("NFD", written)}:
        assert status_of(server, f"Authorization: Bearer {form}") in (400, 401)


@pytest.mark.parametrize(
    "value",
    [
        "{token}",
        "Basic {token}",
        "Token {token}",
        "Bearer",
        "Bearer ",
        "Bearer null",
        "bearer{token}",
        "Bearer:{token}",
        "Digest Bearer {token}",
        "",
        "Bearer undefined",
        "Bearer {token}\u0000",
    ],
)
def test_only_a_bearer_token_is_a_credential(server, token, value):
    assert status_of(server, f"Authorization: {value.format(token=token)}") in (400, 401)


@pytest.mark.parametrize("size", [0, 1, 8 << 10, 64 << 10, 1 << 20, 16 << 20])
def test_a_token_of_any_size_is_refused_in_time(server, size):
    begun, before = time.monotonic(), server.memory()
    answer = exchange(server, request("GET", CURRENT, bearer("A" * size)))
    # A server may hang up on a head that does not end.
    assert answer is None and size > 64 << 10 or answer.status_code in (400, 401, 413, 431)
    assert time.monotonic() - begun < 5
    assert server.memory() - before < 32 << 20


@pytest.mark.parametrize("size", [64 << 10, 1 << 20, 100 << 20])
def test_a_target_of_any_size_is_refused_in_time(server, size):
    begun, before = time.monotonic(), server.memory()
    answer = exchange(server, request("GET", f"{CURRENT}?token=" + "A" * size))
    assert answer is None or answer.status_code in (400, 401, 413, 414, 431)
    assert time.monotonic() - begun < 10
    assert server.memory() - before < 32 << 20


def test_a_body_of_any_size_is_refused_in_time(server, admin):
    before = server.memory()
    for size in (1 << 20, 100 << 20):
        begun = time.monotonic()
        body = b'{"displayName":"x","description":"' + b"A" * size
        answer = exchange(
            server, request("POST", KEYS, bearer(admin.token), "Content-Type: application/json", body=body)
        )
        assert answer is None or answer.status_code in (400, 413)
        assert time.monotonic() - begun < 10
    assert server.memory() - before < 64 << 20
    assert ok(admin.get(CURRENT))


def sql_strings():
    quotes = ["'", '"', "`", "\\'", "%27", "'')", "')", "')) "]
    tails = [
        "OR 1=1",
        "OR '1'='1",
        "OR 'a' LIKE 'a",
        "UNION SELECT 1",
        "; DROP TABLE credentials",
        "|| pg_sleep(1)",
        "AND 1=0",
    ]
    ends = ["--", "/*", "#", ";"]
    return [f"{quote} {tail} {end}" for quote in quotes for tail in tails for end in ends]


def test_sql_is_no_token(server, token):
    with server.anonymous() as client:
        for text in sql_strings():
            for wrong in (text, f"tsk_{text}", token[:30] + text):
                assert client.get(CURRENT, headers={"Authorization": f"Bearer {wrong}".strip()}).status_code == 401, (
                    wrong
                )


def test_sql_is_no_id_and_no_name(server, admin):
    records = admin.list(limit=1)["totalRecord"]
    for text in sql_strings()[::7]:
        path = text.replace("%", "%25").replace("#", "%23").replace("/", "%2f")
        assert admin.get(f"{KEYS}/{path}").status_code == 404, text
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        for field in ("displayName", "id", "clientId"):
            assert admin.list(filter=f'{{"{field}":"{escaped}"}}')["records"] == [], text
        sign_in = server.anonymous().post("/api/service/sessions", json={"username": text, "password": "x"})
        assert sign_in.status_code in (400, 401)
    assert admin.list(limit=1)["totalRecord"] == records


def test_two_credentials_are_a_bad_request(server, token, other_token):
    for first, second in ((token, other_token), (token, "tsk_nonsense"), ("tsk_nonsense", token), (token, token)):
        error_of(exchange(server, request("GET", CURRENT, bearer(first), bearer(second))), 400)
        error_of(exchange(server, request("GET", CURRENT, bearer(first), f"AUTHORIZATION: Bearer {second}")), 400)
        error_of(exchange(server, request("GET", CURRENT, bearer(first), f"Authorization: Basic {second}")), 400)
        assert status_of(server, f"Authorization: Bearer {first}, Bearer {second}") in (400, 401)
        assert status_of(server, f"Authorization: Bearer {first},{second}") in (400, 401)


def test_two_kinds_of_credential_must_agree(server, token, other_token):
    error_of(exchange(server, request("GET", CURRENT, bearer(token), f"X-API-Key: {other_token}")), 400)
    error_of(exchange(server, request("GET", CURRENT, bearer("tsk_nonsense"), f"X-API-Key: {token}")), 400)
    error_of(exchange(server, request("GET", CURRENT, f"X-API-Key: {token}", f"X-API-Key: {token}")), 400)
    assert status_of(server, bearer(token), f"X-API-Key: {token}") == 200
    assert status_of(server, f"X-API-Key: {token}") == 200


def test_a_token_elsewhere_never_counts(server, token, other_token):
    who = exchange(server, request("GET", CURRENT, bearer(token))).json()["id"]
    for parameter in ("access_token", "token", "api_key", "apikey", "key", "authorization"):
        assert exchange(server, request("GET", f"{CURRENT}?{parameter}={token}")).status_code in (400, 401)
        answer = exchange(server, request("GET", f"{CURRENT}?{parameter}={other_token}", bearer(token)))
        assert answer.status_code == 400 or answer.json()["id"] == who
    for header in ("Cookie", "Proxy-Authorization", "X-Authorization", "X-Auth-Token"):
        for value in (token, f"Bearer {token}", f"token={token}", f"access_token={token}"):
            assert status_of(server, f"{header}: {value}") == 401
        answer = exchange(server, request("GET", CURRENT, bearer(token), f"{header}: {other_token}"))
        assert answer.json()["id"] == who


def test_a_create_without_a_credential_is_nobodys(server, admin):
    who = ok(admin.get(CURRENT))["id"]
    for member in ("userId", "user", "createdBy", "owner", "ownerId"):
        body = {"displayName": "nobody's key", member: who}
        error_of(server.anonymous().post(KEYS, json=body), 401)
    assert admin.list(filter='{"displayName":"nobody\'s key"}')["records"] == []


def test_tokens_and_passwords_are_in_no_log(server, admin, token, other_token):
    with Connection(server) as connection:
        connection.send(request("GET", f"{CURRENT}?access_token={token}", bearer(other_token), bearer(token)))
        connection.answer()
    log = server.output()
    for secret in (ADMIN_PASSWORD, *(each[start:] for each in (token, other_token, admin.token) for start in (0, 20))):
        assert secret not in log

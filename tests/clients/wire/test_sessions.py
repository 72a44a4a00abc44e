"""Signing in and out over HTTP."""

import time

from errors import error_of
from servers import ok, token_of

SESSIONS = "/api/service/sessions"


def test_a_session_is_its_users_bearer_token_for_a_limited_time(server):
    name, password, _ = server.new_user()
    session = ok(server.anonymous().post(SESSIONS, json={"username": name, "password": password}))
    assert session["token"].startswith("tss_")
    assert time.time() * 1000 < session["expiresAt"] < (time.time() + 31 * 24 * 3600) * 1000
    assert ok(server.holder_of(session["token"]).get("/api/service/users/current"))["username"] == name


def test_signing_out_ends_that_session_only(server):
    name, password, _ = server.new_user()
    first, second = (server.user(name, password) for _ in range(2))
    assert first.delete(f"{SESSIONS}/current").status_code == 200
    assert not first.is_let_in()
    assert second.is_let_in()


def test_a_key_has_no_session_to_end(server, admin):
    created = admin.create()
    key = server.holder_of(token_of(created))
    error_of(key.delete(f"{SESSIONS}/current"), 409)
    assert key.is_let_in()


def test_strange_names_and_passwords_are_wrong_and_break_nothing(server):
    anonymous = server.anonymous()
    for name in ("", "admin\0", "ADMIN", " admin", "admin ", "x" * 10_000, "\ud7ff", "service-account-apikey-1"):
        for password in ("", "\0", "x" * 10_000, "ü" * 200):
            answer = anonymous.post(SESSIONS, json={"username": name, "password": password})
            # Unauthenticated clients may send at most 16 KiB.
            allowed = (400, 401) if len(name) + len(password) < 16_000 else (413,)
            assert answer.status_code in allowed, (name, password, answer.text)


def test_no_key_signs_in_as_its_service_account(server, admin):
    created = admin.create()
    for password in (token_of(created), "", "x"):
        name = created["attributes"]["username"]
        answer = server.anonymous().post(SESSIONS, json={"username": name, "password": password})
        error_of(answer, 401)

"""The command line beside a running server: its changes take effect there within a second."""

import time

from load import KEYS
from servers import token_of


def test_a_key_made_at_the_terminal_works_at_once(server):
    key = server.holder_of(server.new_key())
    assert key.is_let_in()


def test_a_disabled_user_is_out(server):
    name, password, user = server.new_user()
    key = server.holder_of(token_of(server.admin().create()))
    assert user.is_let_in()
    server.cli("users", "disable", name)
    assert is_refused_within_a_second(user)
    answer = server.anonymous().post("/api/service/sessions", json={"username": name, "password": password})
    assert answer.status_code == 401
    assert key.is_let_in()
    server.cli("users", "enable", name)
    assert not user.is_let_in(), "an ended session is not revived"
    assert server.user(name, password).is_let_in()


def test_a_new_password_ends_the_sessions_of_the_old_one(server):
    name, password, user = server.new_user()
    assert user.is_let_in()
    server.cli("users", "set-password", name, "--password-stdin", stdin="another long password\n")
    assert is_refused_within_a_second(user)
    answer = server.anonymous().post("/api/service/sessions", json={"username": name, "password": password})
    assert answer.status_code == 401
    assert server.user(name, "another long password").is_let_in()


def test_a_deleted_user_is_out_and_the_namesake_is_somebody_else(server):
    name, _, user = server.new_user()
    before = user.get("/api/service/users/current").json()["id"]
    server.cli("users", "delete", name)
    assert is_refused_within_a_second(user)
    password = server.cli("users", "create", name)
    namesake = server.user(name, password)
    assert namesake.get("/api/service/users/current").json()["id"] != before
    assert not user.is_let_in()


def test_a_new_role_holds_within_a_second(server):
    name, _, user = server.new_user("$admin")
    assert user.post(KEYS, json={"displayName": "as admin"}).status_code == 200
    server.cli("users", "set-role", name, "$guest")
    assert within_a_second(
        lambda: (
            user.get("/api/service/users/current").status_code == 401
            or user.post(KEYS, json={"displayName": "as guest"}).status_code == 403
        )
    )


def test_keys_stand_when_their_creator_is_demoted_disabled_and_deleted(server):
    name, _, creator = server.new_user("$admin")
    created = creator.create(workspacePermissions=["MANAGE_APIKEYS"])
    key = server.holder_of(token_of(created))
    for change in (("set-role", name, "$guest"), ("disable", name), ("delete", name)):
        server.cli("users", *change)
        time.sleep(1.1)
        assert key.is_let_in()
        assert key.create()
    assert key.read(created["id"])["attributes"]["createdBy"] == name


def is_refused_within_a_second(client):
    return within_a_second(lambda: not client.is_let_in())


def within_a_second(condition):
    end = time.monotonic() + 1
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()

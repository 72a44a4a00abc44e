"""Tests with Debian's glewlwyd: signing in, a wrong password there, losing a group, and signing out."""

import time

import pytest

from browsers import running_with
from glewlwyd import Glewlwyd, Person
from servers import DATABASES


@pytest.fixture(scope="module", params=DATABASES)
def tessera(request, tmp_path_factory):
    yield from running_with(request.param, tmp_path_factory, Glewlwyd)


@pytest.fixture
def person(tessera):
    """A person in these groups, with a browser."""
    return lambda groups: Person(tessera, tessera.provider, groups)


def test_a_person_of_glewlwyd_signs_in(person):
    ada = person(["admins"])
    assert ada.sign_in(next="keys") == "/keys"
    who = ada.whoami()
    assert (who["username"], who["roles"][0]["name"]) == (ada.name, "$admin")


def test_a_wrong_password_at_glewlwyd_leads_nowhere(person):
    ada = person(["staff"])
    begun = ada.begin("glewlwyd")
    assert ada.sign_in_there("wrong") == 401
    led = ada.there.get(f"{begun}&g_continue").headers["location"]
    assert led.startswith(f"{ada.provider.base}/login.html?"), "it asks again"
    assert ada.token is None


def test_losing_the_group_at_glewlwyd_loses_the_role(person):
    ada = person(["admins"])
    ada.sign_in()
    ada.provider.change(ada.name, groups=["staff"])
    assert ada.sign_in() == "/"
    assert ada.whoami()["roles"][0]["name"] == "$member"
    ada.provider.change(ada.name, groups=["strangers"])
    assert ada.sign_in() == "/login?because=no-role"
    assert ada.whoami() is None


def test_who_is_disabled_at_glewlwyd_does_not_get_in(person):
    ada = person(["staff"])
    ada.provider.change(ada.name, enabled=False)
    begun = ada.begin("glewlwyd")
    assert ada.sign_in_there(ada.password) == 401
    assert "/login.html?" in ada.there.get(f"{begun}&g_continue").headers["location"]


def test_ending_the_session_at_glewlwyd_ends_it_here(person):
    ada, bob = person(["staff"]), person(["staff"])
    ada.sign_in()
    bob.sign_in()
    assert ada.end_session_there() == 200
    # It answers before it has told its clients.
    end = time.monotonic() + 10
    while ada.whoami():
        assert time.monotonic() < end, "glewlwyd has not told, or was not believed"
        time.sleep(0.05)
    assert bob.whoami()

"""Tests with npm's certified oidc-provider: signing in, losing a group, and signing out there."""

import pytest

from browsers import running_with
from certified_provider import SCOPES, Certified, Person
from servers import DATABASES


@pytest.fixture(scope="module", params=DATABASES)
def tessera(request, tmp_path_factory):
    yield from running_with(request.param, tmp_path_factory, lambda _, url: Certified(url), scopes=SCOPES)


@pytest.fixture
def person(tessera):
    """A person in these groups, with a browser."""
    return lambda *of: Person(tessera, tessera.provider, *of)


def test_a_person_signs_in_and_loses_a_role_with_the_group(person):
    ada = person(["admins"])
    assert ada.sign_in(next="keys") == "/keys"
    assert ada.whoami()["username"] == ada.person["preferred_username"]
    assert ada.whoami()["roles"][0]["name"] == "$admin"
    again = person(["staff"], ada.person["sub"])
    assert again.sign_in() == "/"
    assert again.whoami()["username"] == ada.person["preferred_username"]
    assert ada.whoami()["roles"][0]["name"] == "$member"


def test_a_person_is_asked_again_when_that_is_wanted(person):
    ada = person(["staff"])
    ada.sign_in()
    assert ada.sign_in(again="true") == "/"


def test_signing_out_at_the_provider_ends_the_session_here(tessera, person):
    ada, bob = person(["staff"]), person(["staff"])
    ada.sign_in()
    bob.sign_in()
    out = ada.get("/login/certified/logout").headers["location"]
    page = ada.there.get(out)
    assert page.status_code == 200, page.text
    xsrf = page.text.partition('name="xsrf" value="')[2].partition('"')[0]
    action = page.text.partition('action="')[2].partition('"')[0]
    left = ada.there.post(action, data={"xsrf": xsrf, "logout": "yes"})
    assert left.headers["location"].startswith(f"{tessera.base_url}/login"), left.text
    assert ada.whoami() is None, "the provider has told by the back channel before it led on"
    assert bob.whoami()

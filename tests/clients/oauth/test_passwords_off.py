"""A server where passwords are turned off: people sign in with a provider, and the operator works on the command line."""

import pytest

from browsers import Browser, write_providers
from servers import ADMIN_PASSWORD

OFF = {"TESSERA_PASSWORD_SIGN_IN": "off"}
REFUSED = "passwords are turned off"


@pytest.fixture
def passwordless(own_server, providers):
    own_server.stop()
    write_providers(own_server.directory, providers)
    for provider in providers:
        provider.be_honest()
    providers[0].person["groups"] = ["admins"]
    return own_server.start(TESSERA_PROVIDERS_FILE=str(own_server.directory / "providers.toml"), **OFF)


def test_only_a_provider_signs_people_in(passwordless):
    anonymous = passwordless.anonymous()
    credentials = {"username": "admin", "password": ADMIN_PASSWORD}
    answers = [
        anonymous.post("/api/service/sessions", json=credentials),
        anonymous.post("/logIn", json=credentials),
        anonymous.post("/login", data=credentials),
    ]
    for answer in answers:
        assert (answer.status_code, REFUSED in answer.text.lower()) == (403, True), answer.text
        assert "set-cookie" not in answer.headers
    ada = Browser(passwordless)
    assert ada.sign_in("company", next="keys") == "/keys"
    assert ada.whoami()["roles"][0]["name"] == "$admin"


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_the_page_has_buttons_and_no_fields(passwordless, chromium, script):
    context = chromium.new_context(base_url=passwordless.base_url, java_script_enabled=script)
    try:
        page = context.new_page()
        page.goto("/login")
        assert page.locator("input, form").count() == 0
        assert page.get_by_role("link", name="Continue with").all_inner_texts() == [
            "Continue with company account",
            "Continue with other account",
        ]
        page.get_by_role("link", name="Continue with company account").click()
        page.get_by_role("heading", name="What needs you").wait_for()
    finally:
        context.close()


def test_the_command_line_manages_users_all_the_same(passwordless):
    passwordless.cli("users", "create", "bob", "--role", "$member")
    passwordless.cli("users", "set-password", "bob")
    passwordless.cli("users", "set-role", "bob", "$admin")
    passwordless.cli("users", "disable", "bob")
    passwordless.cli("users", "delete", "bob")


def test_the_server_starts_without_a_provider_and_with_passwords_only(passwordless):
    passwordless.stop()
    empty = passwordless.directory / "empty.toml"
    empty.write_text("")
    for more in ({}, {"TESSERA_PROVIDERS_FILE": str(empty)}):
        ended = passwordless.run("serve", **OFF, **more)
        assert ended.returncode == 1 and "--password-sign-in off needs a provider" in ended.stderr, ended.stderr

"""The pages of signing in, `/device` and `/token`: axe finds nothing on them, and they fit, in every appearance."""

import httpx
import pytest

from accessibility import WIDE, assert_accessible, look
from browsers import write_providers
from servers import ADMIN_PASSWORD


@pytest.fixture
def page(chromium, own_server):
    """A page of its own profile. The Content-Security-Policy must not block anything on it."""
    options = {"viewport": WIDE, "reduced_motion": "reduce"}
    context = chromium.new_context(base_url=own_server.base_url, **options)
    page = context.new_page()
    page.set_default_timeout(15_000)
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: dialog.accept())
    yield page
    context.close()
    # The browser logs the status of a refused form as an error.
    assert [text for text in complaints if "status of 40" not in text] == []


@pytest.fixture
def server_with(own_server, providers):
    """Restarts the server with two providers and with those variables."""

    def restart(**variables):
        own_server.stop()
        for provider in providers:
            provider.be_honest()
            provider.person["groups"] = ["staff"]
        return own_server.start(TESSERA_PROVIDERS_FILE=write_providers(own_server.directory, providers), **variables)

    return restart


def sign_in(page, address):
    page.goto(address)
    page.fill("#username", "admin")
    page.fill("#password", ADMIN_PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_the_pages_of_a_device(page, own_server):
    asked = [
        httpx.post(f"{own_server.base_url}/oauth/device_authorization", data={"client_id": "tessera-cli"}, trust_env=False)
        for _ in range(2)
    ]
    approved, denied = (answer.json()["user_code"] for answer in asked)
    found = {}
    sign_in(page, "/login?next=device")
    found["device"] = look(page, "device")
    page.fill("#user_code", "BBBB-BBBB")
    page.click("button.main")
    found["device-wrong"] = look(page, "device-wrong")
    for code, verdict in ((approved, "approve"), (denied, "deny")):
        page.goto(f"/device?user_code={code}")
        page.click("button.main")
        found["device-question"] = look(page, "device-question")
        page.click(f"button[value={verdict}]")
        page.get_by_role("status").wait_for()
        found[f"device-{verdict}"] = look(page, f"device-{verdict}")
    assert_accessible(found)


def test_the_pages_of_a_bearer_token(page):
    found = {}
    sign_in(page, "/login?next=token")
    found["token"] = look(page, "token")
    page.get_by_role("button", name="Create token").click()
    page.locator("#token").wait_for()
    found["token-made"] = look(page, "token-made")
    assert_accessible(found)


def test_the_sign_in_with_providers_and_the_confirmation(page, server_with):
    server_with(TESSERA_CONFIRM_SECONDS="0")
    found = {}
    for name, address in {"login-providers": "/login", "login-refused": "/login?because=name-taken"}.items():
        page.goto(address)
        found[name] = look(page, name)
    sign_in(page, "/login?next=token")
    page.get_by_role("button", name="Create token").click()
    page.get_by_role("heading", name="Confirm that it is you").wait_for()
    found["confirm"] = look(page, "confirm")
    assert_accessible(found)


def test_the_pages_without_passwords(page, server_with):
    server_with(TESSERA_CONFIRM_SECONDS="0", TESSERA_PASSWORD_SIGN_IN="off")
    found = {}
    page.goto("/login?next=token")
    found["login-no-passwords"] = look(page, "login-no-passwords")
    page.get_by_role("link", name="Continue with company account").click()
    page.get_by_role("button", name="Create token").click()
    page.get_by_role("link", name="Sign in again with company account").wait_for()
    found["confirm-provider"] = look(page, "confirm-provider")
    page.goto("/settings/sessions")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("link", name="Sign out of company account, too").wait_for()
    found["login-left"] = look(page, "login-left")
    assert_accessible(found)

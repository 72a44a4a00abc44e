"""The pages `/device` and `/token` in a real browser, with and without scripts."""

import httpx
import pytest

from servers import ADMIN_PASSWORD

ASK = "/oauth/device_authorization"


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def device_page(request, chromium, server):
    """A page in a new profile that collects console errors and requested URLs."""
    context = chromium.new_context(base_url=server.base_url, java_script_enabled=request.param)
    if request.param:
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.base_url)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.scripted = request.param
    page.complaints, page.requested = [], []
    page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda request: page.requested.append(request.url))
    yield page
    context.close()


def sign_in(page):
    page.fill("#username", "admin")
    page.fill("#password", ADMIN_PASSWORD)
    page.click("button.main")


def test_a_person_signs_a_program_in(server, device_page):
    asked = httpx.post(f"{server.base_url}{ASK}", data={"client_id": "tessera-cli"}, trust_env=False).json()
    device_page.goto(asked["verification_uri_complete"])
    sign_in(device_page)
    assert device_page.input_value("#user_code") == asked["user_code"], "the code survives signing in"
    device_page.click("button.main")
    assert device_page.inner_text("#shown_code") == asked["user_code"]
    text = device_page.inner_text("main")
    for shown in ("tessera-cli", "127.0.0.1", "as you do", "admin"):
        assert shown in text, text
    device_page.click("button[value=approve]")
    assert "Approved" in device_page.inner_text("h1")
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "client_id": "tessera-cli"}
    given = httpx.post(
        f"{server.base_url}/oauth/token", data=grant | {"device_code": asked["device_code"]}, trust_env=False
    ).json()
    assert server.holder_of(given["access_token"]).is_let_in()
    assert_well_behaved(device_page, server)


def test_a_wrong_code_is_told_beside_its_field(server, device_page):
    device_page.goto("/device")
    sign_in(device_page)
    device_page.fill("#user_code", "BBBB-BBBB")
    device_page.click("button.main")
    assert "Nothing waits under this code" in device_page.inner_text("#error")
    assert device_page.get_attribute("#user_code", "aria-describedby") == "error"
    device_page.complaints = [text for text in device_page.complaints if "400" not in text]
    assert_well_behaved(device_page, server)


def test_a_person_takes_a_bearer_token(server, device_page):
    device_page.goto("/token")
    sign_in(device_page)
    device_page.click("button.main")
    token = device_page.inner_text("#token")
    cookies = {cookie["name"]: cookie["value"] for cookie in device_page.context.cookies()}
    assert token != cookies["PLAY_SESSION"] and cookies["PLAY_SESSION"] not in device_page.content()
    assert server.holder_of(token).is_let_in()
    assert token in device_page.inner_text("#line") and server.base_url in device_page.inner_text("#curl")
    button = device_page.locator("[data-copy=token]")
    assert button.is_visible() == device_page.scripted
    if device_page.scripted:
        button.click()
        assert device_page.evaluate("navigator.clipboard.readText()") == token
    device_page.click(".actions a")
    device_page.go_back()
    assert token not in device_page.content(), "it was shown once"
    device_page.complaints = [text for text in device_page.complaints if "ERR_CACHE_MISS" not in text]
    assert_well_behaved(device_page, server)


def assert_well_behaved(page, server):
    """Checks that the Content-Security-Policy blocked nothing, and that nothing was loaded from other hosts."""
    assert page.complaints == []
    assert all(url.startswith(server.base_url) for url in page.requested), page.requested

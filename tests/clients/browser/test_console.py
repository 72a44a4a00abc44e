"""The console in a real browser: with a pointer, by keyboard, on a phone, and without JavaScript.

Screenshots of every page, light and dark, wide and narrow, are written to `target/screenshots` for review.
"""

import re
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Error, expect

from servers import ADMIN_PASSWORD

ROOT = Path(__file__).resolve().parents[3]
AXE = ROOT / "target" / "tests" / "node" / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = ROOT / "target" / "screenshots"
WIDE, NARROW, NARROWEST = {"width": 1280, "height": 860}, {"width": 390, "height": 844}, {"width": 320, "height": 640}
TOKEN = re.compile(r"ts[kp]_[0-9A-Za-z]{72}")


@pytest.fixture
def browse(chromium, server):
    """Opens pages in fresh profiles. A console error, script error or CSP violation fails the test."""
    contexts, complaints = [], []

    def open_page(**options):
        context = chromium.new_context(base_url=server.base_url, **({"viewport": WIDE} | options))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)

        def note(message):
            # The browser logs the 400 of a refused form as an error.
            if message.type == "error" and "status of 40" not in message.text:
                complaints.append(message.text)

        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


def sign_in(page, name="admin", password=ADMIN_PASSWORD):
    page.goto("/login")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="What needs you").wait_for()
    return page


def create_key(page, name):
    """Creates a key through the page, and returns its token."""
    page.goto("/keys/new")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create key").click()
    token = page.locator("#token").inner_text()
    assert TOKEN.fullmatch(token)
    return token


def whoami(server, token):
    return server.holder_of(token).get("/api/service/whoami").status_code


@pytest.mark.parametrize("options", [{}, {"viewport": NARROW}, {"java_script_enabled": False}], ids=["pointer", "phone", "no script"])
def test_a_key_is_created_used_and_deleted(browse, server, options):
    name = f"key {uuid.uuid4()}"
    page = sign_in(browse(**options))
    token = create_key(page, name)
    assert whoami(server, token) == 200
    if options.get("java_script_enabled", True):
        page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("link", name="Done, show the key").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert token not in page.content()
    page.get_by_role("link", name="Delete").click()
    page.get_by_label("Type its name").fill(name)
    page.get_by_role("button", name="Delete the key").click()
    expect(page.get_by_role("status")).to_contain_text("The key is deleted")
    assert whoami(server, token) == 401


def test_a_key_is_created_by_keyboard_alone(browse, server):
    page = browse()
    page.goto("/login")
    # The page has the focus set a moment after it is loaded.
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(ADMIN_PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="What needs you").wait_for()
    follow(page, "New key")
    page.wait_for_url("**/keys/new")
    reach(page, "input", "name")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    assert whoami(server, page.locator("#token").inner_text()) == 200


def follow(page, text):
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == text:
            return page.keyboard.press("Enter")
    raise AssertionError(f"{text} is not reached")


def reach(page, tag, name):
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("[document.activeElement.localName, document.activeElement.name]") == [tag, name]:
            return
    raise AssertionError(f"{name} is not reached")


def test_after_leaving_a_token_is_nowhere(browse):
    """Failure F58."""
    page = sign_in(browse())
    token = create_key(page, "once")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("link", name="Done, show the key").click()
    page.get_by_role("heading", name="once").first.wait_for()
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, history.state, location.href])")
    assert token not in stored and token not in page.content()
    # The browser has not cached the page, and asks before it sends the form again.
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()
    assert token not in settled(page)


def settled(page):
    """The HTML of a page, once it navigates no more."""
    for _ in range(100):
        try:
            return page.content()
        except Error:
            page.wait_for_timeout(100)
    return page.content()


def test_leaving_without_copying_asks(browse):
    page = sign_in(browse())
    create_key(page, "not copied")
    page.locator("body").click()
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto("/keys")
    assert asked == ["beforeunload"]


def test_search_finds_as_one_types_and_keeps_the_address(browse, server):
    name = f"needle-{uuid.uuid4()}"
    server.admin().post("/api/service/apikeys", json={"displayName": name})
    page = sign_in(browse())
    page.goto("/keys")
    page.get_by_role("searchbox").first.press_sequentially(name)
    expect(page.locator("#results .name")).to_have_count(1)
    expect(page).to_have_url(re.compile(f"q={name}"))
    page.reload()
    expect(page.locator("#results .name")).to_have_text(name)


def test_a_refused_key_is_explained(browse, server):
    key = server.admin().post("/api/service/apikeys", json={"displayName": "refused"}).json()
    page = sign_in(browse(java_script_enabled=False))
    page.goto(f"/keys/{key['id']}")
    page.get_by_label("Action").fill("persona-asset-read")
    page.get_by_label("With what").fill("default/snowflake/1")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator(".note.bad")).to_contain_text("It has no persona")
    expect(page.locator(".note.bad")).to_contain_text("Smallest change")


@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False}], ids=["script", "no script"])
def test_a_token_is_generated_and_revoked(browse, server, options):
    name, password, _ = server.new_user()
    page = sign_in(browse(**options), name, password)
    page.goto("/settings/tokens")
    page.get_by_role("link", name="Generate new token").first.click()
    page.get_by_label("Name", exact=True).fill("laptop")
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_role("dialog")).to_contain_text("The token will expire on")
    token = page.locator("#token").inner_text()
    asked = server.holder_of(token).post("/api/graphql", json={"query": "{ me { corpUser { username } } }"})
    assert asked.json()["data"]["me"]["corpUser"]["username"] == name
    if options.get("java_script_enabled", True):
        page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("link", name="Close").click()
    page.get_by_role("button", name="Revoke laptop").click()
    page.get_by_role("button", name="Revoke the token").click()
    expect(page.get_by_role("heading", name="No tokens yet")).to_be_visible()
    assert whoami(server, token) == 401


def test_a_session_that_ended_elsewhere_leads_back_after_signing_in(browse):
    page = sign_in(browse())
    page.goto("/keys?status=active")
    other = page.context.new_page()
    other.goto("/keys")
    other.get_by_role("button", name="Sign out").click()
    other.get_by_text("You are signed out.").wait_for()
    page.reload()
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(ADMIN_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/keys\?status=active$"))


@pytest.fixture(scope="module")
def furnished(server):
    """Creates keys, personas and tokens, so that no page is empty; returns the URLs of the pages."""
    admin = server.admin()
    personas = [
        admin.post("/api/service/personas", json={"name": f"{name} {uuid.uuid4().hex[:4]}", "description": text}).json()
        for name, text in [
            ("Warehouse readers", "Read metadata and data of the sales warehouse"),
            ("Lineage", "Read lineage of every asset"),
            ("Exports", "Export query results"),
        ]
    ]
    keys = [
        admin.post(
            "/api/service/apikeys",
            json={
                "displayName": name,
                "description": text,
                "personaQualifiedNames": [each["qualifiedName"] for each in personas[:linked]],
                "validitySeconds": days * 86_400,
                "workspacePermissions": ["VERIFY_TOKENS"] if linked else [],
                "allowedAddresses": ["127.0.0.0/8", "10.0.0.0/8"] if linked == 1 else [],
            },
        ).json()
        for name, text, linked, days in [
            ("nightly-etl", "Loads the sales marts at 02:00.", 2, 90),
            ("gateway-eu-1", "Asks about tokens", 1, 5000),
            ("dbt-cloud", "", 1, 5),
            ("notebook-scratch", "", 0, 30),
            ("lineage-agent", "", 3, 1),
        ]
    ]
    for key in keys[:3]:
        server.holder_of(key["attributes"]["accessToken"]).get("/api/service/whoami")
    query = "mutation($input: CreateAccessTokenInput!) { createAccessToken(input: $input) { accessToken } }"
    for name, life in [("laptop", "ONE_MONTH"), ("notebook", "NO_EXPIRY")]:
        given = {"type": "PERSONAL", "actorUrn": "urn:li:corpuser:admin", "duration": life, "name": name}
        admin.post("/api/graphql", json={"query": query, "variables": {"input": given}})
    one = keys[0]["id"]
    return {
        "start": "/",
        "keys": "/keys",
        "keys-filtered": "/keys?expires=7&status=active",
        "keys-none": "/keys?q=nothing-is-called-so",
        "key-new": "/keys/new",
        "key": f"/keys/{one}",
        "key-why-not": f"/keys/{one}?action=persona-asset-update&resource=default/snowflake/1/sales/orders",
        "key-edit": f"/keys/{one}/edit",
        "key-delete": f"/keys/{one}/delete",
        "personas": "/personas",
        "persona": f"/personas/{personas[0]['id']}",
        "policies": "/policies",
        "people": "/people",
        "audit": "/audit",
        "tokens": "/settings/tokens",
        "token-new": "/settings/tokens/new",
        "sessions": "/settings/sessions",
        "not-found": "/keys/nothing",
    }


def audit(page):
    """The violations that axe finds. It runs in an isolated world, where the page's CSP does not apply."""
    client = page.context.new_cdp_session(page)
    frame = client.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
    world = client.send("Page.createIsolatedWorld", {"frameId": frame})["executionContextId"]
    ran = client.send(
        "Runtime.evaluate",
        {
            "expression": AXE.read_text() + ";axe.run(document, {resultTypes: ['violations']}).then((found) => JSON.stringify("
            "found.violations.map((each) => [each.id, each.nodes.map((node) => node.html.slice(0, 200) + ' ' + node.failureSummary)])))",
            "contextId": world,
            "awaitPromise": True,
            "returnByValue": True,
        },
    )
    client.detach()
    assert "exceptionDetails" not in ran, ran
    return ran["result"]["value"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits(browse, server, furnished, scheme):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    found = {}
    page = browse(color_scheme=scheme, reduced_motion="reduce")
    page.goto("/login")
    found["login"] = look(page, "login", scheme)
    sign_in(page)
    for name, address in furnished.items():
        page.goto(address)
        found[name] = look(page, name, scheme)
    create_key(page, "for the picture")
    found["key-created"] = look(page, "key-created", scheme)
    page.locator("[data-done]").first.evaluate("each => each.dispatchEvent(new Event('click'))")
    page.once("dialog", lambda dialog: dialog.accept())
    page.goto("/settings/tokens/new")
    page.get_by_label("Name", exact=True).fill("for the picture")
    page.get_by_role("button", name="Generate").click()
    found["token-created"] = look(page, "token-created", scheme)
    page.once("dialog", lambda dialog: dialog.accept())
    page.goto("/keys/new")
    page.get_by_label("Name", exact=True).fill("x")
    page.locator("summary").first.click()
    page.get_by_label("Allowed addresses").fill("somewhere")
    page.get_by_role("button", name="Create key").click()
    found["key-new-refused"] = look(page, "key-new-refused", scheme)
    bad = {name: violations for name, violations in found.items() if violations != "[]"}
    assert not bad, "\n".join(f"{name}: {violations}" for name, violations in bad.items())


def look(page, name, scheme):
    """Takes screenshots of a page, and returns its axe violations. No width may scroll sideways."""
    for width, size in (("narrow", NARROW), ("narrowest", NARROWEST), ("wide", WIDE)):
        page.set_viewport_size(size)
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert beyond <= 0, f"{name} is {beyond} px too wide for {size['width']} px"
        if width != "narrowest":
            page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}-{width}.png", full_page=True)
    return audit(page)


def test_colours_of_the_readers_own_are_kept(browse, furnished):
    page = sign_in(browse(forced_colors="active"))
    page.goto("/keys")
    expect(page.locator(".state").first).to_be_visible()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "keys-forced-wide.png", full_page=True)

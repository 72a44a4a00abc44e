"""The console in a real browser: with a pointer, by keyboard, on a phone, and without JavaScript."""

import json
import re
import subprocess
import uuid

import pytest
from playwright.sync_api import Error, expect

from accessibility import screenshot
from furnishing import allowed, connect, write_policy
from pages import create_key, in_every_way, search, sign_in, whoami
from servers import ADMIN_PASSWORD, token_of


@in_every_way
def test_a_key_is_created_used_and_deleted(browse, server, way):
    name = f"key {uuid.uuid4()}"
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)
    token = create_key(page, name, way.hand)
    assert whoami(server, token) == 200
    if way.has_script():
        page.once("dialog", lambda dialog: dialog.accept())
    hand.press(page.get_by_role("link", name="Done, show the key"))
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert token not in page.content()
    hand.press(page.get_by_role("link", name="Delete"))
    hand.fill(page.get_by_label("Type its name"), name)
    hand.press(page.get_by_role("button", name="Delete the key"))
    expect(page.get_by_role("status")).to_contain_text("The key is deleted")
    assert whoami(server, token) == 401


def make_key(page):
    return create_key(page, "once"), "Done, show the key", page.get_by_role("heading", name="once").first


def make_access_token(page):
    page.goto("/settings/tokens/new")
    page.get_by_label("Name", exact=True).fill("once")
    page.get_by_role("button", name="Generate").click()
    return page.locator("#token").inner_text(), "Close", page.get_by_role("heading", name="Access tokens")


def make_bearer_token(page):
    page.goto("/token")
    page.get_by_role("button", name="Create token").click()
    return page.locator("#token").inner_text(), "Done", page.get_by_role("heading", name="Bearer token", exact=True)


def make_invitation(page):
    page.goto("/people/invitations")
    page.get_by_label("For whom").fill("once")
    page.get_by_role("button", name="Create the link").click()
    return page.locator("#link").inner_text(), "Done", page.get_by_role("heading", name="Invitations").first


@pytest.mark.parametrize("make", [make_key, make_access_token, make_bearer_token, make_invitation])
def test_after_leaving_a_token_is_nowhere(browse, make):
    """Failure F58."""
    page = sign_in(browse())
    token, leave, next_page = make(page)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("link", name=leave, exact=True).click()
    next_page.wait_for()
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, history.state, location.href])")
    assert token not in stored and token not in page.content()
    # The browser has not cached the page: it asks before it sends the form again, or goes to the page before that.
    try:
        page.go_back()
    except Error as error:
        assert "ERR_CACHE_MISS" in str(error)
    assert token not in settled(page)


def settled(page):
    """The HTML of a page, once it navigates no more."""
    for _ in range(100):
        try:
            return page.content()
        except Error:
            page.wait_for_timeout(100)
    return page.content()


@pytest.mark.parametrize("make", [make_key, make_access_token, make_bearer_token, make_invitation])
def test_leaving_without_copying_asks(browse, make):
    page = sign_in(browse(permissions=["clipboard-read", "clipboard-write"]))
    _, leave, next_page = make(page)
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_role("link", name=leave, exact=True).click()
    page.wait_for_timeout(100)
    assert asked == ["beforeunload"] and page.locator("[data-secret]").first.is_visible()
    # Escape does not close the dialog of an access token then.
    page.keyboard.press("Escape")
    expect(page.locator("[data-secret]").first).to_be_visible()
    page.locator("[data-copy]").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    if make is make_access_token:
        page.keyboard.press("Escape")
    else:
        page.get_by_role("link", name=leave, exact=True).click()
    next_page.wait_for()
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
    # What was loaded while typing works as what was loaded with the page.
    page.get_by_role("searchbox").first.fill(name[:-1])
    expect(page).to_have_url(re.compile(f"q={name[:-1]}$"))
    page.get_by_label("Choose all on this page").check()
    expect(page.get_by_label(f"Choose {name}")).to_be_checked()


def test_a_refused_key_is_explained(browse, server):
    key = server.admin().post("/api/service/apikeys", json={"displayName": "refused"}).json()
    page = sign_in(browse(java_script_enabled=False))
    page.goto(f"/keys/{key['id']}")
    page.get_by_label("Action").fill("persona-asset-read")
    page.get_by_label("With what").fill("default/snowflake/1")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator(".note.bad")).to_contain_text("It has no persona")
    expect(page.locator(".note.bad")).to_contain_text("Smallest change")


@in_every_way
def test_a_policy_is_saved_after_seeing_who_gains_what(browse, server, way):
    admin, name = server.admin(), f"readers {uuid.uuid4()}"
    key = admin.post("/api/service/apikeys", json={"displayName": f"key of {name}"}).json()
    connection = connect(admin)
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)
    page.goto("/personas")
    hand.press(page.get_by_role("link", name="New persona"))
    hand.fill(page.get_by_label("Name", exact=True), name)
    hand.press(page.get_by_role("button", name="Create persona"))
    expect(page.get_by_role("status")).to_contain_text("The persona is created")
    hand.press(page.get_by_role("link", name="Change", exact=True))
    search(hand, f"key of {name}", way)
    hand.press(page.get_by_role("button", name=f"Link key of {name}"))
    expect(page.get_by_role("status")).to_contain_text("It is linked")
    hand.press(page.get_by_role("link", name="Back to the persona"))
    hand.press(page.get_by_role("link", name="New policy"))
    hand.fill(page.get_by_label("Name", exact=True), "reads sales")
    # The actions of the other categories are not in the way.
    expect(page.get_by_role("checkbox", name="query the data")).to_have_count(0)
    hand.tick(page.get_by_role("checkbox", name="see assets and their metadata"))
    hand.fill(page.get_by_role("textbox", name="Resources"), f"{connection}/sales")
    hand.press(page.get_by_role("button", name="See what changes"))
    gains = page.get_by_role("region", name="Who gains or loses what")
    expect(gains).to_contain_text(f"key of {name}")
    expect(gains).to_contain_text("Gains")
    assert not allowed(admin, key, f"{connection}/sales/t")
    hand.press(page.get_by_role("button", name="Back to the form"))
    expect(page.get_by_label("Name", exact=True)).to_have_value("reads sales")
    hand.press(page.get_by_role("button", name="See what changes"))
    hand.press(page.get_by_role("button", name="Save the policy"))
    expect(page.get_by_role("status")).to_contain_text("The policy is saved")
    assert allowed(admin, key, f"{connection}/sales/t")
    hand.press(page.get_by_role("link", name="Delete reads sales"))
    expect(page.get_by_role("region", name="Who gains or loses what")).to_contain_text("Loses")
    hand.press(page.get_by_role("button", name="Delete the policy"))
    expect(page.get_by_role("status")).to_contain_text("The policy is deleted")
    assert not allowed(admin, key, f"{connection}/sales/t")
    hand.press(page.get_by_role("link", name="Edit", exact=True))
    hand.fill(page.get_by_label("Display name"), "Readers of sales")
    hand.press(page.get_by_role("button", name="Save"))
    hand.press(page.get_by_role("link", name="Delete", exact=True))
    hand.fill(page.get_by_label("Type its name"), "Readers of sales")
    hand.press(page.get_by_role("button", name="Delete the persona"))
    expect(page.get_by_role("status")).to_contain_text("The persona is deleted")
    assert not admin.read(key["id"])["attributes"]["personaQualifiedName"]




@in_every_way
def test_what_a_key_gains_with_another_persona_is_seen_before_saving(browse, server, way):
    admin, name = server.admin(), f"writers {uuid.uuid4()}"
    connection = connect(admin)
    persona = admin.post("/api/service/personas", json={"name": name}).json()
    write_policy(admin, persona, "writes", ["persona-asset-update"], connection)
    key = admin.post("/api/service/apikeys", json={"displayName": f"key of {name}"}).json()
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)
    page.goto(f"/keys/{key['id']}")
    hand.press(page.get_by_role("link", name="Try other personas"))
    hand.tick(page.get_by_role("checkbox", name=name))
    hand.press(page.get_by_role("button", name="See what changes"))
    gains = page.get_by_role("region", name="What it gains and loses")
    expect(gains).to_contain_text("Gains")
    expect(gains).to_contain_text("persona-asset-update")
    assert not allowed(admin, key, connection, "persona-asset-update")
    page.reload()
    hand.press(page.get_by_role("button", name="Save these personas"))
    expect(page.get_by_role("status")).to_contain_text("The change is saved")
    assert allowed(admin, key, connection, "persona-asset-update")



@in_every_way
def test_a_key_becomes_an_admin_of_a_connection_by_picking_it(browse, server, way):
    admin, name = server.admin(), f"loader {uuid.uuid4()}"
    connection = connect(admin)
    key = admin.post("/api/service/apikeys", json={"displayName": name}).json()
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)
    page.goto(f"/connections?q={connection}")
    hand.press(page.get_by_role("link", name="Sales warehouse"))
    search(hand, name, way)
    hand.press(page.get_by_role("button", name=f"Add {name} as admin"))
    expect(page.get_by_role("status")).to_contain_text("Added, and in force")
    assert allowed(admin, key, f"{connection}/t", "persona-asset-update")
    hand.press(page.get_by_role("button", name=f"Remove {name} from the Admins"))
    expect(page.get_by_role("status")).to_contain_text("Removed, and in force")
    assert not allowed(admin, key, f"{connection}/t", "persona-asset-update")


@in_every_way
def test_a_token_is_generated_and_revoked(browse, server, way):
    name, password, _ = server.new_user()
    page = sign_in(browse(**way.options), name, password, way.hand)
    hand = way.hand(page)
    page.goto("/settings/tokens")
    hand.press(page.get_by_role("link", name="Generate new token").first)
    hand.fill(page.get_by_label("Name", exact=True), "laptop")
    hand.press(page.get_by_role("button", name="Generate"))
    expect(page.get_by_role("dialog")).to_contain_text("The token will expire on")
    token = page.locator("#token").inner_text()
    asked = server.holder_of(token).post("/api/graphql", json={"query": "{ me { corpUser { username } } }"})
    assert asked.json()["data"]["me"]["corpUser"]["username"] == name
    if way.has_script():
        page.once("dialog", lambda dialog: dialog.accept())
    hand.press(page.get_by_role("link", name="Close"))
    hand.press(page.get_by_role("button", name="Revoke laptop"))
    hand.press(page.get_by_role("button", name="Revoke the token"))
    expect(page.get_by_role("heading", name="No tokens yet")).to_be_visible()
    assert whoami(server, token) == 401


def test_the_copied_curl_line_works_as_it_is(browse):
    page = sign_in(browse(permissions=["clipboard-read", "clipboard-write"]))
    page.goto("/settings/tokens/new")
    told = page.locator("[data-ends]")
    expect(told).to_have_text(re.compile("^The token will expire on .* 20"))
    page.get_by_role("radio", name="Never think twice").check()
    expect(told).to_have_text("The token will never expire.")
    page.get_by_role("radio", name="1 month").check()
    page.get_by_label("Name", exact=True).fill("for curl")
    page.get_by_role("button", name="Generate").click()
    page.locator("[data-copy=line-curl]").click()
    line = page.evaluate("navigator.clipboard.readText()")
    ended = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=20)
    assert json.loads(ended.stdout)["data"]["me"]["corpUser"]["username"] == "admin", (line, ended.stderr)
    # Copied in this line, so leaving asks no more.
    page.get_by_role("link", name="Close").click()
    expect(page.get_by_role("heading", name="Access tokens")).to_be_visible()


def test_a_session_that_ended_elsewhere_leads_back_after_signing_in(browse):
    page = sign_in(browse())
    page.goto("/keys?status=active")
    other = page.context.new_page()
    other.goto("/keys")
    other.get_by_role("button", name="Sign out").click()
    other.get_by_text("You are signed out.").wait_for()
    page.reload()
    sign_in_here(page)
    expect(page).to_have_url(re.compile(r"/keys\?status=active$"))
    # A form that is sent then is not lost: it is sent again after signing in, in another tab.
    page.goto("/keys/new")
    name = f"late {uuid.uuid4()}"
    page.get_by_label("Name", exact=True).fill(name)
    other.goto("/keys")
    other.get_by_role("button", name="Sign out").click()
    other.get_by_text("You are signed out.").wait_for()
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in").click()
    sign_in_here(opened.value)
    expect(opened.value).to_have_url(re.compile("/keys/new$"))
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_role("heading", name="Send it again?")).to_be_visible()
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_role("heading", name=f"{name} is ready")).to_be_visible()


def sign_in_here(page):
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(ADMIN_PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_of_two_tabs_that_edit_one_key_the_second_is_told(browse, server):
    key = server.admin().create("two tabs")
    first = sign_in(browse())
    second = first.context.new_page()
    for page in (first, second):
        page.goto(f"/keys/{key['id']}/edit")
    first.get_by_label("Name", exact=True).fill("of the first")
    second.get_by_label("Name", exact=True).fill("of the second")
    second.get_by_label("Description").fill("typed in the second tab")
    for page in (first, second):
        page.get_by_role("button", name="Save").click()
    expect(first.get_by_role("status")).to_contain_text("The change is saved")
    expect(second.get_by_role("alert")).to_contain_text("This key was changed while you edited it.")
    assert server.admin().read(key["id"])["attributes"]["displayName"] == "of the first"
    expect(second.get_by_label("Description")).to_have_value("typed in the second tab")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("heading", name="of the second")).to_be_visible()


def test_a_bulk_change_of_what_has_changed_is_shown_again(browse, server):
    admin, mark = server.admin(), uuid.uuid4().hex
    keys = [admin.create(f"{mark} {name}") for name in ("one", "two")]
    page = sign_in(browse())
    page.goto(f"/keys?q={mark}")
    page.get_by_label("Choose all on this page").check()
    page.get_by_role("button", name="Go on").click()
    admin.update(keys[0]["id"], f"{mark} three")
    page.get_by_label("Type how many").fill("2")
    page.get_by_role("button", name="Delete them").click()
    expect(page.get_by_role("alert")).to_contain_text(f"“{mark} one” was changed, and is now called “{mark} three”.")
    screenshot(page, "keys-bulk-changed-wide")
    page.get_by_label("Type how many").fill("2")
    page.get_by_role("button", name="Delete them").click()
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    page.goto(f"/keys?q={mark}")
    expect(page.get_by_role("heading", name="No key matches")).to_be_visible()


@in_every_way
def test_a_service_account_gets_a_token_and_is_deleted(browse, server, way):
    name = f"ingestion {uuid.uuid4()}"
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)
    page.goto("/people")
    hand.press(page.get_by_role("link", name="Service accounts"))
    hand.press(page.get_by_role("link", name="New service account"))
    hand.fill(page.get_by_label("Name", exact=True), name)
    hand.press(page.get_by_role("button", name="Create service account"))
    expect(page.get_by_role("status")).to_contain_text("created, without a token")
    hand.press(page.get_by_role("link", name="Generate token"))
    hand.fill(page.get_by_label("Name", exact=True), "production")
    hand.press(page.get_by_role("button", name="Generate"))
    token = page.locator("#token").inner_text()
    assert whoami(server, token) == 200
    if way.has_script():
        page.once("dialog", lambda dialog: dialog.accept())
    hand.press(page.get_by_role("link", name="Close"))
    expect(page.get_by_role("heading", name="Access tokens")).to_be_visible()
    page.goto("/people/service-accounts")
    hand.press(page.get_by_role("link", name=name))
    expect(page.locator("tbody tr")).to_contain_text("production")
    hand.press(page.get_by_role("link", name="Delete"))
    hand.fill(page.get_by_label("Type its name"), name)
    hand.press(page.get_by_role("button", name="Delete the service account"))
    expect(page.get_by_role("status")).to_contain_text("The service account is deleted")
    assert whoami(server, token) == 401


@in_every_way
def test_an_invited_person_signs_up(browse, way):
    name = f"ada-{uuid.uuid4().hex[:8]}"
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)
    page.goto("/people/invitations")
    hand.fill(page.get_by_label("For whom"), name)
    hand.choose(page.get_by_role("radio", name="Guest"))
    hand.press(page.get_by_role("button", name="Create the link"))
    link = page.locator("#link").inner_text()
    if way.has_script():
        page.once("dialog", lambda dialog: dialog.accept())
    hand.press(page.get_by_role("link", name="Done"))
    expect(page.get_by_role("row", name=name)).to_be_visible()
    assert link not in page.content()
    hand.fill(page.get_by_label("For whom"), f"not {name}")
    hand.press(page.get_by_role("button", name="Create the link"))
    void = page.locator("#link").inner_text()
    if way.has_script():
        page.once("dialog", lambda dialog: dialog.accept())
    hand.press(page.get_by_role("link", name="Done"))
    hand.press(page.get_by_role("button", name=f"Revoke the invitation for not {name}"))
    expect(page.get_by_role("status")).to_be_visible()
    person = browse(**way.options)
    person.goto(link)
    hand = way.hand(person)
    hand.fill(person.get_by_label("Full name"), "Ada Lovelace")
    hand.fill(person.get_by_label("User name"), name)
    hand.fill(person.get_by_label("Password"), ADMIN_PASSWORD)
    hand.press(person.get_by_role("button", name="Sign up"))
    expect(person.get_by_role("link", name=name)).to_be_visible()
    page.reload()
    expect(page.get_by_role("row", name=name)).to_have_count(0)
    stranger = browse(**way.options)
    for each in (link, void):
        stranger.goto(each)
        expect(stranger.get_by_role("heading", name="This invitation is not valid")).to_be_visible()


@in_every_way
def test_how_a_key_was_used_is_read_as_a_chart_and_as_tables(browse, server, way):
    admin = server.admin()
    key = admin.create(f"used {uuid.uuid4()}")
    holder = server.holder_of(token_of(key))
    for _ in range(3):
        holder.get("/api/service/whoami").raise_for_status()
    assert holder.get("/api/service/audit").status_code == 403
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)
    page.goto(f"/keys/{key['id']}")
    for unit in ("day", "month", "hour"):
        hand.press(page.get_by_role("link", name=f"{unit}s", exact=True))
        expect(page).to_have_url(re.compile(f"by={unit}"))
        chart = page.get_by_role("region", name="Use")
        expect(chart.get_by_role("img")).to_have_accessible_name(re.compile("4 uses and 1 refusal"))
    hand.press(chart.get_by_text("As a table"))
    expect(chart.get_by_role("table").first.get_by_role("row").last).to_contain_text("1")
    hand.press(chart.get_by_text("Where from"))
    expect(chart.get_by_role("table").last).to_contain_text("127.0.0.1")


@in_every_way
def test_what_adds_to_a_role_is_looked_up(browse, way):
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)
    page.goto("/people")
    hand.press(page.get_by_role("link", name="Roles", exact=True))
    role = page.get_by_role("region").filter(has_text="$admin").first
    hand.press(role.get_by_text(re.compile("polic(y|ies) adds? to it")))
    hand.press(role.get_by_role("list").last.get_by_role("link").first)
    expect(page).to_have_url(re.compile("/policies"))


def test_a_button_that_cannot_be_pressed_is_reached_and_says_why(browse, server):
    name, password, _ = server.new_user("$guest")
    page = sign_in(browse(), name, password)
    for address, button, reason in [
        ("/keys", "New key", "MANAGE_APIKEYS"),
        ("/people/service-accounts", "New service account", "Manage Service Accounts"),
    ]:
        page.goto(address)
        found = page.get_by_role("button", name=button)
        expect(found).to_have_attribute("aria-disabled", "true")
        found.focus()
        expect(found).to_be_focused()
        expect(found).to_have_accessible_description(re.compile(reason))

"""More flows of the console in every way: with a pointer, by keyboard, on a phone, and without JavaScript."""

import json
import re
import uuid

import pytest
from playwright.sync_api import expect

from pages import in_every_way, search, sign_in, whoami
from servers import personas_of, token_of


@pytest.fixture(scope="module")
def many(server):
    """A text that is in the names of more keys than a page shows, of which one expires."""
    admin, mark = server.admin(), uuid.uuid4().hex
    admin.create(f"{mark} expiring", validitySeconds=86_400)
    for number in range(41):
        admin.create(f"{mark} {number:02}")
    return mark


@in_every_way
def test_keys_are_searched_filtered_sorted_and_paged(browse, many, way):
    page = sign_in(browse(**way.options), hand=way.hand)
    hand, names = way.hand(page), page.locator("#results .name")
    page.goto("/keys")
    search(hand, many, way)
    expect(names.first).to_have_text(f"{many} 40")
    hand.press(page.get_by_role("button", name="Filter", exact=True))
    hand.select(page.get_by_label("Expires"), "Never")
    if not way.has_script():
        hand.press(page.get_by_role("button", name="Apply"))
    filtered = page.get_by_role("link", name="Expires never , remove this filter")
    expect(filtered).to_be_visible()
    expect(page).to_have_url(re.compile("expires=never"))
    if way.has_script():
        hand.press(page.get_by_role("button", name="Filter", exact=True))
    # A phone shows no head of the table.
    if way.name != "phone":
        hand.press(page.get_by_role("link", name="Name", exact=True))
        expect(names.first).to_have_text(f"{many} 00")
    hand.press(page.get_by_role("link", name="Next page"))
    expect(names).to_have_text([f"{many} {'00' if way.name == 'phone' else '40'}"])
    hand.press(filtered)
    expect(page).not_to_have_url(re.compile("expires"))
    expect(names).to_have_count(40)


@in_every_way
def test_several_keys_are_linked_unlinked_and_deleted_after_a_preview(browse, server, way):
    admin, mark = server.admin(), uuid.uuid4().hex
    keys = [admin.create(f"{mark} {name}") for name in ("one", "two", "three")]
    # Among the first of the select.
    persona = admin.post("/api/service/personas", json={"name": f"AA {mark}"}).json()
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)

    def go_on(operation):
        page.goto(f"/keys?q={mark}")
        for name in ("one", "two"):
            hand.tick(page.get_by_label(f"Choose {mark} {name}"))
        hand.select(page.get_by_label("What to do"), operation)
        if "persona" in operation:
            hand.select(page.locator("[name=with]"), f"AA {mark}")
        hand.press(page.get_by_role("button", name="Go on"))

    for operation, linked in (("link a persona", {persona["qualifiedName"]}), ("unlink a persona", set())):
        go_on(operation)
        hand.press(page.get_by_role("button", name="Change them"))
        expect(page.get_by_role("heading", name="Done")).to_be_visible()
        assert [personas_of(admin.read(key["id"])) for key in keys] == [linked, linked, set()]
    go_on("delete them")
    expect(page.get_by_role("heading", name="Delete 2 keys?")).to_be_visible()
    hand.fill(page.get_by_label("Type how many"), "2")
    hand.press(page.get_by_role("button", name="Delete them"))
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    assert [whoami(server, token_of(key)) for key in keys] == [401, 401, 200]


@in_every_way
def test_chosen_keys_are_exported(browse, server, way):
    admin, mark = server.admin(), uuid.uuid4().hex
    for name in ("one", "two"):
        admin.create(f"{mark} {name}")
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)
    page.goto(f"/keys?q={mark}")
    hand.tick(page.get_by_label(f"Choose {mark} two"))
    hand.select(page.get_by_label("What to do"), "export them as JSON")
    with page.expect_download() as download:
        hand.press(page.get_by_role("button", name="Go on"))
    assert download.value.suggested_filename == "keys.json"
    assert [key["displayName"] for key in json.loads(download.value.path().read_text())] == [f"{mark} two"]


@in_every_way
def test_a_key_gets_all_that_its_form_offers(browse, server, way):
    admin, name = server.admin(), f"key {uuid.uuid4()}"
    persona = admin.new_persona()
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)
    page.goto("/keys/new")
    hand.press(page.get_by_role("link", name="AI agent"))
    expect(page.get_by_label("Name", exact=True)).to_have_value("agent")
    hand.fill(page.get_by_label("Name", exact=True), name)
    hand.choose(page.get_by_role("radio", name="90 days"))
    hand.tick(page.get_by_role("checkbox", name=persona["name"]))
    hand.tick(page.locator("[value=VERIFY_TOKENS]"))
    hand.fill(page.get_by_label("Allowed addresses"), "127.0.0.0/8")
    hand.fill(page.get_by_label("At most so many requests"), "10")
    hand.select(page.get_by_label("in", exact=True), "an hour")
    hand.press(page.get_by_role("button", name="Create key"))
    assert whoami(server, page.locator("#token").inner_text()) == 200
    key = admin.read(page.locator("h1 + p").inner_text().removeprefix("apikey-"))["attributes"]
    assert (key["displayName"], key["description"]) == (name, "Used by an agent")
    assert key["access.token.lifespan"] == str(90 * 86_400)
    assert [each["personaQualifiedName"] for each in key["personaQualifiedName"]] == [persona["qualifiedName"]]
    assert (key["workspacePermissions"], key["allowedAddresses"]) == (["VERIFY_TOKENS"], ["127.0.0.0/8"])
    assert key["rateLimit"] == {"requests": 10, "seconds": 3600}


@in_every_way
def test_a_program_is_let_in_by_its_code(browse, server, way):
    asked = server.anonymous().post("/oauth/device_authorization", data={"client_id": "tessera-cli"}).json()
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)
    page.goto("/device")
    hand.fill(page.get_by_label("Code"), asked["user_code"])
    hand.press(page.get_by_role("button", name="Go on"))
    expect(page.locator("#shown_code")).to_have_text(asked["user_code"])
    hand.press(page.get_by_role("button", name="Approve"))
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "client_id": "tessera-cli"}
    given = server.anonymous().post("/oauth/token", data=grant | {"device_code": asked["device_code"]}).json()
    assert server.holder_of(given["access_token"]).is_let_in()


@in_every_way
def test_a_key_is_edited(browse, server, way):
    admin, name = server.admin(), f"key {uuid.uuid4()}"
    key = admin.create(name)
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)
    page.goto(f"/keys/{key['id']}")
    hand.press(page.get_by_role("link", name="Edit"))
    hand.fill(page.get_by_label("Name", exact=True), f"{name} renamed")
    hand.press(page.locator("summary").first)
    hand.fill(page.get_by_label("Allowed addresses"), "127.0.0.0/8")
    hand.press(page.get_by_role("button", name="Save"))
    expect(page.get_by_role("heading", name=f"{name} renamed")).to_be_visible()
    assert admin.read(key["id"])["attributes"]["allowedAddresses"] == ["127.0.0.0/8"]


@in_every_way
def test_a_user_gets_a_role_is_disabled_enabled_and_removed(browse, server, way):
    name, _, user = server.new_user("$guest")
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)
    page.goto(f"/people?q={name}")
    hand.select(page.get_by_label(f"Role of {name}"), "$member")
    hand.press(page.get_by_role("button", name=f"Give {name} this role"))
    expect(page.get_by_role("status")).to_contain_text("The role is changed")
    page.goto(f"/people?q={name}")
    hand.press(page.get_by_role("button", name=f"Disable {name}"))
    expect(page.get_by_role("status")).to_contain_text("The user is disabled")
    assert not user.is_let_in()
    page.goto(f"/people?q={name}")
    expect(page.locator("tbody tr")).to_contain_text("Disabled")
    hand.press(page.get_by_role("button", name=f"Enable {name}"))
    expect(page.get_by_role("status")).to_contain_text("The user is enabled")
    page.goto(f"/people?q={name}")
    hand.press(page.get_by_role("link", name=f"Remove {name}"))
    hand.fill(page.get_by_label("Type their user name"), name)
    hand.press(page.get_by_role("button", name="Remove the user"))
    expect(page.get_by_role("status")).to_contain_text("The user is removed")


@in_every_way
def test_a_bearer_token_is_reached_and_created(browse, server, way):
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)
    hand.press(page.get_by_role("link", name="Settings"))
    hand.press(page.get_by_role("link", name="Bearer token"))
    hand.press(page.get_by_role("button", name="Create token"))
    assert whoami(server, page.locator("#token").inner_text()) == 200


@in_every_way
def test_other_sessions_are_ended(browse, server, way):
    name, password, other = server.new_user()
    latest = server.user(name, password)
    page = sign_in(browse(**way.options), name, password, way.hand)
    hand = way.hand(page)
    page.goto("/settings/sessions")
    # The latest come first: that of the browser, and the one before.
    hand.press(page.get_by_role("button", name="End it").first)
    expect(page.get_by_role("button", name="End it")).to_have_count(1)
    assert [each.is_let_in() for each in (other, latest)].count(True) == 1
    hand.press(page.get_by_role("button", name="End all others"))
    expect(page.get_by_role("button", name="End it")).to_have_count(0)
    assert not other.is_let_in() and not latest.is_let_in()


@in_every_way
def test_the_trail_is_filtered_exported_and_proved(browse, server, way):
    name = f"key {uuid.uuid4()}"
    server.admin().create(name)
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)
    page.goto("/audit")
    search(hand, name, way)
    expect(page.locator("#results tbody tr")).to_have_count(1)
    hand.select(page.get_by_label("Action"), "API keys")
    if not way.has_script():
        hand.press(page.get_by_role("button", name="Search"))
    expect(page.get_by_role("link", name="Action apikey. , remove this filter")).to_be_visible()
    with page.expect_download() as download:
        hand.press(page.get_by_role("link", name="JSON"))
    assert [entry["subject"] for entry in json.loads(download.value.path().read_text())] == [name]
    hand.press(page.get_by_role("link", name="proof"))
    # A change is in the log a moment later.
    for _ in range(50):
        if page.locator("#leaf").count():
            break
        page.wait_for_timeout(200)
        page.reload()
    expect(page.locator("#leaf")).to_contain_text(name)


@in_every_way
def test_why_a_key_is_refused_is_asked(browse, server, way):
    key = server.admin().create("refused")
    page = sign_in(browse(**way.options), hand=way.hand)
    hand = way.hand(page)
    page.goto(f"/keys/{key['id']}")
    hand.fill(page.get_by_label("Action"), "persona-asset-read")
    hand.fill(page.get_by_label("With what"), "default/snowflake/1")
    hand.press(page.get_by_role("button", name="Explain"))
    expect(page.locator(".note.bad")).to_contain_text("It has no persona")


def test_the_form_of_a_key_sums_up_what_is_chosen(browse, server):
    admin = server.admin()
    persona = admin.new_persona()
    page = sign_in(browse())
    page.goto("/keys/new")
    says = page.locator("#says")
    expect(says).to_contain_text("do nothing yet")
    page.get_by_label("Narrow the personas").fill(persona["name"])
    page.locator(f"[value='{persona['qualifiedName']}']").check()
    page.locator("summary").first.click()
    page.get_by_label("Allowed addresses").fill("10.0.0.0/8")
    page.get_by_label("At most so many requests").fill("60")
    for said in (f"act with the persona {persona['name']}", "from 10.0.0.0/8 only", "at most 60 times in a minute"):
        expect(says).to_contain_text(said)


def test_the_exact_time_is_seen_by_keyboard_and_by_touch(browse, server):
    name = f"key {uuid.uuid4()}"
    server.admin().create(name, validitySeconds=86_400 * 9)
    page = sign_in(browse())
    page.goto(f"/keys?q={name}")
    exact = page.locator("#results td time > span").first
    # Not clipped away any more.
    clipped = "each => getComputedStyle(each).clipPath !== 'none'"
    assert exact.evaluate(clipped)
    page.get_by_role("link", name=name).focus()
    assert not exact.evaluate(clipped)
    expect(exact).to_have_text(re.compile("20[0-9][0-9]"))
    touching = sign_in(browse(has_touch=True, is_mobile=True, viewport={"width": 800, "height": 900}))
    touching.goto(f"/keys?q={name}")
    exact = touching.locator("#results td time > span").first
    expect(exact).to_be_visible()
    assert not exact.evaluate(clipped)


def test_motion_is_only_for_those_who_want_it(browse):
    rules = "[...document.styleSheets].flatMap(sheet => [...sheet.cssRules]).filter(rule => rule.media && matchMedia(rule.media.mediaText).matches).map(rule => rule.cssText).join()"
    for motion, is_still in (("no-preference", False), ("reduce", True)):
        page = browse(reduced_motion=motion)
        page.goto("/login")
        assert ("transition: none" in page.evaluate(rules)) == is_still, motion

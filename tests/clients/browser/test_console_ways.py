"""More flows of the console in every way: with a pointer, by keyboard, on a phone, and without JavaScript."""

import json
import re
import uuid

from playwright.sync_api import expect

from pages import in_every_way, sign_in, whoami
from servers import token_of


@in_every_way
def test_several_keys_are_deleted_after_a_preview(browse, server, way):
    admin, mark = server.admin(), uuid.uuid4().hex
    keys = [admin.create(f"{mark} {name}") for name in ("one", "two", "three")]
    page = sign_in(browse(**way.options))
    hand = way.hand(page)
    page.goto(f"/keys?q={mark}")
    for name in ("one", "two"):
        hand.tick(page.get_by_label(f"Choose {mark} {name}"))
    hand.press(page.get_by_role("button", name="Go on"))
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
    page = sign_in(browse(**way.options))
    hand = way.hand(page)
    page.goto(f"/keys?q={mark}")
    hand.tick(page.get_by_label(f"Choose {mark} two"))
    page.get_by_label("What to do").select_option("json")
    with page.expect_download() as download:
        hand.press(page.get_by_role("button", name="Go on"))
    assert download.value.suggested_filename == "keys.json"
    assert [key["displayName"] for key in json.loads(download.value.path().read_text())] == [f"{mark} two"]


@in_every_way
def test_a_key_is_edited(browse, server, way):
    admin, name = server.admin(), f"key {uuid.uuid4()}"
    key = admin.create(name)
    page = sign_in(browse(**way.options))
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
def test_a_user_gets_a_role_and_is_disabled_and_enabled(browse, server, way):
    name, _, user = server.new_user("$guest")
    page = sign_in(browse(**way.options))
    hand = way.hand(page)
    page.goto(f"/people?q={name}")
    page.get_by_label(f"Role of {name}").select_option("$member")
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


@in_every_way
def test_a_bearer_token_is_reached_and_created(browse, server, way):
    page = sign_in(browse(**way.options))
    hand = way.hand(page)
    hand.press(page.get_by_role("link", name="Settings"))
    hand.press(page.get_by_role("link", name="Bearer token"))
    hand.press(page.get_by_role("button", name="Create token"))
    assert whoami(server, page.locator("#token").inner_text()) == 200


@in_every_way
def test_other_sessions_are_ended(browse, server, way):
    name, password, other = server.new_user()
    page = sign_in(browse(**way.options), name, password)
    hand = way.hand(page)
    page.goto("/settings/sessions")
    hand.press(page.get_by_role("button", name="End all others"))
    expect(page.get_by_role("status")).to_be_visible()
    assert not other.is_let_in()


@in_every_way
def test_why_a_key_is_refused_is_asked(browse, server, way):
    key = server.admin().create("refused")
    page = sign_in(browse(**way.options))
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

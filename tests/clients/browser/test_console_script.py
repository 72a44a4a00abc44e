"""What the script of the console adds: what is read aloud, when a page asks before it is left, and local times."""

import re
import uuid

import pytest
from playwright.sync_api import expect

from pages import create_key, sign_in

CLIPBOARD = ["clipboard-read", "clipboard-write"]


def announced(page):
    """The text that screen readers are told."""
    return page.locator("#announced")


def test_the_filters_close_by_escape_and_by_a_click_beside_them(browse):
    page = sign_in(browse())
    page.goto("/keys")
    filters = page.locator("#filter")
    expect(filters).to_be_hidden()
    for close in (lambda: page.keyboard.press("Escape"), lambda: page.mouse.click(1200, 700)):
        page.get_by_role("button", name="Filter", exact=True).click()
        expect(filters).to_be_visible()
        close()
        expect(filters).to_be_hidden()


def test_how_many_a_search_finds_is_announced(browse, server):
    mark = uuid.uuid4().hex
    for number in range(2):
        server.admin().create(f"{mark} {number}")
    page = sign_in(browse())
    page.goto("/keys")
    region = announced(page).element_handle()
    for text, told in ((mark, "2 found"), (f"{mark} 1", "1 found"), (f"{mark} none", "No key matches"), ("", re.compile("found"))):
        page.get_by_role("searchbox").first.fill(text)
        expect(announced(page)).to_have_text(told)
    # It is the same element all the time, or nothing would be read.
    assert region.evaluate("each => each === document.getElementById('announced')")


def test_copy_says_what_is_copied_and_gets_its_name_back(browse, server):
    key = server.admin().create("copied")
    page = sign_in(browse(permissions=CLIPBOARD))
    page.goto(f"/keys/{key['id']}")
    button = page.locator("[data-copy=client-id]")
    expect(button).to_have_accessible_name("Copy the client id")
    button.click()
    expect(button).to_have_accessible_name("Copied the client id")
    expect(announced(page)).to_have_text("Copied the client id")
    button.click()
    expect(button).to_have_accessible_name("Copy the client id", timeout=4_000)
    page.wait_for_timeout(1_700)
    expect(button).to_have_accessible_name("Copy the client id")


def test_copying_something_else_than_the_token_is_not_enough(browse):
    page = sign_in(browse(permissions=CLIPBOARD))
    create_key(page, "not copied")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.locator("h1").click(click_count=3)
    page.keyboard.press("Control+C")
    page.get_by_role("link", name="Done, show the key").click()
    page.wait_for_timeout(100)
    assert asked == ["beforeunload"]
    page.locator("#token").click(click_count=3)
    page.keyboard.press("Control+C")
    page.get_by_role("link", name="Done, show the key").click()
    expect(page.get_by_role("heading", name="not copied")).to_be_visible()
    assert asked == ["beforeunload"]


def test_the_summary_of_a_key_changes_only_with_what_it_says(browse):
    page = sign_in(browse())
    page.goto("/keys/new")
    page.evaluate(
        "window.changes = 0;"
        "new MutationObserver(() => { changes += 1; }).observe(document.getElementById('says'), {childList: true, subtree: true});"
    )
    page.get_by_label("Name", exact=True).press_sequentially("nightly", delay=20)
    page.wait_for_timeout(500)
    assert page.evaluate("changes") == 0
    page.locator("[value=VERIFY_TOKENS]").check()
    expect(page.locator("#says")).to_contain_text("ask about the tokens of others")
    page.locator("summary").first.click()
    page.get_by_label("Allowed addresses").press_sequentially("10.0.0.0/8", delay=20)
    expect(page.locator("#says")).to_contain_text("be let in from 10.0.0.0/8 only")
    assert page.evaluate("changes") <= 3


ZONED = re.compile(r"^\d{1,2} [A-Z][a-z]{2} \d{4}, \d\d:\d\d$")


def test_instants_are_in_the_zone_of_the_reader_or_in_utc(browse, server):
    page = sign_in(browse(timezone_id="America/New_York", locale="de-DE"))
    plain = sign_in(browse(java_script_enabled=False))
    key = server.admin().create("timed")
    for address in ("/settings/sessions", "/token", f"/keys/{key['id']}", "/audit"):
        page.goto(address)
        plain.goto(address)
        times = page.locator("main time[data-exact], main time > span").all_text_contents()
        assert times and all(ZONED.match(text) for text in times), (address, times)
        # What an entry of the audit trail says of an expiry is text, in UTC.
        assert not any("UTC" in text for text in page.locator("main time").all_inner_texts()), address
        for text in plain.locator("main time[data-exact], main time > span").all_text_contents():
            assert ZONED.match(text.removesuffix(" UTC")) and text.endswith(" UTC"), (address, text)


def test_the_last_day_of_a_key_says_in_which_zone_it_ends(browse):
    page = sign_in(browse(timezone_id="America/New_York"))
    page.goto("/keys/new")
    page.get_by_role("radio", name="Until a day").check()
    page.get_by_label("Last day, in UTC").fill("2030-01-31")
    expect(page.locator("#until-hint")).to_have_text("It ends with that day, at 23:59:59 UTC, here 31 Jan 2030, 18:59.")
    expect(page.locator("#says")).to_contain_text("stop working 31 Jan 2030, 18:59")


@pytest.mark.parametrize("with_script", [True, False])
def test_a_refused_form_has_the_focus_on_its_first_mistake(browse, with_script):
    page = sign_in(browse(java_script_enabled=with_script))
    page.goto("/keys/new")
    page.get_by_label("Name", exact=True).fill("refused")
    page.locator("summary").first.click()
    page.get_by_label("Allowed addresses").fill("somewhere")
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Allowed addresses")).to_be_focused()
    described = page.locator("form[aria-describedby=problem]")
    expect(described).to_have_accessible_description(re.compile("The key was not created"))


def test_a_policy_is_checked_while_it_is_typed(browse, server):
    admin = server.admin()
    persona = admin.post("/api/service/personas", json={"name": f"typed {uuid.uuid4()}"}).json()
    page = sign_in(browse())
    page.goto(f"/personas/{persona['id']}/policies/new")
    resources = page.get_by_role("textbox", name="Resources")
    resources.fill("x" * 1100)
    error = page.locator("#resources-error")
    expect(error).to_contain_text("1 to 1024 bytes")
    expect(resources).to_have_attribute("aria-invalid", "true")
    expect(announced(page)).to_contain_text("1 to 1024 bytes")
    # What has not been filled in yet is no mistake.
    expect(page.locator(".error")).to_have_count(1)
    expect(resources).to_be_focused()
    # What was wrong in another field stays told.
    page.get_by_label("Name", exact=True).fill("typed")
    page.wait_for_timeout(500)
    expect(error).to_contain_text("1 to 1024 bytes")
    resources.fill("default/snowflake/1")
    expect(error).to_have_count(0)
    expect(resources).not_to_have_attribute("aria-invalid", "true")
    seen = page.get_by_role("checkbox", name="see assets and their metadata")
    seen.check()
    seen.uncheck()
    expect(page.locator("#actions-error")).to_have_text("Choose at least one.")
    seen.check()
    expect(page.locator("#actions-error")).to_have_count(0)
    # Nothing is saved by that.
    page.goto(f"/personas/{persona['id']}")
    expect(page.get_by_role("heading", name="No policies yet")).to_be_visible()

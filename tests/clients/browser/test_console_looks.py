"""How every page of the console looks: accessible, on every screen, on paper. On one database, because pages do not differ.

Screenshots of every page, light, dark and in forced colours, wide and narrow, are written to `target/screenshots` for review.
"""

import pytest
from playwright.sync_api import expect

from accessibility import assert_accessible, look, screenshot
from furnishing import furnish
from pages import create_key, sign_in


@pytest.fixture(scope="module")
def server(sqlite_server):
    return sqlite_server


@pytest.fixture(scope="module")
def furnished(server):
    """The URLs of the pages, none of which is empty."""
    return furnish(server)


def test_the_audit_page_is_printed_without_what_only_a_screen_can_use(browse, furnished):
    page = sign_in(browse())
    page.goto("/audit")
    page.emulate_media(media="print")
    for hidden in (".bar", ".filters", ".actions", ".foot .more"):
        expect(page.locator(hidden).first).to_be_hidden()
    expect(page.locator("tbody tr").first).to_be_visible()
    # The exact time is on paper, where nothing can be hovered.
    expect(page.locator("tbody .under").first).to_be_visible()
    screenshot(page, "audit-print")


@pytest.mark.timeout(600)
def test_every_page_is_accessible_and_fits(browse, server, furnished):
    found = {}
    page = browse(reduced_motion="reduce")
    # Once for all: whether a page asks before it is left depends on what was copied.
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/login")
    found["login"] = look(page, "login")
    sign_in(page)
    for name, address in furnished.items():
        page.goto(address)
        found[name] = look(page, name)
        # Failure F53: what people wrote is text. A script would be a complaint about the Content-Security-Policy.
        assert page.locator("main :is(img, script)").count() == 0, name
    page.goto("/settings/tokens")
    page.get_by_role("button", name="Revoke notebook").first.click()
    found["token-revoke"] = look(page, "token-revoke")
    page.goto("/keys?q=notebook")
    page.get_by_label("Choose all on this page").check()
    page.get_by_label("What to do").select_option("link")
    page.get_by_role("button", name="Go on").click()
    found["keys-bulk-which"] = look(page, "keys-bulk-which")
    page.get_by_label("Persona").select_option(index=1)
    page.get_by_role("button", name="Go on").click()
    found["keys-bulk"] = look(page, "keys-bulk")
    page.get_by_role("button", name="Change them").click()
    found["keys-bulk-done"] = look(page, "keys-bulk-done")
    create_key(page, "for the picture")
    found["key-created"] = look(page, "key-created")
    page.goto("/settings/tokens/new")
    page.get_by_label("Name", exact=True).fill("for the picture")
    page.get_by_role("button", name="Generate").click()
    found["token-created"] = look(page, "token-created")
    page.goto("/keys/new")
    page.get_by_label("Name", exact=True).fill("x")
    page.locator("summary").first.click()
    page.get_by_label("Allowed addresses").fill("somewhere")
    page.get_by_role("button", name="Create key").click()
    found["key-new-refused"] = look(page, "key-new-refused")
    page.goto(furnished["policy-new"])
    page.get_by_label("Name", exact=True).fill("Read the warehouse")
    page.get_by_role("checkbox", name="see assets and their metadata").check()
    page.get_by_role("textbox", name="Resources").fill("default/snowflake\n")
    page.get_by_role("button", name="See what changes").click()
    found["policy-preview"] = look(page, "policy-preview")
    page.goto(furnished["policy-new"])
    page.get_by_label("Name", exact=True).fill("Nothing")
    page.get_by_role("textbox", name="Resources").fill("*")
    page.get_by_role("button", name="See what changes").click()
    found["policy-refused"] = look(page, "policy-refused")
    page.goto("/people/invitations")
    page.get_by_label("For whom").fill("Grace from finance")
    page.get_by_role("button", name="Create the link").click()
    found["invited"] = look(page, "invited")
    link = page.locator("#link").inner_text()
    page.goto("/people/invitations")
    found["invitations-open"] = look(page, "invitations-open")
    page.goto(link)
    found["sign-up"] = look(page, "sign-up")
    page.goto(link[:-1])
    found["sign-up-refused"] = look(page, "sign-up-refused")
    name, password, _ = server.new_user("$guest")
    guest = sign_in(browse(reduced_motion="reduce"), name, password)
    guest.goto("/keys/new")
    found["not-allowed"] = look(guest, "not-allowed")
    guest.goto("/keys")
    found["keys-of-a-guest"] = look(guest, "keys-of-a-guest")
    assert_accessible(found)

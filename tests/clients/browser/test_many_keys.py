"""The console at 100,000 keys: listed, searched, filtered and paged; and how heavy its pages are."""

import os
import re
import secrets
import subprocess
import time

import pytest
from playwright.sync_api import expect

from pages import opened, sign_in
from servers import BINARY

KEYS = 100_000
# Generous: a page takes a few milliseconds, and a machine that runs other things must not fail the test.
SECONDS = 10
# The most bytes of a page, without the style sheet and the script, which browsers keep.
WEIGHT = 60_000


@pytest.fixture
def browse_many(chromium, own_server):
    """Pages of a server with many keys."""
    seed = BINARY.resolve().parent / "examples" / "seed"
    subprocess.run(
        [seed, own_server.database.url, str(KEYS), os.devnull],
        env=os.environ | {"TESSERA_PEPPER": secrets.token_hex(32)},
        check=True,
        timeout=300,
    )
    yield from opened(chromium, own_server)


@pytest.mark.timeout(480)
def test_a_hundred_thousand_keys_are_listed_searched_and_paged(browse_many):
    page = sign_in(browse_many())
    names = page.locator("#results .name")

    def within(act):
        began = time.monotonic()
        answer = act()
        expect(names.first).to_be_visible()
        assert time.monotonic() - began < SECONDS
        return answer

    def visit(address):
        weight = len(within(lambda: page.goto(address)).body())
        assert weight < WEIGHT, f"{address}: {weight} bytes"

    visit("/keys")
    expect(names).to_have_count(50)
    # The latest first, and page after page without a gap.
    numbers = []
    for _ in range(4):
        found = [re.search(r"^Key (\d+) of", text) for text in names.all_inner_texts()]
        numbers += [int(each.group(1)) for each in found if each]
        within(page.get_by_role("link", name="Next page").click)
    # Among them is the key of the first start.
    assert numbers == list(range(KEYS - 1, KEYS - 200, -1))
    visit("/keys?sort=createdAt")
    expect(names.first).to_have_text("Key 0 of team 0")
    visit("/keys?status=expired&sort=displayName")
    expect(names).to_have_count(50)
    visit(f"/keys?persona=default/{7:022}&sort=-createdAt")
    expect(names.first).to_have_text(f"Key {KEYS - 93} of team 907")
    page.goto("/keys")
    began = time.monotonic()
    page.get_by_role("searchbox").first.press_sequentially("key 77777")
    expect(names).to_have_text(["Key 77777 of team 777"])
    assert time.monotonic() - began < SECONDS
    page.get_by_role("searchbox").first.fill("nothing is called so")
    expect(page.get_by_role("heading", name="No key matches")).to_be_visible()
    for address in ("/audit", "/personas", "/people"):
        assert len(page.goto(address).body()) < WEIGHT, address

"""The console at 100,000 keys: listed, searched, filtered and paged; and how heavy its pages are."""

import os
import re
import secrets
import subprocess
import time
from urllib.parse import urljoin

import pytest
from playwright.sync_api import expect

from pages import opened, sign_in
from servers import BINARY

KEYS = 100_000
# Generous: a page takes a few milliseconds, and a machine that runs other things must not fail the test.
SECONDS = 10
# The most bytes of a page with all that it loads, as they are transferred to a browser that has none of them yet.
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
def test_a_hundred_thousand_keys_are_listed_searched_and_paged(browse_many, own_server):
    page = sign_in(browse_many())
    names = page.locator("#results .name")

    def within(act):
        began = time.monotonic()
        answer = act()
        expect(names.first).to_be_visible()
        assert time.monotonic() - began < SECONDS
        return answer

    def weigh(address):
        """The bytes of the bodies that a browser loads which has been here for the first time."""
        loading = browse_many(storage_state=page.context.storage_state())
        loaded = []
        loading.on("requestfinished", lambda request: loaded.append(request))
        loading.goto(urljoin(page.url, address))
        loading.wait_for_load_state("networkidle")
        weights = {each.url: each.sizes()["responseBodySize"] for each in loaded}
        loading.context.close()
        assert len(weights) >= 3, weights
        assert sum(weights.values()) < WEIGHT, f"{address}: {weights}"

    def visit(address):
        within(lambda: page.goto(address))
        weigh(address)

    visit("/keys")
    expect(names).to_have_count(40)
    # The latest first, and page after page without a gap.
    numbers = []
    for _ in range(4):
        found = [re.search(r"^Key (\d+) of", text) for text in names.all_inner_texts()]
        numbers += [int(each.group(1)) for each in found if each]
        within(page.get_by_role("link", name="Next page").click)
    # Among them is the key of the first start.
    assert numbers == list(range(KEYS - 1, KEYS - 160, -1))
    visit("/keys?sort=createdAt")
    expect(names.first).to_have_text("Key 0 of team 0")
    visit("/keys?status=expired&sort=displayName")
    expect(names).to_have_count(40)
    visit(f"/keys?persona=default/{7:022}&sort=-createdAt")
    expect(names.first).to_have_text(f"Key {KEYS - 93} of team 907")
    page.goto("/keys")
    began = time.monotonic()
    page.get_by_role("searchbox").first.press_sequentially("key 77777")
    expect(names).to_have_text(["Key 77777 of team 777"])
    assert time.monotonic() - began < SECONDS
    page.get_by_role("searchbox").first.fill("nothing is called so")
    expect(page.get_by_role("heading", name="No key matches")).to_be_visible()
    fill(own_server)
    for address, rows in (("/audit", 40), ("/people", 40), ("/settings/tokens", 40), ("/personas", 40), ("/policies", 0)):
        page.goto(address)
        assert page.locator("#results tbody tr").count() >= rows, address
        weigh(address)


def fill(server):
    """As many users and access tokens as a page shows, and more changes."""
    admin = server.admin()
    query = "mutation($input: CreateAccessTokenInput!) { createAccessToken(input: $input) { accessToken } }"
    for number in range(40):
        server.cli("users", "create", f"user-{number}@example.org")
        given = {"type": "PERSONAL", "actorUrn": "urn:li:corpuser:admin", "duration": "ONE_MONTH", "name": f"laptop {number}"}
        answer = admin.post("/api/graphql", json={"query": query, "variables": {"input": given}})
        assert "errors" not in answer.json(), answer.text

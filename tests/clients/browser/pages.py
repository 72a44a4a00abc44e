"""What the tests of the console share: signing in, creating a key."""

import re

from accessibility import WIDE
from servers import ADMIN_PASSWORD

TOKEN = re.compile(r"ts[kp]_[0-9A-Za-z]{72}")


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


def opened(chromium, server):
    """Yields what opens pages in fresh profiles, and fails in the end if a page complained."""
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

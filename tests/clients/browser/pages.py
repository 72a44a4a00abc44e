"""What the tests of the console share: signing in, creating a key, and the ways to use a page."""

import re
from dataclasses import dataclass, field

import pytest

from accessibility import NARROW, WIDE
from servers import ADMIN_PASSWORD

TOKEN = re.compile(r"ts[kp]_[0-9A-Za-z]{72}")

# More than any page has.
MOST_STOPS = 200
FOCUS = """element => {
    const shown = element.closest(".choice") ?? element;
    const style = getComputedStyle(shown);
    const {left, top, width, height} = shown.getClientRects()[0];
    const above = document.elementFromPoint(left + width / 2, top + height / 2);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && shown.contains(above);
}"""


class Pointer:
    """Uses controls with a pointer."""

    def __init__(self, page):
        self.page = page

    def press(self, control):
        control.click()

    def fill(self, control, text):
        control.fill(text)

    def tick(self, control):
        control.check()

    def select(self, control, label):
        control.select_option(label=label)

    choose = tick


class Keyboard:
    """Uses controls with keys alone. Tab reaches each, and it is seen which has the focus, in forced colours too."""

    def __init__(self, page):
        self.page = page

    def press(self, control):
        self.reach(control)
        self.page.keyboard.press("Enter")

    def fill(self, control, text):
        self.reach(control)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def tick(self, control):
        self.reach(control)
        self.page.keyboard.press("Space")
        assert control.is_checked()

    def choose(self, control):
        """Chooses a radio button: Tab reaches its group, and arrows its choices."""
        group = control.get_attribute("name")
        self.tab_to(control, "each => document.activeElement.name === each.name", f"the group {group}")
        for _ in range(MOST_STOPS):
            if is_focused(control):
                break
            self.page.keyboard.press("ArrowDown")
        self.assert_seen(control)
        self.page.keyboard.press("Space")
        assert control.is_checked()

    def select(self, control, label):
        """Chooses an option of a closed select with arrows: each step is a change, and the focus must survive it."""
        self.reach(control)
        self.page.keyboard.press("Home")
        for _ in range(MOST_STOPS):
            if control.evaluate("each => each.selectedOptions[0].label.trim()") == label:
                break
            self.page.keyboard.press("ArrowDown")
            self.page.wait_for_load_state()
            assert is_focused(control), f"{control} loses the focus"
        self.assert_seen(control)
        assert control.evaluate("each => each.selectedOptions[0].label.trim()") == label

    def reach(self, control):
        self.tab_to(control, "each => each === document.activeElement", str(control))
        self.assert_seen(control)

    def tab_to(self, control, condition, name):
        control.wait_for(state="attached")
        for _ in range(MOST_STOPS):
            if control.evaluate(condition):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not reach {name}")

    def assert_seen(self, control):
        for colours in ("active", "none"):
            self.page.emulate_media(forced_colors=colours)
            assert control.evaluate(FOCUS), f"it is not seen that {control} has the focus, forced colours: {colours}"


def is_focused(control):
    return control.evaluate("each => each === document.activeElement")


@dataclass
class Way:
    """A way to use a page: what the browser is, and what controls are used with."""

    name: str
    options: dict = field(default_factory=dict)
    hand: type = Pointer

    def has_script(self):
        return self.options.get("java_script_enabled", True)


WAYS = [
    Way("pointer"),
    Way("keyboard", hand=Keyboard),
    Way("phone", {"viewport": NARROW}),
    Way("no script", {"java_script_enabled": False}),
]
in_every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)


def sign_in(page, name="admin", password=ADMIN_PASSWORD, hand=Pointer):
    hand = hand(page)
    page.goto("/login")
    hand.fill(page.get_by_label("User name"), name)
    hand.fill(page.get_by_label("Password"), password)
    hand.press(page.get_by_role("button", name="Sign in"))
    page.get_by_role("heading", name="What needs you").wait_for()
    return page


def search(hand, text, way):
    """Searches as one types or, without the script, with the button."""
    hand.fill(hand.page.get_by_role("searchbox").first, text)
    if not way.has_script():
        hand.press(hand.page.get_by_role("button", name="Search"))


def create_key(page, name, hand=Pointer):
    """Creates a key through the page, and returns its token."""
    hand = hand(page)
    page.goto("/keys/new")
    hand.fill(page.get_by_label("Name", exact=True), name)
    hand.press(page.get_by_role("button", name="Create key"))
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
        context.set_default_timeout(15_000)

        def note(message):
            # The browser logs the 400 of a refused form as an error.
            is_refusal = "status of 40" in message.text and "/files/" not in message.location["url"]
            if message.type == "error" and not is_refusal:
                complaints.append(message.text)

        # Of every page and tab of the context.
        context.on("console", note)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints

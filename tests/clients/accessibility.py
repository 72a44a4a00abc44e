"""What axe finds on a page, and its screenshots in several sizes."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "target" / "tests" / "node" / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = ROOT / "target" / "screenshots"
WIDE, NARROW, NARROWEST = {"width": 1280, "height": 860}, {"width": 390, "height": 844}, {"width": 320, "height": 640}
WIDEST = {"width": 2560, "height": 1440}

APPEARANCES = {
    "light": {"color_scheme": "light", "forced_colors": "none"},
    "dark": {"color_scheme": "dark", "forced_colors": "none"},
    "forced": {"color_scheme": "dark", "forced_colors": "active"},
}
# The rules of axe whose outcome depends on the appearance; the others run once for each page.
BY_APPEARANCE = ["color-contrast", "link-in-text-block"]

# What a page tells by colours must be told in the user's own colours, too: the pairs of elements that look alike.
ALIKE = """() => {
    const first = selector => document.querySelector(selector);
    const look = element => {
        const style = getComputedStyle(element);
        return [style.color, style.backgroundColor, style.fill, style.borderStyle, style.borderWidth, style.borderColor].join();
    };
    const pairs = [
        [".tabs a[aria-current]", ".tabs a:not([aria-current])"],
        [".bar nav a[aria-current]", ".bar nav a:not([aria-current])"],
        [".choice:has(:checked)", ".choice:not(:has(:checked))"],
        ["button[aria-disabled=true]", "button:not([aria-disabled])"],
        [".chart .ok", ".chart .refused"],
        [".key :not(.refused) > i", ".key .refused > i"],
    ];
    const alike = pairs.filter(([one, other]) => first(one) && first(other) && look(first(one)) === look(first(other)));
    const [bar, swatch] = [".chart .refused", ".key .refused > i"].map(first);
    if (bar && getComputedStyle(bar).fill !== getComputedStyle(swatch).backgroundColor) alike.push("the chart and its legend");
    return alike.map(String);
}"""


# Controls that stick out of the panel or page that they are in. Tabs and wide lines of code scroll on purpose, and a phone
# shows the head of a table only with the focus in it.
OUTSIDE = """() => [...document.querySelectorAll("main :is(a, button, input, select, textarea, .tag)")].filter((each) => {
    if (!each.checkVisibility() || each.closest(".unseen, thead, pre")) return false;
    const [inner, outer] = [each, each.closest("[popover], dialog, .panel, main")].map((one) => one.getBoundingClientRect());
    return inner.left < outer.left - 1 || inner.right > outer.right + 1;
}).map((each) => each.outerHTML.slice(0, 120))"""


def audit(page, rules):
    """The violations of these rules that axe finds; `None` for all. It runs in an isolated world, outside the page's CSP."""
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    client = page.context.new_cdp_session(page)
    frame = client.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
    world = client.send("Page.createIsolatedWorld", {"frameId": frame})["executionContextId"]
    ran = client.send(
        "Runtime.evaluate",
        {
            "expression": AXE.read_text() + f";axe.run(document, {json.dumps(options)})"
            ".then((found) => JSON.stringify(found.violations.map((each) => [each.id, each.nodes.map((node) => node.html.slice(0, 200) + ' ' + node.failureSummary)])))",
            "contextId": world,
            "awaitPromise": True,
            "returnByValue": True,
        },
    )
    client.detach()
    assert "exceptionDetails" not in ran, ran
    return json.loads(ran["result"]["value"])


def look(page, name):
    """Takes screenshots of a page in every appearance; returns its axe violations and what looks alike in forced colours.

    No width may scroll sideways, and no control may stick out of its panel.
    """
    found = []
    for scheme, media in APPEARANCES.items():
        page.emulate_media(**media)
        for width, size in (("narrow", NARROW), ("narrowest", NARROWEST), ("widest", WIDEST), ("wide", WIDE)):
            if scheme != "light" and width in ("narrowest", "widest"):
                continue
            page.set_viewport_size(size)
            if scheme == "light":
                beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                assert beyond <= 0, f"{name} is {beyond} px too wide for {size['width']} px"
                outside = page.evaluate(OUTSIDE)
                assert not outside, f"{name}, {size['width']} px: {outside}"
            if width != "narrowest":
                screenshot(page, f"{name}-{scheme}-{width}")
        # In forced colours axe compares colours that the page names, and not those that are seen.
        if scheme == "forced":
            found += [f"{pair} look alike" for pair in page.evaluate(ALIKE)]
        else:
            found += audit(page, BY_APPEARANCE if scheme == "dark" else None)
    page.emulate_media(**APPEARANCES["light"])
    return found


def screenshot(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def assert_accessible(found):
    """Checks that nothing is wrong; `found` has what `look` returned by the names of the pages."""
    bad = {name: violations for name, violations in found.items() if violations}
    assert not bad, "\n".join(f"{name}: {violations}" for name, violations in bad.items())

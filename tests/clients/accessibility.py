"""What axe finds on a page, and its screenshots in several sizes."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "target" / "tests" / "node" / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = ROOT / "target" / "screenshots"
WIDE, NARROW, NARROWEST = {"width": 1280, "height": 860}, {"width": 390, "height": 844}, {"width": 320, "height": 640}
WIDEST = {"width": 2560, "height": 1440}

APPEARANCES = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active", "color_scheme": "dark"},
}

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


def audit(page, scheme):
    """The violations that axe finds. It runs in an isolated world, where the page's CSP does not apply."""
    # In forced colours axe compares colours that the page names, and not those that are seen.
    options = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": scheme != "forced"}}}
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
    return ran["result"]["value"]


def look(page, name, scheme):
    """Takes screenshots of a page, and returns as JSON its axe violations and what looks alike in forced colours.

    No width may scroll sideways.
    """
    for width, size in (("narrow", NARROW), ("narrowest", NARROWEST), ("widest", WIDEST), ("wide", WIDE)):
        page.set_viewport_size(size)
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert beyond <= 0, f"{name} is {beyond} px too wide for {size['width']} px"
        if width != "narrowest":
            screenshot(page, f"{name}-{scheme}-{width}")
    alike = page.evaluate(ALIKE) if scheme == "forced" else []
    return json.dumps(json.loads(audit(page, scheme)) + [f"{pair} look alike" for pair in alike])


def screenshot(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def assert_accessible(found):
    """Checks that axe has found nothing; `found` has its violations by the names of the pages."""
    bad = {name: violations for name, violations in found.items() if violations != "[]"}
    assert not bad, "\n".join(f"{name}: {violations}" for name, violations in bad.items())

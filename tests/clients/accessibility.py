"""What axe finds on a page, and its screenshots in several sizes."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "target" / "tests" / "node" / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = ROOT / "target" / "screenshots"
WIDE, NARROW, NARROWEST = {"width": 1280, "height": 860}, {"width": 390, "height": 844}, {"width": 320, "height": 640}


def audit(page):
    """The violations that axe finds. It runs in an isolated world, where the page's CSP does not apply."""
    client = page.context.new_cdp_session(page)
    frame = client.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
    world = client.send("Page.createIsolatedWorld", {"frameId": frame})["executionContextId"]
    ran = client.send(
        "Runtime.evaluate",
        {
            "expression": AXE.read_text() + ";axe.run(document, {resultTypes: ['violations']}).then((found) => JSON.stringify("
            "found.violations.map((each) => [each.id, each.nodes.map((node) => node.html.slice(0, 200) + ' ' + node.failureSummary)])))",
            "contextId": world,
            "awaitPromise": True,
            "returnByValue": True,
        },
    )
    client.detach()
    assert "exceptionDetails" not in ran, ran
    return ran["result"]["value"]


def look(page, name, scheme):
    """Takes screenshots of a page, and returns its axe violations. No width may scroll sideways."""
    for width, size in (("narrow", NARROW), ("narrowest", NARROWEST), ("wide", WIDE)):
        page.set_viewport_size(size)
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert beyond <= 0, f"{name} is {beyond} px too wide for {size['width']} px"
        if width != "narrowest":
            screenshot(page, f"{name}-{scheme}-{width}")
    return audit(page)


def screenshot(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def assert_accessible(found):
    """Checks that axe has found nothing; `found` has its violations by the names of the pages."""
    bad = {name: violations for name, violations in found.items() if violations != "[]"}
    assert not bad, "\n".join(f"{name}: {violations}" for name, violations in bad.items())

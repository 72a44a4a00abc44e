"""What Lighthouse says of the main pages, once, on one database."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from accessibility import ROOT
from pages import sign_in
from servers import free_port

MODULES = ROOT / "target" / "tests" / "node-browser"
PAGES = ("/login", "/", "/keys", "/settings/tokens")


def test_the_main_pages_are_fast_accessible_and_as_they_should_be(sqlite_server):
    admin = sqlite_server.admin()
    keys = [admin.create(f"key {number}") for number in range(60)]
    script = MODULES / "measure.mjs"
    # Imports are looked for beside the script.
    shutil.copy(Path(__file__).with_name("measure.mjs"), script)
    port = free_port()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--no-first-run", f"--remote-debugging-port={port}"],
        )
        page = sign_in(browser.new_page(base_url=sqlite_server.base_url))
        cookie = "; ".join(f"{each['name']}={each['value']}" for each in page.context.cookies())
        urls = [sqlite_server.base_url + path for path in (*PAGES, f"/keys/{keys[0]['id']}")]
        node = Path(sys.executable).with_name("node")
        ended = subprocess.run(
            [node, script, str(port), cookie, *urls], capture_output=True, text=True, timeout=150
        )
        browser.close()
    assert ended.returncode == 0, ended.stderr[-4000:]
    told = json.loads(ended.stdout)
    assert len(told) == len(urls)
    print(json.dumps(told, indent=1))
    for path, scores in told.items():
        assert scores["accessibility"] == 100 and scores["best-practices"] == 100, (path, scores)
        # Performance depends on what else the machine does. Measured: see docs/console.md.
        assert scores["performance"] >= 95, (path, scores)

"""`datahub init --sso`, unmodified: it opens a browser at `/authenticate`, waits for the cookie `actor`, and creates an
access token with the cookies of that browser.

Its browser is Playwright's own build. Debian's stands in its place here, without a window, and with a port where the test
does what a person would.
"""

import os
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import sync_playwright

from servers import ADMIN_PASSWORD, free_port
from test_sign_in import unique

VENV = Path(__file__).resolve().parents[3] / "target" / "tests" / "datahub-venv" / "bin"


class Sso:
    """`datahub init --sso`, waiting for somebody to sign in."""

    def __init__(self, server, home):
        self.home = home
        self.port = free_port()
        variables = {"HOME": str(home), "PATH": os.environ["PATH"], "DATAHUB_TELEMETRY_ENABLED": "false"}
        variables |= {"PLAYWRIGHT_BROWSERS_PATH": str(home / "browsers")}
        variables |= {"PLAYWRIGHT_SKIP_VALIDATE_HOST_REQUIREMENTS": "1"}
        self.place_browser(variables)
        self.process = subprocess.Popen(
            [VENV / "datahub", "init", "--sso", "--host", server.base_url, "--force"],
            env=variables,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def place_browser(self, variables):
        """Places a script that starts Debian's browser where Playwright looks for its own."""
        command = [VENV / "playwright", "install", "--dry-run", "chromium"]
        told = subprocess.run(command, env=variables, check=True, capture_output=True, text=True).stdout
        place = next(line.split(":", 1)[1].strip() for line in told.splitlines() if "Install location" in line)
        program = Path(place, "chrome-linux64", "chrome")
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nexec chromium --headless --disable-gpu --remote-debugging-port={self.port} "$@"\n')
        program.chmod(0o755)

    def page(self, playwright):
        """The page that the command has opened."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            assert self.process.poll() is None, self.process.stdout.read()
            try:
                browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{self.port}")
            except Exception:  # the browser is not there yet
                time.sleep(0.2)
                continue
            pages = [page for context in browser.contexts for page in context.pages if "/login" in page.url]
            if pages:
                return pages[0]
            browser.close()
            time.sleep(0.2)
        raise AssertionError("the command opens no page")

    def ended(self):
        """Waits for the end; returns what the command has printed, and the token that it has stored."""
        told, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, told
        return told, yaml.safe_load((self.home / ".datahubenv").read_text())["gms"]["token"]


@pytest.mark.parametrize("way", ["provider", "password"])
def test_datahub_init_sso_stores_a_token_of_who_signs_in(tessera, company, tmp_path, way):
    name = unique(company) if way == "provider" else "admin"
    command = Sso(tessera, tmp_path)
    with sync_playwright() as playwright:
        page = command.page(playwright)
        if way == "provider":
            page.get_by_role("link", name="Continue with company account").click()
        else:
            page.get_by_label("User name").fill("admin")
            page.get_by_label("Password").fill(ADMIN_PASSWORD)
            page.get_by_role("button", name="Sign in with password").click()
        told, token = command.ended()
    assert f"Logged in as urn:li:corpuser:{name}" in told
    assert token.startswith("tsp_")
    assert tessera.holder_of(token).get("/api/service/whoami").json()["username"] == name

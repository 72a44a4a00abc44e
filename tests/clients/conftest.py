"""A running server on each database, for every suite."""

import os
import shutil
import signal

import pytest
from playwright.sync_api import sync_playwright

from servers import DATABASES, running

# pyatlan sends even requests to the loopback interface through a proxy, and reads its settings from the environment.
for name in list(os.environ):
    if name.upper().endswith("_PROXY") or name.startswith("ATLAN_"):
        del os.environ[name]

# A server heeds SIGHUP unless it inherits that the signal is ignored, as it would from a test run under `nohup`.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session", params=DATABASES)
def server(request, tmp_path_factory):
    """A server that the tests share: they make their own keys, personas and users, and leave it running."""
    yield from running(request.param, tmp_path_factory)


@pytest.fixture(params=DATABASES)
def own_server(request, tmp_path_factory):
    """A server for one test, which may stop it, kill it and count what it holds."""
    yield from running(request.param, tmp_path_factory)


@pytest.fixture(scope="session")
def admin(server):
    """The signed-in user `admin`."""
    return server.admin()


@pytest.fixture(scope="session")
def managing_key(server):
    """The token of a key that may manage keys and personas."""
    return server.managing_key()


@pytest.fixture(scope="module")
def chromium():
    """Debian's browser, for the pages."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
            # As people's browsers have it: a page that is left may come back from memory.
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()

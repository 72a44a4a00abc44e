"""Pages in fresh profiles."""

import pytest

from pages import opened


@pytest.fixture
def browse(chromium, server):
    """Opens pages in fresh profiles. A console error, script error or CSP violation fails the test."""
    yield from opened(chromium, server)

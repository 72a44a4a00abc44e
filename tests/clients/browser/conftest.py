"""Pages in fresh profiles."""

import pytest

from pages import opened
from servers import Server, Sqlite


@pytest.fixture
def browse(chromium, server):
    """Opens pages in fresh profiles. A console error, script error or CSP violation fails the test."""
    yield from opened(chromium, server)


@pytest.fixture(scope="module")
def sqlite_server(tmp_path_factory):
    """A server for the tests of one file whose subject does not depend on the database."""
    directory = tmp_path_factory.mktemp("sqlite-only")
    server = Server(directory, Sqlite(directory))
    try:
        yield server.start()
    finally:
        server.stop()

"""Connected clients of all four kinds, and personas for them."""

import asyncio

import pytest

from sdks import CLIENTS, Sdk


@pytest.fixture(scope="session")
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(params=CLIENTS)
def connect(request, server, loop):
    """Connects one kind of client with an API key of the caller's choice."""
    return lambda api_key: Sdk(request.param, server.base_url, api_key, loop)


@pytest.fixture
def sdk(connect, managing_key):
    """A client whose key may manage keys and personas."""
    return connect(managing_key)


@pytest.fixture
def personas(admin):
    """The qualified names of three new personas."""
    return [admin.new_persona()["qualifiedName"] for _ in range(3)]

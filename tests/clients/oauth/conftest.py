"""Tessera with two providers, and browsers that sign in."""

import pytest

from browsers import Browser, write_providers
from lying_provider import Provider
from servers import DATABASES, Server


@pytest.fixture(scope="session")
def providers():
    made = [Provider("company"), Provider("other")]
    yield made
    for provider in made:
        provider.close()


@pytest.fixture(scope="session", params=DATABASES)
def running_tessera(request, providers, tmp_path_factory):
    directory = tmp_path_factory.mktemp(request.param)
    database = DATABASES[request.param](directory)
    server = Server(directory, database)
    write_providers(directory, providers)
    try:
        yield server.start(TESSERA_PROVIDERS_FILE=str(directory / "providers.toml"))
    finally:
        server.stop()
        database.drop()


@pytest.fixture
def tessera(running_tessera, providers):
    for provider in providers:
        provider.be_honest()
        # A successful sign-in resets the throttle after failures in the previous test.
        provider.person = {"sub": "greeter", "preferred_username": f"greeter-{provider.name}", "groups": ["staff"]}
        with Browser(running_tessera) as browser:
            assert browser.sign_in(provider.name) == "/"
        provider.requests.clear()
    return running_tessera


@pytest.fixture
def company(tessera, providers):
    return providers[0]


@pytest.fixture
def other(tessera, providers):
    return providers[1]


@pytest.fixture
def browser(tessera):
    with Browser(tessera) as browser:
        yield browser


@pytest.fixture
def new_browser(tessera):
    return lambda: Browser(tessera)

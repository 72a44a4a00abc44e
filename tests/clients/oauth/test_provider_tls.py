"""npm's oidc-provider behind HTTPS, with a certificate of a private authority."""

import re

import pytest

from authority import Authority
from browsers import Browser, write_providers
from certified_provider import SCOPES, Certified, Person


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def start(own_server):
    """Starts a provider with a certificate for that address, and Tessera with those settings and variables."""
    providers = []
    own_server.stop()

    def start(certificate, variables={}, **settings):
        provider = Certified(own_server.base_url, certificate)
        providers.append(provider)
        file = write_providers(own_server.directory, [provider], scopes=SCOPES, **settings)
        own_server.start(TESSERA_PROVIDERS_FILE=file, **variables)
        return provider

    yield start
    for provider in providers:
        provider.close()


def test_a_provider_of_a_private_authority_signs_people_in(own_server, start, authority):
    provider = start(authority.certificate("127.0.0.1"), ca_file=str(authority.file))
    ada = Person(own_server, provider, ["staff"])
    assert ada.sign_in(next="keys") == "/keys"
    assert ada.whoami()["username"] == ada.person["preferred_username"]


def test_the_trust_store_of_the_environment_counts_too(own_server, start, authority):
    provider = start(authority.certificate("127.0.0.1"), {"SSL_CERT_FILE": str(authority.file)})
    assert Person(own_server, provider, ["staff"]).sign_in() == "/"


def test_a_certificate_of_an_unknown_authority_is_refused(own_server, start, authority, tmp_path):
    start(authority.certificate("127.0.0.1"))
    assert_refused(own_server, "UnknownIssuer")
    own_server.stop()
    another = Authority(tmp_path, "Somebody else")
    start(authority.certificate("127.0.0.1"), ca_file=str(another.file))
    assert_refused(own_server, "UnknownIssuer")


def test_a_certificate_for_another_address_is_refused(own_server, start, authority):
    start(authority.certificate("127.0.0.2"), ca_file=str(authority.file))
    assert_refused(own_server, r"not valid for name .?127\.0\.0\.1")


def assert_refused(server, reason):
    """Checks that nobody gets to the provider, that the page says so in words, and that the log has the reason."""
    browser, before = Browser(server), len(server.output())
    address = browser.get("/login/certified").headers["location"]
    assert address.endswith("login?because=unavailable")
    page = browser.get("/login?because=unavailable", headers={"Accept": "text/html"})
    assert "The provider does not answer as it should." in page.text
    log = server.output()[before:]
    assert re.search(f"provider=certified .*the certificate of the server is not accepted: .*{reason}", log), log


def test_a_file_that_holds_no_authority_is_refused_at_the_start(own_server, start, authority):
    provider = start(authority.certificate("127.0.0.1"), ca_file=str(authority.file))
    own_server.stop()
    file = write_providers(own_server.directory, [provider], ca_file=str(own_server.directory / "nothing.pem"))
    ended = own_server.run("serve", TESSERA_PROVIDERS_FILE=file)
    assert ended.returncode == 1 and "`ca_file`" in ended.stderr and "nothing.pem" in ended.stderr, ended.stderr

"""Tests with npm's certified oidc-provider: signing in, losing a group, and signing out there."""

import json
import secrets
import subprocess
import sys
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from browsers import Browser
from servers import DATABASES, Server, free_port

HERE = Path(__file__).parent
NODE = Path(sys.executable).with_name("node")
NODE_MODULES = HERE.parents[2] / "target" / "tests" / "node" / "node_modules"


class Certified:
    """The provider as a process of its own."""

    def __init__(self, tessera):
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.secret = secrets.token_urlsafe(32)
        self.process = subprocess.Popen(
            [NODE, HERE / "provider.mjs", NODE_MODULES, str(self.port), tessera, self.secret],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.hear("ready")

    def order(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        self.hear("done")

    def hear(self, word):
        """Waits for a line with this word; skips the provider's other output."""
        while (line := self.process.stdout.readline()) != f"{word}\n":
            assert line, "the provider has ended"

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


@pytest.fixture(scope="module", params=DATABASES)
def tessera(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp(request.param)
    database = DATABASES[request.param](directory)
    server = Server(directory, database)
    provider = Certified(server.base_url)
    (directory / "secret").write_text(provider.secret)
    (directory / "providers.toml").write_text(f"""
[[provider]]
id = "certified"
label = "Certified"
issuer = "{provider.issuer}"
client_id = "tessera"
client_secret_file = "{directory / 'secret'}"
scopes = ["openid", "profile", "email", "groups"]
[provider.roles]
admins = "$admin"
staff = "$member"
""")
    server.provider = provider
    try:
        yield server.start(TESSERA_PROVIDERS_FILE=str(directory / "providers.toml"))
    finally:
        server.stop()
        provider.close()
        database.drop()


class Person(Browser):
    """A browser that also signs in at the provider."""

    def __init__(self, server, groups, sub=None):
        super().__init__(server)
        self.there = httpx.Client(trust_env=False)
        self.provider = server.provider
        self.person = {
            "sub": sub or secrets.token_hex(8),
            "preferred_username": f"p-{secrets.token_hex(4)}",
            "name": "Ada L.",
            "email": "ada@example.org",
            "groups": groups,
        }

    def at_provider(self, address):
        self.provider.order(person=self.person)
        while True:
            answer = self.there.get(address)
            address = urljoin(address, answer.headers["location"])
            if not address.startswith(self.provider.issuer):
                return address


def test_a_person_signs_in_and_loses_a_role_with_the_group(tessera):
    ada = Person(tessera, ["admins"])
    assert ada.sign_in("certified", next="keys") == "/keys"
    assert ada.whoami()["username"] == ada.person["preferred_username"]
    assert ada.whoami()["roles"][0]["name"] == "$admin"
    again = Person(tessera, ["staff"], ada.person["sub"])
    assert again.sign_in("certified") == "/"
    assert again.whoami()["username"] == ada.person["preferred_username"]
    assert ada.whoami()["roles"][0]["name"] == "$member"


def test_a_person_is_asked_again_when_that_is_wanted(tessera):
    ada = Person(tessera, ["staff"])
    ada.sign_in("certified")
    assert ada.sign_in("certified", again="true") == "/"


def test_signing_out_at_the_provider_ends_the_session_here(tessera):
    ada, bob = Person(tessera, ["staff"]), Person(tessera, ["staff"])
    ada.sign_in("certified")
    bob.sign_in("certified")
    out = ada.get("/login/certified/logout").headers["location"]
    page = ada.there.get(out)
    assert page.status_code == 200, page.text
    xsrf = page.text.partition('name="xsrf" value="')[2].partition('"')[0]
    action = page.text.partition('action="')[2].partition('"')[0]
    left = ada.there.post(action, data={"xsrf": xsrf, "logout": "yes"})
    assert left.headers["location"].startswith(f"{tessera.base_url}/login"), left.text
    assert ada.whoami() is None, "the provider has told by the back channel before it led on"
    assert bob.whoami()

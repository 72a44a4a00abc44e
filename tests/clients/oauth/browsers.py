"""Browsers that sign in, and Tessera's providers file."""

import json
from urllib.parse import urljoin, urlsplit

import httpx

from servers import DATABASES, Server

ROLES = {"admins": "$admin", "staff": "$member"}


def write_providers(directory, providers, personas=None, **more):
    """Writes the providers file, with `more` settings for each provider; returns its path."""
    text = ""
    for provider in providers:
        secret = directory / f"{provider.name}.secret"
        secret.write_text(provider.secret + "\n")
        text += table(provider, client_secret_file=str(secret), **more)
        text += "[provider.roles]\n" + "".join(f"{json.dumps(k)} = {json.dumps(v)}\n" for k, v in ROLES.items())
        if personas:
            text += "[provider.personas]\n" + "".join(f"{json.dumps(k)} = {json.dumps(v)}\n" for k, v in personas.items())
    (directory / "providers.toml").write_text(text)
    return str(directory / "providers.toml")


def table(provider, **more):
    """A provider's table in the providers file."""
    own = {"id": provider.name, "label": f"{provider.name} account", "issuer": provider.issuer}
    settings = own | {"client_id": provider.client_id} | more
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    return "[[provider]]\n" + "\n".join(lines) + "\n"


def running_with(kind, tmp_path_factory, make_provider, **settings):
    """A server on a database of that kind, with a provider made by `make_provider(folder, URL of the server)`."""
    directory = tmp_path_factory.mktemp(kind)
    database = DATABASES[kind](directory)
    server = Server(directory, database)
    server.provider = make_provider(directory, server.base_url)
    try:
        yield server.start(TESSERA_PROVIDERS_FILE=write_providers(directory, [server.provider], **settings))
    finally:
        server.stop()
        server.provider.close()
        database.drop()


class Browser(httpx.Client):
    """A browser with cookies that does not follow redirects by itself."""

    def __init__(self, server):
        super().__init__(base_url=server.base_url, trust_env=False, timeout=40)
        self.tessera = server.base_url

    def begin(self, provider="company", **query):
        """Begins a sign-in; returns the authorization URL at the provider."""
        answer = self.get(f"/login/{provider}", params=query)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def at_provider(self, address):
        """Visits the provider; returns the callback URL to which it redirects."""
        return httpx.get(address, trust_env=False).headers["location"]

    def come_back(self, address):
        answer = self.get(address)
        assert answer.status_code == 303, answer.text
        return urljoin(urlsplit(address).path, answer.headers["location"])

    def sign_in(self, provider="company", **query):
        """Signs in completely; returns the page of Tessera where it ends."""
        return self.come_back(self.at_provider(self.begin(provider, **query)))

    @property
    def token(self):
        return self.cookies.get("PLAY_SESSION")

    def whoami(self):
        answer = httpx.get(
            f"{self.tessera}/api/service/whoami", headers={"Authorization": f"Bearer {self.token}"}, trust_env=False
        )
        return answer.json() if answer.status_code == 200 else None

"""npm's certified oidc-provider as a process of its own, and people who sign in there."""

import json
import secrets
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import urljoin

import httpx

from browsers import Browser
from servers import free_port

HERE = Path(__file__).parent
NODE = Path(sys.executable).with_name("node")
NODE_MODULES = HERE.parents[2] / "target" / "tests" / "node" / "node_modules"

SCOPES = ["openid", "profile", "email", "groups"]


class Certified:
    """The provider; with a certificate it is reached by HTTPS."""

    name = "certified"
    client_id = "tessera"

    def __init__(self, tessera, certificate=None):
        self.issuer = f"{'https' if certificate else 'http'}://127.0.0.1:{free_port()}"
        self.secret = secrets.token_urlsafe(32)
        self.certificate = certificate
        files = [certificate.chain, certificate.key] if certificate else []
        self.process = subprocess.Popen(
            [NODE, HERE / "provider.mjs", NODE_MODULES, self.issuer, tessera, self.secret, *files],
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


class Person(Browser):
    """A browser that also signs in at the provider."""

    def __init__(self, server, provider, groups, sub=None):
        super().__init__(server)
        certificate = provider.certificate
        trusted = ssl.create_default_context(cafile=certificate.authority) if certificate else True
        self.there = httpx.Client(trust_env=False, verify=trusted)
        self.provider = provider
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

    def sign_in(self, provider="certified", **query):
        return super().sign_in(provider, **query)

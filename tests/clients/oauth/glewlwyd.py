"""Debian's glewlwyd, an OpenID Connect provider in C, as a process of its own, and people who sign in there.

It differs from npm's oidc-provider: its issuer has a path, it signs with PS256, a user name and groups are claims that an
administrator adds, a person signs in with a password and then grants the scopes, and it ends a session only at the request of
a page of its own.
"""

import secrets
import sqlite3
import subprocess
import time

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from browsers import Browser
from servers import free_port

SCHEMA = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3"
CONFIGURATION = """
port={port}
bind_address="127.0.0.1"
external_url="http://127.0.0.1:{port}"
login_url="login.html"
api_prefix="api"
static_files_path="/usr/share/glewlwyd/webapp/"
log_mode="file"
log_level="INFO"
log_file="{folder}/glewlwyd.log"
cookie_domain="127.0.0.1"
cookie_secure=false
session_expiration=86400
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
user_middleware_module_path="/usr/lib/glewlwyd/user_middleware"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
hash_algorithm="SHA512"
database={{ type="sqlite3" path="{folder}/glewlwyd.db" }};
static_files_mime_types=(
  {{ extension=".html" mime_type="text/html" compress=0 }},
  {{ extension=".css" mime_type="text/css" compress=0 }},
  {{ extension=".js" mime_type="application/javascript" compress=0 }},
  {{ extension=".json" mime_type="application/json" compress=0 }}
)
"""


class Glewlwyd:
    """The provider, with this server as its only client."""

    name = "glewlwyd"
    client_id = "tessera"

    def __init__(self, folder, tessera):
        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        self.issuer = f"{self.base}/api/oidc"
        self.secret = secrets.token_urlsafe(32)
        self.log = folder / "glewlwyd.log"
        with sqlite3.connect(folder / "glewlwyd.db") as database, open(SCHEMA) as schema:
            database.executescript(schema.read())
        database.close()
        configuration = folder / "glewlwyd.conf"
        configuration.write_text(CONFIGURATION.format(port=port, folder=folder))
        self.process = subprocess.Popen(["glewlwyd", "--config-file", configuration], stdin=subprocess.DEVNULL)
        self.administrator = httpx.Client(base_url=f"{self.base}/api/", trust_env=False, timeout=30)
        try:
            self.wait()
            self.send("POST", "auth/", username="admin", password="password")
            self.set_up(tessera)
        except BaseException:
            self.close()
            raise

    def wait(self):
        end = time.monotonic() + 20
        while True:
            assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
            try:
                if httpx.get(f"{self.base}/config", trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)

    def send(self, method, path, **members):
        answer = self.administrator.request(method, path, json=members or None)
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}\n{self.log.read_text()}"
        return answer.json() if answer.text else None

    def set_up(self, tessera):
        """What its administrator would do in the pages: groups as a property of users, the plugin, and the client."""
        for kind, name in (("user", "groups"), ("client", "post_logout_redirect_uris")):
            module = self.send("GET", f"mod/{kind}/database")
            module["parameters"]["data-format"][name] = {"multiple": True, "read": True, "write": True}
            self.send("PUT", f"mod/{kind}/database", **module)
            self.send("PUT", f"mod/{kind}/database/reset/")
        key = rsa.generate_private_key(65537, 2048)
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        claim = {"type": "string", "mandatory": True, "scope": []}
        self.send(
            "POST",
            "mod/plugin/",
            module="oidc",
            name="oidc",
            display_name="OpenID Connect",
            enabled=True,
            parameters={
                "iss": self.issuer,
                "jwt-type": "rsa-pss",
                "jwt-key-size": "256",
                "key": key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain).decode(),
                "cert": key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo).decode(),
                "jwks-show": True,
                "access-token-duration": 3600,
                "refresh-token-duration": 86400,
                "code-duration": 600,
                "subject-type": "public",
                "allow-non-oidc": False,
                "auth-type-code-enabled": True,
                "pkce-allowed": True,
                "pkce-required": True,
                "name-claim": "mandatory",
                "email-claim": "mandatory",
                "claims": [
                    claim | {"name": "preferred_username", "user-property": "username"},
                    claim | {"name": "groups", "user-property": "groups"},
                ],
                "session-management-allowed": True,
                "session-cookie-name": "GLEWLWYD2_OIDC_SID",
                "session-cookie-expiration": 86400,
                "back-channel-logout-allowed": True,
            },
        )
        self.send(
            "POST",
            "client/",
            client_id=self.client_id,
            name="Tessera",
            enabled=True,
            confidential=True,
            client_secret=self.secret,
            authorization_type=["code"],
            token_endpoint_auth_method=["client_secret_basic"],
            scope=[],
            redirect_uri=[f"{tessera}/login/glewlwyd/callback"],
            post_logout_redirect_uris=[f"{tessera}/login"],
            backchannel_logout_uri=f"{tessera}/oauth/backchannel-logout/glewlwyd",
            backchannel_logout_session_required="true",
        )

    def add(self, username, password, groups):
        """Adds a user."""
        email = f"{username}@example.org"
        properties = {"name": "Ada L.", "email": email, "groups": groups, "scope": ["openid", "g_profile"]}
        self.send("POST", "user/", username=username, password=password, enabled=True, **properties)

    def change(self, username, **members):
        """Changes properties of a user."""
        self.send("PUT", f"user/{username}", **(self.send("GET", f"user/{username}") | members))

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=20)


class Person(Browser):
    """A browser that also signs in at glewlwyd, by the calls that its pages make."""

    def __init__(self, server, provider, groups):
        super().__init__(server)
        self.provider = provider
        self.name = f"p-{secrets.token_hex(4)}"
        self.password = secrets.token_urlsafe(12)
        self.there = httpx.Client(base_url=provider.base, trust_env=False, timeout=30)
        provider.add(self.name, self.password, groups)

    def sign_in_there(self, password):
        return self.there.post("/api/auth/", json={"username": self.name, "password": password}).status_code

    def end_session_there(self):
        """Confirms on its page that the session shall end; its clients are told by the back channel."""
        return self.there.delete(f"/api/oidc/session/{self.there.cookies['GLEWLWYD2_OIDC_SID']}").status_code

    def at_provider(self, address):
        assert "/login.html?" in self.there.get(address).headers["location"], "it leads to its page first"
        assert self.sign_in_there(self.password) == 200
        granted = self.there.put("/api/auth/grant/tessera", json={"scope": "openid"})
        assert granted.status_code == 200, granted.text
        return self.there.get(f"{address}&g_continue").headers["location"]

    def sign_in(self, **query):
        return super().sign_in("glewlwyd", **query)

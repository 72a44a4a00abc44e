"""API keys as OAuth clients, and the proofs that they sign."""

import hashlib
import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode

import joserfc.jwt
from joserfc.jwk import ECKey

from servers import ok, token_of

CLIENT_CREDENTIALS = "client_credentials"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
SERVICE = "https://service.example.org/"


class Program:
    """An API key that a signed-in user has made and registered as an OAuth client."""

    def __init__(self, server, admin, *permissions, audiences=(SERVICE,), trust=(), **members):
        self.server, self.admin = server, admin
        created = admin.create(workspacePermissions=list(permissions), **members)
        self.guid = created["id"]
        self.display_name = created["attributes"]["displayName"]
        self.client_id = created["attributes"]["clientId"]
        self.secret = token_of(created)
        self.private_key = ECKey.generate_key("P-256", {"kid": secrets.token_hex(4), "alg": "ES256"})
        self.register(audiences=audiences, trust=trust)

    def register(self, audiences=(), trust=(), **more):
        jwks = {"keys": [self.private_key.as_dict(private=False)]}
        body = {"audiences": list(audiences), "jwks": jwks, "trust": list(trust), **more}
        ok(self.admin.put(f"/api/service/apikeys/{self.guid}/oauth", json=body))

    @property
    def username(self):
        return f"service-account-{self.client_id}"

    def ask(self, headers=None, **form):
        """The answer of the token endpoint to this client."""
        with self.server.anonymous() as client:
            return client.post("/oauth/token", data=form, headers=headers, auth=(self.client_id, self.secret))

    def child(self, **form):
        """The token of a child by client_credentials."""
        return ok(self.ask(grant_type=CLIENT_CREDENTIALS, **form))["access_token"]

    def exchange(self, token, **form):
        """The token of a child of `token`, in which this client acts."""
        asked = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN}
        return ok(self.ask(**asked, **form))["access_token"]

    def introspect(self, token):
        with self.server.anonymous() as client:
            answer = client.post("/oauth/introspect", data={"token": token}, auth=(self.client_id, self.secret))
        return ok(answer)

    def revoke(self, token):
        with self.server.anonymous() as client:
            return client.post("/oauth/revoke", data={"token": token}, auth=(self.client_id, self.secret))


def exchange_without_client(server, token, **form):
    """The answer to an exchange without client authentication."""
    asked = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN}
    with server.anonymous() as client:
        return client.post("/oauth/token", data=asked | form)


def graphql(client, query, **variables):
    """The data of an answer without errors."""
    told = ok(client.post("/api/graphql", json={"query": query, "variables": variables}))
    assert "errors" not in told, told
    return told["data"]


def claims_of(token):
    """The claims of a JWT, unchecked."""
    part = token.split(".")[1]
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class Holder:
    """A client with a key pair that signs DPoP proofs."""

    def __init__(self):
        self.key = ECKey.generate_key("P-256")

    def proof(self, method, url, token=None, nonce=None, issued_at=None):
        claims = {"jti": secrets.token_hex(16), "htm": method, "htu": url, "iat": issued_at or int(time.time())}
        if token is not None:
            digest = hashlib.sha256(token.encode()).digest()
            claims["ath"] = urlsafe_b64encode(digest).rstrip(b"=").decode()
        if nonce is not None:
            claims["nonce"] = nonce
        head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)}
        return joserfc.jwt.encode(head, claims, self.key, algorithms=["ES256"])

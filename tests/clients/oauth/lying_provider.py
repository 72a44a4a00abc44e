"""An OpenID Connect provider that a test can make misbehave."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Provider:
    """Signs every visitor in as `person`, without asking. Tests set the attributes to make it misbehave."""

    def __init__(self, name="company"):
        self.name = name
        self.client_id = "tessera"
        self.secret = secrets.token_urlsafe(24)
        self.key = self.new_key()
        handler = type("Handler", (Handler,), {"provider": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.port = self.http.server_port
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.be_honest()
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def be_honest(self):
        self.person = {"sub": "0001", "preferred_username": "ada", "name": "Ada L.", "email": "ada@example.org"}
        self.claims = {}  # override the claims of an ID token; None removes one
        self.head = {}
        self.sign = None
        self.answer = {}  # override the parameters of the callback
        self.documents = {}  # override members of the discovery document
        self.path = {}  # override the answer of a path: (status, headers, body)
        self.delay = 0
        self.codes = {}
        self.requests = []
        self.asked_for_keys = 0

    def new_key(self):
        return ECKey.generate_key("P-256", {"kid": secrets.token_hex(4), "use": "sig", "alg": "ES256"})

    def discovery(self):
        honest = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/out",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256", "RS256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return {name: value for name, value in (honest | self.documents).items() if value is not None}

    def authorize(self, query):
        """Issues a code; returns the redirection to Tessera."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        parameters = {"code": code, "state": query["state"], "iss": self.issuer} | self.answer
        kept = {name: value for name, value in parameters.items() if value is not None}
        return f"{query['redirect_uri']}?{urlencode(kept)}"

    def token(self, form, authorization):
        expected = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        asked = self.codes.pop(form.get("code"), None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        right = (
            asked
            and authorization == f"Basic {expected}"
            and form["grant_type"] == "authorization_code"
            and form["redirect_uri"] == asked["redirect_uri"]
            and asked["code_challenge_method"] == "S256"
            and asked["code_challenge"] == base64.urlsafe_b64encode(challenge).decode().rstrip("=")
        )
        if not right:
            return 400, {"error": "invalid_grant"}
        return 200, {
            "access_token": secrets.token_urlsafe(16),
            "token_type": "Bearer",
            "expires_in": 60,
            "id_token": self.id_token(asked["nonce"]),
        }

    def id_token(self, nonce, **more):
        now = int(time.time())
        honest = {"iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 60, "nonce": nonce, "auth_time": now}
        return self.signed({"typ": "JWT"}, honest | {"sid": "session-1"} | self.person | self.claims | more)

    def logout_token(self, head=None, **more):
        now = int(time.time())
        honest = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_hex(8),
            "events": {EVENT: {}},
        }
        return self.signed(head or {"typ": "logout+jwt"}, honest | more)

    def signed(self, head, claims):
        claims = {name: value for name, value in claims.items() if value is not None}
        head = {"alg": "ES256", "kid": self.key.kid} | head | self.head
        head = {name: value for name, value in head.items() if value is not None}
        if self.sign:
            return self.sign(head, claims)
        return sign(head, claims, self.key)

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def sign(head, claims, key, algorithms=("ES256", "RS256", "HS256")):
    registry = jws.JWSRegistry(algorithms=list(algorithms), strict_check_header=False)
    return jws.serialize_compact(head, json.dumps(claims).encode(), key, registry=registry)


def encoded(part):
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def unsigned(head, claims):
    return f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(claims).encode())}."


def shared(head, claims, secret):
    """A token signed with HS256 under a secret of any length."""
    message = unsigned(head | {"alg": "HS256"}, claims).rstrip(".")
    return f"{message}.{encoded(hmac.digest(secret, message.encode(), 'sha256'))}"


class Handler(BaseHTTPRequestHandler):
    provider = None
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.handle_all()

    def do_POST(self):
        self.handle_all()

    def handle_all(self):
        provider, parts = self.provider, urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        form = single(self.rfile.read(length).decode())
        provider.requests.append((self.command, parts.path, single(parts.query), form))
        time.sleep(provider.delay)
        if parts.path in provider.path:
            self.reply(*provider.path[parts.path])
        elif parts.path == "/.well-known/openid-configuration":
            self.json(200, provider.discovery())
        elif parts.path == "/keys":
            provider.asked_for_keys += 1
            self.json(200, {"keys": [provider.key.as_dict(private=False)]})
        elif parts.path == "/authorize":
            self.reply(303, {"location": provider.authorize(single(parts.query))}, b"")
        elif parts.path == "/token":
            self.json(*provider.token(form, self.headers.get("authorization")))
        else:
            self.reply(404, {}, b"")

    def json(self, status, body):
        self.reply(status, {"content-type": "application/json"}, json.dumps(body).encode())

    def reply(self, status, headers, body):
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # Tessera has timed out


def single(query):
    return {name: values[0] for name, values in parse_qs(query).items()}


def rsa_key():
    return RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"})

"""Decision points with the fixture of the certification scenario: over plain HTTP and behind TLS."""

import datetime
import ipaddress
import os
import shutil
import ssl
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from servers import free_port, ok

HERE = Path(__file__).parent
USERS = ["alice", "bob"]


@pytest.fixture(scope="session")
def fixture(server):
    """The two users, the two records and their permissions, as the scenario requires; policies as DataHub's clients
    write them, records as Atlan's do."""
    for user in USERS:
        server.cli("users", "create", user)
    admin = server.admin()
    records = [
        {"typeName": "record", "attributes": {"qualifiedName": name, "name": name, "status": status}}
        for name, status in [("record-1", "active"), ("record-2", "archived")]
    ]
    ok(admin.post("/api/meta/entity/bulk", json={"entities": records}))
    archived = criterion("status", "archived")
    for users, actions, criteria in [
        (USERS, ["read"], []),
        (["alice"], ["write"], [criterion("status", "archived", "NOT_EQUALS")]),
        (["alice"], ["delete"], [criterion("action.soft", "true")]),
        (USERS, ["write"], [archived, criterion("subject.role", "admin")]),
        # The scenario searches for subjects without saying what role they have.
        (["bob"], ["write"], [archived]),
    ]:
        create_policy(admin, users, actions, [criterion("TYPE", "record"), *criteria])
    return server


def criterion(field, value, condition="EQUALS"):
    return {"field": field, "values": [value], "condition": condition}


def create_policy(admin, users, actions, criteria):
    policy = {
        "type": "METADATA",
        "name": f"{' and '.join(users)} may {actions[0]}",
        "state": "ACTIVE",
        "privileges": actions,
        "actors": {
            "users": [f"urn:li:corpuser:{user}" for user in users],
            "allUsers": False,
            "allGroups": False,
            "resourceOwners": False,
        },
        "resources": {"filter": {"criteria": criteria}},
    }
    query = "mutation create($input: PolicyUpdateInput!) { createPolicy(input: $input) }"
    answer = ok(admin.post("/api/graphql", json={"query": query, "variables": {"input": policy}}))
    assert not answer.get("errors"), answer


@pytest.fixture(scope="session")
def verifier(fixture):
    """The token of a program that may ask about others."""
    return fixture.new_key("--permission", "VERIFY_TOKENS")


@pytest.fixture(scope="session", params=["http", "https"])
def point(request, fixture, verifier, tmp_path_factory):
    """A client of the decision point, over plain HTTP or TLS."""
    headers = {"Authorization": f"Bearer {verifier}"}
    if request.param == "http":
        with httpx.Client(base_url=fixture.base_url, headers=headers, trust_env=False, timeout=30) as client:
            yield client
        return
    with TlsProxy(tmp_path_factory.mktemp("tls"), fixture) as proxy:
        with httpx.Client(
            base_url=proxy.base_url, headers=headers, verify=proxy.trust, trust_env=False, timeout=30
        ) as client:
            yield client


class TlsProxy:
    """nginx with a certificate of its own in front of a server."""

    def __init__(self, directory, server):
        self.directory = directory
        self.port = free_port()
        self.base_url = f"https://127.0.0.1:{self.port}"
        self.write_certificate()
        self.trust = ssl.create_default_context(cafile=directory / "certificate.pem")
        site = (HERE / "nginx.conf").read_text()
        for written, meant in {
            "127.0.0.1:8585": f"127.0.0.1:{server.port}",
            "127.0.0.1:8443": f"127.0.0.1:{self.port}",
        }.items():
            site = site.replace(written, meant)
        (directory / "site.conf").write_text(site)
        (directory / "main.conf").write_text(
            "daemon off; master_process off; pid nginx.pid; error_log stderr; events { }\n"
            "http { access_log off; client_body_temp_path body; proxy_temp_path proxy; include site.conf; }\n"
        )

    def write_certificate(self):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.datetime.now(datetime.UTC)
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(address, critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        (self.directory / "certificate.pem").write_bytes(certificate.public_bytes(pem))
        secret = key.private_bytes(pem, pkcs8, serialization.NoEncryption())
        (self.directory / "key.pem").write_bytes(secret)

    def __enter__(self):
        nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        with open(self.directory / "output.txt", "ab") as output:
            self.process = subprocess.Popen(
                [nginx, "-e", "stderr", "-p", self.directory, "-c", self.directory / "main.conf"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + 30
        while not self.is_ready():
            output = (self.directory / "output.txt").read_text()
            assert self.process.poll() is None and time.monotonic() < deadline, output
            time.sleep(0.05)
        return self

    def is_ready(self):
        try:
            return httpx.get(f"{self.base_url}/livez", verify=self.trust, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=20)

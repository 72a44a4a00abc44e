"""The server does what its OpenAPI document says: schemathesis finds no difference."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from servers import token_of

SCHEMATHESIS = Path(__file__).resolve().parents[3] / "target" / "tests" / "document-venv" / "bin" / "schemathesis"
# Another seed gives other requests.
SEED = os.environ.get("TESSERA_TEST_SEED", "8585")
# The server may refuse a valid request, for an unknown persona or a missing permission.
UNDECIDABLE = "positive_data_acceptance"
# Signing out would end the session that the other requests need.
SIGNING_OUT = ["delete_current_session", "delete_datahub_session"]


def admin(server):
    return server.admin().token


def ordinary_key(server):
    return token_of(server.admin().create())


def anonymous(_server):
    return None


def key_with_rate_limit(server):
    """A key whose rate is soon exceeded."""
    key = server.admin().create(rateLimit={"requests": 20, "seconds": 10}, workspacePermissions=["MANAGE_APIKEYS"])
    return token_of(key)


def key_of_another_address(server):
    """A key that is refused here, because it may only be used from other addresses."""
    key = server.admin().create(allowedAddresses=["192.0.2.0/24"], workspacePermissions=["MANAGE_APIKEYS"])
    return token_of(key)


@pytest.mark.parametrize(
    "actor, phases, examples",
    [
        (admin, "examples,coverage,fuzzing", 12),
        (ordinary_key, "examples,fuzzing", 5),
        (anonymous, "examples,fuzzing", 4),
        (key_with_rate_limit, "examples,fuzzing", 3),
        (key_of_another_address, "examples,fuzzing", 3),
    ],
)
def test_schemathesis_finds_nothing(own_server, tmp_path, actor, phases, examples):
    token = actor(own_server)
    credential = [] if token is None else ["--header", f"Authorization: Bearer {token}"]
    command = [
        *(SCHEMATHESIS, "run", f"{own_server.base_url}/api-docs/openapi.json", "--no-color"),
        # More workers are threads, whose interplay fails in CPython 3.11 (gh-106905).
        *("--workers", "1"),
        *credential,
        *(part for name in SIGNING_OUT for part in ("--exclude-operation-id", name)),
        *("--checks", "all", "--exclude-checks", UNDECIDABLE),
        *("--phases", phases, "--max-examples", str(examples), "--seed", SEED),
    ]
    ended = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr[-2_000:]
    assert re.search(r"[1-9]\d* generated", ended.stdout), ended.stdout[-4_000:]

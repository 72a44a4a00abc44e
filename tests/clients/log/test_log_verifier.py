"""The served log, read by a verifier that was written from the specifications alone."""

import base64
import time

import httpx
import pytest

from c2sp import Checkpoint, Key, Log, leaf_hash, root_of_inclusion

AUDIT = "/api/service/audit"
# Changes are appended within about a second of their commits.
SOON = 10


def reader(server):
    """Reads files of the log as an auditor."""
    auditor = server.holder_of(server.new_key("--permission", "VIEW_AUDIT"))

    def read(path):
        answer = auditor.get(f"/audit/log/{path}")
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.content

    return read


def key_of(server):
    return Key(server.cli("audit", "key"))


def log_with(server, change):
    """The log, as soon as it has a change."""
    deadline, read = time.monotonic() + SOON, reader(server)
    while True:
        log = Log(read, key_of(server))
        if any(found["id"] == change for found in log.changes):
            return log
        assert time.monotonic() < deadline, f"{change} is not in the log after {SOON} s"
        time.sleep(0.1)


def latest_change(client):
    return client.get(AUDIT, params={"limit": 1}).json()["records"][0]["id"]


def test_the_whole_log_is_verified_from_the_specifications(own_server):
    server = own_server
    with server.admin() as admin:
        first = log_with(server, latest_change(admin)).checkpoint
        for _ in range(280):
            admin.create()
        log = log_with(server, latest_change(admin))
        assert log.checkpoint.size > 280 and log.continues(first)
        listed, start = [], {"sort": "changedAt", "limit": 100}
        while True:
            page = admin.get(AUDIT, params={**start, "offset": len(listed)}).json()["records"]
            listed += page
            if len(page) < 100:
                break
        known = {change["id"]: change for change in log.changes}
        in_log = [change for change in listed if change["id"] in known]
        # What was made while the log was read may be missing.
        assert len(in_log) == log.checkpoint.size
        states = ("before", "after")
    assert all(
        {name: value for name, value in known[change["id"]].items() if name not in states} == change | {"v": 1}
        for change in in_log
    )


def test_every_proof_leads_to_the_signed_root(own_server):
    server = own_server
    with server.admin() as admin:
        for _ in range(20):
            admin.create()
        log = log_with(server, latest_change(admin))
        key = key_of(server)
        for change in log.changes:
            proof = admin.get(f"{AUDIT}/{change['id']}/proof").json()
            checkpoint = Checkpoint(proof["checkpoint"], key)
            hashes = [base64.b64decode(each) for each in proof["hashes"]]
            leaf = leaf_hash(proof["leaf"].encode())
            assert checkpoint.size == proof["treeSize"]
            assert root_of_inclusion(hashes, proof["leafIndex"], proof["treeSize"], leaf) == checkpoint.root


def test_a_change_is_proved_within_seconds(own_server):
    with own_server.admin() as admin:
        admin.create()
        change, began = latest_change(admin), time.monotonic()
        while (answer := admin.get(f"{AUDIT}/{change}/proof")).status_code == 409:
            assert time.monotonic() < began + SOON
            time.sleep(0.05)
        assert answer.status_code == 200, answer.text


def test_the_command_line_verifies_a_running_server(own_server, tmp_path):
    server = own_server
    with server.admin() as admin:
        for _ in range(5):
            admin.create()
        log = log_with(server, latest_change(admin))
    kept, token = tmp_path / "kept", tmp_path / "token"
    kept.write_text(log.checkpoint.note)
    token.write_text(server.new_key("--permission", "VIEW_AUDIT"))
    verify = ["audit", "verify", "--checkpoint", str(kept), "--key", server.cli("audit", "key")]
    assert "all is right" in server.cli(*verify)
    remote = [*verify, "--server", server.base_url, "--token-file", str(token)]
    assert "all is right" in server.cli(*remote)
    token.write_text(server.new_key())
    refused = server.run(*remote)
    assert refused.returncode == 2 and "403" in refused.stderr, refused


@pytest.mark.parametrize("path", ["checkpoint", "key", "tile/0/000.p/1"])
def test_what_tells_nothing_of_the_changes_is_public(own_server, path):
    with own_server.admin() as admin:
        log_with(own_server, latest_change(admin))
    answer = httpx.get(f"{own_server.base_url}/audit/log/{path}", trust_env=False)
    assert answer.status_code == 200 and "admin" not in answer.text
    entries = httpx.get(f"{own_server.base_url}/audit/log/tile/entries/000.p/1", trust_env=False)
    assert entries.status_code == 401

"""The copy of the log in a folder: complete at every moment, and evidence against a database that was rewritten."""

import os
import stat
import time

import pytest

from c2sp import Key, Log
from test_log_verifier import SOON, latest_change


def copied(server, folder, change):
    """The copy, as soon as it has a change. It is verified each time: a reader finds all that the checkpoint speaks of."""
    deadline, key = time.monotonic() + SOON, Key(server.cli("audit", "key"))
    while True:
        if (folder / "checkpoint").exists():
            log = Log(lambda path: (folder / path).read_bytes(), key)
            if any(found["id"] == change for found in log.changes):
                return log
        assert time.monotonic() < deadline, server.output()
        time.sleep(0.02)


def test_the_copy_follows_the_log_and_shows_what_was_rewritten(own_server, tmp_path):
    server, folder = own_server, tmp_path / "log"
    server.stop()
    server.start(TESSERA_AUDIT_LOG_DIRECTORY=str(folder))
    with server.admin() as admin:
        for _ in range(260):
            admin.create()
        log = copied(server, folder, latest_change(admin))
    assert log.checkpoint.size > 260
    bundle = next((folder / "tile" / "entries").rglob("000"))
    assert stat.S_IMODE(os.stat(bundle).st_mode) == 0o600
    assert not list(folder.rglob("*.new"))
    key = server.cli("audit", "key")
    verify = ["audit", "verify", "--log-copy", str(folder), "--key", key]
    assert server.cli(*verify, "--with-database").count("all is right") == 2
    entry = bundle.read_bytes()
    bundle.write_bytes(entry.replace(b"apikey.created", b"apikey.deleted", 1))
    found = server.run(*verify)
    assert found.returncode == 1 and "WRONG entry-changed" in found.stdout, found
    bundle.write_bytes(entry)
    assert server.run(*verify).returncode == 0
    tile = next((folder / "tile" / "0").rglob("000"))
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    found = server.run(*verify)
    assert found.returncode == 1 and "WRONG tile" in found.stdout, found


def test_a_copy_of_a_longer_log_is_not_overwritten(own_server, tmp_path):
    server, folder, backup = own_server, tmp_path / "log", tmp_path / "backup"
    if server.database.name == "postgres":
        pytest.skip("tests/clients/crash restores PostgreSQL; what follows is the same")
    server.stop()
    server.start(TESSERA_AUDIT_LOG_DIRECTORY=str(folder))
    with server.admin() as admin:
        admin.create()
        before = copied(server, folder, latest_change(admin)).checkpoint
        server.cli("backup", str(backup))
        for _ in range(5):
            admin.create()
        longer = copied(server, folder, latest_change(admin)).checkpoint
    server.stop()
    printed = server.cli("restore", str(backup))
    assert f"The copy has {before.size} entries" in printed or "entries of the log" in printed, printed
    server.start(TESSERA_AUDIT_LOG_DIRECTORY=str(folder))
    deadline = time.monotonic() + SOON
    while "keep this copy, and name another folder" not in server.output():
        assert time.monotonic() < deadline, server.output()
        time.sleep(0.1)
    assert (folder / "checkpoint").read_text().startswith(longer.text)
    kept = tmp_path / "kept"
    kept.write_text(longer.note)
    found = server.run("audit", "verify", "--checkpoint", str(kept))
    assert found.returncode == 1 and "were lost in a restore" in found.stdout, found
    kept.write_text(before.note)
    assert server.run("audit", "verify", "--checkpoint", str(kept)).returncode == 0

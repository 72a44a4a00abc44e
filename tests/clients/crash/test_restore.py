"""A backup that is made while the server runs, and restored after much was revoked: nothing revoked comes back."""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from load import KEYS
from servers import token_of

REVOKED = 1_000


@pytest.fixture
def journaled(own_server):
    """A server that keeps a journal: on PostgreSQL its pepper has no file, so the place is named."""
    own_server.stop()
    environment = own_server.database.environment()
    environment["TESSERA_SEEN_FILE"] = str(own_server.directory / "tessera.seen")
    own_server.database.environment = lambda: environment
    return own_server.start()


def back_up(server, file):
    if server.database.name == "postgres":
        subprocess.run(["pg_dump", "--format=custom", "--file", file, server.database.url], check=True)
    return server.cli("backup", str(file))


def restore(server, file):
    """Restores as the documentation has it; returns what is printed."""
    if server.database.name == "sqlite":
        return server.cli("restore", str(file))
    refused = server.run("restore", str(file))
    assert refused.returncode != 0 and "pg_restore" in refused.stderr
    server.database.drop()
    server.database.sql(f"CREATE DATABASE {server.database.database}")
    subprocess.run(
        ["pg_restore", "--no-owner", "--exit-on-error", "--dbname", server.database.url, file], check=True
    )
    return server.cli("restore")


def test_nothing_that_was_revoked_after_the_backup_comes_back(journaled, tmp_path):
    server, file = journaled, tmp_path / "backup"
    with server.admin() as admin, ThreadPoolExecutor(8) as pool:
        kept = admin.create()
        doomed = list(pool.map(lambda _: admin.create(), range(REVOKED)))
        name, password, session = server.new_user()
        leaver, _, _ = server.new_user()
        back_up(server, file)
        deleted = pool.map(lambda key: admin.delete(f"{KEYS}/{key['id']}").status_code, doomed)
        assert set(deleted) == {200}
        later = admin.create()
    server.cli("users", "disable", name)
    server.cli("users", "delete", leaver)
    # Of the last changes the journal may lack a line: SQLite's earlier database has them.
    server.kill()
    if server.database.name == "postgres":
        server.cli("keys", "list")
    printed = restore(server, file)
    assert printed.count("deleted again") == REVOKED + 1 and "disabled" in printed
    server.start()
    assert server.holder_of(token_of(kept)).is_let_in()
    assert not any(server.holder_of(token_of(key)).is_let_in() for key in [*doomed, later])
    assert not session.is_let_in()
    assert server.anonymous().post("/api/service/sessions", json={"username": name, "password": password}).status_code == 401
    # The journal goes on: a second restore of the same backup does the same.
    server.stop()
    assert restore(server, file).count("deleted again") == REVOKED + 1


def test_without_the_journal_a_restore_says_what_is_unknown(journaled, tmp_path):
    server, file = journaled, tmp_path / "backup"
    with server.admin() as admin:
        kept, doomed = admin.create(), admin.create()
        back_up(server, file)
        assert admin.delete(f"{KEYS}/{doomed['id']}").status_code == 200
    server.stop()
    saved = server.directory / "elsewhere"
    shutil.move(server.directory / "tessera.journal", saved)
    printed = restore(server, file)
    assert "No journal covers" in printed and kept["id"] in printed and doomed["id"] in printed
    # That of another machine, or a saved one, can be named afterwards.
    assert "deleted again" in server.cli("restore", "--journal", str(saved))
    server.start()
    assert server.holder_of(token_of(kept)).is_let_in()
    assert not server.holder_of(token_of(doomed)).is_let_in()


def test_a_damaged_backup_is_refused_and_changes_nothing(journaled, tmp_path):
    server, file = journaled, tmp_path / "backup"
    _, _, session = server.new_user()
    back_up(server, file)
    refused = server.run("backup", str(file))
    assert (refused.returncode != 0) == (server.database.name == "sqlite"), "a backup overwrites nothing"
    file.write_bytes(file.read_bytes()[:-5000])
    if server.database.name == "postgres":
        assert "no complete backup" in server.run("backup", str(file)).stderr
    else:
        assert "stop every node first" in server.run("restore", back_up(server, tmp_path / "whole")).stderr
        server.stop()
        assert server.run("restore", str(file)).returncode != 0
        assert server.directory.joinpath("tessera.db").stat().st_mode & 0o777 == 0o600
        assert "there is no such file" in server.run("restore", str(tmp_path / "none")).stderr
        assert not (tmp_path / "none").exists()
        server.start()
    assert session.is_let_in()

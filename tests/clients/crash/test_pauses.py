"""Paused processes, clocks that are set, and restored backups of the database."""

import contextlib
import shutil
import signal
import sqlite3
import time

import pytest

from load import KEYS
from servers import Server, token_of

LONGER_THAN_THE_LEASE = 10


@contextlib.contextmanager
def paused(server):
    server.process.send_signal(signal.SIGSTOP)
    while holds_write_lock(server):
        server.process.send_signal(signal.SIGCONT)
        time.sleep(0.05)
        server.process.send_signal(signal.SIGSTOP)
    try:
        yield
        time.sleep(LONGER_THAN_THE_LEASE)
    finally:
        server.process.send_signal(signal.SIGCONT)


def holds_write_lock(server):
    """Whether a stopped server keeps all others from writing: SQLite has one write lock."""
    if server.database.name != "sqlite":
        return False
    with contextlib.closing(sqlite3.connect(server.directory / "tessera.db", timeout=0)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        return False


@pytest.fixture
def other_node(own_server):
    """Another server on the same database and with the same pepper."""
    server = Server(own_server.directory, own_server.database)
    try:
        yield server.start()
    finally:
        server.stop()


def test_a_paused_node_refuses_at_once_what_another_node_revoked(own_server, other_node):
    with own_server.admin() as admin:
        created = [admin.create() for _ in range(24)]
    holders = [own_server.holder_of(token_of(key)) for key in created]
    assert all(holder.is_let_in() for holder in holders)
    with paused(own_server), other_node.admin() as admin:
        for key in created[1:]:
            assert admin.delete(f"{KEYS}/{key['id']}").status_code == 200
    # The connections that were open, each with its first request.
    assert [holder.is_let_in() for holder in holders] == [True] + [False] * 23


def test_a_paused_node_refuses_at_once_whom_the_command_line_disabled(own_server):
    name, _, session = own_server.new_user()
    assert session.is_let_in()
    with paused(own_server):
        own_server.cli("users", "disable", name)
    assert not session.is_let_in()


def test_a_restored_copy_is_refused_until_it_is_accepted(own_server):
    if own_server.database.name != "sqlite":
        pytest.skip("needs the file of the database")
    with own_server.admin() as admin:
        kept, doomed = admin.create(), admin.create()
        own_server.stop()
        file = own_server.directory / "tessera.db"
        copy = own_server.directory / "backup.db"
        shutil.copy(file, copy)
        own_server.start()
        assert admin.delete(f"{KEYS}/{doomed['id']}").status_code == 200
        session = admin.token
    own_server.stop()
    seen = own_server.directory / "tessera.seen"
    assert seen.stat().st_mode & 0o777 == 0o600
    for extra in own_server.directory.glob("tessera.db-*"):
        extra.unlink()
    shutil.copy(copy, file)
    for command in (["serve"], ["users", "create", "eve", "--role", "$admin"]):
        refused = own_server.run(*command)
        assert refused.returncode != 0 and "tessera restore" in refused.stderr
    printed = own_server.cli("restore")
    assert kept["id"] not in printed and "deleted again" in printed
    own_server.start()
    assert not own_server.holder_of(token_of(doomed)).is_let_in()
    assert own_server.holder_of(token_of(kept)).is_let_in()
    assert not own_server.holder_of(session).is_let_in(), "every session has ended"


def test_a_restart_on_the_same_database_is_no_restore(own_server):
    own_server.new_user()
    own_server.kill()
    own_server.start()
    own_server.new_user()
    own_server.restart()

"""Output that nobody reads, or that the disk has no room for: no command and no server ends before its work is done."""

import os
import subprocess
import time

import pytest

from servers import BINARY


@pytest.fixture
def unread():
    """A pipe whose reader has gone away, as `head` does."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def run(server, out, *arguments):
    return subprocess.run(
        [BINARY, *arguments],
        env=server.environment(),
        cwd=server.directory,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )


def names(server):
    return [line.split("\t")[-1] for line in server.cli("keys", "list").splitlines()]


def test_a_command_ends_its_work_and_fails_without_a_word(own_server, unread):
    ended = run(own_server, unread, "keys", "create", "--display-name", "unread")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert '"unread"' in names(own_server)
    for command in (["keys", "list"], ["openapi"], ["graphql-schema"]):
        ended = run(own_server, unread, *command)
        assert (ended.returncode, ended.stderr) == (1, ""), command


def test_a_full_disk_is_told(own_server):
    with open("/dev/full", "w") as full:
        ended = run(own_server, full, "keys", "create", "--display-name", "unwritten")
    assert ended.returncode == 1 and "cannot write to standard output" in ended.stderr
    assert '"unwritten"' in names(own_server)


def test_a_restore_is_whole(own_server, unread, tmp_path):
    if own_server.database.name == "postgres":
        own_server.stop()
        assert run(own_server, unread, "restore").returncode == 1
    else:
        own_server.cli("backup", str(tmp_path / "backup"))
        own_server.new_key()
        own_server.stop()
        assert run(own_server, unread, "restore", str(tmp_path / "backup")).returncode == 1
        assert not (own_server.directory / "tessera.db.restoring").exists()
        assert (own_server.directory / "tessera.db.replaced-1").exists()
    # Without what a restore does in its end, the node would refuse to start.
    assert own_server.start().admin().is_let_in()


def test_a_server_goes_on_when_nobody_reads_its_log(own_server, unread):
    own_server.stop()
    own_server.process = subprocess.Popen(
        [BINARY, "serve"],
        env=own_server.environment(TESSERA_LOG="info"),
        cwd=own_server.directory,
        stdin=subprocess.DEVNULL,
        stdout=unread,
        stderr=unread,
    )
    deadline = time.monotonic() + 30
    while not own_server.is_ready():
        assert own_server.process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    assert own_server.admin().is_let_in()
    assert own_server.stop() == 0

"""A disk that is full and a file system that is read-only, both real: a file system in memory, mounted for the test."""

import contextlib
import errno
import os
import subprocess
import time

import httpx
import pytest

from servers import DATABASES, Server

SIZE = 16 * 1024 * 1024

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")


@pytest.fixture
def on_small_disk(tmp_path):
    """A server whose SQLite file is on a small file system of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", disk], check=True)
    server = Server(tmp_path, DATABASES["sqlite"](disk))
    try:
        yield server.start(), disk
    finally:
        server.stop()
        subprocess.run(["umount", disk], check=True)


def fill(disk):
    """Writes a file until there is no room."""
    with open(disk / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(4096))
    with pytest.raises(OSError) as refused, open(disk / "more", "wb", buffering=0) as more:
        more.write(bytes(4096))
    assert refused.value.errno == errno.ENOSPC


def readiness(server):
    answer = httpx.get(f"{server.base_url}/readyz", trust_env=False, timeout=5)
    return answer.status_code, answer.text


def until_readiness_is(server, expected):
    deadline = time.monotonic() + 15
    while (told := readiness(server)) != expected:
        assert time.monotonic() < deadline, told
        time.sleep(0.1)


def test_a_full_disk_is_told_by_every_door_and_over_once_there_is_room(on_small_disk):
    server, disk = on_small_disk
    admin = server.admin()
    kept = admin.create()
    fill(disk)
    # What is still free in the write-ahead log is used up.
    for _ in range(200):
        begun = time.monotonic()
        refused = admin.post("/api/service/apikeys", json={"displayName": "x", "description": "x" * 4000})
        if refused.status_code != 200:
            break
    assert refused.status_code == 503 and refused.json()["errorCode"] == "TESSERA-503-001", refused.text
    assert time.monotonic() - begun < 2
    mutation = {"query": "mutation { createServiceAccount(input: {}) { urn } }"}
    assert admin.post("/api/graphql", json=mutation).status_code == 503
    until_readiness_is(server, (503, "not ready: the disk of the database is full\n"))
    # What only reads goes on.
    assert admin.read(kept["id"])["id"] == kept["id"]
    (disk / "filler").unlink()
    until_readiness_is(server, (200, "ok\n"))
    admin.create()


def test_a_read_only_file_system_is_refused_at_the_start(on_small_disk):
    server, disk = on_small_disk
    server.admin().create()
    server.stop()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    ended = server.run("serve")
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    assert ended.returncode != 0 and "read-only" in ended.stderr.lower(), ended.stderr
    server.start()
    server.admin().create()

"""A witness of other people's (Debian's `litewitness`) cosigns honest growth, and refuses what was rewritten."""

import contextlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from c2sp import Checkpoint, Key
from servers import free_port

BIN = Path(__file__).resolve().parents[3] / "target" / "tests" / "torchwood" / "usr" / "bin"
# A witness is asked every ten seconds at most.
SOON = 40


class Witness:
    """A running `litewitness` that knows one log."""

    def __init__(self, directory, origin, vkey):
        self.port, self.database = free_port(), str(directory / "witness.db")
        self.url = f"http://127.0.0.1:{self.port}/add-checkpoint"
        self.directory, agent = directory, str(directory / "agent")
        self.agent = subprocess.Popen(["ssh-agent", "-D", "-a", agent], stdout=subprocess.DEVNULL)
        key = directory / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        while not os.path.exists(agent):
            time.sleep(0.02)
        subprocess.run(["ssh-add", "-q", key], env={**os.environ, "SSH_AUTH_SOCK": agent}, check=True)
        printed = subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, text=True, check=True).stdout
        for command in (["add-log"], ["add-key", "-key", vkey]):
            subprocess.run([BIN / "witnessctl", *command, "-db", self.database, "-origin", origin], check=True)
        self.log = directory / "witness.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [BIN / "litewitness", "-db", self.database, "-name", "witness.example/w1", "-ssh-agent", agent,
                 "-key", printed.split()[1], "-listen", f"127.0.0.1:{self.port}"],
                stdout=log, stderr=subprocess.STDOUT,
            )
        self.vkey = self.own_key()

    def own_key(self):
        """The verifier key, from the page that the witness serves."""
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(httpx.TransportError):
                page = httpx.get(f"http://127.0.0.1:{self.port}/", trust_env=False).text
                found = re.search(r"witness\.example/w1\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+", page.replace("&#43;", "+"))
                if found:
                    return found[0]
            assert time.monotonic() < deadline and self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)

    def stop(self):
        for process in (self.process, self.agent):
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)


def eventually(found, what):
    deadline = time.monotonic() + SOON
    while not (outcome := found()):
        assert time.monotonic() < deadline, what()
        time.sleep(0.2)
    return outcome


@pytest.fixture
def witnessed(own_server, tmp_path):
    """A server whose log a witness cosigns."""
    server = own_server
    with server.admin() as admin:
        admin.create()
    vkey = eventually(lambda: server.run("audit", "key").stdout.strip(), server.output)
    witness = Witness(tmp_path, Key(vkey).name, vkey)
    setting = f"{witness.vkey} {witness.url}"
    server.stop()
    server.start(TESSERA_AUDIT_LOG_WITNESSES=setting)
    try:
        yield server, witness, Key(vkey), setting
    finally:
        witness.stop()


def cosigned(server, key, witness, size=0):
    """The latest checkpoint that the witness has cosigned, if it has so many entries."""
    answer = httpx.get(f"{server.base_url}/audit/log/witnessed", trust_env=False)
    if answer.status_code != 200:
        return None
    checkpoint = Checkpoint(answer.text, key, Key(witness.vkey))
    return checkpoint if checkpoint.size >= size else None


def test_a_witness_cosigns_honest_growth(witnessed):
    server, witness, key, _ = witnessed
    first = eventually(lambda: cosigned(server, key, witness), server.output)
    with server.admin() as admin:
        for _ in range(300):
            admin.create()
    second = eventually(lambda: cosigned(server, key, witness, first.size + 300), server.output)
    assert second.size >= first.size + 300
    # The latest checkpoint has the cosignature too, when nothing has happened since.
    latest = httpx.get(f"{server.base_url}/audit/log/checkpoint", trust_env=False).text
    assert latest == second.note or not latest.startswith(second.text)


def rewrite(server, statements):
    """Changes the database behind the server's back."""
    if server.database.name == "postgres":
        subprocess.run(["psql", "--quiet", "--no-psqlrc", "--command", statements, server.database.url], check=True)
    else:
        import sqlite3

        with contextlib.closing(sqlite3.connect(server.directory / "tessera.db")) as database:
            database.executescript(statements)


# The operator has the key and the database: the log is begun anew, from fewer and other entries, under the same origin.
BEGIN_ANEW = """
    DELETE FROM log_leaves; DELETE FROM log_tiles;
    UPDATE log_state SET size = 0, position = -1, change_id = '', checkpoint = '', witnessed = '', witnessed_at = 0;
"""


@pytest.mark.parametrize(
    "deed, status",
    [
        # Fewer entries than the witness has cosigned: what is left is a log that was truncated.
        ("DELETE FROM changes WHERE action = 'apikey.created';", "rolled back"),
        # As many and more, but one says something else.
        ("UPDATE changes SET actor_name = 'mallory' WHERE action = 'apikey.created';", "422"),
    ],
)
def test_a_witness_refuses_what_was_rewritten(witnessed, deed, status):
    server, witness, key, setting = witnessed
    with server.admin() as admin:
        for _ in range(20):
            admin.create()
    before = eventually(lambda: cosigned(server, key, witness, 20), server.output)
    server.stop()
    rewrite(server, deed + BEGIN_ANEW)
    # They would show that the database lacks changes, and what has been signed.
    for kept in ("tessera.seen", "tessera.journal", "tessera.checkpoint"):
        (server.directory / kept).unlink(missing_ok=True)
    server.start(TESSERA_AUDIT_LOG_WITNESSES=setting)
    if status == "422":
        with server.admin() as admin:
            for _ in range(5):
                admin.create()
    eventually(lambda: "a witness does not cosign the log" in server.output() and status in server.output(), server.output)
    assert cosigned(server, key, witness) is None, "no checkpoint of the rewritten log is cosigned"
    kept = server.directory / "kept"
    kept.write_text(before.note)
    assert server.run("audit", "verify", "--checkpoint", str(kept)).returncode == 1
    metrics = httpx.get(f"{server.base_url}/metrics", trust_env=False).text
    assert re.search(r"tessera_log_witness_failures_total [1-9]", metrics), metrics

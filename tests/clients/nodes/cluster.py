"""Several servers on one database, clients that hammer them, and faults: a cut network, a PostgreSQL of its own."""

import contextlib
import http.client
import itertools
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

from servers import DATABASES, Server, free_port, token_of

KEYS = "/api/service/apikeys"
VERIFY = "/gateway/verify"
# A lease of 2 s and a twentieth more.
LONGEST_WAIT = 2.1


class Nodes:
    """Servers on one database. `databases` are ways to it, one for each."""

    def __init__(self, directory, databases):
        self.servers = []
        for index, database in enumerate(databases):
            place = directory / f"node-{index}"
            place.mkdir()
            self.servers.append(Server(place, database))

    def start(self, environments=()):
        for server, environment in itertools.zip_longest(self.servers, environments, fillvalue={}):
            server.start(**environment)
        return self

    def stop(self):
        for server in self.servers:
            if server.process is not None:
                server.process.send_signal(signal.SIGCONT)
        for server in self.servers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.stop()

    def __getitem__(self, index):
        return self.servers[index]


@contextlib.contextmanager
def nodes_on(directory, databases, environments=()):
    nodes = Nodes(directory, databases)
    try:
        yield nodes.start(environments)
    finally:
        nodes.stop()


class Hammer:
    """Threads that present tokens to every node, all the time, and note each acceptance that begins too late."""

    def __init__(self, nodes, threads=2):
        self.tokens = []  # those that are presented now
        self.revoked = {}  # token: when its revocation had been answered
        self.accepted = {}  # token: the nodes that have let it in
        self.late = []
        self.refused_after = {}  # token: the nodes that have refused it after its revocation
        self.is_over = False
        self.threads = [
            threading.Thread(target=self.present, args=(index, server.port), daemon=True)
            for index, server in enumerate(nodes.servers)
            for _ in range(threads)
        ]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join(timeout=20)

    def present(self, index, port):
        connection = None
        while not self.is_over:
            tokens = self.tokens
            if not tokens:
                time.sleep(0.001)
                continue
            token = random.choice(tokens)
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=8)
                    connection.connect()
                began = time.monotonic()
                connection.request("GET", VERIFY, headers={"Authorization": f"Bearer {token}"})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection = None
                time.sleep(0.01)
                continue
            revoked = self.revoked.get(token)
            if answer.status == 200:
                self.accepted.setdefault(token, set()).add(index)
                if revoked is not None and began > revoked:
                    self.late.append((index, token, began - revoked))
            elif answer.status == 401 and revoked is not None and began > revoked:
                self.refused_after.setdefault(token, set()).add(index)

    def until_accepted(self, token, nodes, seconds=20):
        wait_until(lambda: self.accepted.get(token, set()) >= set(nodes), seconds)

    def until_refused(self, token, nodes, seconds=20):
        wait_until(lambda: self.refused_after.get(token, set()) >= set(nodes), seconds)

    def revoke(self, client, key):
        """Revokes a key; returns the answer, and how long it took in seconds."""
        began = time.monotonic()
        answer = client.delete(f"{KEYS}/{key['id']}")
        ended = time.monotonic()
        if answer.status_code in (200, 404):
            self.revoked[token_of(key)] = ended
        return answer, ended - began

    def check(self):
        assert not self.late, f"{len(self.late)} of {len(self.revoked)} revoked keys were let in: {self.late[:5]}"


def wait_until(holds, seconds=20):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it has not come to that"
        time.sleep(0.002)


def told(answer):
    """What `Tessera-Revocation` says: the number of nodes, and how many of them have acknowledged."""
    parts = dict(part.split("=") for part in answer.headers["tessera-revocation"].split(", "))
    assert parts["took"].endswith("ms"), parts
    return int(parts["nodes"]), int(parts["acknowledged"])


class Through:
    """The same database, reached at another port."""

    def __init__(self, database, port):
        self.name = database.name
        self.environment = database.environment
        host = database.url.split("@")[1].split("/")[0]
        self.url = database.url.replace(host, f"127.0.0.1:{port}")


class Network:
    """A TCP proxy that can be cut: nothing passes any more, and no end is told."""

    def __init__(self, url):
        host, _, port = url.split("@")[1].split("/")[0].partition(":")
        self.target = (host, int(port or 5432))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.is_open = threading.Event()
        self.is_open.set()
        threading.Thread(target=self.accept, daemon=True).start()

    def cut(self):
        self.is_open.clear()

    def mend(self):
        self.is_open.set()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        self.is_open.wait()
        with contextlib.suppress(OSError), client, socket.create_connection(self.target) as server:
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                ready, _, _ = select.select([client, server], [], [])
                self.is_open.wait()
                for end in ready:
                    data = end.recv(65536)
                    if not data:
                        return
                    (server if end is client else client).sendall(data)

    def close(self):
        self.mend()
        self.listener.close()


class OwnPostgres:
    """A PostgreSQL server that a test may restart, and lose."""

    def __init__(self, directory, copy_of=None):
        directory.mkdir()
        self.directory = directory
        self.port = free_port()
        self.prefix = []
        if os.geteuid() == 0:
            self.prefix = ["runuser", "--user", "postgres", "--", "env", f"PATH={os.environ['PATH']}"]
            # pytest's directories are for their owner only.
            for parent in directory.parents[:-2]:
                parent.chmod(parent.stat().st_mode | 0o001)
            shutil.chown(directory, "postgres")
        if copy_of is None:
            self.run("initdb", "--pgdata", "data", "--username", "postgres", "--auth", "trust", "--encoding", "UTF8")
        else:
            source = ["--host", "127.0.0.1", "--port", str(copy_of.port), "--username", "postgres"]
            copied = ["--pgdata", "data", "--write-recovery-conf", "--checkpoint", "fast"]
            self.run("pg_basebackup", *source, *copied)
            connection = f"host=127.0.0.1 port={copy_of.port} user=postgres application_name=standby"
            with (directory / "data" / "postgresql.auto.conf").open("a") as settings:
                settings.write(f"primary_conninfo = '{connection}'\n")

    def run(self, *command):
        subprocess.run([*self.prefix, *command], cwd=self.directory, check=True, stdout=subprocess.DEVNULL)

    def control(self, *command):
        self.run("pg_ctl", "--pgdata", "data", "--log", "log", "--wait", "--silent", *command)

    def start(self):
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        self.control("start", "--options", options)
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def sql(self, statement):
        url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        command = ["psql", "--quiet", "--no-psqlrc", "--tuples-only", "--no-align", "--command", statement, url]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def restart(self):
        self.control("restart", "--mode", "immediate")

    def promote(self):
        self.control("promote")

    def stop(self):
        if (self.directory / "data" / "postmaster.pid").exists():
            self.control("stop", "--mode", "immediate")


@contextlib.contextmanager
def own_postgres(directory):
    own = OwnPostgres(directory)
    try:
        own.start()
        yield own
    finally:
        own.stop()


@contextlib.contextmanager
def standby_of(primary, directory):
    """A synchronous standby: what the primary acknowledges, this has."""
    standby = OwnPostgres(directory, copy_of=primary)
    try:
        standby.start()
        primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        primary.sql("SELECT pg_reload_conf()")
        wait_until(lambda: primary.sql("SELECT sync_state FROM pg_stat_replication") == "sync")
        yield standby
    finally:
        standby.stop()


@contextlib.contextmanager
def database_of(kind, directory):
    database = DATABASES[kind](directory)
    try:
        yield database
    finally:
        database.drop()

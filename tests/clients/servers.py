"""The release binary as a process of its own, on a database of its own."""

import contextlib
import os
import random
import resource
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx

# Another build than this checkout's can be named.
BINARY = Path(
    os.environ.get("TESSERA_TEST_BINARY") or Path(__file__).resolve().parents[2] / "target" / "release" / "tessera"
)
ADMIN_PASSWORD = "correct horse battery staple"


class Sqlite:
    """A database file in the directory of the test."""

    name = "sqlite"

    def __init__(self, directory: Path):
        self.url = f"sqlite://{directory / 'tessera.db'}"

    def environment(self):
        # No TESSERA_PEPPER: the key file beside the database is used.
        return {}

    def drop(self):
        pass  # pytest removes the directory


class Postgres:
    """A database of its own in the cluster whose maintenance database TESSERA_TEST_POSTGRES names."""

    name = "postgres"

    def __init__(self, directory: Path):
        self.maintenance = os.environ["TESSERA_TEST_POSTGRES"]
        self.database = f"tessera_{secrets.token_hex(8)}"
        self.pepper = secrets.token_hex(32)
        self.sql(f"CREATE DATABASE {self.database}")
        self.url = f"{self.maintenance.rpartition('/')[0]}/{self.database}"

    def environment(self):
        return {"TESSERA_PEPPER": self.pepper}

    def drop(self):
        self.sql(f"DROP DATABASE {self.database} WITH (FORCE)")

    def sql(self, statement):
        subprocess.run(["psql", "--quiet", "--no-psqlrc", "--command", statement, self.maintenance], check=True)


DATABASES = {database.name: database for database in (Sqlite, Postgres)}


class Server:
    """One `tessera serve`, which a test may stop, kill and start again on the same database and port."""

    def __init__(self, directory: Path, database):
        self.directory = directory
        self.database = database
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.process = None
        # Standard output is no terminal.
        self.first_start_file = directory / "tessera.first-start"

    def start(self, descriptors=None, **more_environment):
        """Starts, with at most so many open files if that is given, and waits until the server is ready."""
        limit = None if descriptors is None else (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors,) * 2))
        out = open(self.directory / "stdout.txt", "ab")
        err = open(self.directory / "stderr.txt", "ab")
        with out, err:
            self.process = subprocess.Popen(
                [BINARY, "serve"],
                env=self.environment(**more_environment),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                preexec_fn=limit,
            )
        deadline = time.monotonic() + 30
        while not self.is_ready():
            assert self.process.poll() is None, f"the server ended at start:\n{self.output()}"
            assert time.monotonic() < deadline, f"the server is not ready after 30 s:\n{self.output()}"
            time.sleep(0.02)
        return self

    def is_ready(self):
        try:
            return httpx.get(f"{self.base_url}/readyz", trust_env=False, timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self):
        """Asks the server to end, as a supervisor does, and returns its exit code."""
        return self.end(signal.SIGTERM)

    def kill(self):
        """Ends the server as a crash does."""
        return self.end(signal.SIGKILL)

    def restart(self):
        self.stop()
        self.start()

    def end(self, how):
        if self.process is None:
            return None
        process, self.process = self.process, None
        process.send_signal(how)
        try:
            return process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def run(self, *arguments, stdin=None, **more_environment):
        """Runs a subcommand to its end, whatever that is; one that does not end by itself fails the test."""
        return subprocess.run(
            [BINARY, *arguments],
            env=self.environment(**more_environment),
            cwd=self.directory,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=20,
        )

    def cli(self, *arguments, stdin=None):
        """Runs a subcommand that must succeed and returns what it printed."""
        ended = self.run(*arguments, stdin=stdin)
        assert ended.returncode == 0, f"tessera {' '.join(arguments)}: {ended.returncode}\n{ended.stderr}"
        return ended.stdout.strip()

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TESSERA_")}
        return (
            kept
            | {
                "TESSERA_LISTEN": f"127.0.0.1:{self.port}",
                "TESSERA_DATABASE_URL": self.database.url,
                "TESSERA_ADMIN_PASSWORD": ADMIN_PASSWORD,
            }
            | self.database.environment()
            | more
        )

    def output(self):
        return "".join((self.directory / name).read_text() for name in ("stdout.txt", "stderr.txt"))

    def memory(self):
        """Resident memory in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    # Actors.

    def anonymous(self):
        return Rest(self.base_url)

    def holder_of(self, token):
        return Rest(self.base_url, token)

    def admin(self):
        """The user `admin`, signed in."""
        return self.user("admin", ADMIN_PASSWORD)

    def user(self, name, password):
        answer = self.anonymous().post("/api/service/sessions", json={"username": name, "password": password})
        assert answer.status_code == 200, answer.text
        return self.holder_of(answer.json()["token"])

    def new_user(self, role="$member"):
        """A user made with the command line: its name, its password and its signed-in client."""
        name = f"user-{secrets.token_hex(4)}"
        password = self.cli("users", "create", name, "--role", role)
        return name, password, self.user(name, password)

    def new_key(self, *arguments):
        """The token of a key made with the command line."""
        return self.cli("keys", "create", "--display-name", f"key-{secrets.token_hex(4)}", *arguments)

    def managing_key(self):
        """The token of a key that may manage keys and personas."""
        return self.new_key("--permission", "MANAGE_APIKEYS", "--permission", "MANAGE_PERSONAS")


def running(kind, tmp_path_factory, **environment):
    """For a fixture: a server of its own on a database of this kind."""
    directory = tmp_path_factory.mktemp(kind)
    database = DATABASES[kind](directory)
    server = Server(directory, database)
    try:
        yield server.start(**environment)
    finally:
        server.stop()
        database.drop()


class Rest(httpx.Client):
    """A plain REST client with the shorthands that most tests need."""

    def __init__(self, base_url, token=None):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        super().__init__(base_url=base_url, headers=headers, trust_env=False, timeout=30)
        self.token = token

    def create(self, display_name=None, **members):
        """A new API key, as the server answered it."""
        body = {"displayName": display_name or f"key-{secrets.token_hex(4)}"} | members
        return ok(self.post("/api/service/apikeys", json=body))

    def update(self, guid, display_name, **members):
        return ok(self.post(f"/api/service/apikeys/{guid}", json={"displayName": display_name} | members))

    def read(self, guid):
        return ok(self.get(f"/api/service/apikeys/{guid}"))

    def list(self, **query):
        return ok(self.get("/api/service/apikeys", params=query))

    def new_persona(self):
        """A new persona, as the server answered it."""
        return ok(self.post("/api/service/personas", json={"name": f"persona-{secrets.token_hex(4)}"}))

    def is_let_in(self):
        """Whether the token authenticates anybody."""
        status = self.get("/api/service/users/current").status_code
        assert status in (200, 401), status
        return status == 200


def ok(answer):
    assert answer.status_code == 200, (
        f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    )
    return answer.json()


def token_of(created):
    return created["attributes"]["accessToken"]


def personas_of(api_key):
    """The qualified names of the personas that an answered key is linked to."""
    return {link["personaQualifiedName"] for link in api_key["attributes"]["personaQualifiedName"]}


def free_port():
    """A port that no connection of another test is given while a server restarts: below those that systems give out."""
    while True:
        port = random.randrange(10_000, 32_768)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port

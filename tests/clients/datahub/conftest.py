"""DataHub's own client from PyPI, run as users run it: in an environment and a home directory of its own."""

import json
import os
import secrets
import subprocess
from pathlib import Path

import pytest

from servers import ADMIN_PASSWORD, DATABASES, Server, ok

VENV = Path(__file__).resolve().parents[3] / "target" / "tests" / "datahub-venv" / "bin"


class DataHub:
    """The command line and the SDK against one server."""

    def __init__(self, server, home, **more_environment):
        self.server = server
        self.home = home
        self.more_environment = more_environment
        self.venv = VENV
        home.mkdir(exist_ok=True)

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATAHUB_", "TESSERA_"))}
        own = {"HOME": str(self.home), "DATAHUB_TELEMETRY_ENABLED": "false", "SERVER": self.server.base_url}
        return kept | own | self.more_environment

    def run(self, *arguments):
        return subprocess.run(
            [self.venv / "datahub", *arguments],
            env=self.environment(),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def cli(self, *arguments):
        """Runs a command that must succeed and returns what it printed."""
        ended = self.run(*arguments)
        assert ended.returncode == 0, f"datahub {' '.join(arguments)}: {ended.returncode}\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    def graphql(self, query, **variables):
        """`datahub graphql --query`"""
        return json.loads(self.cli("graphql", "--query", query, "--variables", json.dumps(variables)))

    def init(self, username="admin", password=ADMIN_PASSWORD, *more):
        self.cli("init", "--host", self.server.base_url, "--username", username, "--password", password, "--force", *more)
        line = next(line for line in (self.home / ".datahubenv").read_text().splitlines() if " token:" in line)
        return line.split()[-1]

    def python(self, *arguments):
        """What Python with those arguments, which must succeed, prints as JSON in its last line."""
        ended = subprocess.run(
            [self.venv / "python", *arguments],
            env=self.environment(),
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout.splitlines()[-1])

    def sdk(self, script):
        """What a script for the SDK leaves in `result`."""
        answer = self.sdk_outcome(script)
        assert "failed" not in answer, answer
        return answer["result"]

    def sdk_outcome(self, script):
        return self.python(Path(__file__).with_name("program.py"), script)


@pytest.fixture(scope="session", params=DATABASES)
def server(request, tmp_path_factory):
    """A server as in other suites, which takes the passwords of DataHub's published scenarios: four letters."""
    directory = tmp_path_factory.mktemp(f"datahub-{request.param}")
    database = DATABASES[request.param](directory)
    server = Server(directory, database)
    try:
        yield server.start(TESSERA_SIGN_UP_PASSWORD_LENGTH="4")
    finally:
        server.stop()
        database.drop()


@pytest.fixture
def datahub(server, tmp_path):
    return DataHub(server, tmp_path / "home")


@pytest.fixture
def client_of(tmp_path):
    """A client of a server of the caller's choice, with variables of their own."""
    return lambda server, **more: DataHub(server, tmp_path / f"home-{secrets.token_hex(2)}", **more)


@pytest.fixture
def signed_in(datahub):
    """DataHub's client after `datahub init` as `admin`; its token is in `token`."""
    datahub.token = datahub.init()
    return datahub


@pytest.fixture
def person(server, tmp_path):
    """A new user with a client of their own, after `datahub init`."""
    name, password, _ = server.new_user()
    client = DataHub(server, tmp_path / f"home-{secrets.token_hex(2)}")
    client.name = name
    client.token = client.init(name, password)
    return client


class Session:
    """A browser's or a script's requests with cookies, and with nothing else."""

    def __init__(self, server, username="admin", password=ADMIN_PASSWORD):
        self.client = server.anonymous()
        answer = self.client.post("/logIn", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text

    def graphql(self, query, **variables):
        return ok(self.client.post("/api/v2/graphql", json={"query": query, "variables": variables}))

    def who(self):
        return self.client.get("/openapi/operations/identity/user/urn", params={"skipCache": "true"})


@pytest.fixture
def session(server):
    return lambda *credentials: Session(server, *credentials)

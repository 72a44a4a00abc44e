"""An MCP server and agents as processes of their own."""

import json
import secrets
import subprocess
import time
from pathlib import Path

import httpx

from certified_provider import NODE
from programs import graphql
from servers import free_port

HERE = Path(__file__).parent / "agents"
TARGET = HERE.parents[3] / "target" / "tests"
PYTHON = TARGET / "agents-venv" / "bin" / "python"
NODE_MODULES = TARGET / "node-agents" / "node_modules"


class McpServer:
    """A FastMCP server that takes tokens of Tessera; `gateway` is the API key with which it introspects."""

    def __init__(self, directory, tessera, verifier, gateway=None, **more):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/mcp"
        given = {"port": port, "issuer": tessera.base_url, "verifier": verifier} | more
        if gateway is not None:
            given |= {"client_id": gateway.client_id, "client_secret": gateway.secret}
        self.output = directory / "mcp-server.txt"
        with open(self.output, "wb") as output:
            command = [PYTHON, HERE / "mcp_server.py", json.dumps(given)]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        deadline = time.monotonic() + 60
        while not self.is_ready():
            assert self.process.poll() is None, self.output.read_text()[-4000:]
            assert time.monotonic() < deadline, self.output.read_text()[-4000:]
            time.sleep(0.1)

    def is_ready(self):
        try:
            return self.refusal().status_code == 401
        except httpx.TransportError:
            return False

    def refusal(self, token=None):
        """The answer to a request without MCP, and with a token if one is given."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.post(self.url, json={}, headers=headers, trust_env=False)

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=20)


class Agent:
    """An agent that calls tools; `tools` are those that it sees, `failed` says why it is not let in."""

    def __init__(self, language, **given):
        script = [PYTHON, HERE / "agent.py"] if language == "python" else [NODE, HERE / "agent.mjs", NODE_MODULES]
        self.process = subprocess.Popen(
            [*script, json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.first = self.hear()
        self.tools, self.failed = self.first.get("tools"), self.first.get("failed")

    def call(self, tool):
        self.process.stdin.write(f"{tool}\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self):
        line = self.process.stdout.readline()
        assert line, "the agent has ended"
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def allow_tools(admin, tools, *usernames):
    """A policy that lets service accounts call tools; its URN."""
    everyone = [f"urn:li:corpuser:{username}" for username in usernames]
    policy = {
        "type": "METADATA",
        "state": "ACTIVE",
        "name": f"tools-{secrets.token_hex(4)}",
        "privileges": ["tools/call"],
        "resources": {"type": "tool", "resources": list(tools), "allResources": False},
        "actors": {"users": everyone, "resourceOwners": False, "allUsers": False, "allGroups": False},
    }
    create = "mutation($input: PolicyUpdateInput!) { createPolicy(input: $input) }"
    return graphql(admin, create, input=policy)["createPolicy"]


def forbid_tools(admin, policy):
    graphql(admin, "mutation($urn: String!) { deletePolicy(urn: $urn) }", urn=policy)

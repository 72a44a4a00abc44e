"""docs/agents.md: its commands run, one after the other, in one shell."""

import json
import os
import re
import subprocess
from pathlib import Path

from certified_provider import NODE
from mcp_parties import NODE_MODULES, PYTHON
from servers import free_port

PAGE = Path(__file__).parents[3] / "docs" / "agents.md"
BLOCK = re.compile(r"^```(sh|python|js)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_page_run(server, admin, tmp_path):
    page = PAGE.read_text()
    for written, meant in {
        "127.0.0.1:8585": f"127.0.0.1:{server.port}",
        "127.0.0.1:9000": f"127.0.0.1:{(port := free_port())}",
        "port=9000": f"port={port}",
        "$(tessera token)": admin.token,
    }.items():
        assert written in page
        page = page.replace(written, meant)
    commands = ["set -euo pipefail", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    for language, text in BLOCK.findall(page):
        if language == "sh":
            commands.append(text)
        else:
            (tmp_path / text.split("\n", 1)[0].lstrip("#/ ")).write_text(text)
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    programs = f"{PYTHON.parent}:{NODE.parent}:{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
    ended = subprocess.run(
        ["bash", "-c", "\n".join(commands)],
        cwd=tmp_path,
        env=kept | {"PATH": programs},
        capture_output=True,
        text=True,
        timeout=120,
    )
    told = f"{ended.stdout}\n{ended.stderr}"
    assert ended.returncode == 0, told
    lines = ended.stdout.splitlines()
    assert any("resource_metadata=" in line and 'scope="search fetch"' in line for line in lines), told
    assert "tools: ['fetch', 'search']" in lines and "tools: [ 'fetch', 'search' ]" in lines, told
    called = next(line for line in lines if line.startswith("search: "))
    assert json.loads(called.removeprefix("search: "))["actor"] is None
    introspected = [json.loads(line) for line in lines if line.startswith('{"active"')]
    assert [each["active"] for each in introspected] == [True, False], told
    assert introspected[0]["scope"] == "search" and "act" in introspected[0]
    assert "invalid_scope" in lines, told

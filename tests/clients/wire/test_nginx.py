"""nginx in front: with keep-alive, with an `Upgrade` header in every request, and with one connection per request."""

import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from servers import free_port

CONFIGURATION = Path(__file__).with_name("nginx.conf")


@pytest.fixture
def nginx(server, tmp_path):
    port = free_port()
    text = CONFIGURATION.read_text().replace("127.0.0.1:8585", f"127.0.0.1:{server.port}")
    (tmp_path / "nginx.conf").write_text("daemon off;\npid nginx.pid;\n" + text.replace("127.0.0.1:8080", f"127.0.0.1:{port}"))
    tmp_path.chmod(0o755)
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    process = subprocess.Popen([program, "-p", tmp_path, "-c", "nginx.conf"], stderr=open(tmp_path / "errors.txt", "ab"))
    base_url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                httpx.get(f"{base_url}/livez", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield base_url
        errors = (tmp_path / "errors.txt").read_text()
        assert "upstream" not in errors, errors
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.mark.parametrize("prefix", ["", "/upgrading", "/closing"])
def test_no_request_is_lost(nginx, managing_key, prefix):
    def posted(_):
        with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {managing_key}"}, timeout=30) as client:
            statuses = []
            for _ in range(50):
                body = {"query": "{ me { corpUser { username } } }"}
                statuses.append(client.post(f"{nginx}{prefix}/api/graphql", json=body).status_code)
            return statuses

    with ThreadPoolExecutor(6) as threads:
        assert {status for statuses in threads.map(posted, range(6)) for status in statuses} == {200}

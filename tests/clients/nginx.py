"""nginx as a proxy before a server."""

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import httpx

from servers import free_port

CONFIGURATION = Path(__file__).with_name("nginx.conf")


@contextlib.contextmanager
def nginx_before(server, directory):
    """Runs nginx before a server, and fails if nginx complained of it. Yields the URL."""
    port = free_port()
    text = CONFIGURATION.read_text().replace("127.0.0.1:8585", f"127.0.0.1:{server.port}")
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    (directory / "nginx.conf").write_text("daemon off;\npid nginx.pid;\n" + text)
    directory.chmod(0o755)
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    with open(directory / "errors.txt", "ab") as errors:
        process = subprocess.Popen([program, "-p", directory, "-c", "nginx.conf"], stderr=errors)
    base_url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                httpx.get(f"{base_url}/livez", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield base_url
        complaints = (directory / "errors.txt").read_text()
        assert "upstream" not in complaints, complaints
    finally:
        process.terminate()
        process.wait(timeout=20)

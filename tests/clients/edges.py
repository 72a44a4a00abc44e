"""Edges as processes of their own, in front of one or more servers."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time

import httpx
from servers import BINARY, free_port


class Edge:
    """One `tessera edge`, which a test may stop, kill and start again. It has neither a database nor a pepper."""

    def __init__(self, directory, upstream_port, token):
        directory.mkdir()
        self.directory = directory
        self.upstream = f"http://127.0.0.1:{upstream_port}"
        (directory / "token").write_text(token)
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TESSERA_")}
        with (self.directory / "log.txt").open("ab") as log:
            command = [BINARY, "edge", "--upstream", self.upstream, "--token-file", "token"]
            self.process = subprocess.Popen(
                [*command, "--listen", f"127.0.0.1:{self.port}"],
                env=kept,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.until_ready()
        return self

    def until_ready(self, seconds=30):
        deadline = time.monotonic() + seconds
        while self.readiness()[0] != 200:
            assert self.process.poll() is None, f"the edge has ended:\n{self.output()}"
            assert time.monotonic() < deadline, f"the edge is not ready: {self.readiness()}\n{self.output()}"
            time.sleep(0.02)

    def readiness(self):
        try:
            answer = httpx.get(f"{self.base_url}/readyz", trust_env=False, timeout=8)
        except httpx.TransportError as error:
            return 0, str(error)
        return answer.status_code, answer.text

    def metric(self, name):
        text = httpx.get(f"{self.base_url}/metrics", trust_env=False, timeout=8).text
        return next(int(line.split()[1]) for line in text.splitlines() if line.split()[0] == name)

    def output(self):
        return (self.directory / "log.txt").read_text()

    def stop(self):
        return self.end(signal.SIGTERM)

    def kill(self):
        return self.end(signal.SIGKILL)

    def end(self, how):
        if self.process is None:
            return None
        process, self.process = self.process, None
        process.send_signal(signal.SIGCONT)
        process.send_signal(how)
        return process.wait(timeout=40)


@contextlib.contextmanager
def edge_at(directory, upstream_port, token):
    edge = Edge(directory, upstream_port, token)
    try:
        yield edge.start()
    finally:
        edge.end(signal.SIGKILL)


class Balancer:
    """Gives each connection to the next of several servers. It can be cut: connections end, and new ones are refused."""

    def __init__(self, ports):
        self.ports = list(ports)
        self.next = 0
        self.is_cut = False
        self.open = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                if self.is_cut:
                    client.close()
                    continue
                self.next += 1
                port = self.ports[self.next % len(self.ports)]
                try:
                    server = socket.create_connection(("127.0.0.1", port))
                except OSError:
                    client.close()
                    continue
                for one, other in ((client, server), (server, client)):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.open.add(one)
                    threading.Thread(target=self.carry, args=(one, other), daemon=True).start()

    def carry(self, one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for end in (one, other):
            self.open.discard(end)
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self):
        self.is_cut = True
        for end in list(self.open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self):
        self.is_cut = False

    def close(self):
        self.cut()
        self.listener.close()

"""`tessera` in a pseudo-terminal, as over SSH: no browser, no database, no pepper."""

import os
import pty
import re
import subprocess
import threading
import time

from servers import BINARY

CODE = re.compile(r"\b[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}\b")


class DeviceTerminal:
    """A home folder, and commands run in it."""

    def __init__(self, home):
        self.home = home

    def environment(self, **more):
        kept = {name: os.environ[name] for name in ("PATH",)}
        return kept | {"HOME": str(self.home), "TERM": "xterm"} | more

    def run(self, *arguments, **more):
        return subprocess.run(
            [BINARY, *arguments],
            env=self.environment(**more),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def told(self, *arguments, **more):
        """Runs a command that must succeed; returns its output."""
        ended = self.run(*arguments, **more)
        assert ended.returncode == 0, f"{arguments}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def login(self, *arguments, **more):
        return Login([BINARY, "login", *arguments], self.environment(**more), self.home)

    def sessions(self):
        return sorted((self.home / ".config" / "tessera" / "sessions").iterdir())


class Login:
    """`tessera login`, waiting in a terminal."""

    def __init__(self, command, environment, folder):
        ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command, env=environment, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.terminal = ours
        self.text = ""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while True:
            try:
                piece = os.read(self.terminal, 4096)
            except OSError:  # Linux reports a closed other end as an error.
                return
            if not piece:
                return
            self.text += piece.decode()

    def code(self):
        """Waits for the user code and returns it."""
        end = time.monotonic() + 20
        while time.monotonic() < end and "Waiting" not in self.text:
            assert self.process.poll() is None or "Waiting" in self.text, self.text
            time.sleep(0.05)
        return CODE.search(self.text)[0]

    def ended(self):
        """Waits for the end; returns the exit code."""
        code = self.process.wait(timeout=60)
        self.reader.join(timeout=10)
        os.close(self.terminal)
        return code

"""A terminal as a person sees it: tmux with a shell, and `tessera` in its PATH."""

import shlex
import subprocess
import time

from servers import BINARY

ROWS = 24
PROMPT = "$"


class Tmux:
    """One window with so many columns, in a tmux server of its own."""

    def __init__(self, folder, columns, **variables):
        self.folder = folder
        programs = folder / "bin"
        programs.mkdir()
        (programs / "tessera").symlink_to(BINARY)
        variables |= {"HOME": folder, "PATH": f"{programs}:/usr/bin:/bin", "PS1": f"{PROMPT} ", "LANG": "C.UTF-8"}
        shell = ["env", "-i", *(f"{name}={value}" for name, value in variables.items()), "TERM=screen", "sh"]
        size = ["-x", str(columns), "-y", str(ROWS)]
        self.tmux("-f", "/dev/null", "new-session", "-d", *size, "-c", str(folder), shlex.join(shell))
        self.wait_for(PROMPT)

    def tmux(self, *arguments):
        command = ["tmux", "-S", str(self.folder / "tmux"), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout

    def type(self, text):
        """Types a command and presses Enter."""
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def press(self, key):
        self.tmux("send-keys", key)

    def clear(self):
        """Forgets what has been on the screen."""
        self.type("clear")
        self.wait_for_prompt()
        self.tmux("clear-history")

    def rows(self):
        """The rows of the screen and what has scrolled off it, as the terminal has wrapped them."""
        return self.tmux("capture-pane", "-p", "-S", "-").rstrip().splitlines()

    def lines(self):
        """The lines as programs wrote them: what copying from the terminal gives."""
        return [line.rstrip() for line in self.tmux("capture-pane", "-p", "-J", "-S", "-").rstrip().splitlines()]

    def wait_for(self, text):
        """Waits until a line begins with this text."""
        self.wait_until(lambda lines: any(line.startswith(text) for line in lines))

    def wait_for_prompt(self):
        """Waits until the last command has ended."""
        self.wait_until(lambda lines: lines[-1:] == [PROMPT])

    def wait_until(self, holds):
        end = time.monotonic() + 30
        while not holds(self.lines()):
            assert time.monotonic() < end, self.lines()
            time.sleep(0.1)

    def close(self):
        self.tmux("kill-server")

"""The programs that read the document, and what runs them."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TARGET = HERE.parents[2] / "target"
NODE_MODULES = TARGET / "tests" / "node" / "node_modules"


def redocly(*arguments):
    return node(NODE_MODULES / "@redocly" / "cli" / "bin" / "cli.js", *arguments)


def tsc(*arguments):
    return node(NODE_MODULES / "typescript" / "bin" / "tsc", *arguments)


def openapi_generator(*arguments):
    return run(tool("openapi-generator-cli"), *arguments)


def node(*command):
    return run(tool("node"), *command)


def tool(name):
    """A program that the requirements installed."""
    return Path(sys.executable).with_name(name)


def run(*command, env=None, timeout=120):
    ended = subprocess.run(
        [str(part) for part in command], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
    )
    assert ended.returncode == 0, f"{command}\n{ended.stdout[-4000:]}\n{ended.stderr[-4000:]}"
    return ended.stdout

"""The OpenAPI document is valid, and the SDKs generated from it work as their users expect."""

import json
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from servers import BINARY, ok

HERE = Path(__file__).parent
NODE_MODULES = HERE.parents[2] / "target" / "tests" / "node" / "node_modules"


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """The file that `tessera openapi` writes."""
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    file.write_text(run(BINARY, "openapi"))
    return file


@pytest.fixture(scope="module")
def python_sdk(document):
    """The folder to import it from."""
    folder = document.parent / "python"
    generate("python", document, folder, "--package-name", "tessera_client")
    return folder


@pytest.fixture(scope="module")
def typescript_program(document):
    """The compiled program that uses it."""
    folder = document.parent / "typescript"
    generate("typescript-fetch", document, folder / "generated")
    shutil.copy(HERE / "use_sdk.ts", folder)
    options = "--strict --target es2022 --lib es2022,dom --module commonjs".split()
    node(NODE_MODULES / "typescript" / "bin" / "tsc", *options, "--outDir", folder / "js", folder / "use_sdk.ts")
    return folder / "js" / "use_sdk.js"


def test_openapi_generator_finds_the_document_valid(document):
    assert "errors" not in run(tool("openapi-generator-cli"), "validate", "-i", document).lower()


def test_redocly_finds_the_document_valid(document):
    node(NODE_MODULES / "@redocly" / "cli" / "bin" / "cli.js", "lint", "--extends", "minimal", document)


def test_the_document_for_older_tools_is_valid(server, tmp_path):
    served = ok(server.anonymous().get("/api-docs/openapi-3.0.json"))
    assert served["openapi"].startswith("3.0")
    (tmp_path / "openapi.json").write_text(json.dumps(served))
    run(tool("openapi-generator-cli"), "validate", "-i", tmp_path / "openapi.json")


def test_the_generated_python_sdk_manages_keys(server, managing_key, python_sdk):
    program = [sys.executable, HERE / "use_sdk.py", server.base_url, managing_key, f"python {uuid.uuid4()}"]
    run(*program, env={"PYTHONPATH": str(python_sdk)})


def test_the_generated_typescript_sdk_manages_keys(server, managing_key, typescript_program):
    node(typescript_program, server.base_url, managing_key, f"typescript {uuid.uuid4()}")


def generate(generator, document, into, *more):
    run(tool("openapi-generator-cli"), "generate", "-g", generator, "-i", document, "-o", into, *more)


def node(*command):
    return run(tool("node"), *command)


def tool(name):
    """A program that the requirements installed."""
    return Path(sys.executable).with_name(name)


def run(*command, env=None):
    ended = subprocess.run(
        [str(part) for part in command], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, f"{command}\n{ended.stdout[-4000:]}\n{ended.stderr[-4000:]}"
    return ended.stdout

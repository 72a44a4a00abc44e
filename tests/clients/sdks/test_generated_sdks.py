"""The SDKs generated from the OpenAPI document work as their users expect."""

import shutil
import sys
import uuid

import pytest

from tools import HERE, node, openapi_generator, run, tsc


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
    tsc(*options, "--outDir", folder / "js", folder / "use_sdk.ts")
    return folder / "js" / "use_sdk.js"


def test_the_generated_python_sdk_manages_keys(server, managing_key, python_sdk):
    program = [sys.executable, HERE / "use_sdk.py", server.base_url, managing_key, f"python {uuid.uuid4()}"]
    run(*program, env={"PYTHONPATH": str(python_sdk)})


def test_the_generated_typescript_sdk_manages_keys(server, managing_key, typescript_program):
    node(typescript_program, server.base_url, managing_key, f"typescript {uuid.uuid4()}")


@pytest.mark.parametrize("generator, method", [
    ("java", "createApiKey"), ("go", "CreateApiKey"), ("rust", "create_api_key"), ("php", "createApiKey"), ("ruby", "create_api_key")
])
def test_sdks_in_other_languages_are_generated_from_the_unedited_document(document, tmp_path, generator, method):
    generate(generator, document, tmp_path)
    written = [file.read_text() for file in tmp_path.rglob("*") if file.suffix in (".java", ".go", ".rs", ".php", ".rb")]
    assert any(f" {method}" in text for text in written), f"none of {len(written)} files has {method}"


def generate(generator, document, into, *more):
    openapi_generator("generate", "-g", generator, "-i", document, "-o", into, *more)

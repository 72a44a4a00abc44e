"""For each language, the command that runs the program `use_sdk` with the SDK generated for it, and its environment.

An SDK is generated and compiled once for all databases.

oapi-codegen is not among them: it is a Go program, and neither it nor the modules that it and its SDKs import are in a
registry that the tests install from (those of Python, Node, Rust and Debian).
"""

import functools
import os
import shutil
import sys
from pathlib import Path

import openapi_generator_cli

from servers import BINARY
from tools import HERE, TARGET, openapi_generator, run, tool, tsc

# What the Java SDK needs: Jackson, which is part of the generator, and two libraries of Debian.
JARS = [Path(openapi_generator_cli.__file__).with_name("openapi-generator.jar")]
JARS += [f"/usr/share/java/{name}.jar" for name in ("geronimo-annotation-1.3-spec", "httpmime")]


@functools.cache
def python(document):
    sdk = generated(document, "python", "--package-name", "tessera_client")
    return [sys.executable, HERE / "use_sdk.py"], {"PYTHONPATH": str(sdk)}


@functools.cache
def typescript(document):
    sdk = generated(document, "typescript-fetch")
    program = shutil.copy(HERE / "use_sdk.ts", sdk.parent)
    options = "--strict --target es2022 --lib es2022,dom --module commonjs".split()
    tsc(*options, "--outDir", sdk.parent / "js", program)
    return [tool("node"), sdk.parent / "js" / "use_sdk.js"], {}


@functools.cache
def java(document):
    packages = "--invoker-package org.tessera --api-package org.tessera.api --model-package org.tessera.model".split()
    options = "library=native,openApiNullable=false,useJakartaEe=false"
    sdk = generated(document, "java", *packages, "--additional-properties", options)
    sources = [*sdk.glob("src/main/java/**/*.java"), HERE / "UseSdk.java"]
    classes = sdk / "classes"
    path = ":".join(map(str, JARS))
    run("javac", "-nowarn", "-proc:none", "-cp", path, "-d", classes, *sources)
    return ["java", "-cp", f"{classes}:{path}", "UseSdk"], dict(os.environ)


@functools.cache
def go(document):
    names = "--package-name tessera --git-host example.org --git-user-id tessera --git-repo-id sdk".split()
    sdk = generated(document, "go", *names)
    (sdk / "program").mkdir()
    shutil.copy(HERE / "use_sdk.go", sdk / "program")
    # Nothing but the standard library is needed, nor looked for.
    environment = os.environ | {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"}
    run(tool("go"), "build", "-C", sdk, "-o", "use_sdk", "./program", env=environment, timeout=600)
    return [sdk / "use_sdk"], {}


@functools.cache
def php(document):
    sdk = generated(document, "php", "--additional-properties", "invokerPackage=TesseraClient")
    return ["php", HERE / "use_sdk.php", sdk], dict(os.environ)


@functools.cache
def ruby(document):
    sdk = generated(document, "ruby", "--additional-properties", "gemName=tessera_client,moduleName=TesseraClient")
    return ["ruby", "-I", sdk / "lib", HERE / "use_sdk.rb"], dict(os.environ)


@functools.cache
def rust_programs(document):
    """The folder of the programs with the SDKs of both generators: they share what they depend on."""
    folder = TARGET / "tests" / "rust-sdks"
    generated(document, "rust", "--package-name", "tessera_client", into=folder / "sdk")
    (folder / "openapi-3.0.json").write_text(run(BINARY, "openapi", "--as", "3.0"))
    shutil.copytree(HERE / "rust", folder / "program", dirs_exist_ok=True)
    manifest = folder / "program" / "Cargo.toml"
    run("cargo", "build", "--locked", "--quiet", "--manifest-path", manifest, "--target-dir", folder / "target", timeout=600)
    return folder / "target" / "debug"


def rust(document):
    return [rust_programs(document) / "openapi_generator"], {}


def progenitor(document):
    return [rust_programs(document) / "progenitor"], {}


ALL = [python, typescript, java, go, php, ruby, rust, progenitor]


def generated(document, generator, *options, into=None):
    """The folder of the SDK that openapi-generator makes of the document."""
    folder = into or document.parent / generator / "sdk"
    openapi_generator("generate", "-g", generator, "-i", document, "-o", folder, *options)
    return folder

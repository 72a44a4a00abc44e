"""The document, in both versions."""

import pytest

from servers import BINARY
from tools import run


@pytest.fixture(scope="session")
def document(tmp_path_factory):
    """The file that `tessera openapi` writes."""
    return written(tmp_path_factory, "3.1")


@pytest.fixture(scope="session", params=["3.1", "3.0"])
def each_document(request, tmp_path_factory):
    """That file, and the one for older tools."""
    return written(tmp_path_factory, request.param)


def written(tmp_path_factory, version):
    file = tmp_path_factory.mktemp(f"document-{version}") / "openapi.json"
    file.write_text(run(BINARY, "openapi", "--as", version))
    return file

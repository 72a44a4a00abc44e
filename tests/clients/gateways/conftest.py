"""Tessera, an application, and gateways between them and the clients."""

import contextlib
import time
from itertools import takewhile
from pathlib import Path
from tempfile import gettempdir
from types import SimpleNamespace

import pytest

from edges import edge_at
from gateways import GATEWAYS
from servers import DATABASES, Server, token_of
from upstream import Upstream

# The gateways connect from here; clients whose addresses matter have others in 127.0.0.0/8.
TRUSTED = {"TESSERA_TRUSTED_PROXIES": "127.0.0.1/32"}


@pytest.fixture(scope="session")
def tessera(tmp_path_factory):
    """A server that believes the gateways on this machine. Which database it has makes no difference to them."""
    directory = tmp_path_factory.mktemp("tessera")
    server = Server(directory, DATABASES["sqlite"](directory))
    try:
        yield server.start(**TRUSTED)
    finally:
        server.stop()


@pytest.fixture(scope="session")
def manager(tessera):
    """The signed-in user `admin` of that server."""
    return tessera.admin()


@pytest.fixture(scope="session")
def persona(manager):
    """The qualified name of the persona that the gateways require."""
    return manager.new_persona()["qualifiedName"]


@pytest.fixture(scope="session")
def upstream():
    with Upstream() as upstream:
        yield upstream


# These have an edge beside them, which they ask instead of the server.
WITH_EDGES = {f"{name} beside an edge": name for name in ("nginx", "envoy")}


class Beside:
    """The server, except for the port, which is that of an edge."""

    def __init__(self, server, edge):
        self.server = server
        self.port = edge.port

    def __getattr__(self, name):
        return getattr(self.server, name)


@pytest.fixture(scope="session", params=[*GATEWAYS, *WITH_EDGES])
def gateway(request, tessera, upstream, persona, tmp_path_factory):
    directory = tmp_path_factory.mktemp(request.param.replace(" ", "-"))
    # A server may have given up root's rights when it reads its files.
    for path in takewhile(lambda path: Path(gettempdir()) in path.parents, (directory, *directory.parents)):
        path.chmod(0o755)
    name = WITH_EDGES.get(request.param, request.param)
    with contextlib.ExitStack() as running:
        asked = tessera
        if request.param in WITH_EDGES:
            own = tessera.new_key("--permission", "VERIFY_TOKENS")
            asked = Beside(tessera, running.enter_context(edge_at(directory / "edge", tessera.port, own)))
        yield running.enter_context(GATEWAYS[name](directory, asked, upstream, persona))


@pytest.fixture(scope="session")
def keys(manager, persona):
    """Keys of all kinds; each has its answer in `created` and its token in an attribute."""
    wanted = {
        "plain": {},
        "expired": {"validitySeconds": 1},
        "permitted": {"workspacePermissions": ["MANAGE_APIKEYS"]},
        "linked": {"personaQualifiedNames": [persona]},
        "operator": {"workspacePermissions": ["MANAGE_APIKEYS"], "personaQualifiedNames": [persona]},
        "bound": {"allowedAddresses": ["127.0.0.2/32"]},
    }
    created = {name: manager.create(**members) for name, members in wanted.items()}
    time.sleep(1.1)
    return SimpleNamespace(created=created, **{name: token_of(key) for name, key in created.items()})

"""`datahub ingest` with a token and nothing else in its sink, as DataHub's documentation has it, in three versions."""

import json
import secrets

import pytest

from conftest import VENV, DataHub

VERSIONS = ["datahub-venv-0.14.1", "datahub-venv-0.15.0", "datahub-venv"]

GRAPH = """
from datahub.ingestion.graph.client import DataHubGraph
try:
    from datahub.ingestion.graph.config import DatahubClientConfig
except ImportError:
    from datahub.ingestion.graph.client import DatahubClientConfig
import json, os
graph = DataHubGraph(DatahubClientConfig(server=os.environ["SERVER"], token=os.environ["TOKEN"]))
"""

FOUND = """
from datahub.metadata.schema_classes import CorpUserInfoClass, CorpUserSnapshotClass, MetadataChangeEventClass
snapshot = CorpUserSnapshotClass(urn=os.environ["URN"], aspects=[CorpUserInfoClass(active=True, displayName="x")])
graph.emit_mce(MetadataChangeEventClass(proposedSnapshot=snapshot))
print(json.dumps(list(graph.get_urns_by_filter(entity_types=["corpuser"], batch_size=3))))
"""

# Before 1.0 the client sends `skipCache` as a text.
RESULTS = """
results = graph.get_results_by_filter(entity_types=["corpuser"], batch_size=3, skip_cache=True)
print(json.dumps([result["entity"]["urn"] for result in results]))
"""


@pytest.fixture(params=VERSIONS)
def client(request, server, tmp_path):
    """The client of that version, with the token of the user `admin` in its environment."""
    token = server.admin().token
    client = DataHub(
        server, tmp_path / "home", DATAHUB_GMS_URL=server.base_url, DATAHUB_GMS_TOKEN=token, TOKEN=token,
    )  # fmt: skip
    client.venv = VENV.parents[1] / request.param / "bin"
    client.token = token
    return client


def proposal(kind, name, aspect, value):
    urn = f"urn:li:{kind}:{name}"
    return {"entityType": kind, "entityUrn": urn, "changeType": "UPSERT", "aspectName": aspect, "aspect": {"json": value}}


def users(*names):
    return [proposal("corpuser", name, "corpUserInfo", {"active": True, "displayName": name}) for name in names]


def ingest(client, proposals):
    (client.home / "records.json").write_text(json.dumps(proposals))
    sink = {"type": "datahub-rest", "config": {"server": client.server.base_url, "token": client.token}}
    recipe = {"source": {"type": "file", "config": {"path": "records.json"}}, "sink": sink}
    # YAML is a superset of JSON.
    (client.home / "recipe.yml").write_text(json.dumps(recipe))
    return client.run("ingest", "-c", "recipe.yml")


def there(server, name):
    return server.admin().get(f"/entitiesV2/urn:li:corpuser:{name}").status_code == 200


def test_a_default_recipe_succeeds(client, server):
    names = [f"user-{secrets.token_hex(4)}" for _ in range(3)]
    ended = ingest(client, users(*names))
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    assert all(there(server, name) for name in names)


def test_a_recipe_with_other_entities_fails_in_words_and_leaves_nothing_behind(client, server):
    name = f"user-{secrets.token_hex(4)}"
    dataset = proposal("dataset", "(urn:li:dataPlatform:x,y,PROD)", "status", {"removed": False})
    ended = ingest(client, [*users(name), dataset])
    assert ended.returncode != 0
    assert "keeps users and service accounts" in ended.stdout + ended.stderr
    assert not there(server, name)


def test_user_upsert_creates_a_user(client, server):
    name = f"user-{secrets.token_hex(4)}"
    user = {"id": name, "first_name": "The", "last_name": "Bar", "email": "b@example.org", "groups": ["x"]}
    (client.home / "user.yml").write_text(json.dumps(user))
    client.cli("user", "upsert", "-f", "user.yml")
    assert there(server, name)


def test_snapshots_are_written_and_users_found(client, server):
    name = f"user-{secrets.token_hex(4)}"
    urn = f"urn:li:corpuser:{name}"
    client.more_environment["URN"] = urn
    found = client.python("-c", GRAPH + FOUND)
    assert urn in found and "urn:li:corpuser:admin" in found
    assert len(found) == len(set(found))


def test_results_of_a_filter_are_found(client, server):
    name, _, _ = server.new_user()
    found = client.python("-c", GRAPH + RESULTS)
    assert f"urn:li:corpuser:{name}" in found and len(found) == len(set(found))

"""The OpenAPI document is valid, its names suit a generated SDK, and its examples work."""

import json
import re

import pytest

from servers import ok
from tools import HERE, openapi_generator, redocly

COLLECTIONS = ["apikeys", "audit", "personas", "roles", "users", "v2/groups"]


@pytest.fixture(scope="module")
def paths(server):
    """What the running server says of its paths."""
    return ok(server.anonymous().get("/api-docs/openapi.json"))["paths"]


def test_openapi_generator_recommends_nothing(each_document):
    assert "No validation issues detected" in openapi_generator("validate", "--recommend", "-i", each_document)


def test_redocly_warns_of_nothing(each_document):
    redocly("lint", "--config", HERE / "redocly.yaml", each_document)


def test_operations_read_like_methods(document):
    paths = json.loads(document.read_text())["paths"]
    names = [operation["operationId"] for path in paths.values() for operation in path.values()]
    odd = [name for name in names if not re.fullmatch(r"(create|get|list|update|replace|delete|evaluate|execute|search|verify|introspect|revoke|take)(_[a-z0-9]+)+|whoami", name)]
    assert not odd


def test_schemas_are_named_after_things(document):
    schemas = json.loads(document.read_text())["components"]["schemas"]
    assert not [name for name in schemas if not re.fullmatch(r"([A-Z][a-z]*)+", name)]


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_the_examples_of_a_collection_are_taken(server, paths, admin, collection):
    path = f"/api/service/{collection}"
    parameters = paths[path]["get"]["parameters"]
    examples = {each["name"]: each["example"] for each in parameters if "example" in each}
    assert examples.keys() == {"filter", "sort"}
    page = ok(admin.get(path, params=examples))
    assert page["filterRecord"] <= page["totalRecord"]
    assert all("etl" in json.dumps(record).lower() for record in page["records"])


def test_the_example_of_a_filter_finds_a_key_by_a_part_of_its_name(paths, admin):
    parameters = paths["/api/service/apikeys"]["get"]["parameters"]
    [example] = [each["example"] for each in parameters if each["name"] == "filter"]
    wanted, other = admin.create("Nightly-ETL"), admin.create("hourly")
    found = {key["id"] for key in ok(admin.get("/api/service/apikeys", params={"filter": example, "limit": 1000}))["records"]}
    assert wanted["id"] in found and other["id"] not in found


def test_the_example_of_a_key_can_be_created_and_written_again(admin, document):
    body = example_of(document, "ApiKeyRequest")
    created = ok(admin.post("/api/service/apikeys", json=body))
    assert created["displayName"] == body["displayName"]
    ok(admin.post(f"/api/service/apikeys/{created['id']}", json=body))


def test_the_example_of_a_persona_can_be_created_and_written_again(admin, document):
    body = example_of(document, "PersonaRequest")
    persona = ok(admin.post("/api/service/personas", json=body))
    written_again = ok(admin.post(f"/api/service/personas/{persona['id']}", json=body))
    assert body.items() <= written_again.items()
    # Names are unique: another test may want this one.
    assert admin.delete(f"/api/service/personas/{persona['id']}").status_code == 200


def test_only_the_example_of_a_creation_holds_a_token(document, paths):
    answer = paths["/api/service/apikeys"]["post"]["responses"]["200"]["content"]["application/json"]
    assert "accessToken" in answer["example"]["attributes"]
    assert "accessToken" not in example_of(document, "ApiKey")["attributes"]


def example_of(document, schema):
    return json.loads(document.read_text())["components"]["schemas"][schema]["example"]

"""What a body may contain: failures F6, F21 and F31; docs/contracts/atlan.md, section 3.1."""

import time

import pytest

from errors import error_of
from servers import ok, personas_of, token_of

KEYS = "/api/service/apikeys"
NEVER = 409_968_000


def send(admin, body):
    return admin.post(KEYS, content=body, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize(
    "body",
    [
        '{"displayName":"a","displayName":"b"}',
        '{"displayName":"a","validitySeconds":60,"validitySeconds":61}',
        '{"displayName":"a","personaQualifiedNames":[],"personaQualifiedNames":["default/x"]}',
        '{"displayName":"a","validitySeconds":1e400}',
        '{"displayName":"a\\ud800"}',
        '{"displayName":"a\\udc00\\ud800"}',
        '{"displayName":"a","description":{"a":1}}',
        '{"displayName":["a"]}',
        '["a","what for",[],[],60,[]]',
        '{"displayName":"a",}',
        "{'displayName':'a'}",
        '{"displayName":"a"} {"displayName":"b"}',
        '{"displayName":NaN}',
        "\ufeff" + '{"displayName":"a"',
    ],
)
def test_ambiguous_json_is_a_bad_request(admin, body):
    error_of(send(admin, body.encode()), 400)


@pytest.mark.parametrize(
    "body",
    [
        "[" * 1_000_000 + "]" * 1_000_000,
        "[" * 10_000 + "]" * 10_000,
        '{"a":' * 10_000 + "1" + "}" * 10_000,
        '{"displayName":"a","personaQualifiedNames":' + "[" * 5_000 + "]" * 5_000 + "}",
        "{" + ",".join(f'"k{n}":1' for n in range(1_000_000)) + "}",
        "{" + ",".join(f'"k{n}":1' for n in range(2_000)) + "}",
        '{"displayName":"a","personaQualifiedNames":[' + ",".join('"x"' for _ in range(200_000)) + "]}",
    ],
    ids=["deep", "less deep", "deep objects", "deep member", "million keys", "thousands of keys", "long list"],
)
def test_monstrous_json_is_refused_in_time(admin, body):
    begun = time.monotonic()
    answer = send(admin, body.encode())
    assert answer.status_code in (400, 413)
    error_of(answer, answer.status_code)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "member",
    [
        "createdBy",
        "guid",
        "id",
        "clientId",
        "qualifiedName",
        "createdAt",
        "updatedAt",
        "expiresAt",
        "hash",
        "digest",
        "attributes",
        "attributes.createdBy",
        "lifespan",
        "access.token.lifespan",
        "accessToken",
        "status",
        "tenant",
        "userId",
        "role",
        "roles",
        "__proto__",
        "constructor",
        "$set",
        "/displayName",
        "username",
        "enabled",
        "DisplayName",
        "displayname",
        "validityseconds",
    ],
)
def test_unknown_and_server_owned_members_are_refused_by_name(admin, member):
    created = admin.create()
    body = {"displayName": "mass assignment", member: "x", "alsoUnknown": {}}
    for path in (KEYS, f"{KEYS}/{created['id']}"):
        message = error_of(admin.post(path, json=body), 400)["errorMessage"]
        assert member in message and "alsoUnknown" in message
    assert admin.read(created["id"]) == {**created, "attributes": without_token(created)}


def test_a_refused_body_is_not_quoted(server):
    """A token or a password in the wrong place must not end up in an error, from where it goes into logs."""
    for body in ({"username": "admin", "password": 1234567890123}, {"username": "admin", "password": ["hush-hush"]}):
        message = error_of(server.anonymous().post("/api/service/sessions", json=body), 400)["errorMessage"]
        assert "1234567890123" not in message and "hush" not in message


def test_personas_is_taken_and_means_nothing(admin):
    persona = admin.new_persona()
    assert personas_of(admin.create(personas=[])) == set()
    created = admin.create(personas=[persona["id"]], personaQualifiedNames=[])
    assert personas_of(created) == set()


@pytest.mark.parametrize("seconds", ["1", "60", "157680000", "157680001", "409967999"])
def test_a_validity_is_kept_to_the_second(admin, seconds):
    created = ok(send(admin, f'{{"displayName":"validity","validitySeconds":{seconds}}}'))
    attributes = created["attributes"]
    assert attributes["access.token.lifespan"] == seconds
    assert int(attributes["expiresAt"]) == int(attributes["createdAt"]) + int(seconds) * 1000


@pytest.mark.parametrize("seconds", [NEVER, 2**31 - 1, 2**31, 2**53, 2**63 - 1])
def test_a_long_validity_is_for_ever_and_echoed(server, admin, seconds):
    created = admin.create(validitySeconds=seconds)
    assert created["attributes"]["access.token.lifespan"] == str(seconds)
    assert admin.read(created["id"])["attributes"]["access.token.lifespan"] == str(seconds)
    assert server.holder_of(token_of(created)).is_let_in()
    created_at = created["attributes"]["createdAt"]
    ends = f'{{"id":"{created["id"]}","expiresAt":{{"$lte":{created_at}}}}}'
    assert admin.list(filter=ends)["records"] == []


@pytest.mark.parametrize(
    "seconds",
    ["-1", "0", "-9223372036854775808", str(2**63), str(2**64), "1e308", '"1y"', "1.5", "true", "[]", "{}", '""'],
)
def test_a_validity_that_is_none_is_refused(admin, seconds):
    created = admin.create()
    for path in (KEYS, f"{KEYS}/{created['id']}"):
        body = f'{{"displayName":"validity","validitySeconds":{seconds}}}'
        answer = admin.post(path, content=body, headers={"Content-Type": "application/json"})
        assert "validitySeconds" in error_of(answer, 400)["errorMessage"]


def test_no_validity_is_for_ever(admin):
    for members in ({}, {"validitySeconds": None}):
        created = admin.create(**members)
        assert int(created["attributes"]["access.token.lifespan"]) >= NEVER


def test_the_numbers_of_the_wire_are_strings_of_integers(admin):
    persona = admin.new_persona()
    created = admin.create(personaQualifiedNames=[persona["qualifiedName"]], validitySeconds=60)
    [listed] = admin.list(filter=f'{{"id":"{created["id"]}"}}')["records"]
    for answered in (
        created,
        listed,
        admin.read(created["id"]),
        admin.update(created["id"], "renamed", personaQualifiedNames=[persona["qualifiedName"]]),
    ):
        attributes = answered["attributes"]
        assert all(isinstance(answered[member], str) for member in ("id", "clientId", "displayName"))
        for member in ("access.token.lifespan", "createdAt"):
            assert isinstance(attributes[member], str) and attributes[member].isdigit()
        assert attributes["clientId"] == answered["clientId"]
        assert attributes["displayName"] == answered["displayName"]
        assert attributes["personas"] == []
        assert attributes["workspacePermissions"] == []
        assert attributes["createdBy"] == "admin"
        assert attributes["personaQualifiedName"] == [
            {"id": persona["id"], "persona": persona["name"], "personaQualifiedName": persona["qualifiedName"]}
        ]
        assert "purposes" not in attributes
        assert ("accessToken" in attributes) == (answered is created)


@pytest.mark.parametrize(
    "name",
    [
        "x",
        "x" * 255,
        "ключ",
        "🔑" * 255,
        "<script>alert(1)</script>",
        "{{7*7}}",
        "=1+1",
        "a'b\"c\\d",
        "%",
        "_",
    ],
)
def test_a_display_name_is_kept_as_text_and_found_again(admin, name):
    created = admin.create(name)
    assert created["displayName"] == name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    assert admin.list(filter=f'{{"displayName":"{escaped}"}}')["records"][0]["id"] == created["id"]


@pytest.mark.parametrize(
    "name",
    ["", " ", "\t\n", "x" * 256, "a\nb", "a\0b", "\x1b[31m", "\u0085x\u0085y", "\u00a0", "a\u202eb", "\ufeffa"],
)
def test_a_display_name_that_is_none_is_refused(admin, name):
    error_of(admin.post(KEYS, json={"displayName": name}), 400)


def test_a_display_name_is_trimmed(admin):
    assert admin.create("  padded  ")["displayName"] == "padded"


def without_token(created):
    return {name: value for name, value in created["attributes"].items() if name != "accessToken"}

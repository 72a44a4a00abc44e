"""What a filter selects and refuses: docs/contracts/atlan.md, section 4; failures F27 and F28."""

import json
import time
import uuid

import pytest

from errors import error_of
from families import COLUMNS, ids, matching, new_family
from servers import ok

KEYS = "/api/service/apikeys"


@pytest.fixture(scope="module")
def family(admin):
    return new_family(admin)


@pytest.mark.parametrize(
    "filter",
    [
        *(json.dumps({column: {"$gt": "a"}}) for column in COLUMNS),
        *(json.dumps({column: "a"}) for column in COLUMNS),
        '{"displayName":{"$regex":"(a+)+$"}}',
        '{"displayName":{"$where":"1"}}',
        '{"$where":"1"}',
        '{"displayName":{"$gt":1}}',
        '{"displayName":["a"]}',
        '{"displayName":{}}',
        '{"displayName":{"$in":"a"}}',
        '{"$or":[]}',
        '{"$or":{}}',
        '{"$and":"x"}',
        '{"$not":[]}',
        '{"createdAt":"yesterday"}',
        '{"createdAt":{"$gt":1e400}}',
        '{"createdAt":9223372036854775808}',
        '{"id":{"$gt":"a"}}',
        "[]",
        "null",
        '"x"',
        "1",
        "{",
        '{"displayName":"we"ird"}',
        "displayName=x",
        "{'displayName':'x'}",
        '{"displayName":"\\ud800"}',
        '{"displayName":"x"}}',
        '{"$or":[1]}',
        '{"$and":[' + ",".join(["{}"] * 2000) + "]}",
        '{"":"x"}',
        '{"displayname":"x"}',
        '{"$and":[' * 20 + '{"displayName":"x"}' + "]}" * 20,
        '{"a":' * 2000 + "1" + "}" * 2000,
        "[" * 4000,
        json.dumps({"id": {"$in": [str(uuid.uuid4()) for _ in range(500)]}}),
        json.dumps({"displayName": "x" * 20_000}),
    ],
)
def test_a_filter_beyond_what_is_offered_is_refused(admin, filter):
    error = error_of(admin.get(KEYS, params={"filter": filter}), 400)
    assert "filter" in error["errorMessage"]


def test_a_costly_pattern_is_answered_in_time(admin, family):
    begun = time.monotonic()
    admin.list(filter=json.dumps({"displayName": {"$ilike": "%a" * 500 + "%b"}}))
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    "condition, numbers",
    [
        ({"description": "member"}, [0, 2, 4]),
        ({"description": {"$eq": "Member"}}, [1, 3]),
        ({"description": {"$ne": "member"}}, [1, 3]),
        ({"description": {"$ilike": "MEMB%"}}, [0, 1, 2, 3, 4]),
        ({"description": {"$like": "MEMB%"}}, []),
        ({"description": {"$like": "memb%"}}, [0, 2, 4]),
        ({"description": {"$in": ["member", "x"]}}, [0, 2, 4]),
        ({"description": {"$nin": ["member", "x"]}}, [1, 3]),
        ({"description": {"$in": [""]}}, []),
        ({"description": {"$not": {"$eq": "member"}}}, [1, 3]),
        ({"lastUsedAt": {"$exists": False}}, [0, 1, 2, 3, 4]),
        ({"lastUsedAt": {"$exists": True}}, []),
        ({"status": "active"}, [0, 1, 2, 3, 4]),
        ({"status": "expired"}, []),
        ({"createdBy": "admin", "description": "Member"}, [1, 3]),
        ({"$or": [{"description": "member"}, {"createdBy": "nobody"}]}, [0, 2, 4]),
        ({"$and": [{"createdBy": "admin"}, {"$not": {"description": "member"}}]}, [1, 3]),
        ({"createdAt": {"$gt": 0, "$lt": 9223372036854775807}}, [0, 1, 2, 3, 4]),
        ({"createdAt": {"$lte": 0}}, []),
        ({"expiresAt": None}, [0, 1, 2, 3, 4]),
    ],
)
def test_operators_select(admin, family, condition, numbers):
    name, members = family
    listed = admin.list(filter=matching(name, **condition), sort="createdAt")
    assert ids(listed) == [members[number] for number in numbers]
    assert listed["filterRecord"] == len(numbers)


@pytest.mark.parametrize("field", ["displayName", "description", "createdBy", "personaQualifiedName", "id", "clientId"])
def test_a_null_character_is_in_no_record(admin, field):
    """PostgreSQL cannot store one, so it must not be asked about one either."""
    for condition in ("a\0b", {"$in": ["\0"]}, {"$ne": "\0"}):
        answer = admin.get(KEYS, params={"filter": json.dumps({field: condition}), "limit": 1})
        assert answer.status_code in (200, 400), answer.text


def test_underscores_are_no_wildcards(admin):
    name = f"under_score-{uuid.uuid4()}"
    created = admin.create(name)["id"]
    assert ids(admin.list(filter=matching(name))) == [created]
    assert ids(admin.list(filter=matching(name.replace("_", "x")))) == []
    assert ids(admin.list(filter=matching(name.replace("r_s", "___")))) == []


@pytest.mark.parametrize("field", ["displayName", "description"])
@pytest.mark.parametrize("text", ["ÄÖÜ ŽЯΩ", "ΟΔΥΣΣΕΥΣ ΣΑΣ", "Straße"])
def test_case_is_ignored_beyond_ascii(admin, field, text):
    mark = str(uuid.uuid4())
    members = {"displayName": mark} | {field: f"{mark} {text} end"}
    created = ok(admin.post(KEYS, json=members))["id"]
    for pattern in (
        f"{mark} {text} end",
        f"{mark} {text[:4].casefold()}%",
        f"{mark} {text[:4].upper()}%",
        f"{mark}%END",
    ):
        assert ids(admin.list(filter=json.dumps({field: {"$ilike": pattern}}))) == [created], pattern
    assert ids(admin.list(filter=json.dumps({field: f"{mark} {text} END"}))) == []


def test_a_service_account_name_is_a_client_id(admin):
    created = admin.create()
    for written in (created["clientId"], f"service-account-{created['clientId']}"):
        assert ids(admin.list(filter=json.dumps({"clientId": written}))) == [created["id"]]


def test_personas_select_keys(admin):
    persona = admin.new_persona()["qualifiedName"]
    created = admin.create(personaQualifiedNames=[persona])["id"]
    assert ids(admin.list(filter=json.dumps({"personaQualifiedName": persona}))) == [created]

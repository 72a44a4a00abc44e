"""Orders and pages: docs/contracts/atlan.md, sections 2.2 and 4; failures F27 and F28."""

import time
import uuid

import pytest

from errors import error_of
from families import COLUMNS, ids, matching, new_family

KEYS = "/api/service/apikeys"


@pytest.fixture(scope="module")
def family(admin):
    return new_family(admin)


@pytest.mark.parametrize(
    "sort",
    [
        *COLUMNS,
        *(f"-{column}" for column in COLUMNS),
        "ASC,(CASE WHEN 1=1 THEN 1 ELSE 2 END)",
        "-createdAt,",
        ",",
        "-",
        "--createdAt",
        "createdAt desc",
        "createdAt,createdAt",
        "createdAt;SELECT 1",
        "createdAt--",
        "(SELECT digest FROM credentials)",
        "createdat",
        "+createdAt",
    ],
)
def test_a_sort_by_what_is_not_offered_is_refused(admin, sort):
    error = error_of(admin.get(KEYS, params={"sort": sort}), 400)
    assert not [
        word
        for word in ("SELECT ", "ORDER BY", "FROM api_keys", "syntax")
        if word in error["errorMessage"].replace(sort, "")
    ]


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "limit=1001",
        "limit=1000000000",
        "limit=9223372036854775808",
        "limit=1e2",
        "limit=x",
        "limit=1.5",
        "limit=0x10",
        "offset=-1",
        "offset=9223372036854775808",
        "offset=99999999999999999999",
        "offset=x",
        "count=maybe",
        "count=2",
        "limit=1&limit=2",
        "cursor=x",
        "cursor=AAAA",
    ],
)
def test_a_page_beyond_what_is_offered_is_refused(admin, query):
    error_of(admin.get(f"{KEYS}?{query}"), 400)


@pytest.mark.parametrize("query", ["offset=9223372036854775807", "offset=2147483648", "limit=1000&offset=1000000"])
def test_a_page_past_the_end_is_empty(admin, query):
    listed = admin.get(f"{KEYS}?{query}").json()
    assert listed["records"] == []
    assert listed["totalRecord"] == listed["filterRecord"] > 0


@pytest.mark.parametrize("count", ["True", "False", "true", "false", "TRUE"])
def test_booleans_are_read_in_any_case(admin, count):
    listed = admin.list(count=count, limit=1)
    assert isinstance(listed["totalRecord"], int) and isinstance(listed["filterRecord"], int)
    assert len(listed["records"]) == 1


def test_empty_parameters_mean_none(admin):
    assert admin.get(f"{KEYS}?filter=&sort=&count=true&offset=0&limit=0").status_code == 200


def test_a_page_has_a_hundred_records_unless_told_and_a_thousand_at_most(own_server):
    client = own_server.holder_of(own_server.managing_key())
    for _ in range(103):
        client.create()
    total = client.list(limit=1)["totalRecord"]
    assert total >= 104
    assert len(client.list()["records"]) == 100
    assert len(client.list(limit=0)["records"]) == len(client.list(limit=1000)["records"]) == total


def test_counts_are_exact(admin, family):
    name, members = family
    before = admin.list(filter=matching(name), limit=2)
    assert before["filterRecord"] == 5 and len(before["records"]) == 2
    extra = admin.create(f"{name} extra")["id"]
    after = admin.list(filter=matching(name), limit=1)
    assert (after["filterRecord"], after["totalRecord"]) == (6, before["totalRecord"] + 1)
    admin.delete(f"{KEYS}/{extra}")
    assert admin.list(filter=matching(name), limit=1)["totalRecord"] == before["totalRecord"]


@pytest.mark.parametrize(
    "sort",
    [
        "createdAt",
        "-createdAt",
        "displayName",
        "-displayName",
        "updatedAt",
        "expiresAt,-createdAt",
        "lastUsedAt",
        "createdBy,displayName",
    ],
)
def test_pages_by_offset_and_by_cursor_hold_every_record_once(admin, family, sort):
    name, members = family
    whole = ids(admin.list(filter=matching(name), sort=sort))
    assert sorted(whole) == sorted(members)
    assert whole == [
        one for offset in range(6) for one in ids(admin.list(filter=matching(name), sort=sort, limit=1, offset=offset))
    ]
    assert whole == [one for page in pages(admin, filter=matching(name), sort=sort, limit=2) for one in ids(page)]


def test_one_order_is_the_other_backwards(admin, family):
    name, members = family
    for sort in ("createdAt", "displayName", "updatedAt", "expiresAt", "lastUsedAt"):
        up, down = (ids(admin.list(filter=matching(name), sort=sign + sort)) for sign in ("", "-"))
        assert up == down[::-1], sort


def test_both_databases_sort_names_alike(admin):
    mark = str(uuid.uuid4())
    for first in ["b", "B", "a", "A", "ä", "Z", "z", "_", "-", " x", "1", "10", "2", "é", "я"]:
        admin.create(f"{mark}{first}")
    listed = admin.list(filter=matching(mark), sort="displayName")
    folded = [record["displayName"].lower() for record in listed["records"]]
    assert folded == sorted(folded), "names are ordered by code point, ignoring case"


def test_a_record_created_between_pages_moves_no_cursor(admin):
    name = f"moving-{uuid.uuid4()}"
    for number in range(4):
        admin.create(f"{name} {number}")
        time.sleep(0.002)
    walk = pages(admin, filter=matching(name), sort="-createdAt", limit=2)
    first = ids(next(walk))
    admin.create(f"{name} newer")
    rest = [one for page in walk for one in ids(page)]
    assert len(first) == len(rest) == 2 and not set(first) & set(rest)


def test_an_altered_or_borrowed_cursor_is_refused(admin, family):
    name, _ = family
    asked = {"filter": matching(name), "sort": "-createdAt", "limit": 2}
    cursor = next_of(admin.get(KEYS, params=asked)).params["cursor"]
    assert admin.get(KEYS, params=asked | {"cursor": cursor}).status_code == 200
    for n in range(0, len(cursor), 5):
        altered = cursor[:n] + ("A" if cursor[n] != "A" else "B") + cursor[n + 1 :]
        error_of(admin.get(KEYS, params=asked | {"cursor": altered}), 400)
    for other in ({"filter": matching(name, createdBy="admin")}, {"sort": "createdAt"}, {"filter": ""}):
        error_of(admin.get(KEYS, params=asked | other | {"cursor": cursor}), 400)


def pages(client, **asked):
    """Every page, by the links from each to the next."""
    answer = client.get(KEYS, params=asked)
    for _ in range(100):
        assert answer.status_code == 200, answer.text
        yield answer.json()
        url = next_of(answer)
        if url is None:
            return
        answer = client.get(url)
    raise AssertionError("the pages do not end")


def next_of(answer):
    link = answer.links.get("next")
    return answer.url.join(link["url"]) if link else None

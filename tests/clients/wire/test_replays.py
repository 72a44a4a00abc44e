"""A create sent twice makes one key: docs/contracts/atlan.md, trap 4; failure F50."""

import threading
import uuid

import pytest

from errors import error_of
from servers import ok, token_of

KEYS = "/api/service/apikeys"


@pytest.fixture(params=["X-Atlan-Request-Id", "Idempotency-Key"])
def replayed(request):
    """A request header that marks replays, and an unused value."""
    return {request.param: str(uuid.uuid4())}


def body():
    return {"displayName": f"replayed-{uuid.uuid4()}"}


def test_a_replay_makes_no_second_key_and_its_token_replaces_the_first(server, admin, replayed):
    sent = body()
    first, second = (ok(admin.post(KEYS, json=sent, headers=replayed)) for _ in range(2))
    assert first["id"] == second["id"]
    assert token_of(first) != token_of(second)
    assert not server.holder_of(token_of(first)).is_let_in()
    assert server.holder_of(token_of(second)).is_let_in()
    assert admin.list(filter=f'{{"displayName":"{sent["displayName"]}"}}')["filterRecord"] == 1


def test_a_replay_with_another_body_is_a_conflict(server, admin, replayed):
    first = ok(admin.post(KEYS, json=body(), headers=replayed))
    error_of(admin.post(KEYS, json=body(), headers=replayed), 409)
    assert server.holder_of(token_of(first)).is_let_in()


def test_a_replay_by_somebody_else_is_a_request_of_its_own(server, admin, replayed):
    other = server.holder_of(server.managing_key())
    sent = body()
    first, second = ok(admin.post(KEYS, json=sent, headers=replayed)), ok(other.post(KEYS, json=sent, headers=replayed))
    assert first["id"] != second["id"]
    assert server.holder_of(token_of(first)).is_let_in()


def test_a_replay_after_the_delete_gives_no_token(admin, replayed):
    sent = body()
    first = ok(admin.post(KEYS, json=sent, headers=replayed))
    assert admin.delete(f"{KEYS}/{first['id']}").status_code == 200
    answer = admin.post(KEYS, json=sent, headers=replayed)
    assert answer.status_code in (404, 409), "neither the old key nor a second one"
    assert admin.list(filter=f'{{"displayName":"{sent["displayName"]}"}}')["records"] == []


def test_a_refused_create_is_no_first(admin, replayed):
    error_of(admin.post(KEYS, json={"displayName": " "}, headers=replayed), 400)
    assert ok(admin.post(KEYS, json=body(), headers=replayed))


def test_creates_without_a_mark_are_two(admin):
    sent = body()
    assert ok(admin.post(KEYS, json=sent))["id"] != ok(admin.post(KEYS, json=sent))["id"]


def test_concurrent_replays_make_one_key(server, admin, replayed):
    sent, answers = body(), []
    barrier = threading.Barrier(8)

    def create():
        with server.holder_of(admin.token) as client:
            barrier.wait()
            answers.append(client.post(KEYS, json=sent, headers=replayed))

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {200, 409}
    made = [answer.json() for answer in answers if answer.status_code == 200]
    assert len({each["id"] for each in made}) == 1
    assert [server.holder_of(token_of(each)).is_let_in() for each in made].count(True) == 1, "one token is left"
    assert admin.list(filter=f'{{"displayName":"{sent["displayName"]}"}}')["filterRecord"] == 1

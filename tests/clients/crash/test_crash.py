"""Acknowledged changes survive kill -9: failure F48 and the issue's durability claims."""

import random
import time

import pytest

from load import KEYS, Writers, is_unmixed, number_of, state_name, state_personas
from servers import token_of

ROUNDS = 4


@pytest.fixture
def crashing(own_server):
    """A server whose writers use the token of a managing key."""
    own_server.token = own_server.managing_key()
    return own_server


def test_acknowledged_writes_survive_a_kill(crashing):
    moments = random.Random(20261122)
    client = crashing.holder_of(crashing.token)
    personas = [client.new_persona()["qualifiedName"] for _ in range(6)]
    deleted, created = {}, {}
    for _ in range(ROUNDS):
        updated = [
            client.create(state_name(0), personaQualifiedNames=state_personas(personas, 0))["id"] for _ in range(4)
        ]
        doomed = [(key["id"], token_of(key)) for key in (client.create() for _ in range(100))]
        writers = Writers(crashing, personas, updated, doomed)
        writers.start()
        time.sleep(moments.uniform(0.0, 0.5))
        crashing.kill()
        writers.join()
        crashing.start()

        created |= writers.created
        deleted |= writers.deleted
        listed = everything(client)
        assert created.keys() <= listed.keys(), "an acknowledged key is lost"
        assert not deleted.keys() & listed.keys(), "a deleted key is back"
        assert_let_in(crashing, created)
        assert_refused(crashing, deleted)
        for guid, token in doomed:
            if guid in writers.unsure or guid not in writers.deleted:
                assert (guid in listed) == crashing.holder_of(token).is_let_in(), "half a delete"
                assert guid in listed or guid in writers.unsure
        for guid, (acknowledged, sent) in writers.written.items():
            assert is_unmixed(listed[guid], personas), "half an update"
            assert acknowledged <= number_of(listed[guid]) <= sent, "an acknowledged update is lost"


def test_an_acknowledged_delete_survives_a_kill_at_that_moment(crashing):
    for _ in range(5):
        client = crashing.holder_of(crashing.token)
        kept, doomed = client.create(), client.create()
        assert crashing.holder_of(token_of(doomed)).is_let_in()
        assert client.delete(f"{KEYS}/{doomed['id']}").status_code == 200
        crashing.kill()
        crashing.start()
        assert not crashing.holder_of(token_of(doomed)).is_let_in()
        assert crashing.holder_of(token_of(kept)).is_let_in()


def test_a_stopped_server_finishes_what_it_acknowledged(crashing):
    client = crashing.holder_of(crashing.token)
    personas = [client.new_persona()["qualifiedName"] for _ in range(2)]
    doomed = [(key["id"], token_of(key)) for key in (client.create() for _ in range(50))]
    writers = Writers(crashing, personas, [], doomed)
    writers.start()
    time.sleep(0.1)
    assert crashing.stop() == 0
    writers.join()
    crashing.start()
    assert_let_in(crashing, writers.created)
    assert_refused(crashing, writers.deleted)


def test_the_last_use_survives_a_stop(crashing):
    client = crashing.holder_of(crashing.token)
    created = client.create()
    assert crashing.holder_of(token_of(created)).is_let_in()
    crashing.restart()
    used = client.list(filter=f'{{"id":"{created["id"]}","lastUsedAt":{{"$exists":true}}}}')
    assert used["filterRecord"] == 1


def test_sessions_and_users_survive_a_kill(crashing):
    name, password, user = crashing.new_user()
    crashing.kill()
    crashing.start()
    assert user.is_let_in()
    assert crashing.user(name, password).is_let_in()


def everything(client):
    """Every key by its guid, in pages."""
    listed, offset = {}, 0
    while True:
        records = client.list(limit=1000, offset=offset, sort="createdAt")["records"]
        if not records:
            return listed
        listed |= {record["id"]: record for record in records}
        offset += len(records)


def assert_let_in(server, keys):
    with server.anonymous() as client:
        for guid, token in keys.items():
            answer = client.get("/api/service/users/current", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 200 and answer.json()["id"] == guid


def assert_refused(server, keys):
    with server.anonymous() as client:
        for token in keys.values():
            answer = client.get("/api/service/users/current", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401

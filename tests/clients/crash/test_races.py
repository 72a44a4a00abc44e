"""Concurrent clients: failures F33, F36, F41, F42, F46 and the issue's concurrency claims."""

import threading
import time

from load import KEYS, in_parallel, is_unmixed, number_of, state_name, state_personas, unique
from servers import token_of

CURRENT = "/api/service/users/current"


def test_parallel_updates_end_as_one_of_them(server, admin):
    personas = [admin.new_persona()["qualifiedName"] for _ in range(6)]
    for _ in range(5):
        guid = admin.create(state_name(0), personaQualifiedNames=state_personas(personas, 0))["id"]

        def updates(writer):
            with server.holder_of(admin.token) as client:
                for step in range(10):
                    number = writer + 8 * step
                    answered = client.update(
                        guid, state_name(number), personaQualifiedNames=state_personas(personas, number)
                    )
                    assert number_of(answered) == number and is_unmixed(answered, personas), (
                        "an answer tells of another update"
                    )
                    assert is_unmixed(client.read(guid), personas), "a reader saw half an update"

        in_parallel(*(lambda writer=writer: updates(writer) for writer in range(8)))
        assert is_unmixed(admin.read(guid), personas)


def test_parallel_creates_are_all_there(server, admin):
    name = unique("parallel")

    def creates():
        with server.holder_of(admin.token) as client:
            return [client.create(name)["id"] for _ in range(10)]

    guids = {guid for made in in_parallel(*[creates] * 8) for guid in made}
    assert len(guids) == 80
    listed = admin.list(filter=f'{{"displayName":"{name}"}}', limit=1000)
    assert {record["id"] for record in listed["records"]} == guids
    assert listed["filterRecord"] == 80


def test_after_a_delete_no_request_is_let_in(server, admin):
    for _ in range(10):
        created = admin.create()
        deleted_at = threading.Event()
        late = []

        def verifies():
            with server.holder_of(token_of(created)) as client:
                for _ in range(2000):
                    was_deleted = deleted_at.is_set()
                    let_in = client.get(CURRENT).status_code == 200
                    if was_deleted:
                        late.append(let_in)
                        if len(late) > 40:
                            return

        def deletes():
            time.sleep(0.02)
            with server.holder_of(admin.token) as client:
                answer = client.delete(f"{KEYS}/{created['id']}")
                deleted_at.set()
                assert answer.status_code == 200

        in_parallel(verifies, verifies, verifies, verifies, deletes)
        assert late and not any(late)


def test_a_key_is_let_in_as_soon_as_it_is_created_and_no_longer_once_deleted(server, admin):
    def lives():
        with server.holder_of(admin.token) as client:
            for _ in range(15):
                created = client.create()
                headers = {"Authorization": f"Bearer {token_of(created)}"}
                assert client.get(CURRENT, headers=headers).json()["id"] == created["id"]
                assert client.delete(f"{KEYS}/{created['id']}").status_code == 200
                assert client.get(CURRENT, headers=headers).status_code == 401
                assert client.get(f"{KEYS}/{created['id']}").status_code == 404

    in_parallel(*[lives] * 6)


def test_of_two_deletes_one_is_not_found(server, admin):
    for _ in range(10):
        guid = admin.create()["id"]

        def deletes():
            with server.holder_of(admin.token) as client:
                return client.delete(f"{KEYS}/{guid}").status_code

        assert sorted(in_parallel(deletes, deletes, deletes)) == [200, 404, 404]


def test_an_update_brings_no_deleted_key_back(server, admin):
    for _ in range(10):
        created = admin.create()
        guid = created["id"]

        def updates():
            with server.holder_of(admin.token) as client:
                return [client.post(f"{KEYS}/{guid}", json={"displayName": f"n{n}"}).status_code for n in range(6)]

        def deletes():
            with server.holder_of(admin.token) as client:
                return client.delete(f"{KEYS}/{guid}").status_code

        first, second, deleted = in_parallel(updates, updates, deletes)
        assert deleted == 200
        for statuses in (first, second):
            assert set(statuses) <= {200, 404} and statuses == sorted(statuses)
        assert admin.get(f"{KEYS}/{guid}").status_code == 404
        assert not server.holder_of(token_of(created)).is_let_in()


def test_a_key_with_new_rights_has_them_at_once(server, admin):
    created = admin.create()
    key = server.holder_of(token_of(created))
    for _ in range(5):
        assert key.post(KEYS, json={"displayName": "x"}).status_code == 403
        admin.update(created["id"], "may", workspacePermissions=["MANAGE_APIKEYS"])
        assert key.post(KEYS, json={"displayName": "x"}).status_code == 200
        admin.update(created["id"], "may not", workspacePermissions=[])


def test_deleting_a_persona_leaves_no_link_behind(server, admin):
    for _ in range(8):
        personas = [admin.new_persona() for _ in range(3)]
        names = [persona["qualifiedName"] for persona in personas]
        guids = [admin.create(personaQualifiedNames=names)["id"] for _ in range(3)]

        def links(guid):
            with server.holder_of(admin.token) as client:
                body = {"displayName": "linked", "personaQualifiedNames": names}
                return {client.post(f"{KEYS}/{guid}", json=body).status_code for _ in range(8)}

        def deletes():
            with server.holder_of(admin.token) as client:
                return {client.delete(f"/api/service/personas/{persona['id']}").status_code for persona in personas}

        *linked, deleted = in_parallel(*(lambda guid=guid: links(guid) for guid in guids), deletes)
        assert deleted == {200} and set().union(*linked) <= {200, 400}
        assert all(admin.read(guid)["attributes"]["personaQualifiedName"] == [] for guid in guids)


def test_a_token_that_was_tried_too_early_works_once_it_exists(server, admin):
    """Nothing negative is remembered, also not about ids."""
    nobody = server.holder_of("tsk_" + "0" * 72)
    assert not nobody.is_let_in()
    created = admin.create()
    assert server.holder_of(token_of(created)).is_let_in()


def test_sign_ins_at_the_same_moment_work_or_are_told_to_wait(server):
    """Hashing a password is costly on purpose, so few are hashed at once."""
    name, password, _ = server.new_user()

    def signs_in():
        with server.anonymous() as client:
            return client.post("/api/service/sessions", json={"username": name, "password": password})

    answers = in_parallel(*[signs_in] * 6)
    assert {answer.status_code for answer in answers} <= {200, 429}
    assert all(answer.headers["retry-after"].isdigit() for answer in answers if answer.status_code == 429)
    sessions = [answer.json()["token"] for answer in answers if answer.status_code == 200]
    assert len(set(sessions)) == len(sessions) > 0
    assert all(server.holder_of(session).is_let_in() for session in sessions)

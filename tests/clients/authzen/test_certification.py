"""The certification scenario of the OpenID Foundation for AuthZEN 1.0: Basic, Batch, Search and Discovery."""

import uuid

import pytest

EVALUATION, EVALUATIONS = "/access/v1/evaluation", "/access/v1/evaluations"
SUBJECT, RESOURCE, ACTION = (f"/access/v1/search/{target}" for target in ("subject", "resource", "action"))

ALICE, BOB = {"type": "user", "id": "alice"}, {"type": "user", "id": "bob"}
BOSS = BOB | {"properties": {"role": "admin"}}
RECORD_1, RECORD_2 = {"type": "record", "id": "record-1"}, {"type": "record", "id": "record-2"}
ACTIVE, ARCHIVED = {"properties": {"status": "active"}}, {"properties": {"status": "archived"}}
READ, WRITE = {"name": "read"}, {"name": "write"}
CONTEXT = {"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1"}


def delete(soft):
    return {"name": "delete", "properties": {"soft": soft}}


def question(subject=ALICE, action=READ, resource=RECORD_1, **more):
    members = {"subject": subject, "action": action, "resource": resource} | more
    return {name: value for name, value in members.items() if value is not None}


def ask(point, path, body, **headers):
    answer = point.post(path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def decisions(point, **body):
    answer = ask(point, EVALUATIONS, body)
    assert answer.keys() == {"evaluations"}
    return [evaluation["decision"] for evaluation in answer["evaluations"]]


def found(point, path, **body):
    return ask(point, path, body)["results"]


# Basic.


@pytest.mark.parametrize(
    "body, expected",
    [
        (question(), True),
        (question(action=WRITE), True),
        (question(BOB), True),
        (question(BOB, WRITE), False),
        (question(context=CONTEXT), True),
        (question(ALICE, WRITE, RECORD_2 | ARCHIVED), False),
        (question(BOSS, WRITE, RECORD_2 | ARCHIVED), True),
        (question(action=delete(True)), True),
        (question(action=delete(False)), False),
        (
            question(
                ALICE | {"properties": {"department": "Sales", "role": "manager"}},
                READ | {"properties": {"method": "GET"}},
                RECORD_1 | {"properties": {"status": "active", "owner": "bob"}},
            ),
            True,
        ),
        (question(foo="bar", futureField={"nested": True}), True),
    ],
)
def test_basic_decisions(point, body, expected):
    for _ in range(3):
        answer = ask(point, EVALUATION, body)
        assert answer["decision"] is expected
        assert isinstance(answer.get("context", {}), dict)


@pytest.mark.parametrize(
    "body",
    [
        question(subject=None),
        question(action=None),
        question(resource=None),
        question(subject={"id": "alice"}),
        question(subject={"type": "user"}),
        question(action={}),
        question(resource={"id": "record-1"}),
        question(resource={"type": "record"}),
        question(subject="alice"),
        question(action={"name": 123}),
    ],
)
def test_basic_requests_that_are_none(point, body):
    assert point.post(EVALUATION, json=body).status_code == 400


@pytest.mark.parametrize(
    "kind, body",
    [
        ("text/plain", b'{"subject": {}}'),
        ("application/xml", b"<a/>"),
        ("application/json", b'{"subject": '),
        ("application/json", b""),
    ],
)
@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS, SUBJECT, RESOURCE, ACTION])
def test_bodies_that_are_none(point, path, kind, body):
    assert point.post(path, content=body, headers={"Content-Type": kind}).status_code == 400


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS, SUBJECT, RESOURCE, ACTION])
def test_request_ids_come_back(point, path):
    request_id = str(uuid.uuid4())
    answer = point.post(path, json=question(), headers={"X-Request-ID": request_id})
    assert (answer.status_code, answer.headers["x-request-id"]) == (200, request_id)
    assert point.post(path, json=question()).status_code == 200
    refused = point.post(path, json={}, headers={"X-Request-ID": request_id})
    assert (refused.status_code, refused.headers["x-request-id"]) == (400, request_id)


# Batch.


def test_batches_with_defaults(point):
    both = [{"resource": RECORD_1}, {"resource": RECORD_2}]
    assert decisions(point, subject=ALICE, action=READ, evaluations=both) == [True, True]
    actions = [{"action": READ}, {"action": WRITE}]
    assert decisions(point, subject=BOB, resource=RECORD_1, evaluations=actions) == [True, False]
    contexts = [{"resource": RECORD_1}, {"resource": RECORD_2, "context": {"source": "batch-override"}}]
    assert len(decisions(point, subject=ALICE, action=READ, context=CONTEXT, evaluations=contexts)) == 2


def test_batches_with_properties(point):
    records = [{"resource": RECORD_1 | ACTIVE}, {"resource": RECORD_2 | ARCHIVED}]
    assert decisions(point, subject=ALICE, action=WRITE, evaluations=records) == [True, False]
    subjects = [{"subject": ALICE}, {"subject": BOSS}]
    assert decisions(point, action=WRITE, resource=RECORD_2 | ARCHIVED, evaluations=subjects) == [False, True]
    records[0] = {"resource": {"id": "record-1"} | ACTIVE}
    kind = {"type": "record"}
    assert decisions(point, subject=ALICE, action=WRITE, resource=kind, evaluations=records) == [True, False]


def test_batches_without_defaults(point):
    assert decisions(point, evaluations=[question(), question(BOB, WRITE)]) == [True, False]


def test_an_evaluation_that_is_none_is_denied(point):
    assert decisions(point, subject=ALICE, action=READ, evaluations=[{"resource": RECORD_1}, {}]) == [True, False]


def test_without_evaluations_it_is_one_question(point):
    assert ask(point, EVALUATIONS, question()) == {"decision": True}
    assert ask(point, EVALUATIONS, question(evaluations=[])) == {"decision": True}


@pytest.mark.parametrize(
    "semantic, expected",
    [
        ("execute_all", [True, False, True]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_semantics(point, semantic, expected):
    actions = [{"action": READ}, {"action": WRITE}, {"action": READ}]
    options = {"evaluations_semantic": semantic}
    assert decisions(point, subject=BOB, resource=RECORD_1, evaluations=actions, options=options) == expected


# Search.


@pytest.mark.parametrize("more", [{}, {"context": CONTEXT}])
def test_subject_search(point, more):
    users = found(point, SUBJECT, subject={"type": "user"}, action=READ, resource=RECORD_1, **more)
    assert all(user.keys() == {"type", "id"} and user["type"] == "user" for user in users)
    assert {"alice", "bob"} <= {user["id"] for user in users}
    writers = found(point, SUBJECT, subject={"type": "user"}, action=WRITE, resource=RECORD_2 | ARCHIVED)
    assert BOB in writers and ALICE not in writers


def test_resource_search(point):
    assert found(point, RESOURCE, subject=ALICE, action=READ, resource={"type": "record"}) == [RECORD_1, RECORD_2]
    # What the records' status is, is stored.
    assert found(point, RESOURCE, subject=BOSS, action=WRITE, resource={"type": "record"}) == [RECORD_2]
    assert found(point, RESOURCE, subject=ALICE, action=WRITE, resource={"type": "record"}) == [RECORD_1]


@pytest.mark.parametrize("more", [{}, {"context": CONTEXT}])
def test_action_search(point, more):
    actions = found(point, ACTION, subject=ALICE, resource=RECORD_1, **more)
    assert READ in actions and WRITE in actions
    assert all(action.keys() == {"name"} for action in actions)
    assert WRITE in found(point, ACTION, subject=BOSS, resource=RECORD_2 | ARCHIVED)


def test_pages(point):
    body = {"subject": {"type": "user"}, "action": READ, "resource": RECORD_1}
    whole = found(point, SUBJECT, **body)
    seen, page = [], {"limit": 1}
    while True:
        answer = ask(point, SUBJECT, body | {"page": page})
        assert len(answer["results"]) <= 1
        seen += answer["results"]
        page = {"token": answer["page"]["next_token"]}
        if not page["token"]:
            break
    assert seen == whole
    token = ask(point, SUBJECT, body | {"page": {"limit": 1}})["page"]["next_token"]
    changed = body | {"action": WRITE, "page": {"token": token}}
    assert point.post(SUBJECT, json=changed).status_code == 400


@pytest.mark.parametrize(
    "path, body",
    [
        (ACTION, {"subject": {"type": "user", "id": "nonexistent-user"}, "resource": RECORD_1}),
        (SUBJECT, {"subject": {"type": "spaceship"}, "action": READ, "resource": RECORD_1}),
        (RESOURCE, {"subject": ALICE, "action": READ, "resource": {"type": "spaceship"}}),
        (RESOURCE, {"subject": {"type": "user", "id": "x"}, "action": READ, "resource": {"type": "record"}}),
    ],
)
def test_what_is_unknown_has_no_results(point, path, body):
    assert ask(point, path, body) == {"results": []}


@pytest.mark.parametrize(
    "path, body",
    [
        (SUBJECT, {"subject": {"type": "user"}, "resource": RECORD_1}),
        (RESOURCE, {"action": READ, "resource": {"type": "record"}}),
        (ACTION, {"subject": ALICE}),
        (SUBJECT, {"subject": {"type": "user"}, "action": READ, "resource": {"type": "record"}}),
        (RESOURCE, {"subject": {"type": "user"}, "action": READ, "resource": {"type": "record"}}),
    ],
)
def test_searches_that_are_none(point, path, body):
    assert point.post(path, json=body).status_code == 400


# Discovery.


def test_discovery(point):
    answer = point.get("/.well-known/authzen-configuration", headers={"Authorization": ""})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    metadata = answer.json()
    base = str(point.base_url).rstrip("/").replace("http://", "https://")
    assert metadata.pop("policy_decision_point") == base
    names = {f"search_{target}_endpoint" for target in ("subject", "resource", "action")}
    assert metadata.keys() == names | {"access_evaluation_endpoint", "access_evaluations_endpoint"}
    for name, url in metadata.items():
        assert url.startswith(f"{base}/access/v1/"), name
        path = url.removeprefix(base)
        assert point.post(path, json=question()).status_code == 200


def test_discovery_names_the_url_that_was_configured(own_server):
    own_server.stop()
    own_server.start(TESSERA_PUBLIC_URL="https://pdp.example.org/")
    metadata = own_server.anonymous().get("/.well-known/authzen-configuration").json()
    assert metadata["policy_decision_point"] == "https://pdp.example.org"
    assert metadata["access_evaluation_endpoint"] == "https://pdp.example.org/access/v1/evaluation"
    own_server.stop()
    own_server.start(TESSERA_PUBLIC_URL="https://example.org/keys/")
    metadata = own_server.anonymous().get("/.well-known/authzen-configuration").json()
    assert metadata["access_evaluation_endpoint"] == "https://example.org/keys/access/v1/evaluation"
    for wrong in ("http://pdp.example.org", "https://pdp.example.org/a//b", "pdp.example.org", "https://"):
        assert own_server.run("openapi", TESSERA_PUBLIC_URL=wrong).returncode == 2


# Who may ask.


def test_nobody_asks_without_a_token_and_about_others_only_with_the_permission(fixture):
    assert fixture.anonymous().post(EVALUATION, json=question()).status_code == 401
    stranger = fixture.holder_of(fixture.new_key())
    for path, body in [
        (EVALUATION, question()),
        (EVALUATION, question({"type": "user", "id": "nobody"})),
        (EVALUATIONS, question(evaluations=[{}])),
        (SUBJECT, question()),
        (RESOURCE, question()),
        (ACTION, question()),
    ]:
        assert stranger.post(path, json=body).status_code == 403

"""What an actor may do: failures F19, F22, F23, F25; docs/permissions.md."""

import time
import uuid

import pytest

from errors import error_of
from servers import ok, personas_of, token_of

KEYS = "/api/service/apikeys"
PERSONAS = "/api/service/personas"


@pytest.fixture
def manager(server):
    """A key that may manage keys and nothing else."""
    return server.holder_of(server.new_key("--permission", "MANAGE_APIKEYS"))


@pytest.fixture
def ordinary(server, admin):
    """A key without any permission."""
    created = admin.create()
    client = server.holder_of(token_of(created))
    client.guid = created["id"]
    return client


def permissions_of(api_key):
    return set(api_key["attributes"]["workspacePermissions"])


def test_permissions_are_granted_as_asked_and_never_by_default(admin):
    assert permissions_of(admin.create()) == set()
    assert permissions_of(admin.create(workspacePermissions=[])) == set()
    asked = {"MANAGE_APIKEYS", "MANAGE_PERSONAS"}
    created = admin.create(workspacePermissions=sorted(asked))
    assert permissions_of(created) == permissions_of(admin.read(created["id"])) == asked


def test_nobody_grants_a_permission_that_they_lack(manager):
    for asked in (["MANAGE_PERSONAS"], ["MANAGE_APIKEYS", "MANAGE_PERSONAS"]):
        error_of(manager.post(KEYS, json={"displayName": "escalated", "workspacePermissions": asked}), 403)
    created = manager.create(workspacePermissions=["MANAGE_APIKEYS"])
    error_of(
        manager.post(f"{KEYS}/{created['id']}", json={"displayName": "x", "workspacePermissions": ["MANAGE_PERSONAS"]}),
        403,
    )
    assert permissions_of(manager.read(created["id"])) == {"MANAGE_APIKEYS"}


@pytest.mark.parametrize(
    "asked",
    [
        ["*"],
        ["ALL"],
        ["manage_apikeys"],
        ["MANAGE_APIKEYS", "NO_SUCH"],
        "MANAGE_APIKEYS",
        ["$admin"],
        [""],
        [None],
        {"a": 1},
    ],
)
def test_an_unknown_permission_is_refused(admin, asked):
    error_of(admin.post(KEYS, json={"displayName": "unknown permission", "workspacePermissions": asked}), 400)


def test_null_permissions_are_none(admin):
    answer = admin.post(KEYS, json={"displayName": "null", "workspacePermissions": None})
    assert answer.status_code == 400 or permissions_of(answer.json()) == set()


@pytest.mark.parametrize(
    "member, value",
    [("role", "$admin"), ("roles", ["$admin"]), ("permissions", ["*"]), ("scopes", ["*"]), ("isAdmin", True)],
)
def test_no_other_member_grants_anything(manager, member, value):
    error_of(manager.post(KEYS, json={"displayName": "escalated", member: value}), 400)


def test_nobody_links_a_persona_that_they_do_not_hold(server, admin, manager):
    held, foreign = (admin.new_persona()["qualifiedName"] for _ in range(2))
    error_of(manager.post(KEYS, json={"displayName": "x", "personaQualifiedNames": [foreign]}), 403)
    holder = server.holder_of(server.new_key("--permission", "MANAGE_APIKEYS", "--persona", held))
    created = holder.create(personaQualifiedNames=[held])
    assert personas_of(created) == {held}
    error_of(
        holder.post(f"{KEYS}/{created['id']}", json={"displayName": "x", "personaQualifiedNames": [held, foreign]}), 403
    )
    assert personas_of(holder.read(created["id"])) == {held}


def test_unknown_personas_are_each_named(admin):
    known = admin.new_persona()["qualifiedName"]
    unknown = ["default/nosuch1", "nosuch2", "", known.upper()]
    created = admin.create(personaQualifiedNames=[known])
    for path in (KEYS, f"{KEYS}/{created['id']}"):
        answer = admin.post(path, json={"displayName": "x", "personaQualifiedNames": [known, *unknown]})
        message = error_of(answer, 400)["errorMessage"]
        assert "nosuch1" in message and "nosuch2" in message and known.upper() in message and known not in message
        error_of(admin.post(path, json={"displayName": "x", "personaQualifiedNames": ["default/a\0b"]}), 400)
    assert personas_of(admin.read(created["id"])) == {known}


def test_managing_personas_allows_to_link_any(server, admin):
    persona = admin.new_persona()["qualifiedName"]
    client = server.holder_of(server.managing_key())
    assert personas_of(client.create(personaQualifiedNames=[persona])) == {persona}


def test_an_ordinary_key_reads_itself(ordinary):
    for path in (
        KEYS,
        f"{KEYS}/{ordinary.guid}",
        PERSONAS,
        "/api/service/users",
        "/api/service/roles",
        "/api/service/v2/groups",
        "/api/service/whoami",
        "/api/service/users/current",
    ):
        assert ordinary.get(path).status_code == 200, path


def test_what_an_ordinary_key_does_not_see_is_unknown_to_it(server, admin, ordinary):
    other, persona, (user, _, _) = admin.create(), admin.new_persona(), server.new_user()
    assert [key["id"] for key in ordinary.list(count=True)["records"]] == [ordinary.guid]
    assert ordinary.list()["totalRecord"] == 1
    for path in ("/api/service/users", PERSONAS):
        page = ok(ordinary.get(path))
        assert (page["totalRecord"], page["filterRecord"], page["records"]) == (0, 0, []), path
    for path in (
        f"{KEYS}/{other['id']}",
        f"{PERSONAS}/{persona['id']}",
        f"/api/meta/entity/guid/{persona['id']}",
        f"/api/meta/entity/uniqueAttribute/type/Persona?attr:qualifiedName={persona['qualifiedName']}",
    ):
        error_of(ordinary.get(path), 404)
    assert ordinary.get(f"/entitiesV2/urn:li:corpuser:{user}").status_code == 404
    viewer = server.holder_of(server.new_key("--permission", "VIEW_APIKEYS", "--permission", "VIEW_USERS"))
    assert viewer.read(other["id"])["id"] == other["id"]
    assert viewer.get(f"/entitiesV2/urn:li:corpuser:{user}").status_code == 200


def test_an_ordinary_key_writes_nothing(admin, ordinary):
    victim = admin.create()
    persona = admin.new_persona()
    for answer in (
        ordinary.post(KEYS, json={"displayName": "x"}),
        ordinary.post(f"{KEYS}/{victim['id']}", json={"displayName": "x"}),
        ordinary.post(f"{KEYS}/{ordinary.guid}", json={"displayName": "x"}),
        ordinary.delete(f"{KEYS}/{victim['id']}"),
        ordinary.post(PERSONAS, json={"name": f"x-{uuid.uuid4()}"}),
        ordinary.post(f"{PERSONAS}/{persona['id']}", json={"name": "x"}),
        ordinary.delete(f"{PERSONAS}/{persona['id']}"),
    ):
        error_of(answer, 403)
        assert answer.headers["retry-after"] == "1"
    assert admin.read(victim["id"])["displayName"] == victim["displayName"]


def test_an_ordinary_key_deletes_itself(ordinary):
    assert ordinary.delete(f"{KEYS}/{ordinary.guid}").status_code == 200
    assert not ordinary.is_let_in()


def test_managing_keys_is_not_managing_personas(admin, manager):
    persona = admin.new_persona()
    error_of(manager.post(PERSONAS, json={"name": f"x-{uuid.uuid4()}"}), 403)
    error_of(manager.delete(f"{PERSONAS}/{persona['id']}"), 403)


def test_managing_personas_is_not_managing_keys(server, admin):
    client = server.holder_of(server.new_key("--permission", "MANAGE_PERSONAS"))
    error_of(client.post(KEYS, json={"displayName": "x"}), 403)
    error_of(client.delete(f"{KEYS}/{admin.create()['id']}"), 403)
    assert client.new_persona()


def test_a_key_gains_nothing_through_itself(server, admin):
    persona = admin.new_persona()["qualifiedName"]
    created = admin.create(workspacePermissions=["MANAGE_APIKEYS"], validitySeconds=3600)
    itself = server.holder_of(token_of(created))
    path = f"{KEYS}/{created['id']}"
    error_of(itself.post(path, json={"displayName": "x", "personaQualifiedNames": [persona]}), 403)
    error_of(
        itself.post(path, json={"displayName": "x", "workspacePermissions": ["MANAGE_APIKEYS", "MANAGE_PERSONAS"]}), 403
    )
    for longer in (7200, 409_968_000):
        itself.post(path, json={"displayName": "x", "validitySeconds": longer})
    after = admin.read(created["id"])
    assert (personas_of(after), permissions_of(after)) == (set(), {"MANAGE_APIKEYS"})
    assert int(after["attributes"]["expiresAt"]) <= int(created["attributes"]["expiresAt"])


def test_a_key_outlives_its_creators_rights(server):
    name, _, creator = server.new_user("$admin")
    token = token_of(creator.create(workspacePermissions=["MANAGE_APIKEYS"]))
    key = server.holder_of(token)
    server.cli("users", "set-role", name, "$guest")
    assert ok(key.get("/api/service/users/current"))
    assert permissions_of(key.create(workspacePermissions=["MANAGE_APIKEYS"])) == {"MANAGE_APIKEYS"}
    server.cli("users", "delete", name)
    assert key.is_let_in()
    assert key.create()


def test_roles_of_users_decide(server):
    for role, status in (("$admin", 200), ("$member", 403), ("$guest", 403)):
        _, _, user = server.new_user(role)
        assert user.post(KEYS, json={"displayName": "by role"}).status_code == status, role
        assert user.get(KEYS).status_code == 200
        assert {each["name"] for each in ok(user.get("/api/service/whoami"))["roles"]} == {role}


def test_a_deleted_persona_is_unlinked_everywhere(admin):
    persona = admin.new_persona()
    keys = [admin.create(personaQualifiedNames=[persona["qualifiedName"]])["id"] for _ in range(3)]
    assert admin.delete(f"{PERSONAS}/{persona['id']}").status_code == 200
    assert all(personas_of(admin.read(guid)) == set() for guid in keys)
    error_of(admin.get(f"{PERSONAS}/{persona['id']}"), 404)
    refused = admin.post(KEYS, json={"displayName": "x", "personaQualifiedNames": [persona["qualifiedName"]]})
    assert persona["qualifiedName"] in error_of(refused, 400)["errorMessage"]


def test_personas_are_managed(admin):
    name = f"persona-{uuid.uuid4()}"
    created = ok(admin.post(PERSONAS, json={"name": name, "displayName": "For people", "description": "what for"}))
    assert created["name"] == name and created["displayName"] == "For people" and created["description"] == "what for"
    assert created["enabled"] is True and created["createdBy"] == "admin"
    prefix, _, tail = created["qualifiedName"].partition("/")
    assert prefix == "default" and len(tail) == 22 and tail.isalnum()
    path = f"{PERSONAS}/{created['id']}"
    assert ok(admin.get(path)) == created
    updated = ok(admin.post(path, json={"name": name, "enabled": False}))
    assert updated["qualifiedName"] == created["qualifiedName"] and updated["enabled"] is False
    error_of(admin.post(PERSONAS, json={"name": name}), 409)
    assert created["id"] in {record["id"] for record in ok(admin.get(PERSONAS, params={"limit": 1000}))["records"]}


def test_an_expired_key_never_revives(server, admin):
    created = admin.create(validitySeconds=1)
    key = server.holder_of(token_of(created))
    time.sleep(1.1)
    error_of(key.get(KEYS), 401)
    path = f"{KEYS}/{created['id']}"
    error_of(admin.post(path, json={"displayName": "revived", "validitySeconds": 3600}), 409)
    error_of(key.get(KEYS), 401)
    assert ok(admin.post(path, json={"displayName": "renamed"}))["displayName"] == "renamed"
    error_of(key.get(KEYS), 401)


def test_an_update_counts_the_validity_from_itself(admin):
    created = admin.create(validitySeconds=3600)
    updated = admin.update(created["id"], "longer", validitySeconds=60)
    assert updated["attributes"]["access.token.lifespan"] == "60"
    ends = int(updated["attributes"]["expiresAt"])
    assert 60_000 <= ends - int(created["attributes"]["createdAt"]) < 90_000

"""Tokens in wrong hands: a stolen DPoP token is useless, and a child dies with its parent on the next request."""

import time

import pytest

from mcp_parties import allow_tools, forbid_tools
from programs import ACCESS_TOKEN, EXCHANGE, SERVICE, Holder, Program, exchange_without_client, graphql
from servers import DATABASES, ok, running

# What a gateway protects, as its clients see it.
PROTECTED = "https://app.example.org/reports"


@pytest.fixture(scope="module", params=DATABASES)
def guarded(request, tmp_path_factory):
    """A server that believes gateways on this machine."""
    yield from running(request.param, tmp_path_factory, TESSERA_TRUSTED_PROXIES="127.0.0.1/32")


@pytest.fixture(scope="module")
def owner(guarded):
    """The signed-in user `admin`."""
    return guarded.admin()


@pytest.fixture(scope="module")
def victim(guarded, owner):
    return Program(guarded, owner, "VIEW_USERS", "VERIFY_TOKENS")


class Door:
    """A place that takes tokens; `method` and `url` are what a proof must be made for."""

    def __init__(self, server, path, method="GET", url=None, **headers):
        self.client, self.path = server.anonymous(), path
        self.method, self.url = method, url or f"{server.base_url}{path}"
        self.headers = headers

    def knock(self, token, proof=None, scheme="DPoP", **more):
        headers = {"Authorization": f"{scheme} {token}"} | self.headers | more
        if proof is not None:
            headers["DPoP"] = proof
        return self.client.request("GET" if self.path == "/gateway/verify" else self.method, self.path, headers=headers)


def nginx(method="GET", url=PROTECTED):
    """How nginx, as documented, asks about a request."""
    return {"X-Original-Method": method, "X-Original-URI": url}


@pytest.fixture(params=["own endpoint", "gateway"])
def door(request, guarded):
    if request.param == "gateway":
        return Door(guarded, "/gateway/verify", url=PROTECTED, **nginx())
    return Door(guarded, "/api/service/users/current")


@pytest.fixture(params=["jwt", "opaque"])
def stolen(request, guarded, victim):
    """A token that is bound to the key of its holder, and the holder."""
    holder = Holder()
    proof = holder.proof("POST", f"{guarded.base_url}/oauth/token")
    told = ok(victim.ask(grant_type="client_credentials", headers={"DPoP": proof}, token_format=request.param))
    assert told["token_type"] == "DPoP"
    return told["access_token"], holder


def is_refused(answer):
    assert answer.status_code == 401, f"{answer.status_code} {answer.text}"
    challenges = answer.headers.get_list("www-authenticate")
    assert any(challenge.startswith(("DPoP", "Bearer")) for challenge in challenges), challenges
    return True


def test_its_holder_uses_it(door, stolen):
    token, holder = stolen
    for _ in range(2):
        assert door.knock(token, holder.proof(door.method, door.url, token)).status_code == 200


def test_it_is_no_bearer_token(door, stolen):
    token, holder = stolen
    assert is_refused(door.knock(token, scheme="Bearer"))
    # Not even beside a proof of the holder.
    assert is_refused(door.knock(token, holder.proof(door.method, door.url, token), scheme="Bearer"))
    assert is_refused(door.knock(token))
    assert is_refused(door.client.get(door.path, headers=door.headers | {"X-API-Key": token}))


def test_another_key_does_not_prove_it(door, stolen):
    token, _ = stolen
    assert is_refused(door.knock(token, Holder().proof(door.method, door.url, token)))


def test_a_proof_is_taken_once(door, stolen):
    token, holder = stolen
    proof = holder.proof(door.method, door.url, token)
    assert door.knock(token, proof).status_code == 200
    assert is_refused(door.knock(token, proof))


@pytest.mark.parametrize("wrong", ["method", "path", "host", "scheme", "old", "future", "token", "no token", "two proofs"])
def test_a_proof_for_something_else_is_refused(door, stolen, victim, wrong):
    token, holder = stolen
    url, now = door.url, int(time.time())
    if wrong == "two proofs":
        headers = [("Authorization", f"DPoP {token}"), *door.headers.items()]
        headers += [("DPoP", holder.proof(door.method, url, token)) for _ in range(2)]
        assert is_refused(door.client.get(door.path, headers=headers))
        return
    proof = {
        "method": lambda: holder.proof("POST", url, token),
        "path": lambda: holder.proof(door.method, f"{url}x", token),
        "host": lambda: holder.proof(door.method, url.replace("://", "://other."), token),
        "scheme": lambda: holder.proof(door.method, url.replace("http", "ftp"), token),
        "old": lambda: holder.proof(door.method, url, token, issued_at=now - 3600),
        "future": lambda: holder.proof(door.method, url, token, issued_at=now + 3600),
        "token": lambda: holder.proof(door.method, url, victim.child()),
        "no token": lambda: holder.proof(door.method, url),
    }[wrong]()
    assert is_refused(door.knock(token, proof))


def test_a_gateway_must_tell_the_request(guarded, stolen):
    """A proof for what the gateway itself sends, or for another request than the forwarded one, lets nobody in."""
    token, holder = stolen
    silent = Door(guarded, "/gateway/verify")
    assert is_refused(silent.knock(token, holder.proof("GET", silent.url, token)))
    other = Door(guarded, "/gateway/verify", url=PROTECTED, **nginx(method="DELETE"))
    assert is_refused(other.knock(token, holder.proof("GET", PROTECTED, token)))
    other = Door(guarded, "/gateway/verify", url=PROTECTED, **nginx(url=f"{PROTECTED}/all"))
    assert is_refused(other.knock(token, holder.proof("GET", PROTECTED, token)))


def test_it_cannot_be_exchanged_without_its_key(guarded, stolen, victim):
    token, holder = stolen
    refused = exchange_without_client(guarded, token)
    assert refused.status_code == 400, refused.text
    thief = Holder()
    endpoint = f"{guarded.base_url}/oauth/token"
    asked = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN}
    with guarded.anonymous() as client:
        by = lambda who: client.post("/oauth/token", data=asked, headers={"DPoP": who.proof("POST", endpoint)})
        assert by(thief).status_code == 400
        told = ok(by(holder))
    assert told["token_type"] == "DPoP", "what is made of it is bound to the same key"
    assert victim.introspect(told["access_token"])["cnf"] == victim.introspect(token)["cnf"]


# A child dies with its parent.


class Family:
    """A key, its children in both forms, a grandchild of each, and what an actor made of one."""

    def __init__(self, server, admin, *permissions, **form):
        members = {key: form.pop(key) for key in ("personaQualifiedNames", "validitySeconds") if key in form}
        self.key = Program(server, admin, *permissions, **members)
        self.tokens = []
        for kind in ("jwt", "opaque"):
            child = self.key.child(token_format=kind, **form)
            self.tokens += [child, ok(exchange_without_client(server, child))["access_token"]]
        self.server = server

    def lives(self):
        """Whether all are let in, everywhere; they must be of one mind."""
        answers = []
        for token in self.tokens:
            with self.server.holder_of(token) as client:
                answers += [client.is_let_in(), client.get("/gateway/verify").status_code == 200]
        assert len(set(answers)) == 1, answers
        return answers[0]


@pytest.fixture
def inspector(guarded, owner):
    return Program(guarded, owner, "VERIFY_TOKENS")


def test_children_die_with_a_deleted_key(guarded, owner, inspector):
    family = Family(guarded, owner, "VIEW_USERS")
    assert family.lives()
    assert owner.delete(f"/api/service/apikeys/{family.key.guid}").status_code == 200
    assert not family.lives()
    assert all(inspector.introspect(token) == {"active": False} for token in family.tokens)


def test_children_die_with_an_expired_key(guarded, owner):
    family = Family(guarded, owner, validitySeconds=4)
    assert family.lives()
    time.sleep(4.5)
    assert not family.lives()


def test_children_die_when_a_permission_is_taken_away(guarded, owner, inspector):
    family = Family(guarded, owner, "VIEW_USERS", "VIEW_AUDIT", scope="VIEW_USERS")
    whole = family.key.child()
    owner.update(family.key.guid, family.key.display_name, workspacePermissions=["VIEW_USERS"])
    assert family.lives(), "they carried nothing of what is gone"
    owner.update(family.key.guid, family.key.display_name, workspacePermissions=["VIEW_AUDIT"])
    assert not family.lives()
    assert all(inspector.introspect(token) == {"active": False} for token in family.tokens)
    assert inspector.introspect(whole)["scope"] == "VIEW_AUDIT", "a child without a scope has what its parent has now"


def test_children_die_when_a_persona_is_taken_away(guarded, owner):
    persona = owner.new_persona()["qualifiedName"]
    family = Family(guarded, owner, personaQualifiedNames=[persona], scope=f"persona:{persona}")
    assert family.lives()
    owner.update(family.key.guid, family.key.display_name, personaQualifiedNames=[])
    assert not family.lives()


def test_a_tool_ends_with_its_policy(guarded, owner):
    key = Program(guarded, owner)
    policy = allow_tools(owner, ["search"], key.username)
    token = key.child(scope="search", resource=SERVICE)
    query = {"audience": SERVICE, "action": "tools/call", "resource": "search", "type": "tool"}
    with guarded.holder_of(token) as client:
        assert client.get("/gateway/verify", params=query).status_code == 200
        assert client.get("/gateway/verify", params=query | {"resource": "fetch"}).status_code == 403
        forbid_tools(owner, policy)
        assert client.get("/gateway/verify", params=query).status_code in (401, 403)


def test_descendants_die_with_a_revoked_child(guarded, owner):
    key = Program(guarded, owner, "VIEW_USERS")
    line = [key.child()]
    for _ in range(3):
        line.append(ok(exchange_without_client(guarded, line[-1]))["access_token"])
    sibling = ok(exchange_without_client(guarded, line[0]))["access_token"]
    assert key.revoke(line[1]).status_code == 200
    alive = [guarded.holder_of(token).is_let_in() for token in (line[0], sibling, *line[1:])]
    assert alive == [True, True, False, False, False]


def test_a_child_of_a_session_dies_with_its_user(guarded, owner):
    name, _, person = guarded.new_user("$admin")
    child = ok(exchange_without_client(guarded, person.token))["access_token"]
    actor = Program(guarded, owner)
    lent = actor.exchange(person.token)
    for token in (child, lent):
        assert guarded.holder_of(token).is_let_in()
    suspend = "mutation($urn: String!) { updateUserStatus(urn: $urn, status: SUSPENDED) }"
    graphql(owner, suspend, urn=f"urn:li:corpuser:{name}")
    for token in (child, lent):
        assert not guarded.holder_of(token).is_let_in()


def test_a_child_of_a_session_dies_with_the_session(guarded):
    _, _, person = guarded.new_user()
    child = ok(exchange_without_client(guarded, person.token))["access_token"]
    assert guarded.holder_of(child).is_let_in()
    assert person.delete("/api/service/sessions/current").status_code in (200, 204)
    assert not guarded.holder_of(child).is_let_in()


def test_a_child_of_an_access_token_dies_with_it(guarded):
    name, _, person = guarded.new_user("$admin")
    create = "mutation($input: CreateAccessTokenInput!) { createAccessToken(input: $input) { accessToken metadata { id } } }"
    wanted = {"type": "PERSONAL", "actorUrn": f"urn:li:corpuser:{name}", "duration": "ONE_HOUR", "name": "laptop"}
    made = graphql(person, create, input=wanted)["createAccessToken"]
    child = ok(exchange_without_client(guarded, made["accessToken"]))["access_token"]
    assert guarded.holder_of(child).is_let_in()
    graphql(person, "mutation($id: String!) { revokeAccessToken(tokenId: $id) }", id=made["metadata"]["id"])
    assert not guarded.holder_of(child).is_let_in()


def test_a_child_dies_with_its_actor(guarded, owner):
    subject, actor = Program(guarded, owner, "VIEW_USERS"), Program(guarded, owner)
    lent = actor.exchange(subject.child())
    assert guarded.holder_of(lent).is_let_in()
    assert owner.delete(f"/api/service/apikeys/{actor.guid}").status_code == 200
    assert not guarded.holder_of(lent).is_let_in()

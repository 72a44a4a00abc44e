"""AI agents: an MCP server as a protected resource, and the official MCP clients as agents."""

import json
import time

import pytest

from mcp_parties import Agent, McpServer, allow_tools, forbid_tools
from programs import ACCESS_TOKEN, EXCHANGE, Program, claims_of
from servers import ok


@pytest.fixture(scope="module")
def gateway(server, admin):
    """The API key with which an MCP server introspects."""
    return Program(server, admin, "VERIFY_TOKENS")


@pytest.fixture(scope="module", params=["introspection", "jwt"])
def mcp_server(request, server, gateway, tmp_path_factory):
    made = McpServer(tmp_path_factory.mktemp("mcp"), server, request.param, gateway, challenge=["search", "fetch"])
    yield made
    made.close()


@pytest.fixture(scope="module")
def introspecting(server, gateway, tmp_path_factory):
    """An MCP server that introspects every token, and so is exact."""
    made = McpServer(tmp_path_factory.mktemp("mcp"), server, "introspection", gateway)
    yield made
    made.close()


def agent_key(server, admin, mcp_server, *tools):
    """An API key that may get tokens for the MCP server and call some of its tools."""
    program = Program(server, admin, audiences=[mcp_server.url])
    if tools:
        program.policy = allow_tools(admin, tools, program.username)
    return program


def test_a_refusal_says_where_to_get_a_token(server, mcp_server):
    """RFC 9728, section 5.1, as an MCP client reads it."""
    challenge = mcp_server.refusal().headers["www-authenticate"]
    assert 'scope="search fetch"' in challenge and "resource_metadata=" in challenge, challenge


@pytest.mark.parametrize("language", ["python", "typescript"])
@pytest.mark.parametrize("way", ["secret", "key"])
def test_official_clients_call_a_tool(server, admin, mcp_server, language, way):
    program = agent_key(server, admin, mcp_server, "search", "fetch")
    key = program.private_key.as_pem(private=True).decode()
    credential = {"secret": program.secret} if way == "secret" else {"key": key}
    with Agent(language, url=mcp_server.url, issuer=server.base_url, id=program.client_id, **credential) as agent:
        assert agent.failed is None
        assert agent.tools == ["fetch", "search"], "only those that its token is for"
        told = json.loads(agent.call("search")["told"])
        assert told == {"subject": program.introspect(program.secret)["sub"], "actors": []}
        assert "failed" in agent.call("delete")


@pytest.mark.parametrize("way", ["secret", "key"])
def test_an_official_client_calls_the_api_of_tessera(server, admin, way):
    """Tessera's own metadata lists no scopes, so the client asks for none, and an ordinary key gets its token."""
    program = Program(server, admin, "VIEW_USERS")
    key = program.private_key.as_pem(private=True).decode()
    credential = {"secret": program.secret} if way == "secret" else {"key": key}
    address = f"{server.base_url}/api/service/users/current"
    with Agent(
        "python", url=server.base_url, get=address, issuer=server.base_url, id=program.client_id, **credential
    ) as agent:
        assert agent.failed is None, agent.failed
        assert (agent.first["status"], agent.first["body"]["username"]) == (200, program.username)


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_an_agent_without_a_policy_gets_no_token(server, admin, mcp_server, language):
    program = agent_key(server, admin, mcp_server, "search")
    with Agent(
        language, url=mcp_server.url, issuer=server.base_url, id=program.client_id, secret=program.secret
    ) as agent:
        # The server challenges for `search fetch`, and the key may not call `fetch`.
        assert agent.tools is None and "fetch" in agent.failed, agent.failed


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_the_secret_goes_to_no_other_issuer(server, admin, mcp_server, language):
    """Pinned to another issuer, the clients send nothing to the one that the MCP server names."""
    program = agent_key(server, admin, mcp_server, "search", "fetch")
    other = "https://other.example.org"
    with Agent(language, url=mcp_server.url, issuer=other, id=program.client_id, secret=program.secret) as agent:
        assert agent.tools is None and agent.failed, "it was let in"
    assert "lastUsedAt" not in admin.read(program.guid)["attributes"]
    program.child()
    deadline = time.monotonic() + 20
    while "lastUsedAt" not in admin.read(program.guid)["attributes"]:
        assert time.monotonic() < deadline, "nothing would have been seen"
        time.sleep(0.5)


def test_the_audience_counts(server, admin, mcp_server):
    """A token for another server, for Tessera itself, and a key's own token are refused."""
    other = "https://other.example.org/mcp"
    program = Program(server, admin, audiences=[mcp_server.url, other])
    allow_tools(admin, ["search"], program.username)
    tokens = [program.child(resource=other, scope="search"), program.child(scope="search"), program.secret]
    for token in tokens:
        assert mcp_server.refusal(token).status_code == 401
        with Agent("python", url=mcp_server.url, token=token) as agent:
            assert agent.tools is None and agent.failed
    with Agent("python", url=mcp_server.url, token=program.child(resource=mcp_server.url, scope="search")) as agent:
        assert agent.tools == ["search"]


def test_an_unregistered_audience_is_refused(server, admin, mcp_server):
    program = Program(server, admin)
    refused = program.ask(grant_type="client_credentials", resource=mcp_server.url)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")


def test_introspection_says_the_tools_of_policies(server, admin, introspecting, gateway):
    """A token without a scope has, at its audience, the tools that policies allow: so `require_scopes` works."""
    program = agent_key(server, admin, introspecting, "search", "delete")
    token = program.child(resource=introspecting.url)
    assert set(gateway.introspect(token)["scope"].split()) == {"search", "delete"}
    with Agent("python", url=introspecting.url, token=token) as agent:
        assert agent.tools == ["delete", "search"]
        assert "told" in agent.call("delete")
        forbid_tools(admin, program.policy)
        assert "failed" in agent.call("delete")
    assert not gateway.introspect(token).get("scope")


def test_a_named_tool_ends_with_its_policy(server, admin, introspecting, gateway):
    """A token that names a tool ends when its parent may no longer call it, as it does with a permission."""
    program = agent_key(server, admin, introspecting, "search")
    token = program.child(resource=introspecting.url, scope="search")
    with Agent("python", url=introspecting.url, token=token) as agent:
        assert "told" in agent.call("search")
        forbid_tools(admin, program.policy)
        assert "failed" in agent.call("search")
    assert gateway.introspect(token) == {"active": False}


def test_decisions_of_a_gateway(server, admin, introspecting, gateway):
    """The COAZ binding: an introspected `sub` is subject `identity`, a tool is a resource of type `tool`."""
    program = agent_key(server, admin, introspecting, "search")
    sub = gateway.introspect(program.child(resource=introspecting.url))["sub"]
    with server.holder_of(gateway.secret) as asking:
        for tool, right in (("search", True), ("delete", False)):
            question = {
                "subject": {"type": "identity", "id": sub},
                "action": {"name": "tools/call"},
                "resource": {"type": "tool", "id": tool},
            }
            assert ok(asking.post("/access/v1/evaluation", json=question))["decision"] is right, tool


def test_an_agent_holds_two_tools_for_ten_minutes(server, admin, introspecting, gateway):
    parent = agent_key(server, admin, introspecting, "search", "fetch", "delete")
    helper = agent_key(server, admin, introspecting)
    lent = parent.child(resource=introspecting.url, scope="search fetch", lifetime=600)
    token = helper.exchange(lent, scope="search fetch")
    told = gateway.introspect(token)
    assert told["scope"] == "search fetch" and told["aud"] == [introspecting.url]
    assert 0 < claims_of(token)["exp"] - time.time() <= 600
    assert told["sub"] == parent.introspect(parent.secret)["sub"], "it acts as its parent"
    assert told["act"]["username"] == helper.username

    with Agent("python", url=introspecting.url, token=token) as agent:
        assert agent.tools == ["fetch", "search"]
        assert json.loads(agent.call("fetch")["told"])["actors"] == [helper.username]
        assert "failed" in agent.call("delete"), "its parent may, the agent may not"
        # The parent is revoked, and the agent is out on its next call.
        assert parent.revoke(lent).status_code == 200
        assert "failed" in agent.call("fetch")
    assert gateway.introspect(token) == {"active": False}
    with Agent("python", url=introspecting.url, token=token) as agent:
        assert agent.tools is None


def test_the_chain_of_delegation_is_short_and_seen(server, admin, introspecting, gateway):
    parent = agent_key(server, admin, introspecting, "search")
    token = parent.child(resource=introspecting.url, scope="search")
    helpers = [agent_key(server, admin, introspecting) for _ in range(3)]
    for helper in helpers:
        token = helper.exchange(token)
    usernames, act = [], gateway.introspect(token)["act"]
    while act:
        usernames.append(act["username"])
        act = act.get("act")
    assert usernames == [helper.username for helper in reversed(helpers)], "the latest first"
    with Agent("python", url=introspecting.url, token=token) as agent:
        assert json.loads(agent.call("search")["told"])["actors"] == usernames
        # Every link of the chain holds it: the second helper's key is deleted.
        assert admin.delete(f"/api/service/apikeys/{helpers[1].guid}").status_code in (200, 204)
        assert "failed" in agent.call("search")


def test_the_audit_trail_names_who_acted(server, admin):
    parent, helpers = Program(server, admin, "MANAGE_APIKEYS"), [Program(server, admin) for _ in range(2)]
    token = parent.child()
    for helper in helpers:
        token = helper.exchange(token)
    key = admin.create()
    with server.holder_of(token) as agent:
        agent.update(key["id"], "renamed")
    records = ok(admin.get("/api/service/audit", params={"limit": 20}))["records"]
    record = next(record for record in records if record["subjectId"] == key["id"])
    assert record["actor"] == parent.username
    assert record["actedBy"].split(",") == [helper.username for helper in reversed(helpers)], record


def test_a_fourth_actor_is_refused(server, admin, gateway):
    token = Program(server, admin, "VIEW_USERS").child()
    for _ in range(3):
        token = Program(server, admin).exchange(token)
    refused = Program(server, admin).ask(grant_type=EXCHANGE, subject_token=token, subject_token_type=ACCESS_TOKEN)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")

"""What DataHub's documentation and its own published scenarios do, with `curl` and with plain cookies."""

import json
import secrets
import subprocess

BASE_POLICY = "urn:li:dataHubPolicy:7"


def curl(*arguments):
    ended = subprocess.run(["curl", "--silent", *arguments], capture_output=True, text=True, timeout=60, check=True)
    return json.loads(ended.stdout)


def test_personal_access_tokens_with_curl(signed_in, server):
    """docs/authentication/personal-access-tokens"""
    entity = curl(
        f"{server.base_url}/entities/urn:li:corpuser:admin", "-H", f"Authorization: Bearer {signed_in.token}"
    )
    snapshot = entity["value"]["com.linkedin.metadata.snapshot.CorpUserSnapshot"]
    assert {"com.linkedin.metadata.key.CorpUserKey": {"username": "admin"}} in snapshot["aspects"]
    refused = curl(f"{server.base_url}/entities/urn:li:corpuser:admin")
    assert refused["message"] == "Unauthorized to perform this action."


def test_access_token_management_with_curl(signed_in, server):
    """docs/api/graphql/token-management"""

    def graphql(query, variables):
        body = json.dumps({"query": query, "variables": variables})
        headers = ["--header", f"Authorization: Bearer {signed_in.token}", "--header", "Content-Type: application/json"]
        return curl("--location", "--request", "POST", f"{server.base_url}/api/graphql", *headers, "--data-raw", body)

    create = """mutation { createAccessToken(input: {type: PERSONAL, actorUrn: "urn:li:corpuser:admin",
        duration: ONE_HOUR, name: "my personal token"}) { accessToken metadata { id name description } } }"""
    created = graphql(create, {})["data"]["createAccessToken"]
    listing = """{ listAccessTokens(input: {start: 0, count: 100, filters: [{field: "ownerUrn",
        value: "urn:li:corpuser:admin"}]}) { start count total tokens { urn id actorUrn } } }"""
    tokens = graphql(listing, {})["data"]["listAccessTokens"]["tokens"]
    assert created["metadata"]["id"] in [token["id"] for token in tokens]
    revoke = f'mutation {{ revokeAccessToken(tokenId: "{created["metadata"]["id"]}") }}'
    assert graphql(revoke, {})["data"] == {"revokeAccessToken": True}
    again = graphql(revoke, {})
    assert again["data"] is None and again["errors"][0]["message"] == "Failed to revoke access token"


def test_a_fresh_token_asks_who_it_is(signed_in, server):
    """The command that the web page shows with a new token."""
    answer = curl(
        "-X", "POST", f"{server.base_url}/api/graphql", "--header", f"Authorization: Bearer {signed_in.token}",
        "--header", "Content-Type: application/json", "--data-raw", '{ "query":"{ me { corpUser { username } } }", "variables":{}}',
    )  # fmt: skip
    assert answer == {"data": {"me": {"corpUser": {"username": "admin"}}}, "extensions": {}}


def sign_up(admin, server, name, password):
    invite = admin.graphql("query($i: GetInviteTokenInput!) { getInviteToken(input: $i) { inviteToken } }", i={})
    form = {
        "fullName": "Test User",
        "email": name,
        "password": password,
        "title": "Data Engineer",
        "inviteToken": invite["data"]["getInviteToken"]["inviteToken"],
    }
    answer = server.anonymous().post("/signUp", json=form)
    assert answer.status_code == 200, answer.text


def set_base_policy(admin, state):
    policy = {
        "type": "PLATFORM",
        "state": state,
        "name": "All Users - Base Platform Privileges",
        "description": "Grants base platform privileges to ALL users of DataHub.",
        "privileges": ["MANAGE_INGESTION", "VIEW_ANALYTICS", "GENERATE_PERSONAL_ACCESS_TOKENS", "MANAGE_TAGS"],
        "actors": {
            "users": [],
            "groups": None,
            "resourceOwners": False,
            "allUsers": True,
            "allGroups": False,
            "resourceOwnersTypes": None,
        },
    }
    query = "mutation updatePolicy($urn: String!, $input: PolicyUpdateInput!) { updatePolicy(urn: $urn, input: $input) }"
    assert admin.graphql(query, urn=BASE_POLICY, input=policy)["data"]["updatePolicy"] == BASE_POLICY


def test_the_published_scenario_of_privileges_for_tokens(session, server):
    """smoke-test/tests/privileges: off, refused; by a policy of one's own, permitted; gone, refused; on again."""
    admin = session()
    name = f"user-{secrets.token_hex(3)}"
    urn = f"urn:li:corpuser:{name}"
    assert admin.graphql("mutation($u: String!) { removeUser(urn: $u) }", u=urn)["data"]["removeUser"] is True
    sign_up(admin, server, name, "user")
    user = session(name, "user")
    create = """mutation($input: CreateAccessTokenInput!) { createAccessToken(input: $input) {
        accessToken metadata { id actorUrn ownerUrn name description } } }"""
    wanted = {"type": "PERSONAL", "actorUrn": urn, "duration": "ONE_MONTH", "name": "test", "description": "test"}
    set_base_policy(admin, "INACTIVE")
    try:
        refused = user.graphql(create, input=wanted)
        assert refused["data"] == {"createAccessToken": None}
        assert refused["errors"][0]["extensions"]["code"] == 403
        policy = {
            "type": "PLATFORM",
            "name": "Test Policy Name",
            "description": "Test Policy Description",
            "state": "ACTIVE",
            "resources": {"filter": {"criteria": []}},
            "privileges": ["GENERATE_PERSONAL_ACCESS_TOKENS"],
            "actors": {"users": [urn], "resourceOwners": False, "allUsers": False, "allGroups": False},
        }
        made = admin.graphql("mutation($i: PolicyUpdateInput!) { createPolicy(input: $i) }", i=policy)["data"]["createPolicy"]
        token_id = user.graphql(create, input=wanted)["data"]["createAccessToken"]["metadata"]["id"]
        revoke = "mutation($t: String!) { revokeAccessToken(tokenId: $t) }"
        assert user.graphql(revoke, t=token_id)["data"]["revokeAccessToken"] is True
        deleted = admin.graphql("mutation($u: String!) { deletePolicy(urn: $u) }", u=made)
        assert deleted["data"]["deletePolicy"] == made
        assert user.graphql(create, input=wanted)["errors"]
    finally:
        set_base_policy(admin, "ACTIVE")
    assert user.graphql(create, input=wanted)["data"]["createAccessToken"]["accessToken"]


def test_the_published_scenario_of_sessions(session, signed_in, server):
    """smoke-test/tests/tokens/session_access_token_test.py"""
    admin = session()
    name = f"session.{secrets.token_hex(3)}@smoke.datahub.test"
    urn = f"urn:li:corpuser:{name}"
    sign_up(admin, server, name, "sessionUser")
    user = session(name, "sessionUser")
    users = admin.graphql(
        "query($i: ListUsersInput!) { listUsers(input: $i) { start count total users { username } } }",
        i={"start": "0", "count": "100"},
    )["data"]["listUsers"]["users"]
    assert {"username": name} in users
    admin_graph = f"graph({signed_in.token!r})"
    for change, back in (
        (f"soft_delete_entity(urn={urn!r})", f"set_soft_delete_status(urn={urn!r}, delete=False)"),
        (f"emit(aspect({urn!r}, status('SUSPENDED')))", f"emit(aspect({urn!r}, status('ACTIVE')))"),
    ):
        assert user.who().json() == {"urn": urn}
        signed_in.sdk(f"{admin_graph}.{change}")
        assert user.who().status_code == 401
        signed_in.sdk(f"{admin_graph}.{back}")
    assert user.who().json() == {"urn": urn}
    signed_in.sdk(f"{admin_graph}.hard_delete_entity(urn={urn!r})")
    assert user.who().status_code == 401

"""The unmodified `datahub` command: a life of a token, end to end."""

import json

CREATE = """mutation createAccessToken($input: CreateAccessTokenInput!) { createAccessToken(input: $input) {
    accessToken metadata { id actorUrn ownerUrn name description } } }"""
LIST = """query listAccessTokens($input: ListAccessTokenInput!) { listAccessTokens(input: $input) {
    start count total tokens { id name actorUrn ownerUrn expiresAt } } }"""
REVOKE = "mutation revokeAccessToken($tokenId: String!) { revokeAccessToken(tokenId: $tokenId) }"


def wanted(name, actor, duration="ONE_HOUR"):
    return {"type": "PERSONAL", "actorUrn": f"urn:li:corpuser:{actor}", "duration": duration, "name": name}


def test_init_mints_a_token_that_every_command_uses(signed_in, server):
    assert signed_in.token.startswith("tsp_")
    me = json.loads(signed_in.cli("graphql", "--operation", "me"))
    assert me["me"]["corpUser"]["username"] == "admin"
    assert "'noCode': 'true'" in signed_in.cli("check", "server-config")
    user = json.loads(signed_in.cli("get", "--urn", "urn:li:corpuser:admin"))
    assert user["corpUserKey"] == {"username": "admin"}
    assert signed_in.cli("exists", "--urn", "urn:li:corpuser:admin").strip() == "true"
    assert signed_in.cli("exists", "--urn", "urn:li:corpuser:nobody").strip() == "false"
    assert server.holder_of(signed_in.token).is_let_in(), "the same actor at the other door"


def test_init_with_a_wrong_password_says_so(datahub):
    ended = datahub.run("init", "--host", datahub.server.base_url, "--username", "admin", "--password", "wrong", "--force")
    assert ended.returncode != 0


def test_a_token_is_created_listed_and_revoked_and_then_refused(signed_in, person, server):
    created = signed_in.graphql(CREATE, input=wanted("by the command line", person.name))["createAccessToken"]
    metadata = created["metadata"]
    assert metadata["actorUrn"] == f"urn:li:corpuser:{person.name}" and metadata["ownerUrn"] == "urn:li:corpuser:admin"
    assert server.holder_of(created["accessToken"]).is_let_in()
    filters = [{"field": "actorUrn", "values": [metadata["actorUrn"]]}, {"field": "name", "values": [metadata["name"]]}]
    listed = signed_in.graphql(LIST, input={"start": 0, "count": 20, "filters": filters})["listAccessTokens"]
    assert (listed["total"], listed["tokens"][0]["id"]) == (1, metadata["id"])
    assert signed_in.graphql(REVOKE, tokenId=metadata["id"]) == {"revokeAccessToken": True}
    assert not server.holder_of(created["accessToken"]).is_let_in()
    assert signed_in.graphql(LIST, input={"filters": filters})["listAccessTokens"]["total"] == 0


def test_without_the_privilege_a_command_fails_and_says_why(person):
    ended = person.run("graphql", "--query", CREATE, "--variables", json.dumps({"input": wanted("x", "admin")}))
    assert ended.returncode != 0
    assert "Unauthorized to perform this action. Please contact your DataHub administrator." in ended.stdout + ended.stderr


def test_after_revocation_every_command_is_refused(signed_in, person):
    own = [{"field": "ownerUrn", "values": [f"urn:li:corpuser:{person.name}"]}]
    (token,) = person.graphql(LIST, input={"filters": own})["listAccessTokens"]["tokens"]
    assert token["name"].startswith("cli token ")
    signed_in.graphql(REVOKE, tokenId=token["id"])
    for command in (
        ("graphql", "--query", "{ me { corpUser { username } } }"),
        ("get", "--urn", "urn:li:corpuser:admin"),
        ("exists", "--urn", "urn:li:corpuser:admin"),
    ):
        ended = person.run(*command)
        assert ended.returncode != 0 and "401" in ended.stdout + ended.stderr, ended.stdout + ended.stderr


def test_the_schema_is_described(signed_in):
    operations = signed_in.cli("graphql", "--list-operations")
    for name in ("createAccessToken", "listAccessTokens", "revokeAccessToken", "createServiceAccount", "updatePolicy"):
        assert name in operations
    assert "durationIso: String" in signed_in.cli("graphql", "--describe", "createAccessToken", "--recurse")
    unknown = signed_in.run("graphql", "--query", "{ me { nope } }")
    assert "--strip-unknown-fields" in unknown.stdout + unknown.stderr


def test_users_are_deleted_softly_taken_back_and_deleted_for_good(signed_in, person, server):
    urn = f"urn:li:corpuser:{person.name}"
    assert server.holder_of(person.token).is_let_in()
    signed_in.cli("delete", "--urn", urn, "--soft", "--force")
    assert not server.holder_of(person.token).is_let_in()
    signed_in.sdk(f"graph({signed_in.token!r}).set_soft_delete_status(urn={urn!r}, delete=False)")
    assert server.holder_of(person.token).is_let_in()
    signed_in.cli("delete", "--urn", urn, "--hard", "--force")
    assert not server.holder_of(person.token).is_let_in()

"""The unmodified SDK: `DataHubGraph` and the REST emitter."""

import secrets


def test_graph_and_emitter_connect_until_the_token_is_revoked(signed_in, person):
    script = f"g = graph({person.token!r}); g.test_connection(); emitter({person.token!r}).test_connection()\n"
    script += "result = g.execute_graphql('{ me { corpUser { urn username } } }')"
    assert person.sdk(script)["me"]["corpUser"]["username"] == person.name
    query = 'query($t: String!) { getAccessTokenMetadata(token: $t) { id } }'
    whose = signed_in.sdk(f"result = graph({signed_in.token!r}).execute_graphql({query!r}, variables={{'t': {person.token!r}}})")
    token_id = whose["getAccessTokenMetadata"]["id"]
    revoke = 'mutation($t: String!) { revokeAccessToken(tokenId: $t) }'
    signed_in.sdk(f"graph({signed_in.token!r}).execute_graphql({revoke!r}, variables={{'t': {token_id!r}}})")
    outcome = person.sdk_outcome(script)
    assert "Unauthorized" in outcome["failed"] or "401" in outcome["failed"], outcome


def test_a_refusal_is_an_error_of_graphql(person):
    outcome = person.sdk_outcome(f"graph({person.token!r}).execute_graphql('{{ listAccessTokens(input: {{}}) {{ total }} }}')")
    assert outcome["failed"].startswith("GraphError") and "Unauthorized to perform this action." in outcome["failed"]


def test_suspended_users_are_refused_and_readmitted(signed_in, person, server, session):
    urn = f"urn:li:corpuser:{person.name}"
    for text, let_in in (("SUSPENDED", False), ("ACTIVE", True)):
        signed_in.sdk(f"graph({signed_in.token!r}).emit(aspect({urn!r}, status({text!r})))")
        assert server.holder_of(person.token).is_let_in() == let_in
    signed_in.sdk(f"emitter({signed_in.token!r}).emit(aspect({urn!r}, status('SUSPENDED')))")
    assert not server.holder_of(person.token).is_let_in()
    refused = person.sdk_outcome(f"graph({person.token!r}).emit(aspect({urn!r}, status('ACTIVE')))")
    assert "failed" in refused
    signed_in.sdk(f"emitter({signed_in.token!r}).emit(aspect({urn!r}, status('ACTIVE')))")
    assert server.holder_of(person.token).is_let_in()


def test_an_aspect_is_read_back_as_it_was_written(signed_in, person):
    urn = f"urn:li:corpuser:{person.name}"
    script = f"g = graph({signed_in.token!r}); g.emit(aspect({urn!r}, info('Grace Hopper')))\n"
    script += "from datahub.metadata.schema_classes import CorpUserInfoClass\n"
    script += f"result = [g.get_aspect({urn!r}, CorpUserInfoClass).displayName, g.exists({urn!r}), g.exists('urn:li:corpuser:x')]"
    assert signed_in.sdk(script) == ["Grace Hopper", True, False]


def test_a_native_user_is_created_with_an_invitation_and_gets_a_role(signed_in, session):
    """The client sends its bearer token and, after `/signUp`, the cookies of the new user: the token must count."""
    name = f"native-{secrets.token_hex(4)}"
    script = f"result = graph({signed_in.token!r}).create_native_user({name!r}, {name!r}, 'Native', 'native-password', 'Admin')"
    assert signed_in.sdk(script) == f"urn:li:corpuser:{name}"
    native = session(name, "native-password")
    assert native.graphql("{ me { platformPrivileges { manageTokens } } }")["data"]["me"] == {
        "platformPrivileges": {"manageTokens": True}
    }


def test_the_system_client_of_the_sdk_is_let_in_only_if_configured(own_server, client_of):
    script = "result = graph(None).execute_graphql('{ me { corpUser { username } } }')"
    system, wrong = (
        client_of(own_server, DATAHUB_SYSTEM_CLIENT_ID="__datahub_system", DATAHUB_SYSTEM_CLIENT_SECRET=secret)
        for secret in ("0123456789abcdef", "fedcba9876543210")
    )
    own_server.stop()
    own_server.start(TESSERA_SYSTEM_CLIENT_ID="__datahub_system", TESSERA_SYSTEM_CLIENT_SECRET="0123456789abcdef")
    assert system.sdk(script)["me"]["corpUser"]["username"] == "__datahub_system"
    assert "failed" in wrong.sdk_outcome(script)
    own_server.restart()
    assert "failed" in system.sdk_outcome(script)

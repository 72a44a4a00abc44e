"""A program as a user of the generated Python SDK would write it: create, find, update and delete a key."""

import sys

from tessera_client import ApiClient, APIKeysApi, ApiKeyRequest, Configuration, PersonaRequest, PersonasApi, UsersApi
from tessera_client.exceptions import BadRequestException, NotFoundException, UnauthorizedException

base_url, token, name = sys.argv[1:]


def linked_to(api_key):
    return [link.persona_qualified_name for link in api_key.attributes.persona_qualified_name]


with ApiClient(Configuration(host=base_url, access_token=token)) as client:
    personas = PersonasApi(client)
    before, after = (personas.create_persona(PersonaRequest(name=f"{name} {when}")) for when in ("before", "after"))

    keys = APIKeysApi(client)
    created = keys.create_api_key(
        ApiKeyRequest(
            display_name=name,
            description="generated",
            validity_seconds=3600,
            persona_qualified_names=[before.qualified_name],
        )
    )
    assert created.attributes.access_token_lifespan == "3600"
    assert linked_to(created) == [before.qualified_name]

    found = keys.list_api_keys(filter=f'{{"displayName":"{name}"}}', sort="-createdAt", limit=2)
    assert (found.filter_record, found.records[0].id) == (1, created.id)
    assert type(found.records[0]) is type(created), "a listed key has another type than a created one"

    renamed = ApiKeyRequest(display_name=f"{name} renamed", persona_qualified_names=[after.qualified_name])
    updated = keys.update_api_key(created.id, renamed)
    assert updated.display_name == keys.get_api_key(created.id).display_name == f"{name} renamed"
    assert linked_to(updated) == [after.qualified_name], "the links are not replaced"
    assert linked_to(keys.update_api_key(created.id, ApiKeyRequest(display_name=name))) == []

    with ApiClient(Configuration(host=base_url, access_token=created.attributes.access_token)) as own_client:
        itself = UsersApi(own_client)
        assert itself.get_current_user().username == f"service-account-{created.client_id}"
        keys.delete_api_key(created.id)
        try:
            itself.get_current_user()
            raise AssertionError("the deleted key is let in")
        except UnauthorizedException as error:
            assert error.data.error_code and error.data.error_message
    try:
        keys.get_api_key(created.id)
        raise AssertionError("the deleted key is found")
    except NotFoundException as error:
        assert error.data.error_code and error.data.error_message
    try:
        keys.list_api_keys(filter="{")
        raise AssertionError("the broken filter is taken")
    except BadRequestException as error:
        assert "filter" in error.data.error_message

"""What pyatlan reads around its keys: docs/contracts/atlan.md, section 6.1."""

import uuid

from sdks import name

ROLES = {"$admin", "$member", "$guest", "$api-token-default-access"}


def test_current_user_of_a_key_is_its_service_account(sdk, connect):
    token = sdk.create(name())
    own = connect(token.attributes.access_token)
    current = own.wait(own.client.user.get_current())
    assert current.username == token.username
    assert current.enabled


def test_current_user_of_a_session_is_the_user(admin, connect):
    own = connect(admin.token)
    assert own.wait(own.client.user.get_current()).username == "admin"


def test_iterating_over_users_ends_and_repeats_nobody(server, sdk):
    made = {server.new_user()[0] for _ in range(5)}
    names = [user.username for user in sdk.all(sdk.wait(sdk.client.user.get_all(limit=2)))]
    assert made | {"admin"} <= set(names)
    assert len(names) == len(set(names))
    assert names == sorted(names)


def test_users_are_found_by_name_and_names(server, sdk):
    user, other = server.new_user()[0], server.new_user()[0]
    assert sdk.wait(sdk.client.user.get_by_username(user)).username == user
    assert sdk.wait(sdk.client.user.get_by_username("nobody-at-all")) is None
    response = sdk.wait(sdk.client.user.get_by_usernames([user, other, "nobody-at-all"]))
    assert {found.username for found in sdk.all(response)} == {user, other}
    assert sdk.all(sdk.wait(sdk.client.user.get_by_usernames([]))) == []


def test_users_can_be_searched_by_email(sdk):
    assert sdk.all(sdk.wait(sdk.client.user.get_by_email("no-such-address@example.com"))) == []
    assert sdk.all(sdk.wait(sdk.client.user.get_by_emails(["no-such-address@example.com"]))) == []
    assert sdk.all(sdk.wait(sdk.client.user.get_by_emails([]))) == []


def test_user_cache_translates_people_and_keys(server, sdk):
    user = server.new_user()[0]
    cache = sdk.client.user_cache
    guid = sdk.wait(cache.get_id_for_name(user))
    assert sdk.wait(cache.get_name_for_id(guid)) == user
    token = sdk.create(name())
    assert sdk.wait(cache.get_id_for_name(token.username)) == token.guid
    assert sdk.wait(cache.get_name_for_id(token.guid)) == token.username
    assert sdk.wait(cache.get_name_for_id(str(uuid.uuid4()))) is None


def test_role_cache_translates_the_built_in_roles(sdk):
    cache = sdk.client.role_cache
    for role in ROLES:
        guid = sdk.wait(cache.get_id_for_name(role))
        assert uuid.UUID(guid)
        assert sdk.wait(cache.get_name_for_id(guid)) == role
    assert sdk.wait(cache.get_id_for_name("$nosuchrole")) is None


def test_all_roles_are_listed(sdk):
    response = sdk.wait(sdk.client.role.get_all())
    assert ROLES <= {role.name for role in response.records}


def test_role_cache_knows_that_a_key_is_no_person(sdk, connect):
    token = sdk.create(name())
    own = connect(token.attributes.access_token)
    assert own.wait(own.client.role_cache.is_api_token_user()) is True


def test_role_cache_knows_that_a_member_is_no_key(server, connect):
    own = connect(server.new_user("$member")[2].token)
    assert own.wait(own.client.role_cache.is_api_token_user()) is False


def test_group_cache_finds_no_group(sdk):
    cache = sdk.client.group_cache
    assert sdk.wait(cache.get_id_for_name("nogroup")) is None
    assert sdk.wait(cache.get_id_for_alias("nogroup")) is None
    assert sdk.all(sdk.wait(sdk.client.group.get_all())) == []

"""Atlan's own SDK, unmodified, manages API keys: docs/contracts/atlan.md, sections 2 and 3."""

import time
import uuid

import pytest
from pyatlan.errors import AuthenticationError, InvalidRequestError, NotFoundError, PermissionError

from sdks import linked, name, one_after_another

FIVE_YEARS = 157_680_000


def test_create_answers_the_key_and_its_token(sdk):
    wanted = name()
    before = int(time.time() * 1000)
    token = sdk.create(wanted, description="what it is for")
    assert uuid.UUID(token.guid)
    assert token.display_name == token.attributes.display_name == wanted
    assert token.client_id == token.attributes.client_id
    assert token.client_id.startswith("apikey-")
    assert token.username == f"service-account-{token.client_id}"
    assert token.attributes.description == "what it is for"
    assert token.attributes.access_token.startswith("tsk_")
    assert len(token.attributes.access_token) == 76
    assert before <= token.attributes.created_at <= int(time.time() * 1000)
    assert token.attributes.created_by.startswith("service-account-apikey-")
    assert linked(token) == set()
    assert not token.attributes.workspace_permissions


def test_create_links_personas(sdk, personas):
    token = sdk.create(name(), personas=set(personas))
    assert linked(token) == set(personas)
    assert linked(sdk.get_by_guid(token.guid)) == set(personas)
    assert all(link.guid and link.persona for link in token.attributes.persona_qualified_name)


@pytest.mark.parametrize(
    "asked, kept", [(60, 60), (FIVE_YEARS, FIVE_YEARS), (-1, FIVE_YEARS), (409_968_000, FIVE_YEARS)]
)
def test_create_keeps_the_validity_that_the_sdk_sends(sdk, asked, kept):
    token = sdk.create(name(), validity_seconds=asked)
    assert token.attributes.access_token_lifespan == kept
    assert sdk.get_by_guid(token.guid).attributes.access_token_lifespan == kept


def test_create_keeps_text_outside_ascii(sdk):
    wanted = f"schlüssel 鍵 🔑 {uuid.uuid4()}"
    sdk.create(wanted, description='für Ω\n"quoted" \\ and more')
    found = sdk.get_by_name(wanted)
    assert found.display_name == wanted
    assert found.attributes.description == 'für Ω\n"quoted" \\ and more'


def test_a_created_key_acts_as_itself(sdk, connect):
    token = sdk.create(name())
    own = connect(token.attributes.access_token)
    current = own.wait(own.client.user.get_current())
    assert current.username == token.username
    assert current.id == token.guid


def test_get_without_arguments_lists_the_newest_first(sdk):
    tokens = one_after_another(lambda: sdk.create(name()), 3)
    response = sdk.get()
    assert [each.guid for each in response.records[:3]] == [each.guid for each in reversed(tokens)]
    assert response.total_record == response.filter_record >= 3
    assert all(each.attributes.access_token is None for each in response.records)


def test_get_honours_limit_and_offset(sdk):
    tokens = one_after_another(lambda: sdk.create(name()), 3)
    first = sdk.get(limit=2, sort="-createdAt")
    second = sdk.get(limit=2, offset=2, sort="-createdAt")
    assert [each.guid for each in first.records] == [tokens[2].guid, tokens[1].guid]
    assert second.records[0].guid == tokens[0].guid


def test_get_past_the_end_is_empty(sdk):
    response = sdk.get(limit=10, offset=sdk.get(limit=1).total_record)
    assert not response.records


def test_get_sorts_both_ways(sdk):
    tokens = one_after_another(lambda: sdk.create(name()), 3)
    wanted = f'{{"id":{{"$in":["{tokens[0].guid}","{tokens[1].guid}","{tokens[2].guid}"]}}}}'
    ascending = sdk.get(post_filter=wanted, sort="createdAt").records
    descending = sdk.get(post_filter=wanted, sort="-createdAt").records
    assert [each.guid for each in ascending] == [each.guid for each in tokens]
    assert [each.guid for each in descending] == [each.guid for each in reversed(tokens)]


def test_get_filters_and_counts_both_ways(sdk):
    token = sdk.create(name())
    response = sdk.get(post_filter=f'{{"displayName":"{token.display_name}"}}')
    assert [each.guid for each in response.records] == [token.guid]
    assert response.filter_record == 1
    assert response.total_record > 1


def test_get_works_without_a_count(sdk):
    token = sdk.create(name())
    assert sdk.get(count=False, limit=1).records[0].guid == token.guid


def test_get_takes_empty_strings_and_limit_zero(sdk):
    token = sdk.create(name())
    response = sdk.get(limit=0, post_filter="", sort="", count=True, offset=0)
    assert response.records[0].guid == token.guid
    assert len(response.records) == min(response.filter_record, 1000)


def test_get_takes_every_argument_at_once(sdk):
    shared = name()
    tokens = one_after_another(lambda: sdk.create(shared), 4)
    response = sdk.get(limit=2, post_filter=f'{{"displayName":"{shared}"}}', sort="-createdAt", count=True, offset=1)
    assert [each.guid for each in response.records] == [tokens[2].guid, tokens[1].guid]
    assert response.filter_record == 4


def test_get_by_name_finds_the_newest_of_that_very_name(sdk):
    shared = name()
    newest = one_after_another(lambda: sdk.create(shared), 3)[-1]
    sdk.create(shared + " and more")
    assert sdk.get_by_name(shared).guid == newest.guid
    assert sdk.get_by_name(shared.upper()) is None
    assert sdk.get_by_name(name()) is None


def test_get_by_id_takes_the_client_id_and_the_user_name(sdk):
    token = sdk.create(name())
    assert sdk.get_by_id(token.client_id).guid == token.guid
    assert sdk.get_by_id(token.username).guid == token.guid
    assert sdk.get_by_id(f"apikey-{uuid.uuid4()}") is None


def test_get_by_guid_finds_one_or_none(sdk):
    token = sdk.create(name())
    assert sdk.get_by_guid(token.guid).display_name == token.display_name
    assert sdk.get_by_guid(str(uuid.uuid4())) is None
    assert sdk.get_by_guid("no guid at all") is None


def test_update_renames(sdk):
    token = sdk.create(name(), description="old")
    renamed = name()
    answer = sdk.update(token.guid, renamed, description="new")
    assert (answer.guid, answer.display_name, answer.attributes.description) == (token.guid, renamed, "new")
    assert answer.attributes.access_token is None
    assert sdk.get_by_name(renamed).guid == token.guid
    assert sdk.get_by_name(token.display_name) is None


def test_update_leaves_validity_and_token_alone(sdk, connect):
    token = sdk.create(name(), validity_seconds=3600)
    sdk.update(token.guid, name())
    assert sdk.get_by_guid(token.guid).attributes.access_token_lifespan == 3600
    own = connect(token.attributes.access_token)
    assert own.wait(own.client.user.get_current()).username == token.username


def test_update_unlinks_personas_left_out(sdk, personas):
    token = sdk.create(name(), personas=set(personas))
    assert linked(sdk.update(token.guid, token.display_name)) == set()
    assert linked(sdk.get_by_guid(token.guid)) == set()


def test_update_replaces_personas_wholesale(sdk, personas):
    token = sdk.create(name(), personas={personas[0], personas[1]})
    answer = sdk.update(token.guid, token.display_name, personas={personas[1], personas[2]})
    assert linked(answer) == {personas[1], personas[2]}
    assert linked(sdk.get_by_guid(token.guid)) == {personas[1], personas[2]}


def test_a_purged_key_is_gone_and_refused_at_once(sdk, connect):
    token = sdk.create(name())
    own = connect(token.attributes.access_token)
    own.wait(own.client.user.get_current())
    assert sdk.purge(token.guid) is None
    begun = time.monotonic()
    with pytest.raises(AuthenticationError):
        own.wait(own.client.user.get_current())
    with pytest.raises(AuthenticationError):
        own.get()
    assert time.monotonic() - begun < 2, "the SDK was made to retry"
    assert sdk.get_by_guid(token.guid) is None
    assert sdk.get_by_name(token.display_name) is None


def test_a_key_purges_itself_and_is_refused(sdk, connect):
    token = sdk.create(name())
    own = connect(token.attributes.access_token)
    own.purge(token.guid)
    with pytest.raises(AuthenticationError):
        own.purge(token.guid)


def test_an_expired_key_is_refused(sdk, connect):
    token = sdk.create(name(), validity_seconds=1)
    own = connect(token.attributes.access_token)
    assert own.wait(own.client.user.get_current()).username == token.username
    time.sleep(1.1)
    with pytest.raises(AuthenticationError):
        own.wait(own.client.user.get_current())


def test_a_client_without_a_key_is_refused(connect):
    with pytest.raises(AuthenticationError):
        connect("").get()


def test_an_unknown_guid_is_not_found(sdk):
    with pytest.raises(NotFoundError):
        sdk.purge(str(uuid.uuid4()))
    with pytest.raises(NotFoundError):
        sdk.update(str(uuid.uuid4()), name())


def test_bad_input_is_an_invalid_request(sdk):
    with pytest.raises(InvalidRequestError, match="displayName"):
        sdk.create(" ")
    with pytest.raises(InvalidRequestError, match="validitySeconds"):
        sdk.create(name(), validity_seconds=0)
    with pytest.raises(InvalidRequestError, match="filter"):
        sdk.get_by_name('we"ird')
    with pytest.raises(InvalidRequestError, match="sort"):
        sdk.get(sort="secret")
    with pytest.raises(InvalidRequestError, match="limit"):
        sdk.get(limit=-1)


def test_unknown_personas_are_each_named(sdk, personas):
    with pytest.raises(InvalidRequestError) as refused:
        sdk.create(name(), personas={personas[0], "default/nosuchpersona1", "default/nosuchpersona2"})
    assert "default/nosuchpersona1" in str(refused.value)
    assert "default/nosuchpersona2" in str(refused.value)
    assert personas[0] not in str(refused.value)


def test_an_ordinary_key_may_read_but_not_create(sdk, connect):
    token = sdk.create(name())
    own = connect(token.attributes.access_token)
    assert own.get_by_guid(token.guid).guid == token.guid
    begun = time.monotonic()
    with pytest.raises(PermissionError):
        own.create(name())
    assert time.monotonic() - begun < 10, "Retry-After must bound the SDK's five retries to a second each"

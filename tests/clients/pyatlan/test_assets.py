"""Connections, collections and their people, by the unmodified SDK: docs/contracts/atlan.md, sections 6.3 and 6.4."""

import time
import uuid

import pyatlan.model.assets as v1
import pyatlan_v9.model.assets as v9
import pytest
from pyatlan.errors import NotFoundError, PermissionError
from pyatlan.model.enums import AtlanConnectorType
from pyatlan.model.fluent_search import FluentSearch

from servers import ok
from sdks import CLIENTS, name


@pytest.fixture
def models(sdk):
    """The classes that belong to the client."""
    return v9 if type(sdk.client).__module__.startswith("pyatlan_v9") else v1


@pytest.fixture
def own(server, connect):
    """A client with an ordinary key."""
    return connect(server.new_key())


def make(sdk, kind, **more):
    """What a creator of the SDK makes: those take the synchronous client of their generation only."""
    generation = "v9" if kind.__module__.startswith("pyatlan_v9") else "v1"
    client = CLIENTS[generation](base_url=str(sdk.client.base_url), api_key=sdk.client.api_key)
    return kind.creator(client=client, **more)


def new_connection(sdk, models):
    """A connection of a qualified name that no other has: those of the SDK are a second apart."""
    roles = [sdk.wait(sdk.client.role_cache.get_id_for_name("$admin"))]
    connection = make(
        sdk, models.Connection, name=name(), connector_type=AtlanConnectorType.SNOWFLAKE, admin_roles=roles
    )
    connection.qualified_name = f"default/snowflake/{uuid.uuid4().int % 10**15}"
    return sdk.wait(sdk.client.asset.save(connection)).assets_created(models.Connection)[0]


def new_collection(sdk, models):
    collection = make(sdk, models.Collection, name=name())
    return sdk.wait(sdk.client.asset.save(collection)).assets_created(models.Collection)[0]


def username(sdk):
    return sdk.wait(sdk.client.user.get_current()).username


def admins(rest, guid):
    return ok(rest.get(f"/api/meta/entity/guid/{guid}"))["entity"]["attributes"].get("adminUsers", [])


def test_a_key_is_an_admin_of_the_connection_it_creates(own, models, admin):
    connection = new_connection(own, models)
    assert admins(admin, connection.guid) == [username(own)]
    found = own.wait(own.client.asset.get_by_guid(connection.guid, asset_type=models.Connection))
    assert found.qualified_name == connection.qualified_name


def test_connections_are_found_by_their_names(own, models):
    connection = new_connection(own, models)
    found = own.wait(own.client.asset.find_connections_by_name(connection.name, AtlanConnectorType.SNOWFLAKE))
    assert [each.guid for each in found] == [connection.guid]
    with pytest.raises(NotFoundError):
        own.wait(own.client.asset.find_connections_by_name(name(), AtlanConnectorType.SNOWFLAKE))


def test_a_collection_holds_folders_and_queries(own, models):
    collection = new_collection(own, models)
    assert collection.qualified_name.startswith(f"default/collection/{username(own)}/")
    folder = models.Folder.creator(name="f", collection_qualified_name=collection.qualified_name)
    response = own.wait(own.client.asset.save(folder))
    assert response.assets_created(models.Folder)[0].name == "f"
    assert response.assets_updated(models.Collection)[0].guid == collection.guid
    query = models.Query.creator(name="q", collection_qualified_name=collection.qualified_name)
    assert own.wait(own.client.asset.save(query)).assets_created(models.Query)


@pytest.mark.parametrize("new", [new_connection, new_collection])
def test_a_users_token_makes_the_key_an_admin(server, connect, own, models, new):
    user, _, session = server.new_user()
    theirs = connect(session.token)
    asset = new(theirs, models)
    with pytest.raises(NotFoundError):
        own.wait(own.client.asset.get_by_guid(asset.guid))
    own.wait(own.client.user.add_as_admin(asset.guid, session.token))
    assert sorted(admins(session, asset.guid)) == sorted([user, username(own)])
    own.wait(own.client.asset.get_by_guid(asset.guid))


def test_a_users_token_makes_the_key_a_viewer(server, connect, own, models):
    _, _, session = server.new_user()
    collection = new_collection(connect(session.token), models)
    own.wait(own.client.user.add_as_viewer(collection.guid, session.token))
    own.wait(own.client.asset.get_by_guid(collection.guid))
    folder = models.Folder.creator(name="f", collection_qualified_name=collection.qualified_name)
    with pytest.raises(PermissionError):
        own.wait(own.client.asset.save(folder))


def test_a_key_does_not_add_itself(server, connect, own, models):
    """Not where it sees nothing, and not as the viewer that a user made it."""
    _, _, session = server.new_user()
    collection = new_collection(connect(session.token), models)
    with pytest.raises(NotFoundError):
        own.wait(own.client.user.add_as_admin(collection.guid, own.client.api_key))
    own.wait(own.client.user.add_as_viewer(collection.guid, session.token))
    begun = time.monotonic()
    with pytest.raises(PermissionError):
        own.wait(own.client.user.add_as_admin(collection.guid, own.client.api_key))
    assert time.monotonic() - begun < 10, "Retry-After must bound the SDK's five retries to a second each"
    assert username(own) not in admins(session, collection.guid)


def test_a_user_who_is_no_admin_adds_nobody(server, connect, own, models):
    _, _, session = server.new_user()
    _, _, other = server.new_user()
    collection = new_collection(connect(session.token), models)
    with pytest.raises(NotFoundError):
        own.wait(own.client.user.add_as_admin(collection.guid, other.token))
    viewer = connect(other.token)
    viewer.wait(viewer.client.user.add_as_viewer(collection.guid, session.token))
    with pytest.raises(PermissionError):
        own.wait(own.client.user.add_as_admin(collection.guid, other.token))
    assert username(own) not in admins(session, collection.guid)


def test_a_search_pages_through_everything_once(own, models):
    collection = new_collection(own, models)
    for number in range(5):
        folder = models.Folder.creator(name=f"f{number}", collection_qualified_name=collection.qualified_name)
        own.wait(own.client.asset.save(folder))
    request = (
        FluentSearch()
        .where(v1.Asset.QUALIFIED_NAME.startswith(collection.qualified_name + "/"))
        .where(FluentSearch.asset_type(v1.Folder))
        .page_size(2)
        .to_request()
    )
    response = own.wait(own.client.asset.search(request))
    assert response.count == 5
    assert sorted(each.name for each in own.all(response)) == [f"f{number}" for number in range(5)]


def test_a_soft_deletion_and_a_purge(own, models):
    collection = new_collection(own, models)
    response = own.wait(own.client.asset.delete_by_guid(collection.guid))
    assert [each.guid for each in response.assets_deleted(models.Collection)] == [collection.guid]
    own.wait(own.client.asset.purge_by_guid(collection.guid))
    with pytest.raises(NotFoundError):
        own.wait(own.client.asset.get_by_guid(collection.guid))

"""Personas and their policies, managed by the unmodified SDK: docs/contracts/atlan.md, section 6.2."""

import uuid

import pyatlan.model.assets as v1
import pyatlan_v9.model.assets as v9
import pytest
from pyatlan.errors import NotFoundError, PermissionError
from pyatlan.model.enums import AuthPolicyType, PersonaDomainAction, PersonaGlossaryAction, PersonaMetadataAction

from servers import ok
from sdks import linked, name

READ = PersonaMetadataAction.READ


@pytest.fixture
def models(sdk):
    """The classes that belong to the client."""
    return v9 if type(sdk.client).__module__.startswith("pyatlan_v9") else v1


@pytest.fixture
def save(sdk):
    return sdk.waiting(sdk.client.asset.save)


def objects(rest):
    """A connection, a glossary and a domain of that client, who is their admin and so may write policies about them."""
    number = uuid.uuid4().int % 10**15
    names = {
        "Connection": f"default/snowflake/{number}",
        "AtlasGlossary": f"gl{number}",
        "DataDomain": f"default/domain/{number}",
    }
    for kind, qualified_name in list(names.items()):
        entity = {"typeName": kind, "attributes": {"qualifiedName": qualified_name, "name": qualified_name}}
        answer = ok(rest.post("/api/meta/entity/bulk", json={"entities": [entity]}))
        if kind == "Connection":
            names["guid"] = answer["mutatedEntities"]["CREATE"][0]["guid"]
    return names


@pytest.fixture
def own(server, managing_key):
    """What the key of the SDK's client administers, as it created them."""
    return objects(server.holder_of(managing_key))


@pytest.fixture
def persona(models, save):
    """A new persona."""
    return save(models.Persona.creator(name=name())).assets_created(models.Persona)[0]


def read(sdk, models, guid):
    return sdk.wait(sdk.client.asset.get_by_guid(guid, asset_type=models.Persona, ignore_relationships=False))


def test_a_new_persona_has_a_minted_qualified_name(sdk, models, save):
    wanted = name()
    response = save(models.Persona.creator(name=wanted))
    created = response.assets_created(models.Persona)[0]
    assert created.name == created.display_name == wanted
    assert created.qualified_name.startswith("default/")
    assert len(created.qualified_name) == len("default/") + 22
    assert list(response.guid_assignments.values()) == [created.guid]


def test_a_persona_is_found_by_its_name_in_any_case_and_by_nothing_else(sdk, persona):
    find = sdk.waiting(sdk.client.asset.find_personas_by_name)
    for wanted in (persona.name, persona.name.upper()):
        assert [each.guid for each in find(wanted, attributes=["displayName"])] == [persona.guid]
    with pytest.raises(NotFoundError):
        find(name())


def test_a_persona_is_read_by_guid_and_by_qualified_name(sdk, models, persona):
    assert read(sdk, models, persona.guid).name == persona.name
    by_name = sdk.wait(sdk.client.asset.get_by_qualified_name(persona.qualified_name, asset_type=models.Persona))
    assert by_name.guid == persona.guid
    with pytest.raises(NotFoundError):
        sdk.wait(sdk.client.asset.get_by_guid(str(uuid.uuid4()), asset_type=models.Persona))


def test_an_update_links_users_and_keeps_groups(server, sdk, models, save, persona):
    user, _, session = server.new_user()
    update = models.Persona.updater(qualified_name=persona.qualified_name, name=persona.name, is_enabled=True)
    update.description = "new"
    update.persona_users = {user}
    update.persona_groups = {"admins"}
    updated = save(update).assets_updated(models.Persona)[0]
    assert updated.guid == persona.guid
    found = read(sdk, models, persona.guid)
    assert (found.description, set(found.persona_users), set(found.persona_groups)) == ("new", {user}, {"admins"})
    assert session.get("/api/service/whoami").json()["personas"] == [persona.qualified_name]


def test_a_key_is_linked_to_a_persona_made_by_the_sdk(sdk, persona):
    token = sdk.create(name(), personas={persona.qualified_name})
    assert linked(token) == {persona.qualified_name}


def policies(own, persona):
    """One of each kind. Only the first generation of the SDK makes them: in the second these functions are broken."""
    creator = v1.Persona
    connection = own["Connection"]
    return [
        creator.create_metadata_policy(
            name="metadata", persona_id=persona.guid, policy_type=AuthPolicyType.ALLOW, actions={READ},
            connection_qualified_name=connection, resources={f"entity:{connection}"},
        ),
        creator.create_data_policy(
            name="data", persona_id=persona.guid, policy_type=AuthPolicyType.DENY,
            connection_qualified_name=connection, resources={f"entity:{connection}"},
        ),
        creator.create_glossary_policy(
            name="glossary", persona_id=persona.guid, policy_type=AuthPolicyType.ALLOW,
            actions={PersonaGlossaryAction.CREATE, PersonaGlossaryAction.UPDATE}, resources={f"entity:{own['AtlasGlossary']}"},
        ),
        creator.create_domain_policy(
            name="domain", persona_id=persona.guid, actions={PersonaDomainAction.READ_DOMAIN},
            resources={f"entity:{own['DataDomain']}"},
        ),
    ]  # fmt: skip


@pytest.fixture
def first_generation(models):
    if models is v9:
        pytest.skip("pyatlan_v9 cannot make policies: `AuthPolicy` is not defined there")


def test_policies_come_back_with_their_persona(sdk, models, save, persona, own, first_generation):
    for policy in policies(own, persona):
        response = save(policy)
        created = response.assets_created(v1.AuthPolicy)[0]
        assert created.qualified_name.startswith(persona.qualified_name + "/")
        assert created.policy_sub_category == policy.policy_sub_category
        assert set(created.policy_actions) == set(policy.policy_actions)
        assert set(created.policy_resources) == set(policy.policy_resources)
        assert response.assets_updated(v1.Persona)[0].guid == persona.guid
    assert len(read(sdk, models, persona.guid).policies) == 4


def test_the_sdk_finds_a_policy_that_is_there_already(sdk, models, save, persona, own, first_generation):
    metadata = policies(own, persona)[0]
    save(metadata)
    save(policies(own, persona)[0])
    assert len(read(sdk, models, persona.guid).policies) == 1, "the SDK sends no second policy of that name"


def test_a_policy_is_updated_and_purged(sdk, models, save, persona, own, first_generation):
    created = save(policies(own, persona)[0]).assets_created(v1.AuthPolicy)[0]
    # The SDK has no updater for policies: what was read is written back.
    policy = sdk.wait(
        sdk.client.asset.get_by_guid(created.guid, asset_type=v1.AuthPolicy, ignore_relationships=False)
    )
    policy.description = "changed"
    updated = save(policy).assets_updated(v1.AuthPolicy)[0]
    assert (updated.guid, updated.description) == (created.guid, "changed")
    assert set(updated.policy_actions) == {READ.value}
    sdk.wait(sdk.client.asset.purge_by_guid(created.guid))
    assert not read(sdk, models, persona.guid).policies


def test_a_key_writes_policies_once_a_user_has_made_it_an_admin(server, sdk, save, persona, first_generation):
    """Managing personas gives no authority over a connection: its admins have it."""
    _, _, session = server.new_user()
    theirs = objects(session)
    with pytest.raises(NotFoundError):
        save(policies(theirs, persona)[0])
    sdk.wait(sdk.client.user.add_as_admin(theirs["guid"], session.token))
    assert save(policies(theirs, persona)[0]).assets_created(v1.AuthPolicy)


def test_a_purged_persona_is_gone(sdk, models, persona):
    response = sdk.wait(sdk.client.asset.purge_by_guid(persona.guid))
    assert [each.guid for each in response.assets_deleted(models.Persona)] == [persona.guid]
    with pytest.raises(NotFoundError):
        read(sdk, models, persona.guid)


def test_an_ordinary_key_may_not_make_personas(server, connect, models):
    own = connect(server.new_key())
    with pytest.raises(PermissionError):
        own.wait(own.client.asset.save(models.Persona.creator(name=name())))

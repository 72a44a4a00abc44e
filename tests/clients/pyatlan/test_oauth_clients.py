"""What pyatlan does with client ids and secrets, unmodified: docs/contracts/atlan.md, section 6.5."""

import time

import pytest
from pyatlan.errors import AtlanError, NotFoundError

from sdks import CLIENTS, Sdk, name
from servers import token_of

# What every user may do by the policies that an installation begins with, a key needs to act as one.
OF_USERS = ("GENERATE_PERSONAL_ACCESS_TOKENS", "VIEW_ANALYTICS")


class Key:
    """A key that is also a client with a secret."""

    def __init__(self, server, *permissions):
        self.token = server.new_key(*(part for each in permissions for part in ("--permission", each)))
        own = server.holder_of(self.token).get("/api/service/whoami").json()
        self.guid, self.client_id = own["id"], own["clientId"]

    def in_environment(self, monkeypatch):
        """Where the SDK looks for it."""
        monkeypatch.setenv("CLIENT_ID", self.client_id)
        monkeypatch.setenv("CLIENT_SECRET", self.token)


@pytest.fixture
def key(server, monkeypatch):
    """A key that impersonates and manages keys, in the environment."""
    key = Key(server, "IMPERSONATE_USERS", "MANAGE_APIKEYS", *OF_USERS)
    key.in_environment(monkeypatch)
    return key


@pytest.fixture
def anybody(connect):
    """A client with a bearer token that means nothing, which the SDK sends along."""
    return connect("null")


def whoami(server, token):
    return server.holder_of(token).get("/api/service/whoami").json()


def oauth(sdk):
    """The operations on OAuth clients, which v9 names differently."""
    clients = sdk.client.oauth_client
    return {
        "create": sdk.waiting(getattr(clients, "create", None) or clients.creator),
        "update": sdk.waiting(getattr(clients, "update", None) or clients.updater),
        "get": sdk.waiting(clients.get),
        "get_by_id": sdk.waiting(clients.get_by_id),
        "purge": sdk.waiting(clients.purge),
    }


@pytest.fixture
def managing(admin, connect):
    """A client whose key may do everything, and so give any role."""
    everything = admin.get("/api/service/whoami").json()["permissions"]
    return connect(token_of(admin.create(workspacePermissions=everything)))


def test_escalate_answers_a_token_of_the_key(server, anybody, key):
    token = anybody.wait(anybody.client.impersonate.escalate())
    assert whoami(server, token)["id"] == key.guid
    assert token != key.token


def test_escalate_with_a_wrong_secret_fails(anybody, key, monkeypatch):
    monkeypatch.setenv("CLIENT_SECRET", key.token[:-1])
    with pytest.raises(AtlanError, match="escalate"):
        anybody.wait(anybody.client.impersonate.escalate())


def test_user_is_impersonated_by_id(server, connect, key):
    user = server.new_user("$guest")[0]
    sdk = connect(key.token)
    guid = sdk.wait(sdk.client.impersonate.get_user_id(user))
    token = sdk.wait(sdk.client.impersonate.user(guid))
    assert whoami(server, token)["username"] == user
    assert connect(token).wait(connect(token).client.user.get_current()).username == user


def test_a_stronger_user_is_not_impersonated(server, connect, key):
    sdk = connect(key.token)
    guid = sdk.wait(sdk.client.impersonate.get_user_id("admin"))
    with pytest.raises(AtlanError, match="impersonate"):
        sdk.wait(sdk.client.impersonate.user(guid))


def test_an_unknown_user_has_no_id(connect, key):
    sdk = connect(key.token)
    assert sdk.wait(sdk.client.impersonate.get_user_id("nobody-at-all")) is None


def test_a_client_secret_works_as_secret_and_as_token(server, connect, key, monkeypatch):
    sdk = connect(key.token)
    other = sdk.create(name())
    secret = sdk.wait(sdk.client.impersonate.get_client_secret(other.guid))
    assert secret != other.attributes.access_token
    assert whoami(server, secret)["id"] == whoami(server, other.attributes.access_token)["id"] == other.guid
    monkeypatch.setenv("CLIENT_ID", other.client_id)
    monkeypatch.setenv("CLIENT_SECRET", secret)
    assert whoami(server, sdk.wait(sdk.client.impersonate.escalate()))["id"] == other.guid


def test_the_secret_of_a_stronger_key_is_refused(server, connect, key):
    stronger = Key(server, "VIEW_AUDIT")
    sdk = connect(key.token)
    with pytest.raises(AtlanError):
        sdk.wait(sdk.client.impersonate.get_client_secret(stronger.guid))


@pytest.mark.parametrize("kind", [kind for kind in CLIENTS if kind != "v9-aio"])
def test_a_client_is_made_from_the_guid_of_a_token(server, loop, key, kind):
    made = server.holder_of(key.token).create()
    sdk = Sdk(kind, server.base_url, key.token, loop)
    by_guid = sdk.wait(
        CLIENTS[kind].from_token_guid(
            guid=made["id"], base_url=server.base_url, client_id=key.client_id, client_secret=key.token
        )
    )
    current = sdk.wait(by_guid.user.get_current())
    assert current.id == made["id"]
    assert current.username == made["attributes"]["username"]


def test_an_expired_token_is_replaced_by_impersonation(server, connect, key):
    user = server.new_user("$guest")[0]
    sdk = connect(key.token)
    guid = sdk.wait(sdk.client.impersonate.get_user_id(user))
    expired = connect("tsk_expired")
    expired.client._user_id = guid
    assert expired.wait(expired.client.user.get_current()).username == user


def test_oauth_clients_are_created_read_updated_and_purged(server, managing, admin):
    clients, wanted, persona = oauth(managing), name(), admin.new_persona()["qualifiedName"]
    made = clients["create"](wanted, "admin", description="nightly", persona_qualified_names=[persona])
    assert made.client_id == f"oauth-client-{made.id}"
    assert made.client_secret and made.display_name == wanted and made.description == "nightly"
    assert made.token_expiry_seconds == 600
    assert abs(int(made.created_at) - time.time() * 1000) < 600_000
    found = clients["get_by_id"](made.client_id)
    assert (found.id, found.display_name, found.role) == (made.id, wanted, "$admin")
    assert found.persona_qualified_names == [persona]
    assert not hasattr(found, "client_secret")
    updated = clients["update"](made.client_id, display_name=f"{wanted} 2")
    assert (updated.display_name, updated.description) == (f"{wanted} 2", "nightly")
    updated = clients["update"](made.client_id, description="weekly")
    assert (updated.display_name, updated.description) == (f"{wanted} 2", "weekly")
    clients["purge"](made.client_id)
    with pytest.raises(NotFoundError):
        clients["get_by_id"](made.client_id)
    assert not server.holder_of(made.client_secret).is_let_in()


def test_an_unknown_role_is_not_found(managing):
    with pytest.raises(NotFoundError, match="Admin"):
        oauth(managing)["create"](name(), "Astronaut")


def test_oauth_clients_are_listed_page_by_page(managing):
    clients = oauth(managing)
    made = [clients["create"](name(), "Guest").client_id for _ in range(3)]
    page = clients["get"](limit=2, sort="-createdAt")
    assert len(page.records) == 2 and page.total_record >= 3
    listed = [each.client_id for each in managing.all(page)]
    assert set(made) <= set(listed) and len(listed) == len(set(listed)) == page.total_record


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_client_signs_in_with_client_id_and_secret(server, loop, managing, kind):
    made = oauth(managing)["create"](name(), "Member")
    sdk = Sdk(kind, server.base_url, None, loop, oauth_client_id=made.client_id, oauth_client_secret=made.client_secret)
    assert sdk.wait(sdk.client.user.get_current()).id == made.id
    assert sdk.get_by_guid(made.id).client_id == f"apikey-{made.id}"


def test_a_purged_client_does_not_sign_in(server, loop, managing):
    made = oauth(managing)["create"](name(), "Guest")
    secrets = {"oauth_client_id": made.client_id, "oauth_client_secret": made.client_secret}
    sdk = Sdk("v1", server.base_url, None, loop, **secrets)
    sdk.client.user.get_current()
    oauth(managing)["purge"](made.client_id)
    with pytest.raises(Exception, match="401"):
        sdk.client.user.get_current()

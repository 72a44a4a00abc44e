"""The device grant with other people's OAuth clients: Authlib and openid-client."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from device_people import DevicePerson
from servers import ADMIN_PASSWORD

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
METADATA = "/.well-known/oauth-authorization-server"
NODE = Path(sys.executable).with_name("node")
NODE_MODULES = Path(__file__).parents[3] / "target" / "tests" / "node" / "node_modules"


@pytest.fixture
def device_admin(server):
    return DevicePerson(server.base_url, "admin", ADMIN_PASSWORD)


def test_authlib_takes_the_metadata(own_server):
    own_server.stop()
    own_server.start(TESSERA_PUBLIC_URL="https://example.org/keys")
    for path in (METADATA, f"{METADATA}/keys"):
        metadata = AuthorizationServerMetadata(own_server.anonymous().get(path).json())
        metadata.validate()
        assert metadata.issuer == "https://example.org/keys"
        assert metadata["device_authorization_endpoint"] == "https://example.org/keys/oauth/device_authorization"
    assert own_server.anonymous().get(f"{METADATA}/other").status_code == 404


def test_authlib_signs_in(server, device_admin):
    client, ask, fetch = authlib(server)
    asked = ask()
    assert fetch(asked) == "authorization_pending"
    assert fetch(asked) == "slow_down"
    page = device_admin.decide(asked["user_code"], "approve")
    assert "tessera-cli" in page and "127.0.0.1" in page
    assert fetch(ask()) == "authorization_pending", "another is another"
    # The client polled too soon, so its interval is now ten seconds; a poll after that gets the approval.
    token = wait(lambda: fetch(asked), until=lambda told: told != "slow_down", every=11)
    assert server.holder_of(token["access_token"]).get("/api/service/whoami").json()["username"] == "admin"
    assert wait(lambda: fetch(asked), until=lambda told: told != "slow_down", every=11) == "invalid_grant"
    client.close()


def test_authlib_is_denied(server, device_admin):
    client, ask, fetch = authlib(server)
    asked = ask()
    device_admin.decide(asked["user_code"].lower().replace("-", ""), "deny")
    assert fetch(asked) == "access_denied"
    client.close()


@pytest.mark.parametrize("verdict", ["approve", "deny"])
def test_openid_client_signs_in_by_discovery(server, device_admin, verdict):
    program = subprocess.Popen(
        [NODE, Path(__file__).with_name("device_flow.mjs"), NODE_MODULES, server.base_url, "tessera-cli"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    code = program.stdout.readline().removeprefix("code: ").strip()
    device_admin.decide(code, verdict)
    told, _ = program.communicate(timeout=60)
    if verdict == "deny":
        assert told.strip() == "error: access_denied"
        return
    token = told.strip().removeprefix("token: ")
    assert server.holder_of(token).is_let_in()


def test_authlib_stays_signed_in(server, device_admin):
    client, ask, fetch = authlib(server)
    asked = ask(scope="offline_access")
    device_admin.decide(asked["user_code"], "approve")
    first = fetch(asked)
    assert first["refresh_token"].startswith("tsr_") and first["expires_in"] <= 600
    url = f"{server.base_url}/oauth/token"
    second = client.refresh_token(url, refresh_token=first["refresh_token"])
    third = client.refresh_token(url, refresh_token=second["refresh_token"])
    assert len({token["refresh_token"] for token in (first, second, third)}) == 3
    assert server.holder_of(third["access_token"]).is_let_in()
    client.revoke_token(f"{server.base_url}/oauth/revoke", token=third["refresh_token"])
    assert not server.holder_of(third["access_token"]).is_let_in()
    with pytest.raises(Exception, match="invalid_grant"):
        client.refresh_token(url, refresh_token=third["refresh_token"])
    client.close()


def test_authlib_ends_everything_by_using_a_refresh_token_twice(server, device_admin):
    client, ask, fetch = authlib(server)
    asked = ask(scope="openid offline_access")
    device_admin.decide(asked["user_code"], "approve")
    first = fetch(asked)
    url = f"{server.base_url}/oauth/token"
    second = client.refresh_token(url, refresh_token=first["refresh_token"])
    for used in (first, second):
        with pytest.raises(Exception, match="invalid_grant"):
            client.refresh_token(url, refresh_token=used["refresh_token"])
        assert not server.holder_of(used["access_token"]).is_let_in()
    client.close()


@pytest.mark.parametrize("bound", [[], ["dpop"]], ids=["bearer", "dpop"])
def test_openid_client_and_oauth4webapi_stay_signed_in(server, device_admin, bound):
    program = subprocess.Popen(
        [NODE, Path(__file__).with_name("refresh_flow.mjs"), NODE_MODULES, server.base_url, "tessera-cli", *bound],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    code = program.stdout.readline().removeprefix("code: ").strip()
    device_admin.decide(code, "approve")
    told, _ = program.communicate(timeout=60)
    told = json.loads(told)
    assert told["types"] == (["dpop"] * 3 if bound else ["bearer"] * 3)
    assert told["different"] == 3
    assert (told["reused"], told["latest"]) == ("invalid_grant", "invalid_grant")
    assert not server.holder_of(told["access_token"]).is_let_in()


def test_a_program_that_was_configured_signs_in(own_server):
    assert authlib(own_server, "my-tool")[1]()["error"] == "invalid_client"
    own_server.stop()
    own_server.start(TESSERA_DEVICE_CLIENTS="my-tool,other")
    client, ask, fetch = authlib(own_server, "my-tool")
    asked = ask()
    DevicePerson(own_server.base_url, "admin", ADMIN_PASSWORD).decide(asked["user_code"], "approve")
    assert own_server.holder_of(fetch(asked)["access_token"]).is_let_in()
    client.close()
    assert own_server.run("openapi", TESSERA_DEVICE_CLIENTS="no spaces").returncode == 2


def authlib(server, client_id="tessera-cli"):
    """Returns Authlib's client, a function that begins, and one that fetches a token or the error code."""
    client = OAuth2Client(client_id, token_endpoint_auth_method="none", trust_env=False)

    def ask(**more):
        answer = server.anonymous().post("/oauth/device_authorization", data={"client_id": client_id, **more})
        return answer.json()

    def fetch(asked):
        try:
            return client.fetch_token(
                f"{server.base_url}/oauth/token", grant_type=GRANT, device_code=asked["device_code"]
            )
        except Exception as error:  # Each integration of Authlib has its own exception class.
            assert type(error).__name__ == "OAuthError", error
            return error.error

    return client, ask, fetch


def wait(attempt, until, every):
    """Repeats `attempt` with pauses until `until` accepts the outcome."""
    import time

    for _ in range(4):
        time.sleep(every)
        outcome = attempt()
        if until(outcome):
            return outcome
    raise AssertionError(outcome)

"""`tessera login`, `token`, `whoami` and `logout` in a terminal without a browser."""

import stat

import pytest
from pyatlan.client.atlan import AtlanClient

from device_people import DevicePerson
from device_terminal import DeviceTerminal
from servers import ADMIN_PASSWORD


@pytest.fixture
def device_terminal(tmp_path):
    return DeviceTerminal(tmp_path)


def signed_in(terminal, server, **more):
    """Signs the user `admin` in, and returns what the terminal showed."""
    login = terminal.login("--server", server.base_url, **more)
    DevicePerson(server.base_url, "admin", ADMIN_PASSWORD).decide(login.code(), "approve")
    assert login.ended() == 0, login.text
    return login.text


def test_somebody_signs_in_and_out(server, device_terminal):
    text = signed_in(device_terminal, server)
    assert f"{server.base_url}/device" in text and f"{server.base_url}/device?user_code=" in text
    assert "as admin" in text and "tss_" not in text
    token = device_terminal.told("token").strip()
    assert token.startswith("tss_") and server.holder_of(token).is_let_in()
    assert device_terminal.told("whoami").startswith(f"admin at {server.base_url}")
    modes = {stat.S_IMODE(file.stat().st_mode) for file in device_terminal.sessions()}
    assert modes == {0o600}
    assert {file.name for file in device_terminal.home.iterdir()} == {".config"}, "no database and no pepper"
    device_terminal.told("logout")
    assert not server.holder_of(token).is_let_in()
    for command in ("token", "whoami"):
        ended = device_terminal.run(command)
        assert (ended.returncode, ended.stdout) == (1, ""), command
    assert "tss_" not in device_terminal.told("logout", "--server", server.base_url)


def test_a_denial_is_told(server, device_terminal):
    login = device_terminal.login("--server", server.base_url)
    DevicePerson(server.base_url, "admin", ADMIN_PASSWORD).decide(login.code(), "deny")
    assert login.ended() == 1
    assert "denied" in login.text
    assert device_terminal.run("token").returncode == 1


def test_several_servers_are_side_by_side(server, own_server, device_terminal):
    signed_in(device_terminal, server)
    signed_in(device_terminal, own_server, XDG_CONFIG_HOME=str(device_terminal.home / ".config"))
    tokens = {
        at.base_url: device_terminal.told("token", "--server", at.base_url).strip() for at in (server, own_server)
    }
    assert len(set(tokens.values())) == 2
    assert device_terminal.told("token").strip() == tokens[own_server.base_url], "the last is the one that is meant"
    assert device_terminal.told("token", TESSERA_SERVER=server.base_url).strip() == tokens[server.base_url]
    device_terminal.told("logout", "--server", own_server.base_url)
    assert server.holder_of(tokens[server.base_url]).is_let_in()
    assert device_terminal.told("token", "--server", server.base_url).strip() == tokens[server.base_url]


def test_a_session_that_others_may_read_is_not_used(server, device_terminal):
    signed_in(device_terminal, server)
    for file in device_terminal.sessions():
        file.chmod(0o644)
    ended = device_terminal.run("token", "--server", server.base_url)
    assert (ended.returncode, ended.stdout) == (1, "") and "chmod 600" in ended.stderr


def test_a_server_that_can_be_listened_to_is_refused(device_terminal):
    for url in ("http://tessera.example.org", "ftp://tessera.example.org", "https://a@tessera.example.org"):
        ended = device_terminal.run("login", "--server", url)
        assert (ended.returncode, ended.stdout) == (1, ""), url
    assert "--server" in device_terminal.run("login").stderr


def test_a_session_that_the_server_has_ended_is_told(server, device_terminal):
    signed_in(device_terminal, server)
    token = device_terminal.told("token").strip()
    assert server.holder_of(token).delete("/api/service/sessions/current").status_code == 200
    ended = device_terminal.run("whoami")
    assert ended.returncode == 1 and "tessera login" in ended.stderr
    device_terminal.told("logout")


def test_pyatlan_adds_a_key_as_admin_with_the_token_of_the_terminal(server, admin, device_terminal):
    signed_in(device_terminal, server)
    name = "default/snowflake/of-the-terminal"
    entity = {"typeName": "Connection", "attributes": {"qualifiedName": name, "name": "x"}}
    created = admin.post("/api/meta/entity/bulk", json={"entities": [entity]}).json()
    guid = created["mutatedEntities"]["CREATE"][0]["guid"]
    client = AtlanClient(base_url=server.base_url, api_key=server.managing_key())
    token = device_terminal.told("token").strip()
    client.user.add_as_admin(asset_guid=guid, impersonation_token=token)
    key = client.user.get_current().username
    read = admin.get(f"/api/meta/entity/guid/{guid}").json()["entity"]["attributes"]
    assert key in read["adminUsers"], read

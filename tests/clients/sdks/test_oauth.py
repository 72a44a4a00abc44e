"""oauth4webapi and openid-client introspect, with every way to authenticate that they have."""

from servers import token_of
from tools import HERE, NODE_MODULES, node


def test_oauth_clients_introspect(server, admin):
    key = admin.create(workspacePermissions=["VERIFY_TOKENS"])
    client_id = key["attributes"]["clientId"]
    told = node(HERE / "introspect.mjs", NODE_MODULES, server.base_url, client_id, token_of(key))
    outcomes = dict(line.split(": ") for line in told.splitlines())
    refused = {name: outcome for name, outcome in outcomes.items() if name.endswith("wrong")}
    assert outcomes.pop("oauth4webapi unknown") == "active false"
    assert set(refused.values()) == {"401 basic"} and len(refused) == 2, refused
    assert {outcomes[name] for name in outcomes if name not in refused} == {"active true"}, outcomes

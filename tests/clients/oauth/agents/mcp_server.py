"""An MCP server with three tools, made with FastMCP, as docs/agents.md shows it.

mcp_server.py INPUT: INPUT is JSON {port, issuer, verifier, client_id, client_secret}; `verifier` is `introspection` or `jwt`.
"""

import json
import sys

from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider, require_scopes
from fastmcp.server.auth.providers.introspection import IntrospectionTokenVerifier
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.server.dependencies import get_access_token

given = json.loads(sys.argv[1])
issuer, url = given["issuer"], f"http://127.0.0.1:{given['port']}"
audience = f"{url}/mcp"
if given["verifier"] == "introspection":
    verifier = IntrospectionTokenVerifier(
        introspection_url=f"{issuer}/oauth/introspect",
        client_id=given["client_id"],
        client_secret=given["client_secret"],
        audience=audience,
    )
else:
    verifier = JWTVerifier(
        jwks_uri=f"{issuer}/oauth/jwks.json", issuer=issuer, audience=audience, algorithm="ES256"
    )
auth = RemoteAuthProvider(
    token_verifier=verifier,
    authorization_servers=[issuer],
    base_url=url,
    scopes_supported=["search", "fetch", "delete"],
    challenge_scopes=given.get("challenge"),
)
server = FastMCP("documents", auth=auth)


def on_behalf_of():
    """The subject of the token, and its actors, the latest first."""
    claims, chain = get_access_token().claims, []
    act = claims.get("act")
    while act:
        chain.append(act["username"])
        act = act.get("act")
    return json.dumps({"subject": claims["sub"], "actors": chain})


for tool in ("search", "fetch", "delete"):
    server.tool(on_behalf_of, name=tool, auth=require_scopes(tool))

server.run(transport="http", host="127.0.0.1", port=given["port"], show_banner=False)

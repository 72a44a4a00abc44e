"""An agent with the official MCP client for Python.

agent.py INPUT: INPUT is JSON {url, issuer} with {id, secret}, or {id, key} of a private key in PEM, or {token}. For each line
with the name of a tool on standard input it calls the tool and prints what came of it as JSON. With {get} it only gets that
address, as a client of the resource {url}, and prints the status and the body.
"""

import asyncio
import json
import sys

import httpx2
from mcp import Client
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.client.streamable_http import streamable_http_client


class Memory:
    """The token storage of the client."""

    tokens = client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


def authenticated(given):
    if "token" in given:
        return {"headers": {"Authorization": f"Bearer {given['token']}"}}
    where = {"server_url": given["url"], "storage": Memory(), "issuer": given["issuer"], "client_id": given["id"]}
    if "secret" in given:
        return {"auth": ClientCredentialsOAuthProvider(**where, client_secret=given["secret"])}
    signing = SignedJWTParameters(
        issuer=given["id"], subject=given["id"], signing_key=given["key"], signing_algorithm="ES256"
    )
    return {"auth": PrivateKeyJWTOAuthProvider(**where, assertion_provider=signing.create_assertion_provider())}


def reasons(error):
    """The messages of an error, or of all errors in a group."""
    if isinstance(error, BaseExceptionGroup):
        return [reason for each in error.exceptions for reason in reasons(each)]
    return [f"{type(error).__name__}: {error}"]


async def main(given):
    async with httpx2.AsyncClient(trust_env=False, timeout=20, **authenticated(given)) as http:
        if "get" in given:
            answer = await http.get(given["get"])
            print(json.dumps({"status": answer.status_code, "body": answer.json()}), flush=True)
            return
        async with Client(streamable_http_client(given["url"], http_client=http)) as client:
            tools = sorted(tool.name for tool in (await client.list_tools()).tools)
            print(json.dumps({"tools": tools}), flush=True)
            while tool := (await asyncio.to_thread(sys.stdin.readline)).strip():
                try:
                    result = await client.call_tool(tool, {})
                    told = {"failed" if result.is_error else "told": result.content[0].text}
                except Exception as error:
                    told = {"failed": "; ".join(reasons(error))}
                print(json.dumps(told), flush=True)


try:
    asyncio.run(main(json.loads(sys.argv[1])))
except BaseException as error:
    print(json.dumps({"failed": "; ".join(reasons(error))}), flush=True)

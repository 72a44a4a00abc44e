"""pyatlan's four clients behind one interface, so that every claim is tested with each of them."""

import inspect
import time
import uuid

import pyatlan.client.aio
import pyatlan.client.atlan
import pyatlan_v9.client
import pyatlan_v9.client.aio

CLIENTS = {
    "v1": pyatlan.client.atlan.AtlanClient,
    "v1-aio": pyatlan.client.aio.AsyncAtlanClient,
    "v9": pyatlan_v9.client.AtlanClient,
    "v9-aio": pyatlan_v9.client.aio.AsyncAtlanClient,
}


class Sdk:
    """One pyatlan client, whose asynchronous calls are waited for."""

    def __init__(self, kind, base_url, api_key, loop, **more):
        self.client = CLIENTS[kind](base_url=base_url, api_key=api_key, **more)
        self.loop = loop
        token = self.client.token
        self.create = self.waiting(getattr(token, "create", None) or token.creator)
        self.update = self.waiting(getattr(token, "update", None) or token.updater)
        self.get = self.waiting(token.get)
        self.get_by_name = self.waiting(token.get_by_name)
        self.get_by_id = self.waiting(token.get_by_id)
        self.get_by_guid = self.waiting(token.get_by_guid)
        self.purge = self.waiting(token.purge)

    def waiting(self, method):
        return lambda *args, **kwargs: self.wait(method(*args, **kwargs))

    def wait(self, result):
        return self.loop.run_until_complete(result) if inspect.isawaitable(result) else result

    def all(self, response):
        """Everything that iterating over a response yields, page after page."""
        if not hasattr(response, "__aiter__"):
            return list(response)

        async def collect():
            return [item async for item in response]

        return self.wait(collect())


def linked(token):
    """The qualified names of the personas that a token is linked to."""
    return {persona.persona_qualified_name for persona in token.attributes.persona_qualified_name}


def name():
    """A display name that no other key has."""
    return f"sdk-{uuid.uuid4()}"


def one_after_another(create, count):
    """Tokens of different ages: instants are milliseconds."""
    tokens = []
    for _ in range(count):
        tokens.append(create())
        time.sleep(0.002)
    return tokens

"""What the tests run inside the environment of DataHub's SDK: `program.py SCRIPT`, with the server in the environment.

A script is an expression or statements that print one JSON value; whatever fails is printed as `{"failed": ...}`.
"""

import json
import os
import sys

from datahub.emitter.mcp import MetadataChangeProposalWrapper
from datahub.emitter.rest_emitter import DatahubRestEmitter
from datahub.ingestion.graph.client import DataHubGraph
from datahub.ingestion.graph.config import DatahubClientConfig
from datahub.metadata.schema_classes import (
    AuditStampClass,
    CorpUserInfoClass,
    CorpUserStatusClass,
)

SERVER = os.environ["SERVER"]


def graph(token):
    # No retries: a refusal shall be seen at once.
    return DataHubGraph(DatahubClientConfig(server=SERVER, token=token, retry_max_times=1))


def emitter(token):
    return DatahubRestEmitter(SERVER, token=token)


def aspect(urn, value):
    return MetadataChangeProposalWrapper(entityUrn=urn, aspect=value)


def status(text):
    return CorpUserStatusClass(status=text, lastModified=AuditStampClass(time=1, actor="urn:li:corpuser:unknown"))


def info(name):
    return CorpUserInfoClass(active=True, displayName=name)


try:
    scope = dict(globals())
    exec(sys.argv[1], scope)
    print(json.dumps({"result": scope.get("result")}))
except Exception as error:  # noqa: BLE001
    print(json.dumps({"failed": f"{type(error).__name__}: {error}"}))

"""The SDKs generated from the unedited OpenAPI document work as their users expect, in every language that compiles here."""

import uuid

import pytest

import languages
from tools import run


@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", languages.ALL, ids=lambda language: language.__name__)
def test_the_generated_sdk_manages_keys(server, managing_key, document, language):
    program, environment = language(document)
    run(*program, server.base_url, managing_key, f"{language.__name__} {uuid.uuid4()}", env=environment)

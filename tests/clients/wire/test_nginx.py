"""nginx in front: with keep-alive, with an `Upgrade` header in every request, and with one connection per request."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from nginx import nginx_before


@pytest.fixture
def nginx(server, tmp_path):
    with nginx_before(server, tmp_path) as base_url:
        yield base_url


@pytest.mark.parametrize("prefix", ["", "/upgrading", "/closing"])
def test_no_request_is_lost(nginx, managing_key, prefix):
    def posted(_):
        with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {managing_key}"}, timeout=30) as client:
            statuses = []
            for _ in range(50):
                body = {"query": "{ me { corpUser { username } } }"}
                statuses.append(client.post(f"{nginx}{prefix}/api/graphql", json=body).status_code)
            return statuses

    with ThreadPoolExecutor(6) as threads:
        assert {status for statuses in threads.map(posted, range(6)) for status in statuses} == {200}

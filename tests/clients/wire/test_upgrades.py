"""`Upgrade` headers are ignored: the connection stays open, or its end is announced."""

import subprocess
from pathlib import Path

import pytest

from raw_http import Connection, bearer, request

FORM = b"token=x"
OFFERS = {
    "h2c": ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAA"],
    "websocket": ["Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
    "without a name": ["Connection: upgrade"],
    "without the option": ["Upgrade: websocket"],
}


@pytest.mark.parametrize("offer", OFFERS)
def test_a_connection_goes_on_after_an_offer(server, managing_key, offer):
    post = request(
        "POST", "/api/service/apikeys/verify", bearer(managing_key), "Content-Type: application/json", *OFFERS[offer],
        body=b'{"tokens": ["x"]}',
    )  # fmt: skip
    get = request("GET", "/api/service/whoami", bearer(managing_key), *OFFERS[offer])
    with Connection(server) as connection:
        for data in [post, get] * 3:
            connection.send(data)
            answer = connection.answer()
            assert answer is not None and answer.status_code in (200, 403), answer
            assert "upgrade" not in answer.headers
            assert answer.headers.get("connection", "keep-alive") == "keep-alive"


def test_an_offer_with_a_chunked_body_is_answered_too(server, managing_key):
    head = request(
        "POST", "/api/service/apikeys/verify", bearer(managing_key), "Content-Type: application/json",
        "Transfer-Encoding: chunked", *OFFERS["h2c"],
    )  # fmt: skip
    body = b'11\r\n{"tokens": ["x"]}\r\n0\r\n\r\n'
    with Connection(server) as connection:
        for _ in range(3):
            connection.send(head + body)
            answer = connection.answer()
            assert answer is not None and answer.status_code in (200, 403), answer
            if answer.headers.get("connection") == "close":
                break
            assert "connection" not in answer.headers


def test_javas_default_client_loses_nothing(server, managing_key):
    program = Path(__file__).with_name("Posts.java")
    command = ["java", program, server.base_url, managing_key]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["600", "200"]

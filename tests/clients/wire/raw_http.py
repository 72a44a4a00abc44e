"""HTTP as bytes on a socket, for requests that client libraries refuse to send."""

import socket

import httpx


class Connection:
    """One connection to a server."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before the end; the answer tells

    def answer(self):
        """The next answer, or `None` once the server has closed the connection."""
        while b"\r\n\r\n" not in self.received:
            if not self.more():
                return None
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = httpx.Headers([tuple(line.split(": ", 1)) for line in lines])
        length = int(headers.get("content-length", 0))
        while len(self.received) < length and self.more():
            pass
        body, self.received = self.received[:length], self.received[length:]
        return httpx.Response(int(status_line.split(" ")[1]), headers=headers, content=body)

    def is_closed(self):
        return not self.received and not self.more()

    def more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.received += data
        return bool(data)


def exchange(server, data):
    """The answer to one request on a connection of its own."""
    with Connection(server) as connection:
        connection.send(data)
        return connection.answer()


def request(method, target, *headers, body=b""):
    """The bytes of a request; method, target and headers are taken as they are."""
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def bearer(token):
    return f"Authorization: Bearer {token}"

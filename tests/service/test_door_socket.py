"""The door before a real server on a real socket: bodies of a gigabyte, senders that stall, clients that vanish."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
import time

import httpx
import pytest
import uvicorn
from doorway import make_app, make_door

from auricle.service.config import Limits

MB = 1 << 20


@pytest.fixture
def served(tmp_path):
    """A running server: its port, its door."""
    app = make_app()
    app.state.gate = asyncio.Event()
    door = make_door(tmp_path, app, port=0, limits=Limits(json_bytes=MB, body_idle_seconds=0.5))
    config = uvicorn.Config(
        door, host="127.0.0.1", port=0, log_level="critical", access_log=False, proxy_headers=False, server_header=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    door.config.port = server.servers[0].sockets[0].getsockname()[1]
    yield door
    server.should_exit = server.force_exit = True
    thread.join(10)


def base(door):
    return f"http://127.0.0.1:{door.config.port}"


def alive(door):
    return httpx.get(base(door) + "/api/v1/status", timeout=5).status_code == 200


class Endless(httpx.SyncByteStream):
    """A body of a gigabyte that nobody holds in memory; counts what was taken."""

    def __init__(self):
        self.sent = 0

    def __iter__(self):
        piece = b"x" * MB
        for _ in range(1024):
            self.sent += MB
            yield piece


@pytest.mark.parametrize("announced", [True, False])
def test_a_gigabyte_is_refused_unread(served, announced):
    body = Endless()
    headers = {"content-length": str(1024 * MB)} if announced else {"transfer-encoding": "chunked"}
    began = time.monotonic()
    answer = httpx.post(base(served) + "/api/v1/tags", content=body, headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert body.sent < 64 * MB
    assert time.monotonic() - began < 10
    assert alive(served)
    assert served.throttle.waiting_bytes == 0


def test_a_client_that_sends_all_before_it_reads_gets_the_answer(served):
    """A connection that is closed on a sender takes the answer with it; so a little of the rest is read first."""
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", served.config.port), timeout=5) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)  # so that it waits for whoever reads
            head = f"POST /api/v1/tags HTTP/1.1\r\nHost: 127.0.0.1:{served.config.port}\r\nContent-Length: {3 * MB}\r\n\r\n"
            client.sendall(head.encode() + b"x" * (3 * MB))
            time.sleep(0.05)
            assert client.recv(12) == b"HTTP/1.1 413"


def test_a_client_that_asks_first_sends_nothing(served):
    with socket.create_connection(("127.0.0.1", served.config.port), timeout=5) as client:
        head = f"POST /api/v1/tags HTTP/1.1\r\nHost: 127.0.0.1:{served.config.port}\r\n"
        client.sendall(f"{head}Content-Length: {1024 * MB}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 413"


def test_a_body_that_stalls(served):
    with socket.create_connection(("127.0.0.1", served.config.port), timeout=10) as client:
        client.sendall(f"POST /api/v1/tags HTTP/1.1\r\nHost: 127.0.0.1:{served.config.port}\r\nContent-Length: 10\r\n\r\nabc".encode())
        assert client.recv(12) == b"HTTP/1.1 408"
    assert alive(served)


def test_clients_that_vanish_leave_nothing_behind(served):
    host = f"Host: 127.0.0.1:{served.config.port}\r\n"
    for start in (
        f"POST /api/v1/tags HTTP/1.1\r\n{host}Content-Length: 1000\r\n\r\nabc",
        f"POST /api/v1/tags HTTP/1.1\r\n{host}",
        "GET /api/v1/status HTTP/1.1\r\n",
        f"GET /api/v1/stream HTTP/1.1\r\n{host}\r\n",
        f"POST /api/v1/search HTTP/1.1\r\n{host}Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{{",
    ):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", served.config.port), timeout=5) as client:
                client.sendall(start.encode())
    deadline = time.monotonic() + 5
    while (served.throttle._all or served.throttle.waiting_bytes) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (served.throttle._all, served.throttle.waiting_bytes, dict(served.throttle._at_work)) == (0, 0, {})
    assert alive(served)


def test_a_refusal_keeps_the_connection_where_there_is_no_body(served):
    connection = http.client.HTTPConnection("127.0.0.1", served.config.port, timeout=5)
    for _ in range(3):
        connection.request("GET", "/api/v1/status", headers={"Origin": "http://evil.example"})
        answer = connection.getresponse()
        assert answer.status == 403
        assert answer.getheader("connection") is None
        assert answer.getheader("server") is None
        answer.read()
    connection.close()


def test_names_over_a_socket(served):
    for host, status in (("evil.example", 421), ("", 421), (f"127.0.0.1:{served.config.port}", 200), ("127.0.0.1:1", 421)):
        with socket.create_connection(("127.0.0.1", served.config.port), timeout=5) as client:
            client.sendall(f"GET /api/v1/status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            assert int(client.recv(64).split()[1]) == status, host
    with socket.create_connection(("127.0.0.1", served.config.port), timeout=5) as client:
        client.sendall(b"GET http://evil.example/api/v1/status HTTP/1.0\r\n\r\n")
        assert int(client.recv(64).split()[1]) in (400, 421)


def test_half_an_answer_ends_in_an_error(served):
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(base(served) + "/api/v1/cut", timeout=5)
    assert alive(served)

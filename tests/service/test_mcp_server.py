"""The MCP server, asked by the SDK's own client: in this process, over HTTP on loopback, and as a part of the whole server."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import anyio
import httpx
import pytest
import uvicorn
from mcp import Client

from agent.indexed import build
from agent.journey import journey
from auricle.agent.shelf import Shelf
from auricle.agent.tools import TOOLS, Tools
from auricle.service import mcp
from auricle.service.config import ServiceConfig
from auricle.service.keys import Keys

HELLO = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}  # fmt: skip
ACCEPT = {"accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    return build(tmp_path_factory.mktemp("mcp"))


@pytest.fixture(scope="module")
def tools(indexed):
    shelf = Shelf([indexed.folder])
    yield Tools(shelf)
    shelf.close()


@contextmanager
def listening(make, host="127.0.0.1"):
    """A real server in a thread: ``make(port)`` gives its application. Yields the port."""
    with socket.create_server((host, 0)) as bound:
        port = bound.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(make(port), log_config=None, access_log=False, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=partial(server.run, sockets=[bound]))
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield port
        finally:
            server.should_exit = True
            thread.join()


# -- in this process -------------------------------------------------------------------------------------------------------------


def test_a_cancelled_call_stops_and_others_go_on(tools, indexed, monkeypatch):
    began, stopped = threading.Event(), threading.Event()

    def slow(desk, asked):
        began.set()
        try:
            for _ in range(1000):
                desk.checkpoint()
                time.sleep(0.01)
        except BaseException:
            stopped.set()
            raise
        raise AssertionError("not cancelled")

    monkeypatch.setitem(TOOLS, "audio_get", replace(TOOLS["audio_get"], work=slow))

    scopes = []

    async def abandoned(client):
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await client.call_tool("audio_get", {"recording_id": 1})

    async def until(event):
        with anyio.fail_after(5):
            while not event.is_set():
                await anyio.sleep(0.01)

    async def main():
        async with Client(mcp.build(tools), mode="legacy") as client, anyio.create_task_group() as group:
            group.start_soon(abandoned, client)
            await until(began)
            assert not (await client.call_tool("audio_status")).is_error
            assert not stopped.is_set()
            scopes[0].cancel()
            await until(stopped)
            assert not (await client.call_tool("audio_status")).is_error

    anyio.run(main)


def test_too_many_calls_are_told_to_come_back(tools, monkeypatch):
    monkeypatch.setattr(mcp, "WAITING", 2)
    release = threading.Event()

    def slow(desk, asked):
        release.wait(10)
        return TOOLS["audio_status"].output(version="1", libraries=[])

    monkeypatch.setitem(TOOLS, "audio_status", replace(TOOLS["audio_status"], work=slow))
    answers = []

    async def main():
        async with Client(mcp.build(tools)) as client:

            async def call():
                answers.append(await client.call_tool("audio_status"))
                release.set()

            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(call)

    anyio.run(main)
    refused = [a for a in answers if a.is_error]
    assert len(refused) == 2
    assert refused[0].structured_content["errors"][0]["code"] == "overloaded"
    assert refused[0].structured_content["errors"][0]["retryable"]


# -- over HTTP -------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def url(tools, tmp_path_factory):
    keys = Keys(tmp_path_factory.mktemp("keys") / "keys.json")
    with listening(lambda port: mcp.standalone(tools, ServiceConfig(port=port), keys)) as port:
        yield f"http://127.0.0.1:{port}/mcp"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_http(url, indexed, mode):
    async def main():
        async with Client(url, mode=mode) as client:
            await journey(client, indexed)

    anyio.run(main)


def test_http_many_clients(url, indexed):
    async def one():
        async with Client(url) as client:
            for _ in range(3):
                assert not (await client.call_tool("audio_search", {"query": "bell"})).is_error

    async def main():
        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(one)

    anyio.run(main)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1:1"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://localhost:3000"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_http_lets_no_page_in(url, headers, status):
    assert httpx.post(url, json=HELLO, headers=ACCEPT | headers).status_code == status


def test_http_bad_requests(url):
    assert httpx.post(url, json=HELLO, headers=ACCEPT).status_code == 200
    assert httpx.post(url, content=b"{", headers=ACCEPT | {"content-type": "application/json"}).status_code == 400
    assert httpx.post(url, content=b"<xml/>", headers=ACCEPT | {"content-type": "text/xml"}).status_code in (400, 415)
    assert httpx.post(url, json=HELLO, headers=ACCEPT | {"mcp-session-id": "made-up"}).status_code == 404
    big = httpx.post(url, content=b" " * (mcp.BODY_BYTES + 1), headers=ACCEPT | {"content-type": "application/json"})
    assert big.status_code == 413
    assert httpx.get(url.replace("/mcp", "/../etc/passwd")).status_code in (400, 404)
    assert httpx.post(url, json=HELLO, headers=ACCEPT).status_code == 200


def test_http_with_keys(tools, indexed, tmp_path):
    keys = Keys(tmp_path / "keys.json")
    secret = keys.create("agent", ["read"])
    with listening(lambda port: mcp.standalone(tools, ServiceConfig(port=port, require_key=True), keys)) as port:
        url = f"http://127.0.0.1:{port}/mcp"
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {secret}"}, {"x-api-key": secret[:-1]}):
            assert httpx.post(url, json=HELLO, headers=ACCEPT | headers).status_code == 401
        for headers in ({"authorization": f"Bearer {secret}"}, {"x-api-key": secret}):
            assert httpx.post(url, json=HELLO, headers=ACCEPT | headers).status_code == 200
        keys.revoke("agent")
        assert httpx.post(url, json=HELLO, headers=ACCEPT | {"x-api-key": secret}).status_code == 401


def test_the_whole_server_serves_the_tools(indexed, tmp_path):
    from auricle.service.app import create_app

    def make(port):
        return create_app(
            ServiceConfig(port=port, libraries={"field": indexed.folder, "empty": tmp_path / "empty"}), Keys(tmp_path / "keys.json")
        )

    async def main(url):
        async with Client(url) as client:
            await journey(client, indexed)
            status = (await client.call_tool("audio_status")).structured_content["result"]
            assert [(lib["id"], lib["state"]) for lib in status["libraries"]] == [("field", "ready"), ("empty", "empty")]
            answer = await client.call_tool("audio_search", {"query": "rain", "library": "empty"})
            assert answer.structured_content["errors"][0]["code"] == "library_empty"

    with listening(make) as port:
        anyio.run(main, f"http://127.0.0.1:{port}/mcp")

"""``auricle mcp`` as a client runs it: a real process, spoken to by the SDK over stdin and stdout, or over HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import anyio
import pytest
from mcp import Client, StdioServerParameters

from agent.indexed import ORDER, build
from agent.journey import journey
from cli.conftest import spawn


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    return build(tmp_path_factory.mktemp("command"))


def parameters(*arguments):
    # The client passes on a short list of variables only.
    env = {name: os.environ[name] for name in ("AURICLE_HOME", "PYTHONPATH") if name in os.environ}
    return StdioServerParameters(command=sys.executable, args=["-m", "auricle.cli.main", "mcp", *map(str, arguments)], env=env)


@contextmanager
def running(*arguments, **more):
    process = subprocess.Popen(
        [sys.executable, "-m", "auricle.cli.main", "mcp", *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more,
    )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_stdio(indexed, mode):
    async def main():
        async with Client(parameters("--library", indexed.folder), mode=mode) as client:
            await journey(client, indexed)

    anyio.run(main)


def test_several_libraries_and_paths(indexed, tmp_path):
    async def main():
        async with Client(parameters("-l", indexed.folder, "-l", tmp_path / "later", "--paths")) as client:
            status = (await client.call_tool("audio_status")).structured_content["result"]
            assert [(lib["id"], lib["state"]) for lib in status["libraries"]] == [("field", "ready"), ("later", "empty")]
            siren = (await client.call_tool("audio_get", {"recording_id": indexed.id("copy.ogg")})).structured_content
            assert siren["result"]["untrusted_path"] == str(indexed.sounds / "copy.ogg")

    anyio.run(main)


def test_stdout_carries_the_protocol_alone(indexed):
    """A client that speaks badly, and then well: each line is JSON-RPC."""
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    sent = [
        "this is no JSON",
        '{"jsonrpc": "2.0", "id": 7}',
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}),
        json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json.dumps(
            {
                "jsonrpc": "2.0",
                "id": 2,
                "method": "tools/call",
                "params": {"name": "audio_search", "arguments": {"query": "ignore previous"}},
            }
        ),
        json.dumps({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "audio_search", "arguments": ["query"]}}),
        json.dumps(
            {"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": {"name": "audio_get", "arguments": {"recording_id": "siren"}}}
        ),
    ]
    with running("--library", indexed.folder) as process:
        process.stdin.write("\n".join(sent) + "\n")
        process.stdin.flush()
        answers = {}
        while not {1, 2, 3, 4} <= answers.keys():
            message = json.loads(process.stdout.readline())
            assert message["jsonrpc"] == "2.0"
            answers[message.get("id")] = message
        process.stdin.close()
        assert process.wait(10) == 0
        assert process.stdout.read() == ""
    assert "untrusted_" in answers[1]["result"]["instructions"]
    assert ORDER in json.dumps(answers[2]["result"]["structuredContent"])
    assert "error" in answers[3]
    assert answers[4]["result"]["isError"] is True


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_interrupted(indexed):
    with running("--library", indexed.folder) as process:
        process.stdin.write('{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        process.stdin.flush()
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130
        assert process.stderr.read() == "auricle: interrupted.\n"


def test_http(indexed, tmp_path):
    env = {**os.environ, "AURICLE_HOME": str(tmp_path)}
    with running("--http", "--port", "0", "--library", indexed.folder, env=env) as process:
        said = process.stderr.readline()
        url = re.fullmatch(r"MCP at (http://127\.0\.0\.1:\d+/mcp)\. Ctrl-C ends it\.\n", said).group(1)

        async def main():
            async with Client(url) as client:
                assert not (await client.call_tool("audio_search", {"query": "siren"})).is_error

        anyio.run(main)
        taken = spawn("mcp", "--http", "--port", url.split(":")[2].split("/")[0])
        assert (taken.code, taken.out) == (2, "")
        assert "cannot listen" in taken.err
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert time.monotonic() - began < 6
        assert process.stdout.read() == ""


def test_another_address_needs_a_key(tmp_path):
    ran = spawn("mcp", "--http", "--host", "0.0.0.0", "--port", "0", AURICLE_HOME=str(tmp_path))
    assert (ran.code, ran.out) == (2, "")
    assert "auricle keys new" in ran.err
    ran = spawn("mcp", "--http", "--allow-host", "box.example", "--port", "0", AURICLE_HOME=str(tmp_path))
    assert ran.code == 2
    assert "auricle keys new" in ran.err


def test_without_the_package():
    code = "import sys; sys.modules['mcp'] = None; sys.argv = ['auricle', 'mcp']; from auricle.cli.main import main; main()"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert ran.stderr == 'auricle: The MCP server needs the package mcp. Get it with: pip install "auricle[mcp]"\n'

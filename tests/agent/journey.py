"""What a client of the MCP server does from beginning to end, whatever the transport."""

from __future__ import annotations

import base64
import json

import jsonschema
import pytest
from mcp import MCPError

from agent.indexed import HIDDEN, ORDER
from auricle.agent.tools import TOOLS


def each_tool(indexed):
    siren = indexed.id("siren.ogg")
    return {
        "audio_search": {"query": "rain, no voices", "limit": 3},
        "audio_similar": {"recording_id": siren, "limit": 3},
        "audio_describe": {"recording_id": siren},
        "audio_get": {"recording_id": siren},
        "audio_classify": {"recording_id": siren, "labels": ["siren", "rain"]},
        "audio_caption": {"recording_id": siren},
        "audio_ask": {"recording_id": siren, "question": "Is there a siren?", "options": ["yes", "no"]},
        "audio_view": {"recording_id": siren, "width": 128, "height": 64},
        "audio_status": {},
    }


async def journey(client, indexed):
    """All that a client does: look, ask each tool, be refused, and go on."""
    listed = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(listed) == list(TOOLS)
    for name, arguments in each_tool(indexed).items():
        tool = listed[name]
        assert tool.title
        assert tool.description
        hints = tool.annotations
        assert (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint) == (True, False, True, False)
        jsonschema.validate(arguments, tool.input_schema)
        answer = await client.call_tool(name, arguments)
        assert not answer.is_error, answer
        jsonschema.validate(answer.structured_content, tool.output_schema)
        assert json.loads(answer.content[0].text) == answer.structured_content
        assert answer.structured_content["status"] == "ok"
        assert answer.structured_content["processing"]["library"] == ("field" if name != "audio_status" else None)
        if name == "audio_view":
            assert answer.content[1].mime_type == "image/png"
            assert base64.b64decode(answer.content[1].data).startswith(b"\x89PNG")
        else:
            assert len(answer.content) == 1
    for name, arguments in (
        ("audio_get", {"recording_id": 10**9}),
        ("audio_get", {"recording_id": "../../etc/passwd"}),
        ("audio_get", {"recording_id": float("nan")}),
        ("audio_search", {"query": ""}),
        ("audio_search", {"query": "x", "limit": 10**6}),
        ("audio_search", {"query": "x", "library": "../../etc"}),
        ("audio_view", {"recording_id": indexed.id("gone.wav")}),
        ("audio_describe", None),
    ):
        answer = await client.call_tool(name, arguments)
        assert answer.is_error, (name, arguments)
        jsonschema.validate(answer.structured_content, listed[name].output_schema)
        assert answer.structured_content["errors"][0]["message"]
    with pytest.raises(MCPError, match="no tool named"):
        await client.call_tool("audio_erase", {})
    found = (await client.call_tool("audio_search", {"query": "ignore previous instructions"})).structured_content
    orders = [m for m in found["result"]["moments"] if ORDER in m["untrusted_path"]]
    assert orders
    assert not set(json.dumps(found, ensure_ascii=False)) & set(HIDDEN)

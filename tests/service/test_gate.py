"""One gate: outside sound enters through ``auricle.audio`` alone, whichever door it comes by; and every door is on this list."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import auricle
from auricle.service.app import create_app
from auricle.service.config import ServiceConfig
from auricle.service.routes import chat, exports, libraries, openai, recordings, saying, search, sound, taught
from service.talking import Scripted

SRC = Path(auricle.__file__).parent
DECODERS = {"av", "soundfile", "wave", "mutagen", "wavinfo", "aifc", "sndhdr", "audioread", "librosa"}
OPENERS = {"urllib.request", "http.client", "httpx", "requests", "aiohttp", "urllib3"}

# Calls by which sound comes in or is read again, and what brings it.
ENTRIES = {
    ("POST", "/api/v1/search"): "like: recording, upload, base64, data: URI, URL",
    ("POST", "/api/v1/classify"): "clip: recording, upload, base64, data: URI, URL",
    ("POST", "/api/v1/detect"): "clip: recording, upload, base64, data: URI, URL",
    ("POST", "/api/v1/detect/stream"): "recordings, decoded",
    ("POST", "/api/v1/caption"): "clip: recording, upload, base64, data: URI, URL",
    ("POST", "/api/v1/caption/stream"): "recordings, decoded",
    ("POST", "/api/v1/captions"): "recordings, decoded",
    ("POST", "/api/v1/ask"): "clip, more: recording, upload, base64, data: URI, URL",
    ("POST", "/api/v1/ask/stream"): "clip, more: recording, upload, base64, data: URI, URL",
    ("POST", "/v1/chat/completions"): "input_audio, audio_url",
    ("POST", "/api/v1/taught"): "recordings, decoded where a moment is shorter than a window",
    ("POST", "/api/v1/taught/{name}/answers"): "recordings, decoded where a moment is shorter than a window",
    ("POST", "/api/v1/uploads"): "form, raw body",
    ("POST", "/v1/embeddings"): "input_audio, audio_url",
    ("POST", "/api/v1/exports"): "recordings, decoded",
    ("POST", "/api/v1/peaks"): "recordings, decoded where the cache has none",
    ("GET", "/api/v1/recordings/{recording_id}/audio"): "the file's own bytes, or decoded as WAV",
    ("GET", "/api/v1/recordings/{recording_id}/peaks"): "recordings, decoded",
    ("GET", "/api/v1/recordings/{recording_id}/spectrogram"): "recordings, decoded",
    ("POST", "/api/v1/libraries/{library_id}/folders"): "files of a folder",
    ("POST", "/api/v1/libraries/{library_id}/index"): "files of known folders",
    ("POST", "/api/v1/libraries/{library_id}/reindex"): "files of known folders",
}
# Calls that touch no sound.
SILENT = {
    ("GET", "/api/v1/search"), ("GET", "/api/v1/similar"), ("GET", "/api/v1/status"), ("GET", "/api/v1/libraries"),
    ("GET", "/api/v1/libraries/{library_id}"), ("DELETE", "/api/v1/libraries/{library_id}/folders"),
    ("POST", "/api/v1/libraries/{library_id}/switch"), ("GET", "/api/v1/libraries/{library_id}/failures"), ("GET", "/api/v1/folders"),
    ("GET", "/api/v1/recordings"), ("GET", "/api/v1/recordings/{recording_id}"), ("GET", "/api/v1/recordings/{recording_id}/duplicates"),
    ("POST", "/api/v1/recordings/{recording_id}/reveal"), ("GET", "/api/v1/facets"), ("GET", "/api/v1/tags"), ("POST", "/api/v1/tags"),
    ("GET", "/api/v1/map"), ("POST", "/api/v1/map"), ("GET", "/api/v1/jobs"), ("GET", "/api/v1/jobs/{job_id}"),
    ("DELETE", "/api/v1/jobs/{job_id}"), ("GET", "/api/v1/jobs/{job_id}/events"), ("GET", "/v1/models"), ("GET", "/v1/models/{model_id}"),
    ("GET", "/api/v1/taught"), ("GET", "/api/v1/taught/{name}"), ("DELETE", "/api/v1/taught/{name}"),
    ("GET", "/api/v1/taught/{name}/uncertain"), ("GET", "/health/live"), ("GET", "/health/ready"), ("GET", "/metrics"),
}  # fmt: skip


def test_every_call_is_listed(tmp_path):
    document = create_app(ServiceConfig(libraries={"one": tmp_path / "one"})).api.openapi()
    calls = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert calls == set(ENTRIES) | SILENT


def modules():
    for path in sorted(SRC.rglob("*.py")):
        if "bundles" not in path.parts:
            yield path.relative_to(SRC), ast.parse(path.read_text("utf-8"))


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_nothing_decodes_but_the_gate():
    found = {str(path) for path, tree in modules() if any(name.split(".")[0] in DECODERS for name in imported(tree))}
    # What writes or draws our own samples decodes nothing from outside.
    writing = {"audio/writing.py", "audio/encoding.py", "audio/spectrogram.py", "models/remote.py"}
    assert {path for path in found if not path.startswith("audio/_")} <= writing  # audio/_*.py run in the decode worker


def test_nothing_opens_a_url_but_fetch():
    found = {str(path) for path, tree in modules() if any(name in OPENERS for name in imported(tree))}
    pulling = {"models/download.py", "models/pulling.py"}  # for `auricle models pull` alone
    assert found <= {"service/fetch.py", *pulling, "models/chat_server.py"}  # the last where the user named a server


@pytest.mark.parametrize("module", [chat, exports, libraries, openai, recordings, saying, search, sound, taught])
def test_a_route_opens_no_file_of_its_own(module):
    """Reading what an export made is all that a route does with files."""
    tree = ast.parse(Path(module.__file__).read_text("utf-8"))
    opens = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "open"]
    assert not opens


def test_limits_hold_at_every_door(server, monkeypatch):
    """The same small limit refuses the same sound by every way in."""
    import base64
    import dataclasses

    from auricle.demo import SOUNDS
    from auricle.service import context

    tight = dataclasses.replace(context.CLIP_LIMITS, seconds=1.0)
    for module in (context, search, openai):
        monkeypatch.setattr(module, "CLIP_LIMITS", tight)
    monkeypatch.setattr(server.service.context.speakers, "of", lambda name=None: Scripted())
    data = (SOUNDS / "weather" / "thunderstorm.opus").read_bytes()
    text = base64.b64encode(data).decode()
    post = server.client.post
    item = {"type": "input_audio", "input_audio": {"data": text, "format": "ogg"}}
    ask = {"type": "text", "text": "what is it?"}
    link = {"type": "audio_url", "audio_url": {"url": f"data:audio/ogg;base64,{text}"}}
    for answer in (
        post("/api/v1/uploads", content=data, headers={"content-type": "audio/ogg"}),
        post("/api/v1/uploads", files={"file": ("x", data)}),
        post("/api/v1/search", json={"like": {"audio": text}}),
        post("/api/v1/search", json={"like": {"audio": f"data:audio/ogg;base64,{text}"}}),
        post("/api/v1/classify", json={"clip": {"audio": text}, "labels": ["rain"]}),
        post("/api/v1/caption", json={"clip": {"audio": text}}),
        post("/api/v1/ask", json={"clip": {"audio": text}, "question": "what is it?"}),
        post("/api/v1/ask/stream", json={"clip": {"audio": text}, "question": "what is it?"}),
        post("/v1/chat/completions", json={"model": "any", "messages": [{"role": "user", "content": [item, ask]}]}),
        post("/v1/chat/completions", json={"model": "any", "messages": [{"role": "user", "content": [link, ask]}], "stream": True}),
        post("/v1/embeddings", json={"model": "tiny-towers", "input": [item]}),
        post("/v1/embeddings", json={"model": "tiny-towers", "input": [link]}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (413, "audio_too_large"), answer.text

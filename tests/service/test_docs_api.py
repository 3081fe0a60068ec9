"""docs/api.md tells the truth: its commands and programs run, its codes and limits are the code's own."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from auricle.demo import SOUNDS
from auricle.service import embedding, problems, speakers
from auricle.service.config import Limits
from auricle.service.context import CLIP_LIMITS
from auricle.service.routes import chat, exports, openai, search
from service.serving import copied, serving
from service.talking import Scripted

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
SERVICE = Path(problems.__file__).parent
BLOCKS = re.findall(r"^```(sh|python|json)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
CURLS = [command for kind, text in BLOCKS if kind == "sh" for command in re.findall(r"^curl (?:.*\\\n)*.*$", text, re.MULTILINE)]
PROGRAMS = [text for kind, text in BLOCKS if kind == "python"]


@pytest.fixture(scope="module")
def running(demo_folder, tmp_path_factory, monkeypatch_module):
    folder = copied(demo_folder, tmp_path_factory.mktemp("docs") / "library")
    monkeypatch_module.setenv("AURICLE_HOME", str(folder.parent / "home"))
    with serving({"library": folder}) as server:
        yield server


@pytest.fixture
def speaker(running, monkeypatch):
    """One that says what it is told, so that the page holds whatever the shipped model says."""
    monkeypatch.setattr(running.service.context.speakers, "of", lambda name=None: Scripted("a bell rings and a helicopter flies"))


@pytest.fixture(scope="module")
def ended_job(running):
    return running.job(running.client.post("/api/v1/libraries/library/index", json={}))["id"]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("here")
    shutil.copy(next(iter(sorted(SOUNDS.rglob("*.ogg")))), folder / "clip.ogg")
    return folder


def pointed(text, running):
    return text.replace("http://localhost:8321", running.url)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("command", CURLS)
def test_commands_run(command, running, speaker, ended_job, here):
    failing = pointed(command, running).replace("JOB", ended_job).replace("curl ", "curl --fail-with-body ", 1)
    done = subprocess.run(["bash", "-c", failing], cwd=here, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, (failing, done.stdout, done.stderr)
    written = re.search(r"-o (\S+)", command)
    said = (here / written[1]).read_bytes() if written else done.stdout
    assert said
    if "/events" in command:
        assert said.startswith(b"event: end\ndata: {")
    elif "-si" in command:
        assert b"\r\nlocation: /api/v1/jobs/" in said.lower()
    elif "/caption" in command or "/ask" in command:
        lines = [json.loads(line) for line in said.splitlines()]
        assert lines[-1].get("done") or lines[-1].get("answer") or lines[-1]["data"]
    elif "/search" in command or "/similar" in command:
        assert json.loads(said)["data"]
    elif written:
        starts = {"beginning.bin": b"", "sound.wav": b"RIFF", "waveform.json": b"{", "picture.png": b"\x89PNG", "moments.zip": b"PK"}
        assert said.startswith(starts.get(written[1], b"Selection"))


@pytest.mark.parametrize("program", PROGRAMS, ids=["openai", "pages", "chat"])
def test_programs_run(program, running, speaker, here, monkeypatch):
    monkeypatch.chdir(here)
    exec(compile(pointed(program, running), str(PAGE), "exec"), {})


def test_the_page_shows_a_real_problem(running):
    shown = next(json.loads(text) for kind, text in BLOCKS if kind == "json")
    real = running.client.get("/api/v1/recordings/999").json()
    different = {"detail", "request_id"}
    assert {k: v for k, v in real.items() if k not in different} == {k: v for k, v in shown.items() if k not in different}
    assert real["detail"].startswith("999 is not in the library in ")


def test_every_code_stands_in_the_table():
    assert table() in PAGE.read_text(), f"put this into {PAGE.name}:\n\n{table()}"


def test_limits_are_those_of_the_code():
    limits = Limits()
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", PAGE.read_text().split("## Limits")[1], re.MULTILINE))
    assert rows["a JSON body"] == f"{limits.json_bytes >> 20} MB; {limits.inline_bytes >> 20} MB where it may hold sound"
    assert rows["an upload"] == f"{limits.upload_bytes >> 20} MB, {CLIP_LIMITS.seconds / 60:g} minutes of sound"
    assert rows["inputs of one `/v1/embeddings`"] == f"{openai.MOST_INPUTS:,}"
    assert rows["moments of one search, over all pages"] == str(search.MOMENTS)
    most = exports.ExportRequest.model_json_schema()["properties"]["moments"]["maxItems"]
    assert rows["moments of one export"] == f"{most:,}; of sound files {exports.MOST_SOUNDS}, {exports.MOST_SECONDS / 3600:g} hours"
    assert rows["requests a second of one client"].startswith(f"{limits.local_rate:,.0f} on this machine, {limits.rate:g} from elsewhere")
    assert rows["requests at once"] == f"{limits.client_concurrency} of one client (429), {limits.concurrency} in all (503)"
    assert rows["captions, answers and chats"] == f"{speakers.AT_ONCE} at once, {speakers.WAITING} that wait (503, `overloaded`)"
    assert rows["tokens of one chat's answer"] == f"{chat.MOST_TOKENS:,}; {chat.USUAL_TOKENS} where none are named"
    assert rows["what waits for a model"].startswith(f"{embedding.WAITING_WINDOWS:,} windows, {embedding.WAITING_TEXTS:,} texts")


def table():
    """Codes with the statuses that they come with, as read from the code."""
    statuses = defaultdict(set)
    sources = "\n".join(path.read_text() for path in sorted(SERVICE.rglob("*.py")))
    for status, code in re.findall(r'(?:ServiceError|problem|_made|_refused)\(\s*(\d{3}),\s*"([a-z_]+)"', sources):
        statuses[code].add(int(status))
    for status, code in (*problems._LIBRARY.values(), *problems._MODEL.values(), *problems._HTTP.items()):
        statuses[code].add(status)
    for code in problems.CODES:
        if code.startswith("audio_"):
            statuses[code].add(413 if code == "audio_too_large" else 422)
    statuses["usage"].add(400)
    statuses["failed"].add(500)
    rows = [(sorted(statuses[code]), code, title) for code, title in problems.CODES.items() if statuses[code]]
    lines = [f"| {', '.join(map(str, found))} | `{code}` | {title} |" for found, code, title in sorted(rows)]
    return "\n".join(["| status | code | meaning |", "| --- | --- | --- |", *lines])

"""What a server meets on a bad day: the right status, a clear body, and it stays up."""

from __future__ import annotations

import base64
import io
import socket
import threading
import time

import numpy as np
import pytest
import soundfile as sf

from auricle.demo import SOUNDS
from auricle.service import context


def code(answer):
    assert answer.headers["content-type"] == "application/problem+json", (answer.status_code, answer.text[:300])
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["request_id"]
    assert problem["detail"]
    return problem["code"]


@pytest.fixture(autouse=True)
def stays_up(server):
    yield
    assert server.client.get("/health/live").status_code == 200
    assert server.client.post("/api/v1/search", json={"query": "dog", "limit": 1}).json()["data"]


def wav(seconds=1.0, rate=8000):
    out = io.BytesIO()
    sf.write(out, np.zeros(int(seconds * rate), np.float32), rate, format="WAV")
    return out.getvalue()


def lying_header():
    data = bytearray(wav())
    data[22:24] = (255).to_bytes(2, "little")  # channels
    data[24:28] = (655_350).to_bytes(4, "little")  # rate
    return bytes(data)


def silence_bomb():
    out = io.BytesIO()
    with sf.SoundFile(out, "w", 96_000, 8, format="FLAC", subtype="PCM_16") as file:
        block = np.zeros((96_000, 8), np.float32)
        for _ in range(180):
            file.write(block)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (b"", {"audio_empty"}),
        (b"just some text, no sound", {"audio_not_audio"}),
        (lying_header(), {"audio_not_audio", "audio_unsupported", "audio_truncated", "audio_too_large", "audio_crashed"}),
        (wav()[:60], {"audio_truncated", "audio_empty"}),
        (silence_bomb(), {"audio_too_large"}),
    ],
    ids=["empty", "text", "lying header", "cut", "silence bomb"],
)
@pytest.mark.parametrize("way", ["upload", "form", "base64", "data uri", "embeddings"])
def test_sound_that_is_none(server, data, codes, way):
    text = base64.b64encode(data).decode()
    if way == "upload":
        answer = server.client.post("/api/v1/uploads", content=data, headers={"content-type": "audio/wav"})
    elif way == "form":
        answer = server.client.post("/api/v1/uploads", files={"file": ("../../etc/passwd", data, "audio/wav")})
    elif way == "base64":
        answer = server.client.post("/api/v1/search", json={"like": {"audio": text}})
    elif way == "data uri":
        answer = server.client.post("/api/v1/classify", json={"clip": {"audio": f"data:audio/wav;base64,{text}"}, "labels": ["a"]})
    else:
        item = {"type": "input_audio", "input_audio": {"data": text, "format": "wav"}}
        answer = server.client.post("/v1/embeddings", json={"model": "tiny-towers", "input": [item]})
    assert code(answer) in codes, answer.text
    assert answer.status_code in (413, 422)


def test_a_body_of_a_gigabyte_is_refused_before_it_is_read(server):
    def endless():
        for _ in range(1024):
            yield b"\0" * (1 << 20)

    began = time.monotonic()
    answer = server.client.post("/api/v1/uploads", content=endless(), headers={"content-type": "audio/wav", "content-length": str(1 << 30)})
    assert code(answer) == "body_too_large"
    assert answer.status_code == 413
    assert time.monotonic() - began < 20


TRAVERSALS = [
    "../../../etc/passwd",
    "/etc/passwd",
    "..%2f..%2fetc",
    "C:\\Windows\\win.ini",
    "\x00",
    "'; DROP TABLE recordings; --",
    "%00",
    "🦀" * 900,
]


@pytest.mark.parametrize("text", TRAVERSALS)
def test_text_is_only_text(server, text):
    post = server.client.post
    first = min(server.ids().values())
    answers = [
        post("/api/v1/search", json={"query": text, "limit": 1}),
        post("/api/v1/search", json={"query": "dog", "unwanted": [text]}),
        post("/api/v1/search", json={"query": "dog", "filters": {"folder": [text], "format": [text], "where": text}}),
        post("/api/v1/search", json={"query": "dog", "cursor": text}),
        post("/api/v1/search", json={"like": {"upload_id": text[:64]}}),
        post("/api/v1/search", json={"like": {"audio": text}}),
        post("/api/v1/search", json={"like": {"url": text}}),
        post("/api/v1/classify", json={"clip": {"recording_id": first}, "labels": [text, "x"]}),
        post("/api/v1/exports", json={"format": text, "moments": [{"recording_id": first, "start": 0, "end": 1}]}),
        post("/api/v1/exports", json={"format": "csv", "label": text, "moments": [{"recording_id": first, "start": 0, "end": 1}]}),
        post("/api/v1/libraries/demo/reindex", json={"model": text}),
        post("/v1/embeddings", json={"model": text, "input": text}),
        server.client.get("/api/v1/recordings", params={"folder": text, "tag": text, "name": text, "sort": text[:20]}),
        server.client.get("/api/v1/recordings", params={"library": text}),
        server.client.get("/api/v1/tags", params={"prefix": text[:200]}),
        server.client.get(f"/api/v1/recordings/{first}/audio", params={"as": text}),
    ]
    for answer in answers:
        assert answer.status_code < 500 or (answer.status_code == 503 and code(answer) == "model_missing"), answer.text
        if answer.status_code >= 400:
            code(answer)
        assert "root:" not in answer.text
        assert b"fontdrvhost" not in answer.content


@pytest.mark.parametrize(
    "path", ["/assets/../app.py", "/assets/..%2f..%2fapp.py", "/%2e%2e/%2e%2e/etc/passwd", "/api/v1/recordings/..%2f1", "//etc/passwd"]
)
def test_paths_lead_nowhere(server, path):
    answer = server.client.get(path)
    assert answer.status_code in (400, 404, 405, 422)
    assert "import" not in answer.text


@pytest.mark.parametrize("identity", [0, 10**9, -1, 2**63, 10**30, "nan", "1e3"])
@pytest.mark.parametrize("what", ["", "/audio", "/peaks", "/spectrogram", "/duplicates"])
def test_a_recording_that_is_not_there(server, identity, what):
    answer = server.client.get(f"/api/v1/recordings/{identity}{what}")
    assert code(answer) in ("not_found", "invalid_request")
    assert answer.status_code in (404, 422)


def test_a_cursor_of_another_list(server):
    page = server.client.post("/api/v1/search", json={"query": "water", "limit": 3}).json()
    stale = server.client.post("/api/v1/search", json={"query": "fire", "limit": 3, "cursor": page["next_cursor"]})
    assert (stale.status_code, code(stale)) == (409, "stale_cursor")
    for broken in ("x", "WzEsIDJd", base64.urlsafe_b64encode(b'[-5,"a"]').decode(), "====", "W" * 1999):
        answer = server.client.post("/api/v1/search", json={"query": "fire", "cursor": broken})
        assert (answer.status_code, code(answer)) == (400, "invalid_cursor")


def test_numbers_that_are_none(server):
    for body in (
        '{"query": "a", "limit": NaN}',
        '{"query": "a", "filters": {"min_duration": Infinity}}',
        '{"query": "a", "limit": 1e99}',
        "{",
        "[]",
        "null",
    ):
        answer = server.client.post("/api/v1/search", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, code(answer)) == (422, "invalid_request")
    deep = server.client.post("/api/v1/search", content="[" * 100_000, headers={"content-type": "application/json"})
    assert deep.status_code in (400, 422)


def test_the_file_is_gone(server, tmp_path):
    (tmp_path / "soon gone.wav").write_bytes(wav(3.0))
    assert server.job(server.client.post("/api/v1/libraries/demo/folders", json={"path": str(tmp_path)}))["state"] == "done"
    identity = server.ids()["soon gone.wav"]
    (tmp_path / "soon gone.wav").unlink()
    get = server.client.get
    assert code(get(f"/api/v1/recordings/{identity}/audio")) == "audio_missing"
    assert code(get(f"/api/v1/recordings/{identity}/audio", params={"as": "wav"})) == "audio_missing"
    assert code(get(f"/api/v1/recordings/{identity}/spectrogram")) == "audio_missing"
    assert get(f"/api/v1/recordings/{identity}/peaks", params={"n": 100}).status_code == 200  # drawn when it was heard
    assert get(f"/api/v1/recordings/{identity}").status_code == 200
    moment = {"recording_id": identity, "start": 0, "end": 1}
    assert code(server.client.post("/api/v1/exports", json={"format": "wav", "moments": [moment]})) == "audio_missing"
    server.client.request("DELETE", "/api/v1/libraries/demo/folders", json={"path": str(tmp_path)})
    assert code(get(f"/api/v1/recordings/{identity}")) == "not_found"


def test_a_library_with_nothing_in_it(server):
    for answer in (
        server.client.post("/api/v1/search", params={"library": "empty"}, json={"query": "dog"}),
        server.client.get("/api/v1/similar", params={"library": "empty", "recording_id": 1}),
        server.client.get("/api/v1/recordings/1", params={"library": "empty"}),
    ):
        assert (answer.status_code, code(answer)) == (409, "library_empty")
    assert server.client.get("/api/v1/recordings", params={"library": "empty"}).json()["total"] == 0
    assert server.client.get("/api/v1/facets", params={"library": "empty"}).json()["total"] == 0
    assert code(server.client.get("/api/v1/recordings", params={"library": "none such"})) == "not_found"


def test_a_client_that_vanishes(server):
    identity = server.ids()["thunderstorm.opus"]
    host, port = server.url.removeprefix("http://").split(":")
    for request in (
        f"GET /api/v1/recordings/{identity}/audio?as=wav HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n",
        f"POST /api/v1/uploads HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: audio/wav\r\nContent-Length: 100000\r\n\r\nRIFF",
        "GET / HTTP/1.1\r\nHo",
    ):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(request.encode())
            time.sleep(0.05)


def test_search_goes_on_while_the_library_is_indexed(server, tmp_path):
    for i in range(30):
        sf.write(tmp_path / f"tone {i}.wav", np.sin(np.arange(16000 * 4) * (0.01 + i / 500)).astype(np.float32) * 0.3, 16000)
    started = server.client.post("/api/v1/libraries/demo/folders", json={"path": str(tmp_path)})
    busy = server.client.post("/api/v1/libraries/demo/index", json={})
    assert busy.status_code in (202, 409)
    if busy.status_code == 409:
        assert code(busy) == "job_running"
    errors = []

    def ask():
        for _ in range(5):
            answer = server.client.post("/api/v1/search", json={"query": "dog barking", "limit": 3})
            if answer.status_code != 200:
                errors.append(answer.text)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    tag = server.client.post("/api/v1/tags", json={"recordings": [min(server.ids().values())], "add": ["while indexing"]})
    for thread in threads:
        thread.join()
    assert not errors
    assert tag.status_code == 200
    assert server.job(started)["state"] == "done"


def test_an_upload_that_is_not_held_any_more(server, monkeypatch):
    from auricle.service import uploads

    monkeypatch.setattr(uploads, "SECONDS", -1.0)
    held = server.client.post(
        "/api/v1/uploads", content=(SOUNDS / "animals" / "CROW.wav").read_bytes(), headers={"content-type": "audio/wav"}
    )
    gone = server.client.post("/api/v1/search", json={"like": {"upload_id": held.json()["upload_id"]}})
    assert (gone.status_code, code(gone)) == (410, "upload_gone")


def test_clips_are_bounded():
    limits = context.CLIP_LIMITS
    assert limits.seconds <= 900
    assert limits.decoded_bytes <= 256 << 20

"""Pulling from a hub: a real server on this machine, real graphs, real interruptions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from auricle.audio.types import Audio
from auricle.errors import ModelError, UsageError
from auricle.models import hub
from auricle.models.bundle import Bundle
from auricle.models.download import Digest, Server
from auricle.models.pulling import safe

from .hubserver import COMMIT, Hub, serving
from .making import clap_graph, text_graph, word_tokenizer

pytest.importorskip("onnx")

NAME = "hf:org/clap"
FOLDER = "hf--org--clap"


def transformers_js_files() -> dict[str, bytes]:
    tokenizer, vocabulary = word_tokenizer()
    config = {"model_type": "clap", "projection_dim": 32, "text_config": {"max_position_embeddings": 66, "pad_token_id": 0}}
    preprocessor = {"feature_extractor_type": "ClapFeatureExtractor", "truncation": "rand_trunc", "sampling_rate": 48000}
    return {
        "README.md": b"# CLAP",
        "config.json": json.dumps(config).encode(),
        "preprocessor_config.json": json.dumps(preprocessor).encode(),
        "tokenizer.json": tokenizer,
        "onnx/audio_model.onnx": clap_graph(1001, ballast=1 << 20),
        "onnx/text_model.onnx": text_graph(vocabulary, output="text_embeds"),
        "onnx/audio_model_quantized.onnx": clap_graph(1001, seed=3),
        "onnx/text_model_quantized.onnx": text_graph(vocabulary, seed=3, output="text_embeds"),
        "pytorch_model.bin": b"not fetched",
    }


FILES = transformers_js_files()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("AURICLE_HOME", str(tmp_path / "home"))
    for name in ("HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(Hub(files=dict(FILES))) as running:
        yield running


def staged(tmp_path: Path) -> Path:
    return tmp_path / "home" / "models" / ".partial" / f"{FOLDER}--{COMMIT[:12]}"


def test_transformers_js_layout_becomes_a_bundle(server: Hub) -> None:
    seen: dict[str, tuple[int, int | None]] = {}
    path = hub.pull(NAME, endpoint=server.endpoint, progress=lambda file, done, total: seen.update({file: (done, total)}))
    assert hub.resolve(NAME) == path
    assert seen["onnx/audio_model.onnx"] == (len(FILES["onnx/audio_model.onnx"]),) * 2
    assert not any("pytorch_model" in name for _, name, _ in server.requests)
    model = hub.load(NAME, threads=1)
    assert model.name == f"org/clap@{COMMIT[:12]}"
    assert hub.load(model.name, threads=1) is model
    assert model.rate == 48000
    assert model.windowing.seconds == 10.0
    assert model.card.licence == "apache-2.0"
    assert model.card.chain[0].source == f"hf:org/clap@{COMMIT}"
    tone = Audio(np.sin(np.arange(48000, dtype=np.float32) / 9), 48000)
    np.testing.assert_allclose(np.linalg.norm(model.embed_audio([tone])), 1.0, atol=1e-6)
    assert hub.verify(NAME) == dict(model.card.files)
    assert [m.source for m in hub.installed() if m.source != "shipped"] == [NAME]


def test_a_second_pull_asks_nothing_and_force_asks_again(server: Hub) -> None:
    hub.pull(NAME, endpoint=server.endpoint)
    before = len(server.requests)
    hub.pull(NAME, endpoint=server.endpoint)
    assert len(server.requests) == before
    hub.pull(NAME, endpoint=server.endpoint, force=True)
    assert len(server.requests) > before


def test_int8_is_a_pipeline_of_its_own(server: Hub) -> None:
    plain = Bundle.open(hub.pull(NAME, endpoint=server.endpoint)).pipeline_id
    quantised = Bundle.open(hub.pull(NAME, endpoint=server.endpoint, precision="int8"))
    assert quantised.pipeline_id != plain
    with pytest.raises(UsageError):
        hub.pull(NAME, endpoint=server.endpoint, precision="int3", force=True)


def test_graphs_that_hear_one_sound_at_a_time_are_run_so(server: Hub) -> None:
    server.files["onnx/audio_model.onnx"] = clap_graph(1001, batch=1)
    model = hub.load(str(hub.pull(NAME, endpoint=server.endpoint)), threads=1)
    assert (model.bundle.config["audio"]["batch"], model.bundle.config["text"]["batch"]) == (1, 1)
    tones = [Audio(np.sin(np.arange(4800 * i, dtype=np.float32) / 9), 48000) for i in (1, 2)]
    assert model.embed_audio(tones).shape == (2, 32)


def test_an_auricle_bundle_is_fetched_as_it_is(server: Hub, tiny: Bundle) -> None:
    server.files = {str(p.relative_to(tiny.path)): p.read_bytes() for p in tiny.path.rglob("*") if p.is_file()}
    pulled = Bundle.open(hub.pull(NAME, endpoint=server.endpoint), verify=True)
    assert pulled.pipeline_id == tiny.pipeline_id


def test_a_revision_has_a_folder_of_its_own(server: Hub) -> None:
    path = hub.pull(f"{NAME}@v1.0", endpoint=server.endpoint)
    assert "/revision/v1.0" in server.requests[0][1]
    assert hub.resolve(f"{NAME}@v1.0") == path
    with pytest.raises(ModelError, match="has not been pulled") as caught:
        hub.resolve(NAME)
    assert caught.value.hint.endswith(f"auricle models pull {NAME}")


def test_a_cut_connection_is_continued_by_range(server: Hub) -> None:
    server.cut_after = 300_000
    hub.pull(NAME, endpoint=server.endpoint)
    assert server.ranges("audio_model.onnx") == [None, "bytes=300000-"]
    assert hub.verify(NAME)


def test_a_server_that_ignores_ranges_still_serves(server: Hub) -> None:
    server.cut_after, server.ignore_range = 300_000, True
    hub.pull(NAME, endpoint=server.endpoint)
    assert hub.verify(NAME)


@pytest.mark.kill
def test_a_killed_pull_goes_on_where_it_stopped(server: Hub, tmp_path: Path) -> None:
    server.pause = 0.05
    script = f"from auricle.models import hub; hub.pull({NAME!r}, endpoint={server.endpoint!r})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment)
    part = staged(tmp_path) / "onnx" / "audio_model.onnx.part"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not (part.exists() and part.stat().st_size > 0):
        time.sleep(0.01)
    process.kill()
    process.wait()
    have = part.stat().st_size
    assert 0 < have < len(FILES["onnx/audio_model.onnx"])
    with pytest.raises(ModelError, match="has not been pulled"):
        hub.load(NAME)
    server.pause = 0.0
    hub.pull(NAME, endpoint=server.endpoint)
    assert server.ranges("audio_model.onnx") == [None, f"bytes={have}-"]
    assert hub.verify(NAME)
    assert not staged(tmp_path).exists()


def test_a_file_of_another_checksum_is_removed(server: Hub, tmp_path: Path) -> None:
    server.corrupt = {"onnx/audio_model.onnx"}
    with pytest.raises(ModelError, match=r"audio_model\.onnx arrived damaged") as caught:
        hub.pull(NAME, endpoint=server.endpoint)
    assert caught.value.kind == "Damaged"
    assert not list(staged(tmp_path).glob("onnx/*"))
    assert hub.installed() == [m for m in hub.installed() if m.source == "shipped"]
    server.corrupt = set()
    assert Bundle.open(hub.pull(NAME, endpoint=server.endpoint), verify=True)


def test_small_files_are_checked_too(server: Hub) -> None:
    server.corrupt = {"tokenizer.json"}
    with pytest.raises(ModelError, match=r"tokenizer\.json arrived damaged"):
        hub.pull(NAME, endpoint=server.endpoint)


def test_digests_that_are_not_listed_come_from_the_headers(server: Hub) -> None:
    server.digests_listed = False
    hub.pull(NAME, endpoint=server.endpoint)
    assert ("HEAD", f"/org/clap/resolve/{COMMIT}/onnx/audio_model.onnx", None) in server.requests
    server.corrupt = {"onnx/text_model.onnx"}
    with pytest.raises(ModelError, match="arrived damaged"):
        hub.pull(NAME, endpoint=server.endpoint, force=True)


@pytest.mark.parametrize("name", ["../evil.json", "/etc/passwd", "a/../../b.json", "c:\\x", "a//b", "./a", ""])
def test_names_that_lead_outside_are_refused(server: Hub, tmp_path: Path, name: str) -> None:
    assert not safe(name)
    server.listed = [{"rfilename": name, "size": 3}, *Hub(files=FILES).siblings()]
    with pytest.raises(ModelError, match="outside its folder") as caught:
        hub.pull(NAME, endpoint=server.endpoint)
    assert caught.value.kind == "Damaged"
    assert not list((tmp_path / "home").rglob("*.json"))


def test_a_card_that_names_a_file_outside_is_refused(server: Hub, tiny: Bundle) -> None:
    files = {str(p.relative_to(tiny.path)): p.read_bytes() for p in tiny.path.rglob("*") if p.is_file()}
    card = json.loads(files["card.json"])
    card["files"]["../../escaped"] = "0" * 64
    server.files = {**files, "card.json": json.dumps(card).encode()}
    with pytest.raises(ModelError, match="outside"):
        hub.pull(NAME, endpoint=server.endpoint)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [(401, "Network", "HF_TOKEN"), (403, "Network", "HF_TOKEN"), (404, "Missing", "revision"), (503, "Network", "later")],
)
def test_refusals_are_told_in_words(server: Hub, status: int, kind: str, words: str) -> None:
    server.status = status
    with pytest.raises(ModelError, match=words) as caught:
        hub.pull(NAME, endpoint=server.endpoint)
    assert caught.value.kind == kind


def test_offline_says_the_way_out(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="cannot be reached") as caught:
        hub.pull(NAME, endpoint="http://127.0.0.1:1")
    assert caught.value.kind == "Network"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE"):
        hub.pull(NAME, endpoint=server.endpoint)
    assert server.requests == []


def test_a_repository_without_a_model_is_told_apart(server: Hub) -> None:
    del server.files["onnx/text_model.onnx"]
    with pytest.raises(ModelError, match=r"onnx/text_model\.onnx missing") as caught:
        hub.pull(NAME, endpoint=server.endpoint)
    assert caught.value.kind == "Unsupported"
    assert "models convert" in caught.value.hint


def test_a_graph_that_does_not_run_is_not_installed(server: Hub) -> None:
    server.files["onnx/audio_model.onnx"] = b"this is no graph"
    with pytest.raises(ModelError) as caught:
        hub.pull(NAME, endpoint=server.endpoint)
    assert caught.value.kind == "Damaged"
    with pytest.raises(ModelError, match="has not been pulled"):
        hub.resolve(NAME)


def test_a_full_disk_is_told_before_and_while_writing(server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if Path("/dev/full").exists():
        part = staged(tmp_path) / "onnx" / "audio_model.onnx.part"
        part.parent.mkdir(parents=True)
        part.symlink_to("/dev/full")
        with pytest.raises(ModelError, match="disk is full") as caught:
            hub.pull(NAME, endpoint=server.endpoint)
        assert caught.value.kind == "DiskFull"
        assert caught.value.exit_code == 3
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(ModelError, match="MB are needed"):
        hub.pull(NAME, endpoint=server.endpoint)


@pytest.mark.parametrize("name", ["hf:", "hf:clap", "hf:org/clap/more", "hf:../clap", "hf:org/a--b", "hf:org/clap@", "clap", " "])
def test_broken_names(server: Hub, name: str) -> None:
    with pytest.raises(ModelError, match="is not the name of a repository"):
        hub.pull(name, endpoint=server.endpoint)
    assert server.requests == []


def test_the_token_goes_to_no_other_host(server: Hub) -> None:
    """The hub redirects downloads to a store elsewhere: the token must stay behind."""
    import http.server
    import threading

    seen: list[str | None] = []

    class Redirecting(http.server.BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization"))
            port = int(self.path.partition("?to=")[2] or 0)
            self.send_response(302 if port else 200)
            if port:
                self.send_header("Location", f"http://localhost:{port}/there")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    servers = [http.server.HTTPServer(("127.0.0.1", 0), Redirecting) for _ in range(2)]
    for each in servers:
        threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    here, there = (each.server_address[1] for each in servers)
    assert Server(f"http://127.0.0.1:{here}", "secret").document(f"/x?to={there}") == {}
    for each in servers:
        each.shutdown()
        each.server_close()
    assert seen == ["Bearer secret", None]


def test_digest_reads_etags() -> None:
    assert Digest.from_etag('W/"' + "A" * 64 + '"') == Digest(sha256="a" * 64)
    assert Digest.from_etag('"' + "b" * 40 + '"') == Digest(git_sha1="b" * 40)
    assert not Digest.from_etag('"anything"').known
    assert not Digest.from_etag(None).known

"""Audio–language checkpoints from a hub: a real server on this machine, tiny random checkpoints of the real classes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from auricle.audio.types import Audio
from auricle.errors import ModelError
from auricle.models import hub
from auricle.models.bundle import Bundle

from ..hubserver import COMMIT, Hub, serving
from .checkpoints import qwen2_audio

pytest.importorskip("transformers")

NAME = "hf:org/ears"
TONE = Audio(np.sin(np.arange(16000, dtype=np.float32) / 9), 16000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return qwen2_audio(tmp_path_factory.mktemp("checkpoints") / "ears")


@pytest.fixture
def server(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("AURICLE_HOME", str(tmp_path / "home"))
    for name in ("HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    extra = {"README.md": b"# It", "pytorch_model.bin": b"pickle", "modeling_evil.py": b"code", "runs/model.safetensors": b"other"}
    with serving(Hub(repo="org/ears", files={**files, **extra})) as running:
        yield running


def sharded(server: Hub, folder: Path, tmp_path: Path) -> None:
    """The same weights in several files, as large models are published."""
    from transformers import Qwen2AudioForConditionalGeneration

    Qwen2AudioForConditionalGeneration.from_pretrained(folder).save_pretrained(tmp_path / "shards", max_shard_size="60KB")
    del server.files["model.safetensors"]
    server.files |= {path.name: path.read_bytes() for path in (tmp_path / "shards").iterdir()}


def test_a_checkpoint_is_pulled_and_opened_offline(server: Hub, folder: Path) -> None:
    seen: dict[str, tuple[int, int | None]] = {}
    path = hub.pull(NAME, endpoint=server.endpoint, progress=lambda file, done, total: seen.update({file: (done, total)}))
    assert hub.resolve(NAME) == path
    size = (folder / "model.safetensors").stat().st_size
    assert seen["model.safetensors"] == (size, size)
    asked = [name for _, name, _ in server.requests]
    assert not any(bad in name for name in asked for bad in (".bin", ".py", "runs/", "README"))
    before = len(server.requests)
    model: Any = hub.load(NAME)
    assert model.name == f"org/ears@{COMMIT[:12]}"
    assert hub.load(model.name) is model
    assert list(model.generate([TONE], "What is heard?", max_tokens=5))
    plain: Any = hub.load(folder)
    np.testing.assert_array_equal(model.score([TONE], "?", ["rain", "dog"]), plain.score([TONE], "?", ["rain", "dog"]))
    assert len(server.requests) == before
    assert hub.pull(NAME, endpoint=server.endpoint) == path
    assert len(server.requests) == before


def test_it_is_listed_shown_and_verified(server: Hub) -> None:
    from auricle.cli.main import app

    path = hub.pull(NAME, endpoint=server.endpoint)
    (info,) = [m for m in hub.installed() if m.source != "shipped"]
    assert (info.source, info.family, info.licence, info.dim, info.error) == (NAME, "two-heads", "apache-2.0", 32, "")
    assert info.pipeline_id == hub.load(NAME).pipeline_id
    assert "checkpoint/model.safetensors" in hub.verify(NAME)
    runner = CliRunner()
    shown = runner.invoke(app, ["models", "show", NAME])
    assert shown.exit_code == 0, shown.output
    assert f"hf:org/ears@{COMMIT}" in shown.output
    assert "org/ears@" in runner.invoke(app, ["models", "list"]).output
    weights = path / "checkpoint" / "model.safetensors"
    weights.unlink()
    weights.write_bytes(b"x")
    with pytest.raises(ModelError, match="differs from its card"):
        hub.verify(NAME)


def test_other_weights_are_another_pipeline(server: Hub, tmp_path: Path) -> None:
    first = Bundle.open(hub.pull(NAME, endpoint=server.endpoint)).pipeline_id
    server.files |= {p.name: p.read_bytes() for p in qwen2_audio(tmp_path / "other", seed=1).iterdir()}
    assert Bundle.open(hub.pull(NAME, endpoint=server.endpoint, force=True)).pipeline_id != first


def test_shards_and_a_cut_connection(server: Hub, folder: Path, tmp_path: Path) -> None:
    sharded(server, folder, tmp_path)
    parts = [name for name in server.files if name.startswith("model-")]
    assert len(parts) > 1
    server.cut_after = 30_000
    path = hub.pull(NAME, endpoint=server.endpoint)
    assert {p.name for p in (path / "checkpoint").glob("*.safetensors")} == set(parts)
    assert "bytes=30000-" in {given for _, _, given in server.requests}
    whole, cut = (hub.load(name) for name in (folder, NAME))
    scores = [model.score([TONE], "?", ["rain"]) for model in (whole, cut)]  # type: ignore[attr-defined]
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize("name", ["../evil.safetensors", "runs/model.safetensors", "evil.bin", ""])
def test_an_index_that_leads_outside_is_refused(server: Hub, folder: Path, tmp_path: Path, name: str) -> None:
    sharded(server, folder, tmp_path)
    server.files["model.safetensors.index.json"] = json.dumps({"weight_map": {"a": name}}).encode()
    with pytest.raises(ModelError, match="outside its folder") as caught:
        hub.pull(NAME, endpoint=server.endpoint)
    assert caught.value.kind == "Damaged"


def test_a_shard_that_is_not_there(server: Hub, folder: Path, tmp_path: Path) -> None:
    sharded(server, folder, tmp_path)
    del server.files[next(name for name in server.files if name.startswith("model-00002"))]
    with pytest.raises(ModelError, match="lacks model-00002"):
        hub.pull(NAME, endpoint=server.endpoint)


def test_pickled_weights_are_not_fetched(server: Hub) -> None:
    del server.files["model.safetensors"]
    with pytest.raises(ModelError, match=r"model\.safetensors or model\.safetensors\.index\.json missing") as caught:
        hub.pull(NAME, endpoint=server.endpoint)
    assert caught.value.kind == "Unsupported"
    assert not any(".bin" in name for _, name, _ in server.requests)


def test_a_file_of_another_checksum_is_refused(server: Hub) -> None:
    server.corrupt = {"model.safetensors"}
    with pytest.raises(ModelError, match="arrived damaged"):
        hub.pull(NAME, endpoint=server.endpoint)
    with pytest.raises(ModelError, match="has not been pulled"):
        hub.load(NAME)


def test_checkpoints_of_other_kinds_are_told_apart(server: Hub) -> None:
    server.files["config.json"] = b'{"model_type": "clap"}'
    with pytest.raises(ModelError, match="holds no model that auricle can run"):
        hub.pull(NAME, endpoint=server.endpoint)


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ({}, "unknown"),
        ({"license": "other"}, "other"),
        ({"license": "other", "license_name": "nvidia-oneway-noncommercial"}, "other (nvidia-oneway-noncommercial)"),
    ],
)
def test_the_licence_is_what_the_repository_states(server: Hub, card: dict[str, str], licence: str) -> None:
    server.card = card
    assert Bundle.open(hub.pull(NAME, endpoint=server.endpoint)).card.licence == licence

"""Names and paths → models."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from auricle.errors import ModelError
from auricle.models import hub
from auricle.models.bundle import Bundle


@pytest.fixture
def shelf(tmp_path: Path, tiny: Bundle, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped bundles, three versions of one, and an empty home."""
    monkeypatch.setenv("AURICLE_HOME", str(tmp_path / "home"))
    root = tmp_path / "bundles"
    for name in ("tiny-towers@2", "tiny-towers@10", "tiny-towers@1", "tiny-heads@1"):
        shutil.copytree(tiny.path, root / name)
    monkeypatch.setattr(hub, "bundles_folder", lambda: root)
    return root


def test_a_bare_name_is_the_newest_version(shelf: Path) -> None:
    assert hub.resolve("tiny-towers") == shelf / "tiny-towers@10"
    assert hub.resolve("tiny-towers@2") == shelf / "tiny-towers@2"


def test_a_path_is_a_bundle(tiny: Bundle) -> None:
    assert hub.resolve(tiny.path) == tiny.path
    assert hub.resolve(str(tiny.path)) == tiny.path


def test_the_same_call_gives_the_same_model(tiny: Bundle) -> None:
    first = hub.load(tiny.path, threads=1)
    assert hub.load(str(tiny.path) + "/", threads=1) is first
    assert hub.load(tiny.path, threads=2) is not first


@pytest.mark.parametrize(
    ("name", "near"), [("tiny-tower", "tiny-towers"), ("Tiny-Towers ", "tiny-towers"), ("tiny-heads@7", "tiny-heads@1")]
)
def test_the_nearest_names_are_suggested(shelf: Path, name: str, near: str) -> None:
    with pytest.raises(ModelError) as caught:
        hub.resolve(name)
    assert caught.value.kind == "Missing"
    assert near in caught.value.hint


@pytest.mark.parametrize("name", ["", "   ", "\n", "zzz", "../..", "no/such/folder", "hf:", "hf:a b/c", "hf:org/name"])
def test_names_of_nothing(shelf: Path, name: str) -> None:
    with pytest.raises(ModelError) as caught:
        hub.load(name)
    assert caught.value.kind == "Missing"
    assert caught.value.hint


def test_a_repository_not_pulled_says_how(shelf: Path) -> None:
    with pytest.raises(ModelError) as caught:
        hub.resolve("hf:laion/clap-htsat-unfused")
    assert "auricle models pull hf:laion/clap-htsat-unfused" in caught.value.hint


def test_folders_of_names_differ() -> None:
    names = [hub.folder_name(*hub.parse(n)) for n in ("hf:a/b", "hf:a/b@v1", "hf:a/b@refs/pr/1", "hf:a-b/c", "hf:a/b-c")]
    assert len(set(names)) == len(names)
    assert not any("/" in name for name in names)


def test_installed_tells_the_damaged_too(shelf: Path, tmp_path: Path, tiny: Bundle) -> None:
    shutil.copytree(tiny.path, tmp_path / "home" / "models" / "hf--org--clap@v1")
    (shelf / "tiny-heads@1" / "config.json").write_text("{")
    rows = {Path(m.path).name: m for m in hub.installed()}
    assert list(rows) == ["tiny-heads@1", "tiny-towers@10", "tiny-towers@2", "tiny-towers@1", "hf--org--clap@v1"]
    assert "JSON" in rows["tiny-heads@1"].error
    assert rows["tiny-towers@1"].pipeline_id == tiny.pipeline_id
    assert rows["tiny-towers@1"].bytes > 1000
    assert rows["hf--org--clap@v1"].source == "hf:org/clap@v1"
    assert hub.resolve("hf:org/clap@v1").name == "hf--org--clap@v1"
    assert hub.resolve("tiny@1").name == "hf--org--clap@v1"  # the name that its card and every result carry


def test_verify(shelf: Path) -> None:
    assert set(hub.verify("tiny-towers")) == {"audio.onnx", "config.json", "text.onnx", "tokenizer.json"}
    (shelf / "tiny-towers@10" / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        hub.verify("tiny-towers")


def test_other_packages_register_loaders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution with an entry point, as a wheel would install it."""
    info = tmp_path / "echo_models-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: echo-models\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[auricle.models]\necho = echo_models:load\n")
    (tmp_path / "echo_models.py").write_text("def load(name, *, threads=None, device='auto'):\n    return (name, threads, device)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found: Any = hub.load("echo:anything#model", threads=3)
    assert found == ("echo:anything#model", 3, "auto")
    with pytest.raises(ModelError, match="nothing here loads") as caught:
        hub.load("carrier:pigeon")
    assert caught.value.kind == "Unsupported"


def test_importing_models_imports_no_runtime() -> None:
    script = (
        "import sys, auricle.models, auricle.models.hub, auricle.models.two_towers, auricle.models.listening\n"
        "heavy = {'torch', 'transformers', 'onnx', 'onnxruntime', 'tokenizers', 'pydantic', 'huggingface_hub', 'soxr', 'urllib.request'}\n"
        "found = heavy & set(sys.modules)\n"
        "assert not found, found\n"
        "assert auricle.models.load is auricle.models.hub.load\n"
        "assert set(auricle.models.__all__) == set(auricle.models._HOME) <= set(dir(auricle.models))\n"
        "assert all(getattr(auricle.models, name) for name in auricle.models.__all__)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": ":".join(sys.path)})

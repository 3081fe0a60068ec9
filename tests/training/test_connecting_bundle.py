"""A connected model is written, found by its path, and answers as it did; what is missing or changed is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

import connect_making as making  # noqa: E402

from auricle.audio.types import Audio  # noqa: E402
from auricle.errors import AudioError, ModelError, UsageError  # noqa: E402
from auricle.models import hub, load  # noqa: E402
from auricle.models.capabilities import Cut, GeneratesText, ScoresText  # noqa: E402
from auricle.training.connecting.model import open_connected  # noqa: E402
from auricle.training.connecting.packing import batch_of, logits  # noqa: E402
from auricle.training.connecting.saving import write  # noqa: E402
from auricle.training.connecting.sounds import Sound  # noqa: E402
from auricle.training.connecting.stage import run  # noqa: E402


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    """What was trained, and its bundle."""
    folder = tmp_path_factory.mktemp("connected")
    lm = making.language(folder / "tiny-llama")
    language = {"folder": "tiny-llama", "licence": "MIT", "before": "Sound: "}
    stage = making.stage(folder, lm, {"lm": language}, steps=2, rate=2e-2, lora_rate=2e-2)
    at = run(stage, folder / "run", folder, sounds=making.sounds())
    return at, write(at, folder / "run/bundle", folder)


@pytest.fixture(scope="module")
def bell() -> Audio:
    time = np.arange(16000 * 2) / 16000
    return Audio((0.3 * np.sin(2 * np.pi * 880 * time) * np.exp(-2 * time)).astype(np.float32)[None], 16000, "bell")


def test_it_answers_as_it_did(made, bell):
    at, bundle = made
    model = load(bundle.path)
    assert isinstance(model, GeneratesText)
    assert isinstance(model, ScoresText)
    assert (model.sounds, model.longest, model.rate, model.name) == (1, 12.0, 16000, "connected@1")
    heard = model.hear(bell)
    sound = Sound(np.concatenate([heard.vectors, heard.envelopes], 1), (), (), "")
    options = ["yes", "no", "rain and a dog"]
    with torch.no_grad():
        for said, audios in ((True, [bell]), (False, [])):
            batch = batch_of([sound], [[("What is it?", option) for option in options]], [said], at.wording)
            odds = logits(at.model, at.connector, batch).double().log_softmax(-1)
            wanted = batch["target"][batch["target"] >= 0]
            owner = batch["texts"][batch["target"] >= 0]
            each = odds[torch.arange(len(wanted)), wanted]
            expected = [float(each[owner == i].sum()) for i in range(3)]
            assert model.score(audios, "What is it?", options) == pytest.approx(expected, abs=1e-3)
    assert not np.allclose(model.score([bell], "What is it?", options), model.score([], "What is it?", options), atol=1e-3)
    assert model.score([bell], "What is it?", []).shape == (0,)
    many = model.score_many([heard, None], [[("What is it?", options), ("Is it loud?", options[:2])], [("What is it?", options)]])
    assert [len(some) for some in many] == [2, 1]
    assert many[0][0] == pytest.approx(model.score([bell], "What is it?", options), abs=1e-3)
    assert many[0][1] == pytest.approx(model.score([bell], "Is it loud?", options[:2]), abs=1e-3)
    assert many[1][0] == pytest.approx(model.score([], "What is it?", options), abs=1e-3)


def test_it_speaks(made, bell):
    model = load(made[1].path)
    pieces = list(model.generate([bell], "What is it?", max_tokens=5))
    assert pieces == list(model.generate([bell], "What is it?", max_tokens=5))
    assert isinstance(pieces[-1], Cut) or len("".join(pieces)) < 40
    assert list(model.generate([bell], "What is it?", max_tokens=5, seed=3)) == list(
        model.generate([bell], "What is it?", max_tokens=5, seed=3)
    )
    assert list(model.generate([bell], "What is it?", max_tokens=3, contrast=1.0))
    with pytest.raises(UsageError, match="max_tokens"):
        model.generate([bell], "What?", max_tokens=0)


def test_bad_input(made, bell):
    model = load(made[1].path)
    with pytest.raises(ModelError, match="hears one sound at a time, not 2"):
        model.score([bell, bell], "What?", ["yes"])
    with pytest.raises(ModelError, match="reads up to"):
        model.score([bell], "word " * 10_000, ["yes"])
    with pytest.raises(ModelError, match="is too long"):
        model.score([bell], "What?", ["word " * 300])
    with pytest.raises(AudioError):
        model.score([Audio(np.zeros((1, 0), np.float32), 16000, "none")], "What?", ["yes"])
    assert np.isfinite(model.score([bell], "\ud800 </s><s>", ["yes", ""])).all()


def test_the_card_names_all_licences(made):
    card = made[1].card
    assert card.chain[0].licence == "MIT"
    assert "tiny-llama" in card.chain[0].what
    assert any("tiny-towers@2" in link.what for link in card.chain)
    assert not any(name.startswith("/") for name in json.dumps(made[1].config).split('"'))


def test_a_language_model_that_is_not_there_or_another(made, tmp_path, bell):
    """The bundle moves; the language model is given, put inside, or missing; another one is refused."""
    _, bundle = made
    lm = bundle.path.parent.parent / "tiny-llama"
    moved = Path(shutil.copytree(bundle.path, tmp_path / "moved"))
    with pytest.raises(ModelError, match="speaks with tiny-llama, which is not at") as missing:
        load(moved).score([], "What?", ["yes"])
    assert str(moved / "language") in missing.value.hint
    assert open_connected(moved, language=lm).score([], "What?", ["yes"])[0] < 0
    shutil.copytree(lm, moved / "language")
    assert open_connected(moved).score([], "What?", ["yes"])[0] < 0
    (moved / "language/config.json").write_text((lm / "config.json").read_text() + " ")
    with pytest.raises(ModelError, match="is not the tiny-llama that connected@1 was trained with"):
        open_connected(moved).score([], "What?", ["yes"])
    (moved / "connector.safetensors").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"connector\.safetensors differs"):
        open_connected(moved)


def test_what_an_architecture_needs(made, monkeypatch):
    import importlib.metadata

    class Point:
        def load(self):
            raise ImportError("no", name="torch")

    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: [Point()])
    monkeypatch.setattr(hub, "_loaded", {})
    with pytest.raises(ModelError, match="needs torch") as raised:
        hub.load(made[1].path)
    assert "auricle[train,hf]" in raised.value.hint

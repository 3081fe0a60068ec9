"""Stages one after the other: sound alone with teachers, text alone, then both from the weights of the two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from training_set import RECIPE, log, make_set, short_items

from auricle.errors import ModelError, UsageError
from auricle.training import checkpoint
from auricle.training.errors import TrainingError
from auricle.training.loop import Run
from auricle.training.modules.frozen import Heard
from auricle.training.recipe import load
from auricle.training.words import learn

HEAD, TAIL = RECIPE[: RECIPE.index("objectives:")], RECIPE[RECIPE.index("optimiser:") :]


def stage(name, objectives):
    return HEAD.replace("name: small", f"name: {name}\nstage: {name}") + f"objectives: {objectives}\n" + TAIL


def go(folder, recipe, *settings, items=None, out="run"):
    run = Run.begin(load(make_set(folder, items, recipe), ["budget.steps=2", *settings]), folder / out)
    run.go()
    return run


def test_sound_then_text_then_both(tmp_path):
    heard = go(tmp_path, stage("audio", "[{kind: masked_spectrogram}, {kind: tagging}]"), out="sound")
    texts = [replace(i, audio=None, start=0.0, end=None, duration=None, hash="", events=()) for i in short_items()]
    read = go(tmp_path, stage("language", "[{kind: masked_language}]"), items=texts, out="words")
    assert "frames" not in read.feed.batch(0)
    recipe = RECIPE.replace("max_length: 16}", "max_length: 16, tokenizer: words/tokenizer.json}")
    run = Run.begin(load(make_set(tmp_path, None, recipe), ["model.init=[sound, words]"]), tmp_path / "both")
    now = dict(run.parameters())
    first = checkpoint.load(checkpoint.weights_of(tmp_path / "sound"))
    second = checkpoint.load(checkpoint.weights_of(tmp_path / "words"))
    assert torch.equal(now["towers.text.words.weight"], second["towers.text.words.weight"])
    assert heard.step == read.step == 2
    run.go()
    assert first.keys() & now.keys()


def test_several_teachers(tmp_path):
    """A model that embeds sound, heard once and kept; and a file with a vector an item."""
    items = short_items()
    rng = np.random.default_rng(0)
    save_file({item.id: rng.standard_normal(6).astype(np.float32) for item in items}, tmp_path / "vectors.safetensors")
    teachers = "{towers: {model: tiny-towers}, file: {file: vectors.safetensors}}"
    recipe = stage("audio", "[{kind: distillation, loss: cosine, teachers: {towers: 2, file: 1}}]").replace(
        "  seconds: 1.0", f"  seconds: 1.0\n  teachers: {teachers}"
    )
    run = go(tmp_path, recipe, items=items)
    assert run.built.sizes.teachers == {"towers": 384, "file": 6}
    parts = log(tmp_path / "run")[0]["parts"]
    assert parts["distillation"] == pytest.approx((2 * parts["distillation.towers"] + parts["distillation.file"]) / 3, rel=1e-5)
    assert len(list((tmp_path / "cache").rglob("*.npy"))) >= 4
    with pytest.raises(UsageError, match=r"data.teachers does not name other"):
        go(tmp_path, recipe.replace("file: 1}", "other: 1}"), items=items, out="b")
    save_file({"x": np.zeros(6, np.float32)}, tmp_path / "vectors.safetensors")
    with pytest.raises(ModelError, match="has no vector of item"):
        go(tmp_path, recipe, "data.workers=0", items=items, out="c")
    (tmp_path / "vectors.pt").write_bytes(b"\x80\x04abc")
    with pytest.raises(TrainingError, match="is a pickle"):
        go(tmp_path, recipe.replace("vectors.safetensors", "vectors.pt"), items=items, out="d")


def test_what_an_objective_lacks_is_said(tmp_path):
    for objective, message in (
        ("distillation", "data.teachers does not name a teacher"),
        ("masked_spectrogram", "needs an audio encoder that is trained on log-mel"),
        ("masked_language", "needs a text encoder that is trained here"),
    ):
        recipe = stage("audio", f"[{{kind: {objective}}}]").replace(
            "  augment: {gain: [-6, 6], shift: true, noise: 0.5, mix: 0.3, mask_time: 8, mask_bands: 4}\n", ""
        )
        start, end = recipe.index("  audio:\n"), recipe.index("objectives:")
        recipe = recipe[:start] + "  audio: {kind: onnx, model: tiny-towers}\n  text: {kind: onnx, model: tiny-towers}\n" + recipe[end:]
        with pytest.raises(UsageError, match=rf"small.yaml:\d+: .*{message}"):
            go(tmp_path, recipe, out=objective)


def test_what_was_heard_is_kept_and_a_broken_file_is_heard_again(tmp_path):
    kept = Heard(tmp_path, "pipeline")
    assert kept.get("a") is None
    kept.put("a", np.ones((2, 3), np.float32))
    assert kept.get("a").shape == (2, 3)
    (path,) = tmp_path.rglob("*.npy")
    path.write_bytes(path.read_bytes()[:-4])
    assert kept.get("a") is None
    assert Heard(tmp_path, "other").get("a") is None


def test_a_learned_tokenizer_is_the_same_every_time():
    texts = ["rain on a tin roof", "a dog barking", "rain, again!"]
    words = learn(texts, 100, 8)
    assert words.document == learn(list(texts), 100, 8).document
    assert words.size <= 100
    ids = words(["rain on mars", ""])
    assert ids[0][0] == words.id("[CLS]")
    assert ids[0][-1] == words.id("[SEP]")
    assert words.id("[UNK]") not in ids[0]  # spelt by signs
    assert all(len(row) <= 8 for row in words(["a " * 50]))


def test_held_out_items_are_heard_as_they_are(tmp_path):
    """No augmentation, no teacher asked: measured twice, or with other augmentation, it is the same."""
    items = short_items()
    save_file({item.id: np.ones(4, np.float32) for item in items[:9]}, tmp_path / "vectors.safetensors")
    items = [*items[:9], *(replace(item, split="dev") for item in items[9:])]
    recipe = RECIPE.replace("  seconds: 1.0", "  seconds: 1.0\n  teachers: {file: {file: vectors.safetensors}}")
    recipe = recipe.replace("objectives:\n", "objectives:\n  - {kind: distillation, weight: 0.1}\n")
    on = "evaluate={every: 1, on: [{path: small.jsonl, split: dev}]}"
    run = go(tmp_path, recipe, on, items=items)
    records = [r["measured"] for r in log(tmp_path / "run") if "measured" in r]
    assert len(records) == 2
    assert records[-1] == run.measure() == run.measure()
    assert records[0]["n"] == 4
    entry = run.held_out.sets[0].entries[0]
    one = run.feed.item(entry, np.random.default_rng(0), plain=True)["mel"]
    loud = Run.begin(load(tmp_path / "small.yaml", [on, "data.augment.gain=[20, 20]", "budget.steps=2"]), tmp_path / "other")
    assert np.array_equal(one, loud.feed.item(entry, np.random.default_rng(0), plain=True)["mel"])

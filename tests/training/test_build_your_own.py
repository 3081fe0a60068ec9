"""Build your own, in a minute: the recipes of recipes/towers_from_scratch as a person runs them, with fewer steps."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import auricle
from auricle import audio
from auricle.data.manifest import open_audio, read
from auricle.models.bundle import Bundle
from auricle.models.two_towers import FrameTowers
from cli.conftest import spawn

RECIPES = Path(__file__).parents[2] / "recipes" / "towers_from_scratch"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The manifest of the demo sounds, where the recipes look for it."""
    folder = tmp_path_factory.mktemp("work")
    spec = importlib.util.spec_from_file_location("towers_manifest", RECIPES / "manifest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.main(folder / "runs" / "small" / "small.jsonl", 6.0) == 78
    place = folder / "recipes" / "towers_from_scratch"
    place.mkdir(parents=True)
    for path in RECIPES.glob("*.yaml"):
        (place / path.name).write_text(path.read_text())
    return folder


def trained(small, name, *settings):
    out = small / "runs" / name
    arguments = [part for setting in settings for part in ("--set", setting)]
    ran = spawn(
        "train", small / "recipes" / "towers_from_scratch" / f"{name}.yaml", "--out", out, "--json", *arguments, OMP_NUM_THREADS="1"
    )
    assert ran.code == 0, ran.err
    (report,) = ran.lines
    assert report["bundle"]["parity"] <= 1e-4
    return out, report


def recall(small, out, k):
    """How many captions find a sound that they describe among the first ``k``, of one item a caption."""
    model = auricle.load(str(out / "bundle"))
    assert isinstance(model, FrameTowers)
    items = list({item.labels: item for item in read(small / "runs" / "small" / "small.jsonl")}.values())
    sounds = model.embed_audio([open_audio(item, small / "runs" / "small") for item in items])
    texts = model.embed_text([item.captions[0] for item in items])
    ranks = np.argsort(-(texts @ sounds.T), axis=1)
    return float(np.mean([i in ranks[i, :k] for i in range(len(items))])), len(items)


def test_from_scratch(small):
    out, report = trained(small, "tiny", "budget.steps=60", "data.seconds=2.0")
    found, n = recall(small, out, 5)
    assert (report["step"], report["items"], n) == (60, 78, 58)
    assert found >= 0.5  # by chance 5 of 58
    assert (out / "loss.png").is_file()
    card = Bundle.open(out / "bundle", verify=True).card
    assert {link.licence for link in card.chain} >= {"CC0 1.0", "MIT", "CC BY 3.0"}


def test_on_any_encoders(small):
    out, report = trained(small, "any_encoders", "budget.steps=60", "budget.save_every=30")
    assert recall(small, out, 5)[0] >= 0.8
    assert report["bundle"]["cosine"] > 0.99
    again = spawn("train", small / "recipes/towers_from_scratch/any_encoders.yaml", "--out", out, "--set", "budget.steps=60")
    assert again.code == 2
    assert "holds a run already (step 60)" in again.err
    labels = auricle.classify(audio.open(audio_of(small), mono=True), ["a dog barking", "rain", "a piano"], model=str(out / "bundle"))
    assert max(labels.scores, key=labels.scores.get) == "a dog barking"


def audio_of(small):
    return small / "runs" / "small" / "sounds" / "animals" / "dog barking.ogg"

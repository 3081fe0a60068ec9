"""The command that says how much a fingerprint finds again, on sounds that come with auricle."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from auricle import audio
from auricle.audio import Audio
from auricle.demo import SOUNDS
from auricle.evaluation.leak_recall import CHANGES, main, recall, wilson

NAMES = ("dog barking.ogg", "doorbell.ogg", "sheep.flac", "glass breaking.ogg")


@pytest.fixture(scope="module")
def sounds():
    return [audio.open(p, mono=True).slice(0, 2) for p in sorted(SOUNDS.rglob("*")) if p.name in NAMES]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_changes_what_it_says(sounds, change):
    sound = sounds[0]
    changed = CHANGES[change](sound, sounds[1], np.random.default_rng(0))
    assert np.isfinite(changed.samples).all()
    same = changed.rate == sound.rate and changed.samples.shape == sound.samples.shape and np.array_equal(changed.samples, sound.samples)
    assert same == (change == "nothing" or (change == "3 s of it" and sound.duration < 3))


def test_lengths_are_those_of_the_change(sounds):
    rng = np.random.default_rng(0)
    half, faster, later = (CHANGES[name](sounds[0], sounds[1], rng) for name in ("its middle half", "10 % faster", "317 ms later"))
    assert half.duration == pytest.approx(sounds[0].duration / 2, abs=0.01)
    assert faster.duration == pytest.approx(sounds[0].duration / 1.1, abs=0.01)
    assert later.duration == pytest.approx(sounds[0].duration + 0.317, abs=0.01)


def test_recall_is_a_share_with_its_interval(sounds):
    easy, hard = recall(sounds, changes=["20 dB softer", "10 % faster"])
    assert (easy["found"], easy["n"], easy["recall"]) == (4, 4, 1.0)
    assert hard["recall"] <= 0.25  # a tape that runs faster is what it cannot see through
    assert easy["low"] == pytest.approx(0.51, abs=0.01)
    assert recall(sounds, changes=["nothing"], every=2)[0]["n"] == 2
    assert recall([sounds[0], Audio(sounds[0].samples, sounds[0].rate), sounds[1]], changes=["nothing"])[0]["others"] >= 1


def test_wilson():
    assert wilson(50, 100) == pytest.approx((0.404, 0.596), abs=0.001)
    assert wilson(0, 10)[0] == 0.0


def test_command(tmp_path, capsys, monkeypatch):
    from auricle.evaluation import leak_recall

    monkeypatch.setattr(leak_recall, "CHANGES", {name: CHANGES[name] for name in ("nothing", "317 ms later")})
    for name in NAMES[:2]:
        shutil.copy(next(SOUNDS.rglob(name)), tmp_path / name)
    assert main(["--sounds", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("2 of 2 sounds changed, looked for among 2\n")
    assert "| 317 ms later | 1.000 (0.342–1.000) | 0 |" in out
    assert main(["--sounds", str(tmp_path), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 2
    assert main(["--sounds", str(tmp_path), "--among", str(tmp_path / "none.jsonl")]) == 3

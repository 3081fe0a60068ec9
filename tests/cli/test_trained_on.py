"""``auricle evaluate … --trained-on``: what was trained on is named, and scored apart."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluation"))
import toy_sets
from toy_models import Toy

from auricle.data.items import Item
from auricle.data.manifest import write
from auricle.evaluation import benchmark, floors


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """A model, a small ESC-50, and a training manifest that holds copies of two of its sounds by other names."""
    monkeypatch.setattr(floors, "load", lambda name, folder=None: Toy(name))
    small = {name: b.model_copy(update={"n": None}) for name, b in benchmark.benchmarks().items()}
    monkeypatch.setattr(benchmark, "benchmarks", lambda: small)
    monkeypatch.setenv("AURICLE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AURICLE_DATA", str(tmp_path / "data"))
    toy_sets.esc50(tmp_path / "data" / "esc50")
    first, second, *_ = sorted((tmp_path / "data" / "esc50").rglob("*.wav"))
    (tmp_path / "train").mkdir()
    shutil.copy(first, tmp_path / "train" / "mine.wav")
    number = second.name.split("-")[1]
    write(tmp_path / "train" / "m.jsonl", [Item("a", audio="mine.wav"), Item("b", source=f"https://freesound.org/s/{number}")])
    return tmp_path, {first.name, second.name}


def test_scores_on_all_clean_and_flagged(run, toys):
    folder, copied = toys
    ran = run("evaluate", "toy@1", "--on", "esc50", "--no-controls", "--trained-on", folder / "train/m.jsonl", "--write", folder / "r.json")
    assert ran.code == 0, ran.err
    (found,) = json.loads((folder / "r.json").read_text())["runs"]
    leakage = found["leakage"]
    assert {Path(id).name for id in leakage["ids"]} >= copied
    assert {"all", "clean", "flagged", "ids", "levels", "inflation", "difference"} <= set(leakage)
    assert leakage["all"]["n"] == 24
    assert leakage["clean"]["n"] + leakage["flagged"]["n"] == 24
    assert leakage["flagged"]["n"] == len(leakage["ids"])
    assert set(leakage["levels"]) >= {"bytes", "id"}
    assert "items are in m.jsonl (2 items) as well" in ran.err
    assert "toy@1: clean 1.000 (1.000–1.000) on" in ran.out
    assert "all − clean +0.000" in ran.out


def test_without_it_nothing_is_said(run, toys):
    ran = run("evaluate", "toy@1", "--on", "esc50", "--no-controls", "--json")
    assert ran.lines[0]["leakage"] is None


def test_no_such_manifest_before_anything_is_heard(run, toys):
    ran = run("evaluate", "toy@1", "--on", "esc50", "--trained-on", toys[0] / "none.jsonl")
    assert ran.code == 3
    assert "there is no such manifest" in ran.err
    assert "answers computed" not in ran.err
    assert ran.err.count("\n") == 1

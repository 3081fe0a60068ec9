"""``auricle evaluate`` as a person runs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluation"))
import toy_sets
from toy_models import Deaf, Toy

from auricle import _faults
from auricle.evaluation import benchmark, floors


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """Models by name, a small ESC-50 below AURICLE_DATA, and a folder of its own for answers."""
    models = {name: kind(name) for name, kind in (("toy@1", Toy), ("deaf@1", Deaf))}
    real = floors.load
    monkeypatch.setattr(floors, "load", lambda name, folder=None: models[name] if name in models else real(name, folder=folder))
    small = {name: b.model_copy(update={"n": None}) for name, b in benchmark.benchmarks().items()}
    monkeypatch.setattr(benchmark, "benchmarks", lambda: small)
    monkeypatch.setenv("AURICLE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AURICLE_DATA", str(tmp_path / "data"))
    toy_sets.esc50(tmp_path / "data" / "esc50")
    return tmp_path


def test_a_table_and_a_file(run, toys):
    ran = run("evaluate", "deaf@1", "toy@1", "--on", "esc50", "--write", toys / "r.json")
    assert ran.code == 0, ran.err
    assert "ESC-50: zero-shot, n = 24, 12 sources; chance 0.250, majority 0.250" in ran.out
    assert "toy@1   accuracy      1.000 (1.000–1.000)" in ran.out
    assert "deaf@1: ALARM deaf: with the sound it is not certainly better" in ran.out
    assert "toy@1 over deaf@1: esc50 accuracy +0.750" in ran.out
    assert "esc50 toy@1: 24 answers computed, 0 from the cache" in ran.err
    document = json.loads((toys / "r.json").read_text())
    assert document["kind"] == "auricle results"
    assert document["command"].startswith("auricle evaluate deaf@1 toy@1 --on esc50")
    assert [(r["model"], r["scores"][0]["value"]) for r in document["runs"]] == [("deaf@1", 0.25), ("toy@1", 1.0)]
    assert document["differences"][0]["benchmark"] == "esc50"
    again = run("evaluate", "deaf@1", "toy@1", "--on", "esc50")
    assert "esc50 toy@1: 0 answers computed, 24 from the cache" in again.err
    assert again.out == ran.out


def test_json_lines_and_a_folder(run, toys):
    ran = run("evaluate", "toy@1", "--on", f"esc50={toys / 'data/esc50'}", "--json", "--no-controls")
    assert ran.code == 0, ran.err
    assert ran.lines[0]["columns"]["n"] == 24
    assert ran.lines[0]["controls"] == {}
    assert ran.lines[0]["audio_gain"] is None


def test_without_on_it_lists(run, toys):
    ran = run("evaluate")
    assert ran.code == 0
    assert "fsdd-speakers" in ran.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("toy@1", "--on", "esc51"), 2, "there is no benchmark 'esc51'. Did you mean esc50?"),
        (("toy@1", "--on", "fsd50k"), 3, "no such file or folder"),
        (("toy@1", "--on", "esc50="), 2, "the name is empty"),
        (("toy@1",), 2, "there is nothing to measure on. Name it with --on"),
        (("--on", "esc50"), 2, "there is no model. Name one"),
        (("nobody", "--on", "esc50"), 3, "no model is named 'nobody'"),
        (("toy@1", "--on", "esc50", "--write", "/nowhere/at/all.json"), 2, "there is no folder /nowhere/at"),
    ],
)
def test_what_is_wrong_is_one_line(run, toys, arguments, code, said):
    ran = run("evaluate", *arguments)
    assert ran.code == code, ran.err
    assert len(ran.err.splitlines()) == 1  # and nothing was begun
    assert said in ran.err


def test_incomplete_data_is_refused_unless_asked_for(run, toys):
    (toys / "data/esc50/audio/1-100-A-0.wav").unlink()
    ran = run("evaluate", "toy@1", "--on", "esc50")
    assert ran.code == 3
    assert "half-downloaded: 23 of 24 sounds are there" in ran.err
    ran = run("evaluate", "toy@1", "--on", "esc50", "--anyway")
    assert ran.code == 0
    assert "skipped" in ran.out
    assert "error: half-downloaded" in ran.out


def test_interrupted_it_goes_on(run, toys):
    _faults.arm("evaluation.cache.after", "interrupt", 9)
    ran = run("evaluate", "toy@1", "--on", "esc50", "--no-controls")
    assert (ran.code, ran.err) == (130, "auricle: interrupted.\n")
    ran = run("evaluate", "toy@1", "--on", "esc50", "--no-controls")
    assert "15 answers computed, 9 from the cache" in ran.err


def test_a_full_disk_is_one_line(run, toys):
    _faults.arm("evaluation.cache.before", "enospc", 3)
    ran = run("evaluate", "toy@1", "--on", "esc50", "--no-controls")
    assert ran.code == 3
    assert len(ran.err.splitlines()) == 1
    assert "No space left on device" in ran.err

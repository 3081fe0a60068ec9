"""``auricle audit`` as a person runs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluation"))
from toy_ears import Constant, Toy, sounds

import auricle
from auricle.evaluation import report as reports
from auricle.evaluation.probes import NAMES, overlap


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """Models by name, and a manifest of toy sounds."""
    models = {"toy": Toy(), "deaf": Constant("deaf@1")}
    monkeypatch.setattr(auricle, "load", models.__getitem__)
    monkeypatch.setattr(overlap, "GROUPS", 4)
    sounds(tmp_path / "held", per_label=4)
    return tmp_path


def test_the_probes_there_are(run):
    ran = run("audit")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == list(NAMES)
    assert json.loads(run("audit", "--json").out.splitlines()[0]).keys() == {"probe", "title"}


def test_a_table_and_a_file_that_the_report_reads(run, toys):
    write = toys / "audit.json"
    ran = run("audit", "toy", "deaf", "--probe", "calibration", "--sounds", toys / "held/manifest.jsonl", "--write", write)
    assert ran.code == 0, ran.err
    assert "toy@1: Calibration" in ran.out
    assert "AUROC of known against unknown" in ran.out
    found = json.loads(write.read_text())
    assert [audit["model"] for audit in found["audits"]] == ["toy@1", "deaf@1"]
    assert found["audits"][0]["scores"][0]["value"] == 1.0
    assert found["audits"][0]["protocol_hash"] == found["audits"][1]["protocol_hash"]
    read = reports.read([write])
    assert read.audits[0].curves[0].name == "reliability"
    assert read.audits[0].curves[0].x


def test_what_cannot_be_asked_is_passed_over_and_told(run, toys, monkeypatch):
    monkeypatch.delenv("AURICLE_DATA", raising=False)
    monkeypatch.setattr("auricle.evaluation.probes.audit.NAMES", ("linkability", "membership"))
    ran = run("audit", "toy", "--sounds", toys / "held/manifest.jsonl", "--json")
    assert ran.code == 0, ran.err
    assert ran.out == ""
    assert "linkability was not asked" in ran.err
    assert "membership was not asked: membership needs the manifest" in ran.err


def test_what_is_asked_by_name_and_cannot_be_is_an_error(run, toys, monkeypatch):
    monkeypatch.delenv("AURICLE_DATA", raising=False)
    held = toys / "held/manifest.jsonl"
    for probe, told in (("linkability", "free-spoken-digit-dataset"), ("membership", "--members")):
        ran = run("audit", "toy", "--probe", probe, "--sounds", held)
        assert ran.code in (2, 3)
        assert told in ran.err
        assert "Traceback" not in ran.err


def test_bad_input_is_one_line(run, toys):
    held = toys / "held/manifest.jsonl"
    for arguments, told in (
        (("--probe", "telepathy"), "there is no probe 'telepathy'"),
        (("--sounds", toys / "nowhere.jsonl"), "no such manifest"),
        (("--sounds", held, "--half", "both"), "no half 'both'"),
        (("--sounds", held, "--half", "test"), "no item is of the split 'test'"),
        (("--sounds", toys), "holds no search benchmark"),
    ):
        ran = run("audit", "toy", "--probe", "overlap", *arguments) if arguments[0] != "--probe" else run("audit", "toy", *arguments)
        assert ran.code in (2, 3), arguments
        assert told in ran.err
        assert len(ran.err.strip().splitlines()) == 1


def test_without_sounds_the_demo_is_heard(run, toys):
    ran = run("audit", "toy", "--probe", "needle", "--probe", "calibration")
    assert "the demo's clips" in ran.err

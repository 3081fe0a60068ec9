"""``auricle reproduce`` prints what was published beside what was measured."""

from __future__ import annotations

import json

import pytest

from auricle.evaluation import documents


@pytest.fixture
def results(tmp_path):
    how = {
        "task": "ESC-50, zero-shot",
        "version": 1,
        "data": "esc50, all: 2000 clips",
        "data_hash": "d",
        "metric": "accuracy",
        "details": {},
    }
    score = {
        "metric": "esc50 accuracy", "value": 0.913, "low": 0.9, "high": 0.925, "n": 2000, "sources": 2000, "protocol": how,
        "protocol_hash": "0" * 12,
    }  # fmt: skip
    run = {
        "benchmark": "esc50", "title": "ESC-50", "kind": "zero_shot", "model": "hf:laion/clap-htsat-unfused", "pipeline_id": "p",
        "protocol": how, "scores": [score], "columns": {"n": 2000},
    }  # fmt: skip
    nobody = {**run, "model": "of-nobody"}
    documents.write(tmp_path / "results.json", documents.document(runs=[run, nobody]))
    return tmp_path / "results.json"


def test_table_sources_and_refusals(run, results):
    ran = run("reproduce", results)
    assert ran.code == 0
    head, *lines = ran.out.splitlines()
    assert head.split() == ["model", "benchmark", "metric", "claimed", "by", "measured", "gap", "inside"]
    authors = next(line for line in lines if "its authors, 2022" in line)
    assert "0.910" in authors
    assert "0.913 (0.900–0.925)" in authors
    assert "+0.003" in authors
    assert authors.endswith("yes")
    assert next(line for line in lines if "a user" in line).endswith("no")
    assert "0.602: LAION-AI/CLAP#133 (abstract); protocol in words: zero-shot, a user with the released weights" in lines
    assert any(line.startswith("not compared: ") and "first fold" in line for line in lines)
    assert lines[-1] == "no figure is known of of-nobody on esc50."


def test_json(run, results):
    found = run("reproduce", results, "--json").lines
    assert {"claimed", "by", "source", "protocol_known", "measured", "gap", "inside", "refused"} <= set(found[0])
    assert any(row["refused"] for row in found)
    assert any(row["inside"] for row in found)


@pytest.mark.parametrize(
    ("text", "told"),
    [("{", "is no JSON"), ("[]", "holds no results of auricle"), (json.dumps({"kind": "auricle results", "version": 99}), "newer auricle")],
)
def test_bad_files_are_one_line(run, tmp_path, text, told):
    (tmp_path / "bad.json").write_text(text)
    ran = run("reproduce", tmp_path / "bad.json")
    assert ran.code == 3
    assert told in ran.err
    assert ran.err.count("\n") == 1


def test_no_file(run, tmp_path):
    ran = run("reproduce", tmp_path / "none.json")
    assert ran.code == 3
    assert "none.json" in ran.err

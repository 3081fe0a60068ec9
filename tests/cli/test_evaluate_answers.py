"""``auricle evaluate answers.json``: answers that were written down elsewhere."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluation"))
import test_language_benchmarks as sets


@pytest.fixture
def mmau(tmp_path):
    """The stand-in, and a file that answers ten of its twelve questions, three of them with nothing that can be read."""
    sets.mmau(tmp_path / "mmau")
    entries = json.loads((tmp_path / "mmau/mmau-test-mini.json").read_text())
    for number, entry in enumerate(entries):
        entry["model_output"] = "Some sound." if number < 3 else entry.pop("answer")
    (tmp_path / "answers.json").write_text(json.dumps(entries[:10]))
    return tmp_path


def test_every_question_counts(run, mmau):
    ran = run("evaluate", mmau / "answers.json", "--on", f"mmau={mmau / 'mmau'}", "--anyway", "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out.splitlines()[0])
    assert document["scores"][0]["value"] == pytest.approx(7 / 12, abs=1e-4)
    assert document["columns"] == {"n": 12, "ok": 7, "unparsed": 3, "refused": 0, "skipped": 2, "truncated": 0, "failed": 0}
    assert any("model_output" in finding["message"] for finding in document["lint"])


def test_what_is_no_file_of_answers(run, mmau):
    other = mmau / "other.json"
    for text, told in (('{"a": 1}', "is no list of answers"), ('[{"id": "x", "model_output": "A"}]', "none of its ids is one of mmau")):
        other.write_text(text)
        ran = run("evaluate", other, "--on", f"mmau={mmau / 'mmau'}", "--anyway")
        assert (ran.code, told in ran.err) == (3, True), ran.err
    ran = run("evaluate", mmau / "none.json", "--on", f"mmau={mmau / 'mmau'}")
    assert "there is no such file" in ran.err

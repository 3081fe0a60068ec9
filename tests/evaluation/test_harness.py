"""A model on a task: nothing dropped, nothing computed twice, controls that catch who does not listen."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import toy_sets
from toy_models import Deaf, NoNumbers, NoText, Peeking, Sure, Toy, tone

from auricle.errors import DataError, ModelError, UsageError
from auricle.evaluation import documents, harness
from auricle.evaluation.benchmark import get
from auricle.evaluation.cache import Cache, packed, unpacked
from auricle.evaluation.loading import load
from auricle.evaluation.outcomes import STATUSES, Outcome, columns


@pytest.fixture
def folder(tmp_path):
    return toy_sets.esc50(tmp_path / "esc50")


def task_of(folder, name="esc50", **changes):
    """The benchmark on a stand-in, which is smaller than the release."""
    return load(get(name).model_copy(update={"n": None, **changes}), folder)


def test_a_good_model_is_right_and_listens(folder):
    run = harness.measure(Toy(), task_of(folder))
    score = run.scores[0]
    assert (score.value, score.n, score.clusters) == (1.0, 24, 12)
    assert columns(run.outcomes) == {"n": 24, "ok": 24, **dict.fromkeys(STATUSES[1:], 0)}
    assert run.controls["other"].value < 0.5
    assert run.gain.value > 0.5
    assert run.gain.low > 0
    assert run.alarms == ()
    assert run.details["confusion"][0] == [6, 0, 0, 0]
    assert [row["value"] for row in run.details["per_class"]] == [1.0] * 4
    assert run.cost.model_bytes == 1234
    assert run.cost.seconds_per_audio_hour > 0
    document = run.document()
    assert document["seconds"] == {"given": 12.0, "heard": 12.0}
    assert document["items"][0]["audio"] == "audio/1-100-A-0.wav"
    assert (Path(document["folder"]) / document["items"][0]["audio"]).is_file()


def test_broken_models_are_caught(folder):
    task = task_of(folder)
    deaf = harness.measure(Deaf(), task)
    assert any(alarm.startswith("deaf") for alarm in deaf.alarms)
    assert any(alarm.startswith("the sound changes nothing") for alarm in deaf.alarms)
    assert any(alarm.startswith("constant") for alarm in deaf.alarms)
    assert deaf.gain.value == 0
    peeking = harness.measure(Peeking("peeking@1"), task)
    assert peeking.scores[0].value == 0.25  # there is no name to read
    assert any(alarm.startswith("deaf") for alarm in peeking.alarms)
    shuffled = harness.measure(Toy("shuffled@1", {"bell": "horn", "horn": "whistle", "whistle": "hum", "hum": "bell"}), task)
    assert shuffled.scores[0].value == 0.0
    assert any(alarm.startswith("deaf") for alarm in shuffled.alarms)


def test_what_cannot_be_heard_stays_in_n(folder):
    (folder / "audio/1-100-A-0.wav").write_bytes(b"no sound at all")
    soundfile.write(folder / "audio/2-200-A-0.wav", np.full(4000, np.nan, np.float32), 8000, subtype="FLOAT")
    run = harness.measure(Toy(), task_of(folder), controls=False)
    assert columns(run.outcomes)["n"] == 24
    assert columns(run.outcomes)["failed"] == 2
    assert run.scores[0].value == pytest.approx(22 / 24)
    failed = [outcome for outcome in run.outcomes if outcome.status == "failed"]
    assert all(outcome.value == 0 and outcome.answer is None and outcome.reason for outcome in failed)
    assert any("2 of 24 were not answered" in alarm for alarm in run.alarms)


def test_a_half_downloaded_set_is_told_and_skipped_only_when_asked(folder):
    for name in ("1-100-A-0.wav", "3-303-B-3.wav"):
        (folder / "audio" / name).unlink()
    task = task_of(folder)
    with pytest.raises(DataError, match="22 of 24 sounds are there"):
        harness.measure(Toy(), task)
    run = harness.measure(Toy(), task, anyway=True)
    assert columns(run.outcomes)["skipped"] == 2
    assert run.scores[0].value == pytest.approx(22 / 24)
    assert run.scores[0].n == 24
    assert run.lint[0].rule == "half-downloaded"


def test_missing_data_says_where_from_and_how_it_lies(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"there is no such file or folder") as found:
        load(get("esc50"), tmp_path / "nowhere")
    assert "karolpiczak/ESC-50" in found.value.hint
    assert "meta/esc50.csv" in found.value.hint
    monkeypatch.delenv("AURICLE_DATA", raising=False)
    with pytest.raises(UsageError, match="nothing says where"):
        load(get("esc50"))
    with pytest.raises(UsageError, match="Did you mean esc50"):
        get("esc5")


def test_a_label_file_of_the_wrong_size(folder):
    with pytest.raises(DataError, match="size: the tables name 24 items, ESC-50 has 2000"):
        harness.measure(Toy(), load(get("esc50"), folder))


def test_models_that_cannot_be_asked(folder):
    with pytest.raises(ModelError, match="gives no vectors of text: it cannot be measured on zero-shot"):
        harness.measure(NoText(), task_of(folder))
    with pytest.raises(ModelError, match=r"not one of 24 was answered: nan@1 gives no numbers \(NaN\)"):
        harness.measure(NoNumbers("nan@1"), task_of(folder))


def test_one_embedding_without_numbers_is_one_failure(folder):
    soundfile.write(folder / "audio/1-100-A-0.wav", tone("bell", level=0.9), 8000)
    model = NoNumbers("loud@1")
    model.loud = 0.6
    run = harness.measure(model, task_of(folder), controls=False)
    assert columns(run.outcomes)["failed"] == 1
    assert run.scores[0].value == pytest.approx(23 / 24)
    assert "gives no numbers (NaN) for 1-100-A-0.wav" in run.outcomes[0].reason


def test_a_second_run_computes_nothing_and_says_the_same(folder, tmp_path):
    first = harness.measure(Toy(), task_of(folder), cache=tmp_path / "kept")
    again = Toy()
    second = harness.measure(again, task_of(folder), cache=tmp_path / "kept")
    assert again.heard == 0
    assert (first.cost.computed_items, first.cost.cached_items) == (24, 0)
    assert (second.cost.computed_items, second.cost.cached_items) == (0, 24)
    a, b = first.document(), second.document()
    assert a["cost"]["peak_memory_bytes"] == b["cost"]["peak_memory_bytes"]
    assert a["cost"]["seconds_per_audio_hour"] == b["cost"]["seconds_per_audio_hour"]
    del a["cost"], b["cost"]
    assert a == b


def test_a_changed_file_is_a_miss_and_another_data_hash(folder, tmp_path):
    first = harness.measure(Toy(), task_of(folder), cache=tmp_path, controls=False)
    soundfile.write(folder / "audio/1-100-A-0.wav", tone("hum"), 8000)
    second = harness.measure(Toy(), task_of(folder), cache=tmp_path, controls=False)
    assert (second.cost.computed_items, second.cost.cached_items) == (1, 23)
    assert second.scores[0].value < first.scores[0].value
    assert second.scores[0].how.data_hash != first.scores[0].how.data_hash
    messages = []
    assert harness.compared([first, second], told=messages.append) == []
    assert "data_hash differ" in messages[0]
    row = harness.compared([first, second], anyway=True)[0]
    assert row["differ"] == ["data_hash"]
    assert row["difference"] == pytest.approx(-1 / 24, abs=1e-3)


def test_two_models_are_compared_in_pairs(folder):
    task = task_of(folder)
    runs = [harness.measure(model, task, controls=False) for model in (Deaf("deaf@1"), Toy())]
    row = harness.compared(runs)[0]
    assert (row["a"], row["b"], row["differ"]) == ("toy@1", "deaf@1", [])
    assert row["difference"] == 0.75
    assert row["p"] < 0.05
    other = harness.measure(Toy(), task_of(folder, prompts=("{} that can be heard",)), controls=False)
    told = []
    assert harness.compared([runs[1], other], told=told.append) == []
    assert "prompts differ" in told[0]
    assert harness.compared([runs[1], other], anyway=True)[0]["differ"] == ["prompts"]


def test_a_torn_line_is_ignored_and_what_follows_is_not_lost(tmp_path):
    cache = Cache(tmp_path, "toy@1:x")
    assert cache.once("a", lambda: [1, 2])[0] == [1, 2]
    assert cache.once("b", lambda: {"x": 0.1})[2] is False
    path = next(tmp_path.glob("*.jsonl"))
    path.write_bytes(path.read_bytes()[:-7])
    again = Cache(tmp_path, "toy@1:x")
    assert again.once("a", lambda: 1 / 0)[0] == [1, 2]
    assert again.once("b", lambda: "anew")[0] == "anew"
    third = Cache(tmp_path, "toy@1:x")
    assert (third.get("a"), third.get("b"), third.get("c")) == ([1, 2], "anew", None)
    assert Cache(tmp_path, "toy@2:x").get("a") is None


def test_arrays_are_kept_bit_for_bit():
    values = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    np.testing.assert_array_equal(unpacked(json.loads(json.dumps(packed(values)))), values)


def test_outcomes_give_no_free_points():
    with pytest.raises(ValueError, match="gives no points"):
        Outcome("a", "x", status="unparsed", value=0.25)
    with pytest.raises(ValueError, match="no such status"):
        Outcome("a", "x", status="lost")
    with pytest.raises(ValueError, match="no number"):
        Outcome("a", "x", value=float("nan"))


def test_the_cache_folder_may_not_be_writable(folder, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match="no cache can be kept there"):
        harness.measure(Toy(), task_of(folder), cache=tmp_path / "file" / "below")


CHILD = """
import sys
sys.path.insert(0, {here!r})
from test_harness import task_of
from toy_models import Toy
from auricle.evaluation import harness
harness.measure(Toy(), task_of({folder!r}), cache=__import__("pathlib").Path({cache!r}))
"""


@pytest.mark.kill
def test_killed_in_the_middle_it_goes_on_and_says_the_same(folder, tmp_path):
    cache = tmp_path / "kept"
    code = CHILD.format(here=str(Path(__file__).parent), folder=str(folder), cache=str(cache))
    for point in ("evaluation.cache.after:kill@9", "evaluation.cache.before:kill@5"):
        found = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "AURICLE_FAULT_POINTS": point}, capture_output=True, timeout=120, check=False
        )
        assert found.returncode == -signal.SIGKILL, found.stderr
    resumed = harness.measure(Toy(), task_of(folder), cache=cache)
    assert (resumed.cost.computed_items, resumed.cost.cached_items) == (11, 13)
    whole = harness.measure(Toy(), task_of(folder), cache=None)
    a, b = resumed.document(), whole.document()
    del a["cost"], b["cost"]
    assert a == b


@pytest.mark.kill
def test_two_at_once_lose_nothing(folder, tmp_path):
    code = CHILD.format(here=str(Path(__file__).parent), folder=str(folder), cache=str(tmp_path / "kept"))
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(120) for process in running] == [0, 0]
    third = Toy()
    run = harness.measure(third, task_of(folder), cache=tmp_path / "kept")
    assert third.heard == 0
    assert run.cost.cached_items == 24


def test_results_are_written_whole_and_read_back(folder, tmp_path):
    run = harness.measure(Sure(), task_of(folder))
    assert run.details["reliability"]
    path = tmp_path / "results.json"
    documents.write(path, documents.document(runs=[run.document()], command="auricle evaluate"))
    found = documents.read(path)
    assert found["runs"][0]["scores"][0]["value"] == 1.0
    assert found["audits"] == []
    newer = json.loads(path.read_text())
    path.write_text(json.dumps(newer | {"version": 99, "auricle": "9.0"}))
    with pytest.raises(DataError, match=r"written by a newer auricle \(9.0"):
        documents.read(path)
    for text in ("{", "[]", '{"kind": "other"}'):
        path.write_text(text)
        with pytest.raises(DataError):
            documents.read(path)
    shutil.rmtree(folder)
    with pytest.raises(DataError, match="No such file"):
        documents.read(tmp_path / "none.json")

"""``auricle adapt`` as a person meets it: on any bundle, on a run, and what it keeps is used by the other commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from transfer_making import RECIPE, make_data

import auricle
from auricle.data.manifest import read as read_manifest
from auricle.data.manifest import write
from auricle.models import taught
from auricle.training.recipe import load
from auricle.training.session import train
from auricle.training.transfer import adapt, read
from auricle.training.transfer.methods import METHODS
from auricle.training.transfer.table import average_precision, mean_average_precision, measured
from cli.conftest import run  # noqa: F401 - a fixture


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def a_run(data):
    (data.parent / "small.yaml").write_text(RECIPE)
    train(load(data.parent / "small.yaml"), data.parent / "run")
    return data.parent / "run"


def test_one_command_makes_the_table(run, data, tmp_path):  # noqa: F811
    picture = tmp_path / "table.png"
    ran = run("adapt", "tiny-towers", data, "--shots", "1,2,16,all", "--seeds", "2", "--plot", picture)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].endswith("3 labels, tested on the test split")
    assert lines[1].split() == ["method", "shots", "learned", "accuracy", "±", "n", "clips"]
    told = [line.split()[0] for line in lines[2:]]
    assert told[:5] == ["zero-shot", "prompts", "probe", "probe", "probe"]
    assert "probe, 16 shots: too few clips for 16 shots: 'beeps' has 5 to learn from." in ran.out
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "95 % intervals over source clips" in ran.err


def test_rows_as_json(run, data):  # noqa: F811
    ran = run("adapt", "tiny-towers", data, "--shots", "1,8,all", "--seeds", "3", "--json")
    assert (ran.code, ran.err) == (0, "")
    *rows, last = ran.lines
    assert {row["method"] for row in rows} == {"zero-shot", "prompts", "probe", "adapter", "residual"}
    assert last["labels"] == ["beeps", "hiss", "hum"]
    assert last["pipeline_id"] == rows[0]["pipeline_id"]
    by = {(row["method"], row["shots"]): row for row in rows}
    one, everything = by["probe", 1], by["probe", "all"]
    assert (one["draws"], one["learned"], one["n"], one["clips"]) == (3, 3.0, 9, 9)
    assert (everything["draws"], everything["learned"], everything["spread"]) == (1, 18.0, None)
    assert by["zero-shot", 0]["learned"] == 0
    assert by["adapter", 8]["accuracy"] is None
    assert "too few clips for 8 shots" in by["adapter", 8]["missing"]
    assert everything["accuracy"] == 1.0  # hiss, hum and beeps are far apart
    for row in rows:
        assert row["missing"] or 0 <= row["low"] <= row["accuracy"] <= row["high"] <= 1


def test_the_same_call_gives_the_same_table(data):
    task = read(data)
    first, second = (adapt("tiny-towers", task, shots=[2], seeds=2) for _ in range(2))
    assert first.rows == second.rows


def test_folds_test_each_sound_once(run, data):  # noqa: F811
    ran = run("adapt", "tiny-towers", data, "--folds", "3", "--methods", "probe", "--shots", "2", "--seeds", "2", "--json")
    row, last = ran.lines
    assert (row["n"], row["clips"], row["learned"]) == (27, 24, 6.0)
    assert last["tested"] == "3 folds over source clips"


@pytest.mark.parametrize("method", ["zero-shot", "prompts", "probe", "adapter", "residual"])
def test_what_is_kept_is_what_was_measured(run, data, method, tmp_path):  # noqa: F811
    """The head decides on every test sound as the method did; classify, detect and search take it."""
    ran = run("adapt", "tiny-towers", data, "--methods", method, "--shots", "all", "--out", tmp_path / "my.npz", "--json")
    assert ran.code == 0, ran.err
    row, last = ran.lines
    assert last["saved"] == str(tmp_path / "my.npz")
    head = taught.load(tmp_path / "my.npz")
    tests = [item for item in read_manifest(data) if item.split == "test"]
    found = [auricle.classify(str(data.parent / item.audio), taught=head) for item in tests]
    right = [max(f.scores, key=f.scores.get) == item.labels[0] for f, item in zip(found, tests, strict=True)]
    if METHODS[method].shots:
        assert np.mean(right) == pytest.approx(row["accuracy"], abs=1e-9)
    assert [s.label for s in head.scores] == ["beeps", "hiss", "hum"]
    assert head.standing.score is not None
    assert 0 <= head.standing.low <= head.standing.score <= head.standing.high <= 1
    sound = data.parent / tests[0].audio
    assert run("classify", sound, "--taught", tmp_path / "my.npz", "--json").lines[0]["scores"].keys() == {"beeps", "hiss", "hum"}
    detected = run("detect", sound, "--taught", tmp_path / "my.npz", "--json")
    assert detected.code == 0, detected.err
    again = run("adapt", "tiny-towers", data, "--methods", method, "--shots", "all", "--out", tmp_path / "my.npz")
    assert (again.code, "exists already" in again.err) == (2, True)


def test_a_probe_by_name_is_used_in_search(run, data):  # noqa: F811
    assert run("adapt", "tiny-towers", data, "--methods", "adapter,probe", "--save", "probe", "--shots", "1", "-o", "noises").code == 0
    assert run("index", data.parent / "sounds", "--quiet").code == 0
    found = run("search", "hum", "--taught", "noises", "--limit", "3", "--json")
    assert found.code == 0, found.err
    assert all("hum-" in hit["path"] for hit in found.lines)


def test_a_head_with_a_cache_survives_the_disk_and_an_answer(data, tmp_path):
    adapt("tiny-towers", read(data), methods=["adapter"], shots=["all"], out=tmp_path / "a.npz")
    head = taught.load(tmp_path / "a.npz")
    assert head.values is not None
    vectors = head.examples.vectors[:4]
    by_hand = vectors.astype(float) @ head.weights.T + head.bias
    by_hand += np.exp(-head.beta * (1 - vectors.astype(float) @ head.examples.vectors.T.astype(float))) @ head.values
    assert np.allclose(head.log_odds(vectors), by_hand)
    taught.save(head, tmp_path / "b.npz")
    assert np.allclose(taught.load(tmp_path / "b.npz").log_odds(vectors), by_hand, atol=1e-3)
    from auricle.tasks.teach import answered, heard

    model = auricle.load()
    answer = heard(str(data.parent / "sounds" / "hum-6-0.wav"), model, {"hum": True})
    after = answered(head, [answer], model)
    assert after.values is None
    assert len(after.examples) == len(head.examples) + 1


def test_a_run_has_all_methods(run, data, a_run):  # noqa: F811
    options = ["--set", "lora.steps=3", "--set", "full.steps=3", "--set", "context.steps=3"]
    ran = run("adapt", a_run, data, "--shots", "1", "--seeds", "1", "--json", *options)
    assert ran.code == 0, ran.err
    rows = ran.lines[:-1]
    assert [row["method"] for row in rows] == list(METHODS)
    assert all(row["accuracy"] is not None for row in rows)


def test_several_labels_a_sound_have_a_map(run, data, tmp_path):  # noqa: F811
    os.symlink(data.parent / "sounds", tmp_path / "sounds", target_is_directory=True)
    items = [i if i.labels == ("hum",) else replace(i, labels=(*i.labels, "noise")) for i in read_manifest(data)]
    write(tmp_path / "several.jsonl", items)
    ran = run("adapt", "tiny-towers", tmp_path / "several.jsonl", "--shots", "2,all", "--seeds", "2", "--json")
    assert ran.code == 0, ran.err
    for row in ran.lines[:-1]:
        assert 0 <= row["map_low"] <= row["map"] <= row["map_high"] <= 1
    best = {row["method"]: row["map"] for row in ran.lines[:-1] if row["shots"] == "all"}
    assert best["probe"] > 0.95
    kept = run("adapt", "tiny-towers", tmp_path / "several.jsonl", "--shots", "2", "--save", "adapter", "-o", tmp_path / "s.npz")
    assert kept.code == 0, kept.err
    assert "mAP" in kept.out


def test_numbers_of_a_row_by_hand():
    truth = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.int8)
    right, half = np.array([[1, 0], [1, 0], [0, 1], [0, 1.0]]), np.array([[1, 0], [0, 1], [0, 1], [1, 0.0]])
    row = measured([right, half], truth, ["a", "b", "c", "d"], True)
    assert row["accuracy"] == pytest.approx(0.75)
    assert row["spread"] == pytest.approx(np.std([1.0, 0.5], ddof=1))
    assert "map" not in row
    one = measured([half], truth, ["a", "a", "a", "a"], True)
    assert (one["low"], one["high"], one["clips"]) == (0.5, 0.5, 1)  # one clip: nothing varies
    scores = np.array([[3.0, 0], [2, 0], [1, 0], [0, 0]])
    known = np.array([[1, 0], [0, 0], [1, 0], [-1, 0]], np.int8)
    found = mean_average_precision(scores, known, np.array([[1, 1, 1, 1], [1, 0, 1, 1]]))
    assert found == pytest.approx([(1 + 2 / 3) / 2, 1.0])  # the second label has no sound


def test_average_precision_is_that_of_sklearn():
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(0)
    scores, true, counts = rng.integers(0, 6, 40) / 5, rng.random(40) > 0.6, rng.integers(0, 3, (5, 40))
    found = average_precision(scores, true, counts)
    assert found == pytest.approx([average_precision_score(true, scores, sample_weight=row) for row in counts])
    assert np.isnan(average_precision(scores, true, counts * ~true)).all()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--methods", "prob"], 2, "there is no method 'prob'. Did you mean probe?"),
        (["--methods", "lora"], 2, "lora trains weights, and tiny-towers is an ONNX bundle, which has none to train."),
        (["--methods", ","], 2, "no method is named"),
        (["--shots", "1,many"], 2, "'many' is no number of shots"),
        (["--shots", "0"], 2, "'0' is no number of shots"),
        (["--labels", "hum,hiss,bark"], 2, "no sound of the data has the label 'bark'"),
        (["--test", "gone.jsonl"], 3, "there is no such manifest"),
        (["--set", "probe.C=1"], 2, "--set probe.C=1: there is no such option"),
        (["--set", "residual.steps=1.5"], 2, "'1.5' is no whole number above 0"),
        (["--set", "residual.rate=inf", "--methods", "residual"], 3, "residual, step 2: the loss is no number"),
        (["--out", "x"], 2, "which method is to be kept is not said"),
        (["--save", "probe"], 2, "it has no name"),
        (["--save", "lora", "--out", "x"], 2, "--save lora: it is none of the methods"),
        (["--plot", "table.doc"], 2, "no picture is called that"),
        (["--plot", "nowhere/table.png"], 2, "there is no folder"),
    ],
)
def test_mistakes_are_one_line(run, data, arguments, code, message):  # noqa: F811
    ran = run("adapt", "tiny-towers", data, "--seeds", "1", *arguments)
    assert ran.code == code, ran.err
    assert message in ran.err
    assert len(ran.err.splitlines()) == 1


def test_models_that_are_none(run, data, tmp_path):  # noqa: F811
    (tmp_path / "weights.pt").write_bytes(b"\x80\x02}q\x00.")
    ran = run("adapt", tmp_path / "weights.pt", data)
    assert (ran.code, "is a pickle: opening it could run code, so it is refused" in ran.err) == (3, True)
    ran = run("adapt", tmp_path, data)
    assert (ran.code, "is a pickle" in ran.err) == (3, True)
    ran = run("adapt", "no-such-model", data)
    assert (ran.code, "no model is named 'no-such-model'" in ran.err) == (3, True)


def test_a_sound_that_cannot_be_heard_is_named(run, tmp_path):  # noqa: F811
    path = make_data(tmp_path)
    (tmp_path / "sounds" / "hum-1-0.wav").write_bytes(b"no sound")
    ran = run("adapt", "tiny-towers", path, "--methods", "probe", "--shots", "2", "--seeds", "1", "--json")
    assert ran.code == 1
    assert [line["kind"] for line in ran.lines if "kind" in line] == ["NotAudio"]
    assert next(line for line in ran.lines if line.get("method") == "probe")["accuracy"] is not None


@pytest.mark.kill
def test_ctrl_c_ends_with_130_and_keeps_nothing(tmp_path):
    path = make_data(tmp_path)
    arguments = ["--seeds", "1000", "--json", "--methods", "adapter", "--out", tmp_path / "head.npz"]
    command = [sys.executable, "-m", "auricle.cli.main", "adapt", "tiny-towers", path, "--shots", "1,2,4", *arguments]
    process = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = process.stdout.readline()
    process.send_signal(2)
    _, error = process.communicate(timeout=60)
    assert json.loads(first)["shots"] == 1
    assert (process.returncode, error) == (130, "auricle: interrupted.\n")
    assert not (tmp_path / "head.npz").exists()


@pytest.mark.kill
def test_without_torch_probe_and_adapter_work(tmp_path):
    code = """
import sys
from importlib.machinery import PathFinder
found = PathFinder.find_spec
PathFinder.find_spec = lambda name, *a: None if name in ("torch", "transformers", "peft") else found(name, *a)
from auricle.cli.main import main
sys.argv = ["auricle", "adapt", "tiny-towers", *sys.argv[1:]]
main()
"""
    path = make_data(tmp_path)
    command = [sys.executable, "-c", code, str(path), "--shots", "1", "--seeds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "adapter" in done.stdout
    assert "left out: residual, for it needs torch" in done.stderr
    done = subprocess.run([*command, "--methods", "residual"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert 'pip install "auricle[train]"' in done.stderr

"""``auricle train`` as a person meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from training_set import RECIPE, log, make_set, short_items

from auricle.training.checkpoint import newest
from cli.conftest import run, spawn  # noqa: F401 - a fixture


def test_a_dry_run_trains_nothing(run, tmp_path):  # noqa: F811
    ran = run("train", make_set(tmp_path), "--out", tmp_path / "run", "--dry-run", "--set", "budget.steps=7")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("13 items, ")
    assert "7 steps" in ran.out
    assert newest(tmp_path / "run") is None


def test_a_run_its_report_and_its_end(run, tmp_path):  # noqa: F811
    path = make_set(tmp_path)
    ran = run("train", path, "--out", tmp_path / "run", "--json", "--set", "budget.steps=2")
    assert (ran.code, ran.err) == (0, "")
    (report,) = ran.lines
    assert report["step"] == report["steps"] == 2
    assert report["bundle"]["pipeline_id"].startswith("my-towers@1:")
    again = run("train", path, "--out", tmp_path / "run", "--set", "budget.steps=2")
    assert again.code == 2
    assert "holds a run already (step 2). Go on with --resume" in again.err
    assert len(again.err.splitlines()) == 1
    done = run("train", path, "--out", tmp_path / "run", "--set", "budget.steps=2", "--resume")
    assert done.code == 0
    other = run("train", path, "--out", tmp_path / "run", "--set", "budget.steps=2", "--set", "seed=5", "--resume")
    assert other.code == 3
    assert "is of another recipe: seed differs" in other.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--set", "budget.stepz=1"], 2, "--set budget.stepz=1: unknown key 'stepz'. Did you mean 'steps'?"),
        (["--set", "objectives.0.kind=infonse"], 2, "--set objectives.0.kind=infonse: there is no objective 'infonse'"),
        (["--set", "objectives.1.width=3"], 2, "tagging has no option 'width'"),
        (["--set", "objectives.2.block=3"], 2, "masked_spectrogram.block: input should be a valid tuple, got 3"),
        (["--set", "objectives.2={kind: captioning, width: wide}"], 2, "captioning.width: input should be a valid integer"),
        (["--set", "objectives.2={kind: captioning, layers: 0}"], 2, "captioning.layers must be at least 1, got 0"),
        (["--set", "data.seconds=0.1"], 2, "0.1 s are shorter than one patch of the audio encoder, 0.335 s"),
        (["--set", "budget.batch=100"], 2, "an epoch has 13 items, fewer than a batch of 100"),
        (["--set", "model.audio.depths=[1,1,1,1]"], 2, "4 stages need patches of at least 32 frames and bands"),
        (["--set", "model.text.heads=3"], 2, "a width of 16 does not split over 3 heads"),
        (["--set", "evaluate.on=[{path: gone.jsonl}]"], 2, "there is no manifest at"),
        (["--set", "model.init=gone.safetensors"], 2, "there are no weights at"),
        (["--set", "data.teachers={a: {model: no-such-model}}"], 3, "no-such-model"),
        (["--set", "optimiser.rate=1e30", "--set", "optimiser.warmup=0"], 3, "Lower optimiser.rate"),
    ],
)
def test_mistakes_are_one_line(run, tmp_path, arguments, code, message):  # noqa: F811
    ran = run("train", make_set(tmp_path), "--out", tmp_path / "run", *arguments)
    assert ran.code == code, ran.err
    assert message in ran.err
    assert len(ran.err.splitlines()) == 1
    assert ran.out == ""


def test_an_objective_names_its_line(run, tmp_path):  # noqa: F811
    path = make_set(tmp_path, recipe=RECIPE.replace("block: [8, 8]", "blok: [8, 8]"))
    ran = run("train", path, "--out", tmp_path / "run")
    assert f"{path}:19: masked_spectrogram has no option 'blok'; it has: ratio, block." in ran.err


def test_unreadable_clips_are_named_at_the_end(run, tmp_path):  # noqa: F811
    items = short_items()
    items[3] = replace(items[3], audio="gone.wav", hash="")
    ran = run("train", make_set(tmp_path, items), "--out", tmp_path / "run", "--set", "budget.steps=4", "--json")
    assert ran.code == 1
    failure, report = ran.lines
    assert (failure["kind"], failure["path"].endswith("gone.wav")) == ("Missing", True)
    assert report["bundle"] is not None
    assert [r["kind"] for r in log(tmp_path / "run") if "unreadable" in r] == ["Missing"]


def test_data_that_overlaps_the_evaluation_is_refused(run, tmp_path):  # noqa: F811
    """The same sound under another name and in another set."""
    items = short_items()
    held_out = replace(items[4], id="other", split="test", clip="", hash="", set="held out", source="", licence="")
    path = make_set(tmp_path, [*items, held_out])
    arguments = ("train", path, "--out", tmp_path / "run", "--set", "evaluate={every: 2, on: [{path: small.jsonl, split: test}]}")
    ran = run(*arguments, "--dry-run")
    assert ran.code == 3
    assert "overlap: same bytes of sound in 1 of the items" in ran.err
    assert "--allow-overlap" in ran.err
    allowed = run(*arguments, "--allow-overlap", "--set", "budget.steps=2")
    assert allowed.code == 0
    assert "held out: n 1" in allowed.out


def test_data_that_keeps_apart_is_compared_once(run, tmp_path, monkeypatch):  # noqa: F811
    items = short_items()
    kept, away = items[:9], [replace(item, split="test") for item in items[9:]]
    path = make_set(tmp_path, [*kept, *away])
    arguments = ("train", path, "--out", tmp_path / "run", "--dry-run", "--set", "evaluate={on: [{path: small.jsonl, split: test}]}")
    assert run(*arguments).code == 0
    from auricle.training import guard

    monkeypatch.setattr(guard, "entries_of", lambda *a, **k: pytest.fail("compared again"))
    assert run(*arguments).code == 0


@pytest.mark.kill
def test_without_torch_it_says_the_way_out(tmp_path):
    code = """
import sys
for name in ("torch", "accelerate"): sys.modules[name] = None
sys.argv = ["auricle", "train", sys.argv[1]]
from auricle.cli.main import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code, str(make_set(tmp_path))], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert done.stderr == (
        "auricle: to train needs torch, accelerate, which are not installed. Install it with: pip install \"auricle[train]\"\n"
    )  # fmt: skip


@pytest.mark.kill
def test_ctrl_c_ends_with_130_and_a_checkpoint(tmp_path):
    path = make_set(tmp_path)
    command = [sys.executable, "-m", "auricle.cli.main", "train", str(path), "--out", str(tmp_path / "run")]
    arguments = ["--set", "budget.steps=100000", "--set", "budget.save_every=100000"]
    process = subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    record = tmp_path / "run" / "log.jsonl"
    for _ in range(600):
        if record.is_file() and record.stat().st_size:
            break
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    process.send_signal(2)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert error == "auricle: interrupted.\n"
    assert newest(tmp_path / "run").step >= json.loads(record.read_text().splitlines()[0])["step"]


def test_its_help_names_the_way_on():
    ran = spawn("train", "--help")
    assert ran.code == 0
    assert "--resume" in ran.out

"""A run: killed and resumed it ends with the same weights, two processes are one, and what goes wrong leaves the last checkpoint good."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file
from training_set import RECIPE, log, make_set

from auricle import _faults
from auricle.errors import UsageError
from auricle.training import checkpoint, logbook
from auricle.training.errors import TrainingError
from auricle.training.loop import Run
from auricle.training.objectives import infonce
from auricle.training.recipe import load


def trained(path, out, *settings, resume=False, watch=None):
    run = Run.begin(load(path, settings), out, resume=resume)
    run.go(watch)
    return run


def weights(folder, step=None):
    last = checkpoint.newest(folder)
    assert step is None or last.step == step
    return {name: load_file(last.path / name) for name in (checkpoint.WEIGHTS, checkpoint.AVERAGE, checkpoint.OPTIMISER)}


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert a[name].keys() == b[name].keys()
        for key in a[name]:
            assert torch.equal(a[name][key], b[name][key]), f"{name}: {key}"


def close(a, b):
    """Equal but for rounding. The bias of attention's keys moves no loss (softmax takes it out), so its steps are rounding alone."""
    assert a.keys() == b.keys()
    for name in a:
        if not name.endswith("qkv.bias"):
            assert torch.allclose(a[name], b[name], atol=5e-4), name


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return make_set(tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def whole(path, tmp_path_factory):
    """A run from start to end, undisturbed."""
    out = tmp_path_factory.mktemp("whole")
    trained(path, out)
    return out


def test_what_a_run_leaves(whole):
    records = log(whole)
    assert [r["step"] for r in records] == [1, 2, 3, 4, 5, 6]
    assert {"infonce", "tagging", "masked_spectrogram"} <= records[0]["parts"].keys()
    expected = records[0]["parts"]["infonce"] + 0.3 * records[0]["parts"]["tagging"] + 0.1 * records[0]["parts"]["masked_spectrogram"]
    assert records[0]["loss"] == pytest.approx(expected, rel=1e-5)
    assert records[0]["rate"] == pytest.approx(2e-3)  # warm-up of two steps, then half a cosine
    assert records[-1]["rate"] == pytest.approx(0, abs=1e-9)
    assert (whole / "loss.png").read_bytes()[:4] == b"\x89PNG"
    assert sorted(p.name for p in (whole / "checkpoints").iterdir()) == ["step-00000004", "step-00000006"]
    names = {p.name for p in (whole / "checkpoints" / "step-00000006").iterdir()}
    assert names == {checkpoint.WEIGHTS, checkpoint.AVERAGE, checkpoint.OPTIMISER, checkpoint.STATE}


def test_a_run_is_repeatable(path, whole, tmp_path):
    trained(path, tmp_path / "again", "data.workers=0")
    same(weights(whole, 6), weights(tmp_path / "again", 6))


@pytest.mark.kill
def test_killed_in_the_middle_of_an_epoch_it_ends_with_the_same_weights(path, whole, tmp_path):
    """SIGKILL while the second checkpoint is half written: the first one is good, and the run from there is the run."""
    out = tmp_path / "killed"
    code = f"""
import torch; torch.set_num_threads(1)
from auricle.training.loop import Run; from auricle.training.recipe import load
Run.begin(load({str(path)!r}), {str(out)!r} and __import__("pathlib").Path({str(out)!r})).go()
"""
    env = {**os.environ, _faults.VARIABLE: "training.save:kill@5"}  # each checkpoint passes the point once a file: four times
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert checkpoint.newest(out).step == 2
    assert any(p.name.startswith(".step-00000004") for p in (out / "checkpoints").iterdir())
    trained(path, out, resume=True)
    same(weights(whole, 6), weights(out, 6))
    assert [r["step"] for r in log(out)] == [1, 2, 3, 4, 5, 6]
    assert not any(p.name.startswith(".") for p in (out / "checkpoints").iterdir())


def test_ctrl_c_saves(path, whole, tmp_path):
    out = tmp_path / "run"

    def stop(update):
        if update.step == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trained(path, out, watch=stop)
    assert checkpoint.newest(out).step == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    trained(path, out, resume=True)
    same(weights(whole, 6), weights(out, 6))


def test_a_full_disk_keeps_the_last_good_checkpoint(path, whole, tmp_path):
    _faults.arm("training.save", "enospc", 6)
    try:
        with pytest.raises(TrainingError, match=r"the disk is full; no checkpoint of step 4 .* of step 2, is intact.*--resume") as caught:
            trained(path, tmp_path / "run")
    finally:
        _faults.disarm()
    assert (caught.value.kind, caught.value.exit_code) == ("DiskFull", 3)
    assert [p.name for p in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-00000002"]
    trained(path, tmp_path / "run", resume=True)
    same(weights(whole, 6), weights(tmp_path / "run", 6))


def test_a_loss_that_is_no_number_stops_the_run(path, tmp_path, monkeypatch):
    calls = []
    original = infonce.InfoNCE.forward

    def poisoned(self, model, batch, outputs):
        calls.append(1)
        loss = original(self, model, batch, outputs)
        return loss if len(calls) < 4 else type(loss)(loss.value * float("nan"), loss.parts)

    monkeypatch.setattr(infonce.InfoNCE, "forward", poisoned)
    with pytest.raises(TrainingError, match=r"step 4: the loss \(infonce\) is nan. The checkpoint of step 2 is intact.") as caught:
        trained(path, tmp_path)
    assert (caught.value.kind, caught.value.exit_code) == ("NaN", 3)
    assert all(value.isfinite().all() for part in weights(tmp_path, 2).values() for value in part.values())


def test_a_checkpoint_of_another_recipe_is_refused(path, whole, tmp_path):
    with pytest.raises(TrainingError, match=r"is of another recipe: optimiser.rate, seed differs"):
        Run.begin(load(path, ["seed=9", "optimiser.rate=0.1"]), whole, resume=True)
    with pytest.raises(UsageError, match=r"holds a run already \(step 6\)"):
        Run.begin(load(path), whole)
    other = make_set(tmp_path, [], RECIPE)
    from training_set import short_items

    make_set(tmp_path, short_items(12), RECIPE)
    with pytest.raises(TrainingError, match="the manifests changed"):
        Run.begin(load(other), whole, resume=True)


def test_pickles_are_refused(path, tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.pt")
    (tmp_path / "disguised.safetensors").write_bytes((tmp_path / "weights.pt").read_bytes())
    for name in ("weights.pt", "disguised.safetensors"):
        with pytest.raises(TrainingError, match="is a pickle: opening it could run code") as caught:
            Run.begin(load(path, [f"model.init={tmp_path / name}"]), tmp_path / "run")
        assert caught.value.kind == "Pickle"
    (tmp_path / "broken.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{broken")
    with pytest.raises(TrainingError, match="no safetensors file"):
        Run.begin(load(path, [f"model.init={tmp_path / 'broken.safetensors'}"]), tmp_path / "run")


def test_a_damaged_checkpoint_is_named(path, tmp_path):
    trained(path, tmp_path, "budget.steps=2")
    (checkpoint.newest(tmp_path).path / checkpoint.WEIGHTS).write_bytes(b"short")
    with pytest.raises(TrainingError, match=r"model.safetensors is no safetensors file.*Remove it"):
        Run.begin(load(path, ["budget.steps=2"]), tmp_path, resume=True)


def test_a_run_begins_from_weights(path, whole, tmp_path):
    run = Run.begin(load(path, [f"model.init={whole}"]), tmp_path)
    averaged = weights(whole)[checkpoint.AVERAGE]
    assert all(torch.equal(p, averaged[name]) for name, p in run.parameters())
    assert run.step == 0


def test_gradient_cache_and_accumulation_in_a_run(path, whole, tmp_path):
    run = trained(path, tmp_path / "chunks", "budget.chunk=2")
    for chunked, plain in zip(log(tmp_path / "chunks"), log(whole), strict=True):
        assert chunked["loss"] == pytest.approx(plain["loss"], rel=1e-4)
    close(dict(run.parameters()), weights(whole)[checkpoint.WEIGHTS])
    run = trained(path, tmp_path / "parts", "budget.accumulate=2", "budget.steps=3")
    assert run.step == 3


@pytest.mark.kill
def test_two_processes_are_one(path, whole, tmp_path):
    out = tmp_path / "two"
    code = f"""
import torch; torch.set_num_threads(1)
from pathlib import Path
from auricle.training.loop import Run; from auricle.training.recipe import load
run = Run.begin(load({str(path)!r}, ["data.workers=0"]), Path({str(out)!r}))
assert run.accelerator.num_processes == 2
run.go()
"""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank in range(2):
        env = {
            **os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        processes.append(subprocess.Popen([sys.executable, "-c", code], env=env, stderr=subprocess.PIPE, text=True))
    for process in processes:
        _, error = process.communicate(timeout=180)
        assert process.returncode == 0, error
    for one, two in zip(log(whole), log(out), strict=True):
        assert two["loss"] == pytest.approx(one["loss"], rel=2e-4), one["step"]
    first = {name: value for name, value in log(whole)[0]["parts"].items() if "." not in name}
    assert {name: log(out)[0]["parts"][name] for name in first} == pytest.approx(first, rel=1e-5)
    found, expected = weights(out, 6)[checkpoint.WEIGHTS], weights(whole, 6)[checkpoint.WEIGHTS]
    close(found, expected)


def test_a_log_cut_short_is_read(tmp_path):
    (tmp_path / "log.jsonl").write_text(json.dumps({"step": 1, "loss": 2.0, "parts": {}}) + '\n{"step": 2, "lo')
    assert [r["step"] for r in logbook.records(tmp_path / "log.jsonl")] == [1]
    assert logbook.plot(tmp_path).is_file()


def test_it_learns(path, tmp_path):
    began = time.monotonic()
    trained(path, tmp_path, "budget.steps=60", "optimiser.rate=0.005", "data.augment={}", "budget.save_every=60", "data.workers=0")
    records = log(tmp_path)
    assert sum(r["parts"]["infonce"] for r in records[-5:]) < 0.6 * sum(r["parts"]["infonce"] for r in records[:5])
    assert time.monotonic() - began < 60

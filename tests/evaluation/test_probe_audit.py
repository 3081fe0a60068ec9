import json

import numpy as np
import pytest
from benchmark_corpus import event, recording, write_corpus
from toy_ears import Toy, sounds

from auricle.errors import ModelError, UsageError
from auricle.evaluation.probes import NAMES, get
from auricle.evaluation.probes.audit import audited
from auricle.evaluation.probes.base import Audit, Curve, Sounds
from auricle.evaluation.probes.sounds import of_demo
from auricle.evaluation.probes.sounds import sounds as sounds_of
from auricle.evaluation.score import How, Mean, measured
from auricle.evaluation.statistics import Interval


def score(seed=0):
    how = How("toy", "ten clips", "abc", "accuracy", {"seed": seed})
    ids = [str(i) for i in range(10)]
    return measured("accuracy", Mean.of([1.0] * 10, ids, ids), how, Toy(), baselines={"nothing": float("nan")})


def test_an_audit_is_json_without_nan():
    curve = Curve.of("c", "x", [1, 2], [Interval(0.5, 0.25, float("nan"), 3), score()], "y")
    found = Audit("toy", "Toys", (score(),), (curve,), ("synthetic",))
    document = json.loads(json.dumps(found.document(Toy()), allow_nan=False))
    assert document["curves"] == [
        {"name": "c", "x_label": "x", "y_label": "y", "x": [1, 2], "y": [0.5, 1], "low": [0.25, 1], "high": [None, 1]}
    ]
    assert (document["model"], document["synthetic"], document["scores"][0]["value"]) == ("toy@1", True, 1.0)


def test_the_hash_is_of_the_protocols_and_not_of_the_model():
    one, other = Audit("toy", "Toys", (score(),)), Audit("toy", "Toys", (score(1),))
    assert one.hash != other.hash
    assert one.hash == Audit("toy", "Toys", (score(),), notes=("more",)).hash


@pytest.mark.parametrize("name", NAMES)
def test_every_probe_says_what_it_is(name):
    probe = get(name)
    assert probe.name == name
    assert probe.title


def test_a_model_without_the_capability_is_passed_over_or_refused(tmp_path):
    class Deafmute:
        name, pipeline_id, rate = "mute@1", "mute@1:0", 16_000

    given = Sounds(sounds(tmp_path, per_label=1))
    found = list(audited(Deafmute(), given))
    assert [f.probe for f in found] == list(NAMES)
    assert all(f.audit is None and f.reason for f in found)
    with pytest.raises(ModelError, match="lacks EmbedsAudio"):
        list(audited(Deafmute(), given, ["overlap"]))
    with pytest.raises(UsageError, match="no probe 'telepathy'"):
        list(audited(Deafmute(), given, ["telepathy"]))


def test_the_demo_has_names_times_and_sources():
    held = of_demo()
    assert len(held.items) > 30
    assert held.hash == sounds_of().held.hash
    first = held.open(held.items[0])
    assert first.duration == pytest.approx(held.items[0].duration, abs=0.1)
    assert not any(item.labels[0].startswith(("a ", "an ")) for item in held.items)
    assert len({item.id for item in held.items}) == len(held.items)


def test_of_a_benchmark_the_test_half_is_heard_and_of_a_manifest_the_dev_side(tmp_path):
    recordings = [recording(event("rain", clip=f"{half}:rain"), id=half, half=half) for half in ("dev", "test")]
    write_corpus(tmp_path / "benchmark", recordings, {"dev": [], "test": []}, {"rain": 300.0})
    sounds(tmp_path / "own", per_label=1)
    benchmark, manifest = tmp_path / "benchmark", tmp_path / "own/manifest.jsonl"
    assert [item.clip for item in sounds_of(benchmark).held.items] == ["test:rain"]
    assert [item.clip for item in sounds_of(benchmark, half="dev").held.items] == ["dev:rain"]
    assert {item.split for item in sounds_of(manifest).held.items} == {"dev"}


def test_two_runs_of_one_seed_are_the_same(tmp_path):
    given = Sounds(sounds(tmp_path, per_label=3))
    runs = [get("sweep").run(Toy(), given, seed=3, told=lambda line: None).document(Toy()) for _ in range(2)]
    assert runs[0] == runs[1]
    assert np.isfinite(runs[0]["scores"][0]["value"])

"""Each kind of task on a stand-in of its set, in the layout in which it is released."""

from __future__ import annotations

import numpy as np
import pytest
import speakers
import toy_sets
from benchmark_corpus import event, recording, write_corpus
from sklearn.metrics import average_precision_score
from test_search_benchmark import PITCH, QUERIES, ToneModel
from toy_models import Deaf, Sure, Toy

from auricle.errors import DataError
from auricle.evaluation import harness
from auricle.evaluation.benchmark import benchmarks, get, read
from auricle.evaluation.kinds import get as kind_of
from auricle.evaluation.kinds.multilabel import Ranked
from auricle.evaluation.loading import load


def measured(name, folder, model=None, **changes):
    task = load(get(name).model_copy(update={"n": None, **changes}), folder)
    return harness.measure(model or Toy(), task)


def test_urbansound8k_by_name_and_by_probe(tmp_path):
    folder = toy_sets.urbansound8k(tmp_path)
    run = measured("urbansound8k", folder)
    assert (run.scores[0].value, run.scores[0].n, run.scores[0].clusters) == (1.0, 56, 40)
    probe = measured("urbansound8k-probe", folder)
    assert probe.scores[0].value == 1.0
    assert probe.gain.low > 0


def test_esc50_by_probe_and_by_examples(tmp_path):
    folder = toy_sets.esc50(tmp_path)
    assert measured("esc50-probe", folder).scores[0].value == 1.0
    few = measured("esc50-5-shot", folder, settings={"hold": "fold", "shots": 1, "draws": 3})
    assert few.scores[0].value > 0.9
    assert few.scores[0].how.document()["details"]["shots"] == 1
    deaf = measured("esc50-probe", folder, Deaf())
    assert deaf.scores[0].value < 0.5
    assert any(alarm.startswith("deaf") for alarm in deaf.alarms)


def test_random_folds_on_grouped_data_are_an_error(tmp_path):
    """Takes of one source on both sides: what lifts a probe on UrbanSound8K from 0.85 to 0.93."""
    folder = toy_sets.esc50(tmp_path)
    with pytest.raises(DataError, match="groups: 12 sources are learned from and asked about"):
        measured("esc50-probe", folder, settings={"hold": "take"})


def test_fsdd_with_the_speaker_held_out(tmp_path):
    folder = toy_sets.fsdd(tmp_path)
    known = measured("fsdd", folder)
    new = measured("fsdd-speakers", folder)
    assert known.scores[0].n == new.scores[0].n == 60
    assert known.scores[0].clusters == 60
    assert new.scores[0].clusters == 3
    assert any("only 3 sources" in note for note in new.scores[0].notes)
    assert new.scores[0].value > 0.9
    assert known.cost.computed_items >= 96  # what is learned from is heard too


def test_fsd50k_ranks_labels(tmp_path):
    run = measured("fsd50k", toy_sets.fsd50k(tmp_path))
    assert run.scores[0].value == 1.0
    assert run.scores[0].n == 12
    assert run.controls["silence"].value < 0.7
    assert run.details["precision_recall"]["Bell"][-1][0] == 1.0
    assert run.outcomes[0].truth == ["Bell", "Horn"]


def test_average_precision_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores, truth = np.round(rng.normal(size=(60, 5)), 1), rng.random((60, 5)) < 0.3
    ids = tuple(map(str, range(60)))
    sample = Ranked(scores, truth, ids, ids)
    for counts in (np.ones(60, np.int64), rng.integers(0, 3, 60)):
        each = [average_precision_score(truth[:, k], scores[:, k], sample_weight=counts) for k in range(5)]
        assert sample.at(counts) == pytest.approx(np.mean(each))


def test_desed_finds_events(tmp_path):
    folder = toy_sets.desed(tmp_path)
    classes = {label.capitalize(): label for label in toy_sets.LABELS}
    run = measured("desed", folder, Sure(), classes=classes)
    names = [score.metric for score in run.scores]
    assert names[:2] == ["PSDS1", "PSDS2"]
    assert "event F1, IoU 0.5, micro" in names
    assert run.scores[1].value > 0.8
    assert run.scores[1].value > run.controls["noise"].value
    uncalibrated = measured("desed", folder, Toy(), classes=classes)
    assert [score.metric for score in uncalibrated.scores] == ["PSDS1", "PSDS2"]
    deaf = measured("desed", folder, Deaf(), classes=classes)
    assert any(alarm.startswith("deaf") for alarm in deaf.alarms)


def test_search_is_measured_and_its_library_kept(tmp_path):
    made = []
    for concept in PITCH:
        for take in range(2):
            made.append(recording(event(concept, 0, 1 + 0.2 * take), id=f"{concept}{take}", path=f"dev/recorder/{concept}{take}.wav"))
    queries = {"dev": [q for q in QUERIES["dev"] if q["kind"] in ("plain", "music")], "test": []}
    corpus = write_corpus(tmp_path / "corpus", made, queries, PITCH)
    task = load(get("search-dev"), corpus)
    first = harness.measure(ToneModel(), task, cache=tmp_path / "kept")
    assert first.scores[0].metric == "search ndcg@10, sound"
    assert first.scores[0].value > 0.9
    assert list(first.controls) == ["other"]
    assert first.gain.best_control == "other"
    assert (first.cost.computed_items, first.cost.cached_items) == (5, 0)
    second = harness.measure(ToneModel(), task, cache=tmp_path / "kept")
    assert (second.cost.computed_items, second.cost.cached_items) == (0, 5)
    assert [s.document() for s in first.scores] == [s.document() for s in second.scores]
    names = load(get("clips-dev"), corpus)
    assert len(names.items) == 10
    assert harness.measure(ToneModel(), names, controls=False).scores[0].n == 10
    with pytest.raises(DataError, match="recipes/search_benchmark"):
        load(get("search"), tmp_path / "nowhere")


def test_every_benchmark_that_ships_can_be_asked():
    for name, benchmark in benchmarks().items():
        assert kind_of(benchmark.kind).name == benchmark.kind, name
        assert benchmark.protocol_from, name


def test_a_wrong_benchmark_names_file_and_key(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\ntitle: x\nset: esc50\nkind: zero_shot\nmetric: accuracy\nprompt: x\nprotocol_from: ours\n")
    with pytest.raises(DataError, match=r"mine.yaml: prompt: Extra inputs"):
        read(path)
    folder = toy_sets.esc50(tmp_path / "esc50")
    with pytest.raises(DataError, match="zero_shot has no setting 'shots'"):
        measured("esc50", folder, settings={"shots": 3})


def test_a_model_that_speaks_is_asked_which_class_it_is(tmp_path):
    """By likelihood among the names; deaf, it is right by chance, and without sound it can be asked too."""
    sure = speakers.Scorer(lambda heard, option: float(heard == option))
    deaf = speakers.Scorer(lambda heard, option: float(option == "low"))
    run = harness.measure(sure, speakers.task(tmp_path, "zero_shot", "accuracy"))
    assert run.scores[0].value == 1.0
    assert {"none", "silence"} <= set(run.controls)
    assert harness.measure(deaf, speakers.task(tmp_path, "zero_shot", "accuracy")).scores[0].value == pytest.approx(1 / 3)

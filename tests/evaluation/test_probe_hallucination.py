"""Absent sounds: who hears says no, who always says yes is seen, and deaf is at chance."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from toy_ears import Constant, Slope, Toy, sounds, uncalibrated

from auricle.errors import DataError
from auricle.evaluation.heldout import Ears
from auricle.evaluation.probes import Sounds, get, hallucination, mixing


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    return sounds(tmp_path_factory.mktemp("toy"), per_label=4)


@pytest.fixture(scope="module")
def asked(held):
    return hallucination.questions(held, 0)


def audited(model, held, asked):
    found = hallucination.audit(Ears(model), held, asked)
    return {score.metric: score for score in found.scores}, found


def test_what_is_false_is_certainly_false_and_drawn_in_three_ways(held, asked):
    assert len(asked) > 60
    for one in asked:
        assert one.true == one.item.labels[0]
        assert all(mixing.absent(label, one.item) for label in one.false)
    count = Counter(item.labels[0] for item in held.items)
    popular = {one.false[1] for one in asked}
    assert len(popular) <= 2 * hallucination.POPULAR
    assert min(count[label] for label in popular) >= np.median(list(count.values()))


def test_what_is_adversarial_lies_nearest_in_meaning(held):
    class Meaning:
        def sentence(self, texts):
            return np.array([[1.0, 0.0] if "bell" in t or "piano" in t else [0.0, 1.0] for t in texts])

    found = [one for one in hallucination.questions(held, 0, reader=Meaning()) if one.true == "church bell"]
    assert found
    assert {one.false[2] for one in found} == {"piano"}


def test_who_hears_says_no(held, asked):
    scores, found = audited(Toy(), held, asked)
    for draw in hallucination.DRAWS:
        assert scores[f"balanced accuracy, {draw}"].value == 1.0
        assert scores[f"yes to what is not there, {draw}"].value == 0.0
        assert scores[f"AUROC of true against {draw}"].baselines["deaf"] < 0.8
    assert found.scores[0].metric == "balanced accuracy, random"
    assert not found.synthetic


def test_who_always_says_yes_is_seen(held, asked):
    scores, _ = audited(Toy(calibration=Slope(30.0, -2.0)), held, asked)
    assert scores["balanced accuracy, random"].value == 0.5
    assert scores["yes to what is not there, random"].value == 1.0
    assert scores["share of yes, random"].value == 1.0


def test_deaf_is_at_chance(held, asked):
    scores, _ = audited(Constant(), held, asked)
    assert scores["AUROC of true against random"].value == pytest.approx(0.5, abs=0.1)


def test_without_calibration_there_is_only_an_order(held, asked):
    scores, found = audited(uncalibrated(Toy()), held, asked)
    assert all(name.startswith("AUROC") for name in scores)
    assert "neither yes nor no" in found.notes[0]


def test_one_kind_of_sound_is_too_little(held):
    dogs = held.only("dogs", [item for item in held.items if item.labels == ("dog barking",)])
    with pytest.raises(DataError, match="too few"):
        get("hallucination").run(Toy(), Sounds(dogs), seed=0, told=lambda line: None)

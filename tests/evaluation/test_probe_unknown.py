from dataclasses import dataclass

import numpy as np
import pytest
from toy_ears import Constant, Slope, Toy, sounds, uncalibrated

from auricle.evaluation.heldout import Ears
from auricle.evaluation.probes import mixing, unknown


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    return sounds(tmp_path_factory.mktemp("toy"), per_label=4)


@pytest.fixture(scope="module")
def asked(held):
    return unknown.questions(held, 0)


def audited(model, held, asked):
    found = unknown.audit(Ears(model), held, asked)
    return {score.metric: score for score in found.scores}, found


def test_known_and_unknown_differ_in_one_option(asked):
    assert len(asked) > 60
    for one in asked:
        assert one.known[0] == one.item.labels[0]
        assert one.known[1:] == one.unknown[1:]
        assert all(mixing.absent(label, one.item) for label in one.unknown)
        assert len(set(one.known)) == len(set(one.unknown)) == unknown.OPTIONS


def test_who_hears_knows_what_it_does_not_know(held, asked):
    scores, found = audited(Toy(), held, asked)
    assert scores["AUROC of known against unknown"].value == 1.0
    assert scores["AUROC of known against unknown"].baselines["deaf"] == pytest.approx(0.5, abs=0.1)
    assert scores["accuracy on known"].value == 1.0
    assert scores["unknown answered 'none'"].value == 1.0
    assert scores["unknown answered 'none'"].baselines["known answered 'none'"] == 0.0
    assert scores["calibration error of answers"].value < 0.05
    assert "adaptive ECE, all labels" in scores
    assert found.curves[0].name == "reliability"


def test_deaf_is_at_chance(held, asked):
    scores, _ = audited(Constant(calibration=Slope(30.0, 0.0)), held, asked)
    assert scores["AUROC of known against unknown"].value == pytest.approx(0.5, abs=0.05)
    assert scores["accuracy on known"].value == pytest.approx(0.1, abs=0.02)


@dataclass
class Boaster:
    """Says one thing for certain, whatever it is."""

    def log_odds(self, audio, text):
        return 8.0 + 20.0 * (audio @ text.T).astype(np.float64)


def test_overconfidence_is_caught(held, asked):
    modest, _ = audited(Toy(confusion=3.0, calibration=Slope(8.0, 0.4)), held, asked)
    boasting, _ = audited(Toy(confusion=3.0, calibration=Boaster()), held, asked)
    gap = "calibration error of answers"
    assert boasting[gap].value > 0.3
    assert boasting[gap].low > modest[gap].high
    assert boasting[gap].baselines["mean confidence"] > boasting[gap].baselines["share right"] + 0.3
    assert boasting["unknown answered 'none'"].value == 0.0
    assert boasting["adaptive ECE, all labels"].value > 0.3


def test_without_calibration_it_never_says_none(held, asked):
    scores, found = audited(uncalibrated(Toy()), held, asked)
    assert scores["AUROC of known against unknown"].value == 1.0
    assert scores["unknown answered 'none'"].value == 0.0
    assert any("never answers 'none'" in note for note in found.notes)
    assert "adaptive ECE, all labels" not in scores

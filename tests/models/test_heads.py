"""Calibration on vectors with a known truth, and the arithmetic of "none of these"."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from auricle.errors import UsageError
from auricle.evaluation.calibration import adaptive_ece
from auricle.models import heads


def unit(x):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def world(seed, labels, clips):
    """Labels as random directions; a clip is the sum of its labels and noise."""
    rng = np.random.default_rng(seed)
    text = unit(rng.normal(size=(labels, 32)))
    truth = rng.uniform(size=(clips, labels)) < 0.15
    audio = unit(truth @ text + rng.normal(scale=0.12, size=(clips, 32)))
    return text, audio, truth


def test_fitted_on_some_labels_it_is_honest_on_others():
    text, audio, truth = world(0, 12, 600)
    calibration = heads.Calibration.fit(audio[:200], audio[200:400], text[:6], truth[200:400, :6], sounds="a test")
    said = heads.probabilities(calibration.log_odds(audio[400:], text[6:]))
    raw = np.clip(audio[400:] @ text[6:].T, 0, 1)
    honest = adaptive_ece(said, truth[400:, 6:])
    assert honest < 0.05
    assert honest < adaptive_ece(raw, truth[400:, 6:]) / 2


def test_it_survives_the_disk(tmp_path):
    text, audio, truth = world(1, 4, 80)
    calibration = heads.Calibration.fit(audio[:40], audio, text, truth, sounds="clips of a test")
    calibration.save(tmp_path / "calibration.npz")
    again = heads.Calibration.load(tmp_path / "calibration.npz")
    assert again.sounds == "clips of a test"
    assert again.log_odds(audio, text) == pytest.approx(calibration.log_odds(audio, text), abs=0.05)


@given(arrays(np.float64, (3, 4), elements=st.floats(-30, 30)))
@settings(max_examples=60, deadline=None)
def test_exclusive_sums_to_one_and_keeps_order(odds):
    labels, none = heads.exclusive(odds)
    assert labels.sum(axis=1) + none == pytest.approx(np.ones(3))
    apart = heads.probabilities(odds)
    for row in range(3):
        for a in range(4):
            for b in range(4):
                if odds[row, a] > odds[row, b]:
                    assert labels[row, a] >= labels[row, b]
                    assert apart[row, a] >= apart[row, b]


def test_none_of_these_is_what_is_left():
    assert heads.none_of_these(np.array([[0.5, 0.5], [1.0, 0.2]])).tolist() == [0.25, 0.0]
    one, none = heads.exclusive(np.array([[0.0]]))
    assert (one[0, 0], none[0]) == (0.5, 0.5)


def test_a_recording_is_judged_by_its_strongest_windows():
    assert heads.pool_windows(np.array([[0.0], [9.0], [6.0], [3.0]])).tolist() == [6.0]
    assert heads.pool_windows(np.array([[2.0]])).tolist() == [2.0]


@pytest.mark.parametrize(("labels", "message"), [([], "no labels"), (["dog", " "], "empty"), (["dog", "cat", "dog "], "repeated: dog")])
def test_labels_that_make_no_sense(labels, message):
    with pytest.raises(UsageError, match=message):
        heads.check_labels(labels)

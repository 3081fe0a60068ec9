"""A text with an order against frames with an order."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import auricle
from auricle import audio
from auricle.audio import Audio
from auricle.demo import SOUNDS
from auricle.errors import UsageError
from auricle.tasks.match import Matcher, align, heard, match


def best_by_trying(steps, lengths):
    """Every choice of a span a step, disjoint and in order."""
    m, _, n = steps.shape
    spans = [(e + 1 - length, e + 1, row) for e in range(n) for row, length in enumerate(lengths) if e + 1 - length >= 0]
    worth = [
        sum(steps[k, row, stop - 1] for k, (_, stop, row) in enumerate(chosen))
        for chosen in product(spans, repeat=m)
        if all(a[1] <= b[0] for a, b in pairwise(chosen))
    ]
    return max(worth, default=None)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.integers(1, 7), st.integers(0, 10_000))
def test_alignment_is_the_best_there_is(m, n, seed):
    lengths = [1, 2]
    steps = np.random.default_rng(seed).normal(size=(m, len(lengths), n))
    steps[:, 1, 0] = -np.inf  # two frames cannot end with the first
    found, expected = align(steps, lengths), best_by_trying(steps, lengths)
    if expected is None:
        assert found is None
        return
    assert found is not None
    assert found[0] == pytest.approx(expected)
    score = sum(steps[k, lengths.index(stop - first), stop - 1] for k, (first, stop) in enumerate(found[1]))
    assert score == pytest.approx(expected)
    assert all(a[1] <= b[0] for a, b in pairwise(found[1]))


@pytest.fixture(scope="module")
def model():
    return auricle.load("tiny-towers")


@pytest.fixture(scope="module")
def dog_then_piano():
    parts = [audio.open(SOUNDS / name, rate=16000, mono=True).slice(0, 5) for name in ("animals/dog barking.ogg", "music/slow piano.ogg")]
    return Audio(np.concatenate([part.samples for part in parts], axis=1), 16000)


TEXTS = ["a dog barks, then someone plays the piano", "someone plays the piano, then a dog barks"]


def test_the_order_that_is_heard_fits_better(model, dog_then_piano):
    right, wrong = match(dog_then_piano, TEXTS, model)
    assert right.score > wrong.score
    (dog, piano) = right.spans
    assert dog.text == "a dog barks"
    assert dog.start < dog.end <= piano.start < piano.end
    assert dog.start < 5 < piano.end


def test_without_order_a_text_has_no_spans(model, dog_then_piano):
    here, not_here = match(dog_then_piano, ["a dog barking", "a waterfall"], model)
    assert here.spans == ()
    assert here.score > not_here.score


def test_streamed_is_whole(model, dog_then_piano):
    matcher = Matcher(TEXTS, model)
    whole = matcher(heard((dog_then_piano,), model))
    blocks = [Audio(dog_then_piano.samples[:, at : at + 7777], 16000) for at in range(0, dog_then_piano.samples.shape[1], 7777)]
    for a, b in zip(whole, matcher(heard(blocks, model)), strict=True):
        assert a.score == pytest.approx(b.score, abs=1e-4)


def test_nothing_to_match_is_said(model, dog_then_piano):
    with pytest.raises(UsageError, match="no texts were given"):
        match(dog_then_piano, [], model)
    with pytest.raises(UsageError, match="an empty text"):
        match(dog_then_piano, ["  "], model)

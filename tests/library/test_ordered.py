"""Queries that tell of an order: chains of windows against every choice, and recordings of two sounds in either order."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import auricle
from auricle import audio
from auricle.demo import SOUNDS
from auricle.library import ordered
from auricle.library.library import Library
from auricle.library.ordered import CAP, SOON, asked_order, chains


def best_by_trying(steps, starts, ends):
    """For each window the mean of the best chain through it; of those of the best of all the span."""
    m, n = steps.shape
    best = np.full(n, -np.inf)
    for chain in product(range(n), repeat=m):
        if all(a <= b and starts[b] <= ends[a] + SOON for a, b in pairwise(chain)):
            value = np.mean([steps[k, i] for k, i in enumerate(chain)])
            for i in chain:
                best[i] = max(best[i], value)
    return best


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.integers(1, 6), st.integers(0, 10_000), st.sampled_from([2.5, 9.0, 20.0]))
def test_chains_are_the_best_there_are(m, n, seed, hop):
    steps = np.random.default_rng(seed).normal(size=(m, n)).astype(np.float32)
    starts = (np.arange(n) * hop).astype(np.float32)
    ends = starts + np.float32(5.0)
    forth, back = best_by_trying(steps, starts, ends), best_by_trying(steps[::-1], starts, ends)
    found = chains(steps, starts, ends)
    np.testing.assert_allclose(found.evidence, forth - max(0.0, back.max() - forth.max()), atol=1e-5)
    assert np.all(found.starts <= starts)
    assert np.all(found.ends >= ends)


def test_too_late_is_no_answer_and_one_loud_sound_is_not_two():
    starts = np.array([0.0, 100.0], np.float32)
    apart = chains(np.array([[3.0, 0.0], [0.0, 3.0]], np.float32), starts, starts + 5)
    assert apart.evidence.max() == pytest.approx(1.5)
    loud = chains(np.array([[90.0, 0.0], [0.0, 0.0]], np.float32), starts, starts + 5)
    assert loud.evidence.max() <= CAP / 2


def test_what_is_heard_at_the_same_time_asks_for_no_order():
    assert not asked_order("dog barks while it rains")
    assert not asked_order("rain, no thunder")
    assert asked_order("glass breaks, then steps").sounds == ("glass breaks", "steps")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Two recordings of the same two sounds, one after the other, and each sound alone; names tell nothing."""
    folder = tmp_path_factory.mktemp("ordered")
    (folder / "sounds").mkdir()
    rate = 16000
    dog, bells = (
        audio.open(SOUNDS / name, rate=rate, mono=True).slice(0, 5).samples
        for name in ("animals/dog barking.ogg", "music/church bells.ogg")
    )
    quiet = np.zeros((1, 3 * rate), np.float32)
    for name, parts in {"a": (dog, quiet, bells), "b": (bells, quiet, dog), "c": (dog,), "d": (bells,)}.items():
        audio.write(folder / "sounds" / f"{name}.wav", audio.Audio(np.concatenate(parts, axis=1), rate))
    with Library(folder / "library", model=auricle.load("tiny-towers", threads=1)) as opened:
        opened.index([folder / "sounds"])
        yield opened


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("a dog barks, then church bells ring", "a.wav"),
        ("church bells followed by a dog barking", "b.wav"),
        ("a dog barking after church bells", "b.wav"),
        ("before church bells ring, a dog barks", "a.wav"),
    ],
)
def test_the_recording_with_that_order_comes_first(library, query, first):
    hits = library.search(query)
    assert hits[0].path.endswith(first)
    assert hits[0].start < 5
    assert hits[0].end > 8  # both sounds are in the moment


def test_of_a_long_recording_what_lies_around_its_best_window_is_looked_at(library, monkeypatch):
    monkeypatch.setattr(ordered, "LONGEST", 2)
    hit = library.search("a dog barks, then church bells ring")[0]
    assert hit.end - hit.start <= 10


def test_a_query_without_order_finds_each_sound(library):
    assert library.search("church bells ringing")[0].end <= 14
    assert {h.path[-5:] for h in library.search("a dog barking")} == {"a.wav", "b.wav", "c.wav", "d.wav"}

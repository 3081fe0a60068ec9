"""The envelope of a sound: the same however it comes in, bounded however long it is."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from auricle import audio
from auricle.audio import waveform
from auricle.audio.waveform import FLOOR_DB, LEAST, MOST, Tracer, resample
from auricle.demo import SOUNDS

RATES = st.sampled_from([8000, 44100, 1000, 50])
FLOATS = st.floats(-1.5, 1.5, width=32)


def traced(samples, rate=8000, sizes=(), bucket=None):
    tracer, at = Tracer(rate, bucket), 0
    for size in sizes:
        tracer.add(samples[at : at + size])
        at += size
    tracer.add(samples[at:])
    return tracer.finish()


def same(a, b):
    assert (a.bucket, a.seconds, a.peak) == (b.bucket, b.seconds, b.peak)
    for name in ("low", "high", "level"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@given(st.integers(0, 2**32 - 1), st.integers(1, 6000), RATES, st.lists(st.integers(0, 700), max_size=12))
@settings(max_examples=60, deadline=None)
def test_block_sizes_make_no_difference(seed, n, rate, sizes):
    samples = np.random.default_rng(seed).uniform(-1, 1, n).astype(np.float32)
    same(traced(samples, rate, sizes), traced(samples, rate))


@pytest.mark.parametrize("sizes", [[1000] * 100, [7, 100_000, 1, 65_537, 3]])
def test_nor_where_buckets_are_merged(monkeypatch, sizes):
    monkeypatch.setattr(waveform, "MOST", 64)
    samples = np.random.default_rng(1).uniform(-1, 1, 200_001).astype(np.float32)
    same(traced(samples, 8000, sizes, bucket=10), traced(samples, 8000, bucket=10))


@given(arrays(np.float32, st.integers(1, 3000), elements=FLOATS), RATES, st.integers(1, 300), st.floats(0, 1), st.floats(0.001, 1))
@settings(max_examples=200, deadline=None)
def test_an_outline_keeps_its_promises(samples, rate, n, begin, length):
    envelope = traced(samples, rate)
    assert LEAST <= len(envelope) <= MOST or len(envelope) == len(samples) < LEAST
    assert envelope.seconds == pytest.approx(len(samples) / rate)
    start = begin * envelope.seconds
    shape = resample(envelope, start, start + length * envelope.seconds, n)
    assert len(shape.min) == len(shape.max) == len(shape.rms) == n
    assert (shape.max >= shape.min).all()
    assert (shape.rms >= 0).all()
    assert (shape.rms <= np.maximum(-shape.min.astype(int), shape.max)).all()
    assert FLOOR_DB <= shape.loudness_db <= shape.peak_db + 0.5
    assert np.isfinite([shape.loudness_db, shape.peak_db]).all()


@given(arrays(np.float32, st.integers(1, 200), elements=st.floats(width=32)))
@settings(max_examples=60, deadline=None)
def test_nothing_is_not_a_number(samples):
    with np.errstate(all="ignore"):
        envelope = traced(samples)
        shape = resample(envelope, 0.0, envelope.seconds, 16)
    assert np.isfinite([envelope.peak, shape.loudness_db]).all()
    assert (shape.max >= shape.min).all()


def test_what_is_known_is_drawn():
    samples = np.zeros(80_000, np.float32)  # 10 s
    samples[40_000:] = 0.5 * np.sin(2 * np.pi * 100 * np.arange(40_000) / 8000)
    samples[16_003] = 0.9
    envelope = traced(samples)
    assert len(envelope) == 500
    shape = resample(envelope, 0.0, 10.0, 100)
    assert np.flatnonzero(shape.max > 100).tolist() == [20]
    assert set(shape.max[:20]) == {0}
    assert set(shape.max[50:].tolist()) == {64}
    assert set(shape.min[50:].tolist()) == {-64}
    assert set(shape.rms[50:].tolist()) <= {44, 45, 46}  # 127 · 0.5 / √2, in steps of 0.5 dB
    assert shape.peak_db == pytest.approx(-0.9, abs=0.1)
    assert shape.loudness_db == pytest.approx(-9.0, abs=0.3), "pauses do not count"
    assert resample(envelope, 5.0, 10.0, 10).peak_db == pytest.approx(-6.0, abs=0.1)


def test_a_faint_sound_is_held_as_finely_as_a_loud_one():
    samples = (1e-3 * np.sin(2 * np.pi * 100 * np.arange(80_000) / 8000)).astype(np.float32)
    shape = resample(traced(samples), 0.0, 10.0, 50)
    assert shape.peak_db == pytest.approx(-60.0, abs=0.1)
    assert shape.loudness_db == pytest.approx(-63.0, abs=0.3)


@pytest.mark.parametrize("n", [1, 100, 8000, 80_000])
def test_silence(n):
    shape = resample(traced(np.zeros(n, np.float32)), 0.0, n / 8000, 20)
    assert (shape.min.any(), shape.max.any(), shape.rms.any()) == (False, False, False)
    assert shape.loudness_db == shape.peak_db == FLOOR_DB


def test_one_sample_and_none():
    shape = resample(traced(np.array([0.5], np.float32)), 0.0, 1 / 8000, 3)
    assert shape.max.tolist() == [64, 64, 64]
    nothing = traced(np.empty(0, np.float32))
    assert len(nothing) == 0
    assert resample(nothing, 0.0, 1.0, 4).max.tolist() == [0, 0, 0, 0]


def test_beyond_the_end_there_is_nothing():
    shape = resample(traced(np.full(8000, 0.5, np.float32)), 0.0, 2.0, 10)
    assert shape.max.tolist() == [64] * 5 + [0] * 5


def test_ten_hours_in_bounded_memory():
    block = np.random.default_rng(0).uniform(-0.1, 0.1, 240_000).astype(np.float32)
    tracemalloc.start()
    tracer = Tracer(8000)
    for _ in range(1200):
        tracer.add(block)
    envelope = tracer.finish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert envelope.seconds == 36_000
    assert MOST / 2 <= len(envelope) <= MOST
    assert envelope.bucket == 0.02 * 64
    assert peak < 20 << 20


def test_real_sounds():
    for path in sorted(SOUNDS.rglob("*.flac")):
        heard = audio.open(path, mono=True)
        envelope = traced(heard.samples[0], heard.rate)
        shape = resample(envelope, 0.0, envelope.seconds, 160)
        assert envelope.peak == pytest.approx(float(np.abs(heard.samples).max()))
        edges = np.linspace(0, heard.samples.shape[1], 161).round().astype(int)
        parts = [heard.samples[0, a + 2 : b - 2] for a, b in itertools.pairwise(edges)]
        assert (shape.max / 127 >= np.array([p.max() for p in parts]) - 0.01).all(), "nothing is missed"
        np.testing.assert_allclose(np.median(shape.rms) / 127, np.median([np.sqrt((p**2).mean()) for p in parts]), atol=0.02)
